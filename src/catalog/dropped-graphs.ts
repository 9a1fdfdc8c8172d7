/**
 * Generations of graphs that were dropped, and what the store still has of them. Nobody here sees them any more, but a
 * commit of theirs is kept whole until every voter has the one that drops the graph: without its parts it is sent to nobody
 * (`replication/log-reader.ts`), and whoever lacks it would have to take over the state of this server.
 */
import type { Store } from '../../storage/store.ts';
import type { Committer } from '../commits/committer.ts';
import type { Progress } from '../commits/progress.ts';
import { covers, type VersionVector } from '../commits/version-vector.ts';

export interface DroppedGraphsOptions {
  readonly store: Store;
  readonly committer: Committer;
  readonly progress: Progress;
  /** False if there is nobody who might lack a commit. */
  readonly hasPeers: boolean;
}

export class DroppedGraphs {
  readonly #options: DroppedGraphsOptions;
  readonly #keys = new Set<string>();
  /** Those that are kept for others, by key: what every voter must have before they go. */
  readonly #kept = new Map<string, VersionVector>();
  /** Those that were removed. */
  readonly #gone = new Set<string>();
  /** What every voter has. */
  #stable: VersionVector = new Map();

  constructor(options: DroppedGraphsOptions) {
    this.#options = options;
  }

  /** A copy. */
  keys(): Set<string> {
    return new Set(this.#keys);
  }

  /** CAT-2. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** False if it was known. */
  add(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    return true;
  }

  /** True once it was removed: what was still on its way is to go as soon as it comes. */
  isGone(key: string): boolean {
    return this.#gone.has(key);
  }

  /** Removes it from the store, now or as soon as everybody knows. Its writers and readers are refused already. */
  async letGo(key: string): Promise<void> {
    const { committer, progress, hasPeers } = this.#options;
    // What says that it was dropped is durable first, and commits of the graph that were on their way come first too.
    await committer.barrier();
    await committer.afterRound();
    if (hasPeers && !covers(this.#stable, progress.vector)) this.#kept.set(key, progress.vector);
    else await this.remove(key);
  }

  /** Every voter has what `vector` covers. @returns those of which all know now: they are to be removed */
  allow(vector: VersionVector): string[] {
    this.#stable = vector;
    const known = Array.from(this.#kept).filter(([, wanted]) => covers(vector, wanted));
    for (const [key] of known) this.#kept.delete(key);
    return known.map(([key]) => key);
  }

  /** Removes from the store whatever it has. */
  async remove(key: string): Promise<void> {
    const { committer, store } = this.#options;
    this.#gone.add(key);
    // What is visible is in the store then.
    await committer.afterRound();
    if ((await store.listPartitions(key)).length > 0) await store.dropGraph(key);
  }
}
