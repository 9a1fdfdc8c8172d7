/**
 * Taking over the state of another server. Until it is complete this replica has parts of commits, so it answers nobody;
 * a crash in between leaves it so, and the transfer begins again. The state lies in one small row of the store.
 *
 *     none ──begin──> merging ──adopted(until)──> waiting for `until` ──covered──> none
 */
import { WeftError } from '../base/errors.ts';
import type { ReplicaId } from '../base/ids.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import type { Store } from '../storage/store.ts';
import type { Progress } from './progress.ts';
import type { VersionVector } from './version-vector.ts';

const META_NAME = 'adoption';

type Phase =
  | { readonly kind: 'none' }
  | { readonly kind: 'merging' }
  | { readonly kind: 'waiting'; readonly until: VersionVector };

export class Adoption {
  readonly #store: Store;
  #phase: Phase;

  private constructor(store: Store, phase: Phase) {
    this.#store = store;
    this.#phase = phase;
  }

  static async read(store: Store): Promise<Adoption> {
    const held = await store.getMeta(META_NAME);
    if (held === undefined || held.length === 0) return new Adoption(store, { kind: 'none' });
    const { until } = JSON.parse(fromUtf8(held)) as { until?: [ReplicaId, number][] };
    return new Adoption(store, until === undefined ? { kind: 'merging' } : { kind: 'waiting', until: new Map(until) });
  }

  get isActive(): boolean {
    return this.#phase.kind !== 'none';
  }

  get isMerging(): boolean {
    return this.#phase.kind === 'merging';
  }

  /** @throws WeftError `replica-recovering`, definite, while it is not over */
  check(): void {
    if (this.#phase.kind === 'none') return;
    throw new WeftError('replica-recovering', 'this server takes over the state of another one', RETRY);
  }

  async begin(): Promise<void> {
    this.#phase = { kind: 'merging' };
    await this.#store.setMeta(META_NAME, toUtf8('{}'));
  }

  async adopted(until: VersionVector): Promise<void> {
    await this.#store.setMeta(META_NAME, toUtf8(JSON.stringify({ until: Array.from(until) })));
    this.#phase = { kind: 'waiting', until };
  }

  /** What must be here before anybody may read; empty unless that is all that is missing. */
  get awaited(): VersionVector {
    return this.#phase.kind === 'waiting' ? this.#phase.until : NOTHING;
  }

  /** Waits no longer for these streams: what they lack is lost. */
  async abandon(origins: readonly ReplicaId[]): Promise<void> {
    if (this.#phase.kind !== 'waiting') return;
    const until = new Map(this.#phase.until);
    for (const origin of origins) until.delete(origin);
    await this.adopted(until);
  }

  /** The vector moved. Ends the adoption if that is all it waited for; then the promise is of the row that goes. */
  moved(progress: Progress): Promise<void> | undefined {
    if (this.#phase.kind !== 'waiting' || !progress.covers(this.#phase.until)) return undefined;
    this.#phase = { kind: 'none' };
    return this.#store.setMeta(META_NAME, new Uint8Array());
  }
}

const NOTHING: VersionVector = new Map();
const RETRY = { retryAfterSeconds: 1 };
