/** Joins view and document for compaction: whether a patch is live, and whether its tombstone has expired. */
import { EDGE_RECORD, EDGE_THERE, STUB_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { PatchJudge } from './partition-document.ts';
import type { PartitionIndex } from './partition-index.ts';
import type { PatchHead } from './patch.ts';
import { decodePatchHead } from './patch-codec.ts';
import type { Registers } from './registers.ts';
import { NEVER } from './stamp.ts';

/** @param horizon clock reading before which tombstones have expired */
export function patchJudge(view: GraphView, partition: PartitionIndex, horizon: number): PatchJudge {
  return {
    stateOf(text) {
      const patch = decodePatchHead(text);
      if (!isLive(view, partition, patch, horizon)) return 'dead';
      if (!isDelete(patch) || patch.clock >= horizon || isNeeded(view, partition, patch, horizon)) return 'live';
      return 'expired';
    },
    elementOf(text) {
      const { kind, id } = decodePatchHead(text);
      return `${kind.slice(0, 4)}:${id}`;
    },
  };
}

function isDelete({ kind }: PatchHead): boolean {
  return kind === 'node-delete' || kind === 'edge-delete' || kind === 'stub-delete';
}

/** An element that is there, or may return, needs its tombstones to tell its lives apart. */
function isNeeded(view: GraphView, partition: PartitionIndex, patch: PatchHead, horizon: number): boolean {
  switch (patch.kind) {
    case 'node-delete': {
      const node = view.nodes.find(patch.id);
      return node !== undefined && (view.nodes.isThere(node) || mayReturn(view, partition, node, horizon));
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

/**
 * CRDT-3 for a patch of an open partition. In a graph with restoring types, what a delete hides of a node stays live while
 * it may return, and for that, which nodes an edge named stays live until its last coming and going lie before the clock
 * reading `horizon`.
 */
function isLive(view: GraphView, partition: PartitionIndex, patch: PatchHead, horizon: number): boolean {
  const { nodes, edges } = view;
  const isHeld = (registers: Registers) =>
    registers.isLive(patch, false) ||
    (hasRestoring(view) && registers.lastEvent >= horizon && registers.namesEnds(patch));
  const plain = (clock: Float64Array, replica: Uint32Array, at: number) =>
    clock[at] === patch.clock && replica[at] === patch.replica;
  switch (patch.kind) {
    case 'node-create':
    case 'node-update':
    case 'node-delete': {
      const node = nodes.find(patch.id);
      if (node === undefined || !nodes.hasRecord(node)) return false;
      const registers = nodes.registers.get(node);
      if (registers === undefined) return plain(nodes.clock, nodes.replica, node);
      return registers.isLive(patch, mayReturn(view, partition, node, horizon));
    }
    case 'edge-create':
    case 'edge-update':
    case 'edge-delete': {
      const edge = edges.find(patch.id, partition.ordinal);
      if (edge === undefined || !edges.has(edge, EDGE_RECORD)) return false;
      const registers = edges.registers.get(edge);
      return registers === undefined ? plain(edges.clock, edges.replica, edge) : isHeld(registers);
    }
    case 'stub-create':
    case 'stub-delete': {
      const edge = view.findStub(partition, patch.id, patch.from ?? '');
      if (edge === undefined) return false;
      const registers = edges.stubRegisters.get(edge);
      return registers === undefined ? plain(edges.clock, edges.replica, edge) : isHeld(registers);
    }
  }
}

/**
 * Whether an edge that nobody here has seen may still bring back what a delete hides of a node: somebody may have made it
 * while the node was there. It was until its delete, and until the last edge that restored it went.
 */
function mayReturn(view: GraphView, partition: PartitionIndex, node: number, horizon: number): boolean {
  if (!hasRestoring(view)) return false;
  const { nodes, edges } = view;
  if (nodes.isThere(node) || (nodes.registers.get(node)?.deletedClock ?? NEVER) >= horizon) return true;
  for (const row of partition.restorersOf(nodes.ids[node] as string)) {
    const record = edges.registers.get(row);
    const stub = edges.stubRegisters.get(row);
    if (Math.max(record?.lastEvent ?? NEVER, stub?.lastEvent ?? NEVER) >= horizon) return true;
  }
  return false;
}

function hasRestoring({ settings }: GraphView): boolean {
  return settings.restoringTypes.length > 0;
}
