/** What the store is to keep of a partition in place of its tail. `fold-partition.ts` reads it. */
import { present } from '../../base/assert.ts';
import { encodeViewSnapshot } from '../../crdt/view-snapshot.ts';
import type { Lsn, PartitionSnapshot } from '../../storage/store.ts';
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/**
 * A snapshot of a partition whose document is in memory, to be written once it is durable; undefined if there is nothing to keep.
 * The view goes along if it shows no more than the document: patches that wait for the store are in the view only. From now on the
 * tail counts from here.
 * @param lsn up to which the document holds everything
 */
export function encodeSnapshot(
  graph: ResidentGraph,
  partition: ResidentPartition,
  lsn: Lsn,
): PartitionSnapshot | undefined {
  const { index } = partition;
  if (lsn === 0 || graph.deleted) return undefined;
  const document = present(partition.document, 'a snapshot needs the document').encode();
  const isSame = partition.pending.length === 0 && partition.arriving === 0;
  const view = index === undefined || !isSame ? undefined : encodeViewSnapshot(graph.view, index);
  partition.tailBytes = 0;
  partition.snapshotBytes = document.length;
  return { lsn, document, view };
}
