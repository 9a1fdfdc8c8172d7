/** Snapshots of many partitions: so that the log can be let go of, and so that the next start finds short tails. */
import { WeftError } from '../../base/errors.ts';
import { PartitionHold } from './partition-hold.ts';
import type { Residency } from './residency.ts';
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/**
 * Snapshots every partition with a tail, hydrating those that are not in memory. No commit may be on its way.
 * Damaged partitions are passed over: they keep their part of the log.
 */
export async function snapshotAll(residency: Residency): Promise<void> {
  for (const graph of residency.graphs()) {
    for (const partition of Array.from(graph.partitions())) {
      if (graph.deleted) break;
      try {
        if (partition.index === undefined && partition.lsn === 0) await measureTail(residency, partition);
        if (partition.tailBytes === 0) continue;
        await snapshotOf(residency, graph, partition);
      } catch (error) {
        if (error instanceof WeftError && error.code === 'partition-recovering') continue;
        throw error;
      }
      await residency.yield();
    }
  }
}

/** Before a stop. */
export async function snapshotLongTails(residency: Residency): Promise<void> {
  for (const graph of residency.graphs()) {
    for (const partition of Array.from(graph.partitions())) {
      if (!partition.tailIsLong || !partition.durable) continue;
      await snapshotOf(residency, graph, partition);
    }
  }
}

/** Nothing else may passivate it between the two. */
async function snapshotOf(residency: Residency, graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
  const hold = new PartitionHold(residency, graph);
  try {
    await hold.document(partition.id);
    await residency.snapshot(graph, partition);
  } finally {
    hold.release();
  }
}

/** Learns what a partition that was never opened has beyond its snapshot. */
async function measureTail(residency: Residency, partition: ResidentPartition): Promise<void> {
  const { tail } = await residency.readStored(partition.key, { document: false });
  partition.lsn = tail.at(-1)?.lsn ?? 0;
  partition.tailBytes = tail.reduce((bytes, { update }) => bytes + update.length, 0);
}
