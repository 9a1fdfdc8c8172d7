/** Snapshots of many partitions: so that the log can be let go of, and so that the next start finds short tails. */
import { WeftError } from '../../base/errors.ts';
import { replicaId } from '../../base/ids.ts';
import { isWhole, PartitionDocument } from '../../crdt/partition-document.ts';
import type { PartitionKey, Store } from '../../storage/store.ts';
import { PartitionHold } from './partition-hold.ts';
import { pathOf, type Residency } from './residency.ts';
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/** Nothing is written to what is not in use. */
const NOBODY = replicaId(0);

export interface Stored {
  readonly store: Store;
  readonly residency: Residency;
  readonly isDropped: (graphKey: string) => boolean;
}

/**
 * Snapshots every partition with a tail, hydrating those that are not in memory. No commit may be on its way.
 * Damaged partitions are passed over: they keep their part of the log.
 */
export async function snapshotAll(stored: Stored): Promise<void> {
  const { residency, store } = stored;
  for (const graph of residency.graphs()) {
    for (const partition of Array.from(graph.partitions())) {
      if (graph.deleted) break;
      await inTurn(residency, async () => {
        if (partition.index === undefined && partition.lsn === 0) await measureTail(residency, partition);
        if (partition.tailBytes === 0) return false;
        await snapshotOf(residency, graph, partition);
        return true;
      });
    }
  }
  for (const graphKey of await store.listGraphs()) {
    if (residency.find(graphKey) !== undefined) continue;
    for (const partition of await store.listPartitions(graphKey)) {
      await inTurn(residency, () => snapshotUnused(stored, { graphKey, partition }));
    }
  }
}

/** Gives others a turn after a snapshot. `snapshot` answers whether it made one. */
async function inTurn(residency: Residency, snapshot: () => Promise<boolean>): Promise<void> {
  try {
    if (await snapshot()) await residency.yield();
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'partition-recovering') throw error;
  }
}

/** Of a graph that was dropped and is kept for others, or of which nothing is known yet. */
async function snapshotUnused(stored: Stored, key: PartitionKey): Promise<boolean> {
  const { tail } = await stored.residency.readStored(key, { document: false });
  const last = tail.at(-1);
  if (last === undefined) return false;
  const document = await readUnused(stored.residency, key);
  if (document === undefined) {
    // What it builds on went with the graph when that was removed, while this was on its way.
    if (stored.isDropped(key.graphKey)) await stored.store.dropGraph(key.graphKey);
    return false;
  }
  await stored.store.writeSnapshot(key, { lsn: last.lsn, document: document.encode(), view: undefined });
  return true;
}

/** A document of its own, of a partition that is not in use here; undefined if what it builds on is not there. */
export async function readUnused(residency: Residency, key: PartitionKey): Promise<PartitionDocument | undefined> {
  const { snapshot, tail } = await residency.readStored(key, { document: true });
  const updates = tail.map(({ update }) => update);
  if (snapshot !== undefined) updates.unshift(snapshot.document);
  return isWhole(updates) ? PartitionDocument.hydrate(pathOf(key), NOBODY, updates) : undefined;
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
