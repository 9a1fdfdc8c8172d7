/** Joins view and document for compaction: whether a patch is live, and whether its tombstone has expired. */
import { EDGE_THERE, STUB_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { PatchState } from './partition-document.ts';
import type { PartitionIndex } from './partition-index.ts';
import type { PatchHead } from './patch.ts';
import { decodePatchHead } from './patch-codec.ts';

/** `horizon`: clock reading before which tombstones have expired. */
export function patchState(view: GraphView, partition: PartitionIndex, horizon: number, text: string): PatchState {
  const patch = decodePatchHead(text);
  const element = `${patch.kind.slice(0, 4)}:${patch.id}`;
  const deleted = patch.kind === 'node-delete' || patch.kind === 'edge-delete' || patch.kind === 'stub-delete';
  const live = view.isLive(partition, patch, horizon);
  return {
    live,
    element,
    expired: deleted && live && patch.clock < horizon && !isNeeded(view, partition, patch, horizon),
  };
}

/** An element that is there, or may return, needs its tombstones to tell its lives apart. */
function isNeeded(view: GraphView, partition: PartitionIndex, patch: PatchHead, horizon: number): boolean {
  switch (patch.kind) {
    case 'node-delete': {
      const node = view.nodes.find(patch.id);
      return node !== undefined && (view.nodes.isThere(node) || view.mayReturn(partition, node, horizon));
    }
    case 'edge-delete': {
      const edge = view.edges.find(patch.id, view.indexOf(partition.id));
      return edge !== undefined && view.edges.has(edge, EDGE_THERE);
    }
    case 'stub-delete': {
      const edge = view.findStub(partition, patch.id, patch.from ?? '');
      return edge !== undefined && view.edges.has(edge, STUB_EXISTS);
    }
    default:
      return false;
  }
}
