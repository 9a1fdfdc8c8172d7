/**
 * Deletes elements that expired some time ago, as ordinary writes: what follows is a commit like any other, the same on every
 * server, and the change feed tells of it. The grace between hiding and deleting lets an extension that was written in time
 * and is still on its way win. It looks only while something of an open partition is hidden: a graph without expiries costs
 * nothing, and what lies in partitions that nobody opens waits.
 */
import type { Env, Timer } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentPartition } from '../residency/resident-partition.ts';
import type { EngineGraph } from './graph.ts';

export interface ExpiryPurgeOptions {
  readonly env: Env;
  readonly residency: Residency;
  readonly findGraph: (graphKey: string) => EngineGraph | undefined;
  /** Whether the work falls to this server. */
  readonly isElected: (key: PartitionKey) => boolean;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export class ExpiryPurge {
  readonly #options: ExpiryPurgeOptions;
  #timer: Timer | undefined;
  #stopped = false;
  /** Elements that were deleted because their time had come. */
  purged = 0;

  constructor(options: ExpiryPurgeOptions) {
    this.#options = options;
  }

  /** Something was hidden. */
  note(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    const { env } = this.#options;
    this.#timer = env.scheduler.after(LIMITS.expiryPurgeMs, () => {
      this.purge()
        .catch((error: unknown) => env.log.write('warn', 'expired elements were not deleted', { error: String(error) }))
        .finally(() => {
          this.#timer = undefined;
          if (this.#partitions().length > 0) this.note();
        });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Open partitions with hidden elements. */
  #partitions(): { readonly graphKey: string; readonly partition: ResidentPartition }[] {
    return this.#options.residency.graphs().flatMap((graph) =>
      Array.from(graph.partitions())
        .filter(({ index }) => index !== undefined && index.expiries.nodes.size + index.expiries.edges.size > 0)
        .map((partition) => ({ graphKey: graph.key, partition })),
    );
  }

  /**
   * Deletes what expired before the grace. Resolves with how many elements that were, once they are durably gone.
   * @throws WeftError of the first partition in which it failed, after all others
   */
  async purge(): Promise<number> {
    const { residency, isElected, findGraph, bugs } = this.#options;
    const graceMs = isPlanted(bugs, 'purge-at-once') ? 0 : LIMITS.expiryGraceMs;
    const before = residency.nowMs() - graceMs;
    let purged = 0;
    let failure: WeftError | undefined;
    for (const { graphKey, partition } of this.#partitions()) {
      const graph = isElected(partition.key) ? findGraph(graphKey) : undefined;
      if (graph === undefined) continue;
      try {
        purged += await this.#purgePartition(graph, partition.id, before);
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        // A damaged partition may stay so for long.
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return purged;
  }

  async #purgePartition(graph: EngineGraph, id: PartitionId, beforeMs: number): Promise<number> {
    let purged = 0;
    for (let slice: number = LIMITS.expirySliceElements; slice === LIMITS.expirySliceElements && !this.#stopped; ) {
      slice = await graph.purgeExpired(id, beforeMs);
      purged += slice;
      this.purged += slice;
      await this.#options.residency.yield();
    }
    return purged;
  }
}
