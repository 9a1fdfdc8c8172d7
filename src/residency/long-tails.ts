/**
 * Partitions in use are snapshotted when their tails have become long, one after the other, while requests go on. Else a tail would
 * grow until the log is cut or the partition leaves memory, and whoever reads the store (exports, backups, the next start after
 * a crash) would read all that was ever written since. It takes a part of the time only: where more is written than it keeps up
 * with, an import say, tails are as long as what comes while it goes round once.
 */
import type { Env, Timer } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import { PartitionHold } from './partition-hold.ts';
import type { Residency } from './residency.ts';
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/** Part of the time that it may take. */
const SHARE = 1 / 10;

export interface LongTailsOptions {
  readonly env: Env;
  readonly residency: Residency;
  /** As `Committer.snapshot`. */
  readonly snapshot: (graph: ResidentGraph, partition: ResidentPartition) => Promise<void>;
}

export class LongTails {
  readonly #options: LongTailsOptions;
  readonly #waiting = new Set<ResidentPartition>();
  #running: Promise<void> | undefined;
  #isStopped = false;
  #pausing: { readonly timer: Timer; readonly end: () => void } | undefined;

  constructor(options: LongTailsOptions) {
    this.#options = options;
  }

  /** Starts to work, or goes on. Returns at once. */
  noticed(partition: ResidentPartition): void {
    if (this.#isStopped) return;
    this.#waiting.add(partition);
    this.#running ??= this.#run();
  }

  /** Begins nothing more. Resolves when what was begun has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#waiting.clear();
    this.#pausing?.timer.cancel();
    this.#pausing?.end();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { env } = this.#options;
    await env.scheduler.yield();
    for (const partition of this.#waiting) {
      const beganMs = env.clock.monotonicMs();
      await this.#shorten(partition).catch((error: unknown) =>
        env.log.write('error', 'a snapshot was not written', { ...partition.key, error: String(error) }),
      );
      this.#waiting.delete(partition);
      await this.#pause((env.clock.monotonicMs() - beganMs) * (1 / SHARE - 1));
    }
    // In the same step as the end of the loop, or what is noticed in between would wait for ever.
    this.#running = undefined;
  }

  async #pause(ms: number): Promise<void> {
    if (ms === 0 || this.#isStopped) return;
    await new Promise<void>((end) => {
      this.#pausing = { timer: this.#options.env.scheduler.after(ms, end), end };
    });
    this.#pausing = undefined;
  }

  async #shorten(partition: ResidentPartition): Promise<void> {
    const { residency, snapshot } = this.#options;
    const graph = residency.find(partition.key.graphKey);
    if (graph === undefined || partition.index === undefined || !residency.isOverdue(partition)) return;
    const isWritten = partition.document !== undefined;
    const hold = new PartitionHold(residency, graph);
    try {
      await hold.document(partition.id);
      await snapshot(graph, partition);
    } catch (error) {
      // What is damaged is healed by others, or tells whoever writes to it.
      if (!(error instanceof WeftError) || error.code !== 'partition-recovering') throw error;
    } finally {
      hold.release();
    }
    // Documents of what only others write to would cost memory, and time for each commit.
    if (!isWritten) await residency.closeDocument(graph, partition);
  }
}
