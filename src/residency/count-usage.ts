/** Counts how much a graph holds that is not in memory, by opening its partitions one after the other. Open ones the view counts. */
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { type Holder, PartitionHold } from './partition-hold.ts';
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/** Who counts: whatever holds partitions, and its surroundings. */
interface Counter extends Holder {
  readonly env: Env;
}

/**
 * Counts what was never counted; and now and then, without anybody waiting for it, what others wrote to while it was closed.
 */
export async function countUsage(residency: Counter, graph: ResidentGraph): Promise<void> {
  for (const partition of Array.from(graph.uncounted)) await countPartition(residency, graph, partition);
  const { clock, log } = residency.env;
  const nowMs = clock.monotonicMs();
  if (graph.stale.size === 0 || nowMs - graph.countedMs < LIMITS.usageRecountMs) return;
  graph.countedMs = nowMs;
  const stale = Array.from(graph.stale);
  void (async () => {
    for (const partition of stale) if (!graph.deleted) await countPartition(residency, graph, partition);
  })().catch((error: unknown) => log.write('warn', 'usage was not counted', { error: String(error) }));
}

async function countPartition(residency: Holder, graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
  const hold = new PartitionHold(residency, graph);
  try {
    await hold.open(partition.id);
  } catch (error) {
    // What cannot be read counts once it can.
    if (!(error instanceof WeftError) || error.code !== 'partition-recovering') throw error;
    graph.uncounted.delete(partition);
  } finally {
    hold.release();
  }
}
