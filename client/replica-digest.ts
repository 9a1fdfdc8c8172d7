/** The digest of what a replica opens, a part (`parts.ts`): equal on whoever shows the same. */
import type { PartitionId } from '../base/ids.ts';
import { digestOfGraph, digestOfPartition } from '../crdt/digest.ts';
import type { GraphView } from '../crdt/graph-view.ts';

export function digestOf(view: GraphView, open: readonly PartitionId[]): string {
  const digests = open.map((id) => [id, digestOfPartition(view, view.need(id))] as const);
  return digestOfGraph(Object.fromEntries(digests.filter(([, digest]) => digest !== '')));
}
