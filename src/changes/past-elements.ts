/**
 * What elements were before changes to them, as this server had them: from the snapshot of a partition and the commits after it.
 * A change that the snapshot covers already cannot be told from what came before it, so of that nothing is said.
 *
 * - CHG-4 What is said to have been before a change is the fold of all patches that this server had before it, and of no other.
 */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { patchesOf } from '../../crdt/partition-document.ts';
import type { Patch } from '../../crdt/patch.ts';
import { decodePatch } from '../../crdt/patch-codec.ts';
import { Registers } from '../../crdt/registers.ts';
import { patchesOfSnapshot } from '../../crdt/view-snapshot.ts';
import type { Edge, Node } from '../../graph/model.ts';
import type { Lsn, PartitionKey, PartitionState } from '../../storage/store.ts';

/** Where a change stands in what this server did. */
export interface ChangePlace {
  readonly key: PartitionKey;
  readonly lsn: Lsn;
  readonly patch: Patch;
}

type Kind = 'node' | 'edge';

export class PastElements {
  readonly #partitions = new Map<string, Promise<PastPartition>>();
  readonly #read: (key: PartitionKey) => Promise<PartitionState>;
  readonly #ids: ReadonlySet<string>;

  /** @param places all changes that will be asked for */
  constructor(read: (key: PartitionKey) => Promise<PartitionState>, places: readonly ChangePlace[]) {
    this.#read = read;
    this.#ids = new Set(places.map(({ patch }) => patch.id));
  }

  /** The element before the change, null if there was none, undefined if that is not known any more. */
  async before({ key, lsn, patch }: ChangePlace): Promise<Node | Edge | null | undefined> {
    const path = `${key.graphKey}/${key.partition}`;
    let opening = this.#partitions.get(path);
    if (opening === undefined) {
      opening = this.#read(key).then((state) => new PastPartition(state, this.#ids));
      this.#partitions.set(path, opening);
    }
    return (await opening).before(kindOf(patch), lsn, patch);
  }
}

/** One element, folded up to where it was last asked for: changes are asked for in order. */
class PastElement {
  readonly #patches: { readonly lsn: Lsn; readonly patch: Patch }[] = [];
  #registers = new Registers();
  #folded = 0;
  #isSorted = true;

  note(lsn: Lsn, patch: Patch): void {
    this.#patches.push({ lsn, patch });
    this.#isSorted = false;
  }

  /** With all patches before a commit, and those of the commit itself that were written before `clock`. */
  at(lsn: Lsn, clock: number): Registers {
    if (!this.#isSorted) this.#patches.sort((a, b) => a.lsn - b.lsn || a.patch.clock - b.patch.clock);
    this.#isSorted = true;
    const isBefore = (at: number): boolean => {
      const held = this.#patches[at];
      return held !== undefined && (held.lsn < lsn || (held.lsn === lsn && held.patch.clock < clock));
    };
    if (this.#folded > 0 && !isBefore(this.#folded - 1)) {
      this.#registers = new Registers();
      this.#folded = 0;
    }
    for (; isBefore(this.#folded); this.#folded++)
      this.#registers.fold((this.#patches[this.#folded] as { readonly patch: Patch }).patch);
    return this.#registers;
  }
}

class PastPartition {
  /** Up to here everything is in one. */
  readonly #snapshotLsn: Lsn;
  /** By kind and id. */
  readonly #elements = new Map<string, PastElement>();

  constructor({ snapshot, tail }: PartitionState, ids: ReadonlySet<string>) {
    this.#snapshotLsn = snapshot?.lsn ?? 0;
    const note = (lsn: Lsn, patch: Patch): void => {
      const kind = kindOf(patch);
      if (kind === undefined || !ids.has(patch.id)) return;
      const name = `${kind} ${patch.id}`;
      let element = this.#elements.get(name);
      if (element === undefined) {
        element = new PastElement();
        this.#elements.set(name, element);
      }
      element.note(lsn, patch);
    };
    if (snapshot?.view !== undefined) {
      for (const patch of patchesOfSnapshot(snapshot.view, ids)) note(snapshot.lsn, patch);
    } else if (snapshot !== undefined) {
      for (const text of patchesOf(snapshot.document)) note(snapshot.lsn, decodePatch(text));
    }
    for (const { lsn, update } of tail) for (const text of patchesOf(update)) note(lsn, decodePatch(text));
  }

  before(kind: Kind | undefined, lsn: Lsn, { id, clock }: Patch): Node | Edge | null | undefined {
    if (kind === undefined || lsn <= this.#snapshotLsn) return undefined;
    const registers = this.#elements.get(`${kind} ${id}`)?.at(lsn, clock);
    if (registers?.exists !== true) return null;
    const properties = registers.properties(false);
    if (kind === 'node') return { id: id as NodeId, labels: registers.labels(false), properties };
    const { ends } = registers;
    if (ends === undefined) return undefined;
    return { id: id as EdgeId, type: ends.type, from: ends.from as NodeId, to: ends.to as NodeId, properties };
  }
}

function kindOf({ kind }: Patch): Kind | undefined {
  if (kind === 'stub-create' || kind === 'stub-delete') return undefined;
  return kind.startsWith('node') ? 'node' : 'edge';
}
