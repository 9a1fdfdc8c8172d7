/**
 * What a coordinator changed: where it is, and whether what was read or decided elsewhere still has its place (STR-8).
 */
import type { ReplicaId } from '../../base/ids.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import { covers, seqOf, type VersionVector } from '../commits/version-vector.ts';
import type { Basis, Place, Request } from './message.ts';

/** A proposal that was chosen and changed the graph. */
interface Change {
  /** What it was decided with, at least. */
  readonly base: VersionVector;
  readonly commit: readonly [origin: number, seq: number];
}

/** A replica id has 32 bits, an integer 53. */
const ERAS_MAX = 2 ** 21;

/** Far more changes than there are while one read is on its way. */
const RECENT_MAX = 1_000;

export class EraChanges {
  readonly #replica: ReplicaId;
  readonly #bugs: ReadonlySet<PlantedBug> | undefined;
  #era = 0;
  /** Of all eras. */
  #count = 0;
  /** The last ones of this era, in order. */
  #recent: Change[] = [];

  /** @param replica of the coordinator */
  constructor(replica: ReplicaId, bugs: ReadonlySet<PlantedBug> | undefined) {
    this.#replica = replica;
    this.#bugs = bugs;
  }

  /** @param number as the coordinator counts its eras */
  begin(number: number): void {
    // Of no other coordinator, though all count from one: a server has another replica id after each start.
    this.#era = isPlanted(this.#bugs, 'place-of-another') ? number : this.#replica * ERAS_MAX + (number % ERAS_MAX);
    this.#recent = [];
  }

  counted(): void {
    this.#count++;
  }

  remember(change: Change): void {
    this.#recent.push(change);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
  }

  get place(): Place {
    return { era: this.#era, changes: this.#count };
  }

  /** Whether nothing was changed since a write was based on what it read. */
  isFresh({ place }: Basis): boolean {
    return place.era === this.#era && place.changes === this.#count;
  }

  /**
   * Whether what a reader saw comes before the first change that it may not have seen, if there is one: that change must have
   * been decided with all that the reader can have seen, which may be writes of other levels too.
   */
  holds({ place, held, seen }: Extract<Request, { kind: 'confirm' }>): boolean {
    const since = this.#count - place.changes;
    if (place.era !== this.#era || since > this.#recent.length) return false;
    const unseen = this.#recent
      .slice(this.#recent.length - since)
      .find(({ commit: [origin, seq] }) => seqOf(held, origin as ReplicaId) < seq);
    return unseen === undefined || covers(unseen.base, seen);
  }
}
