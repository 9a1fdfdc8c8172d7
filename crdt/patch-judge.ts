/** Joins view and document for compaction: whether a patch is live, and whether its tombstone has expired. */

import type { PatchJudge } from './compaction.ts';
import { EDGE_RECORD, EDGE_THERE, STUB_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { PartitionIndex } from './partition-index.ts';
import type { PatchHead } from './patch.ts';
import { clockOfPatch, decodePatchHead, isDeleteText } from './patch-codec.ts';
import type { Registers } from './registers.ts';
import { NEVER } from './stamp.ts';

/** @param horizon clock reading before which tombstones have expired */
export function patchJudge(view: GraphView, partition: PartitionIndex, horizon: number): PatchJudge {
  const held = new ClockFilter(heldClocks(view, partition));
  return {
    stateOf(text) {
      if (!held.mayHave(clockOfPatch(text))) return 'dead';
      const patch = decodePatchHead(text);
      if (!isLive(view, partition, patch, horizon)) return 'dead';
      if (!isDeleteText(text) || patch.clock >= horizon || isNeeded(view, partition, patch, horizon)) return 'live';
      return 'expired';
    },
    elementOf(text) {
      const { kind, id } = decodePatchHead(text);
      return `${kind.slice(0, 4)}:${id}`;
    },
    isTombstone: isDeleteText,
    clockOf: clockOfPatch,
  };
}

/** Readings that are spread over so many marks for each, of which a few are the same by chance. */
const MARKS = 16;

/** Says of most clock readings that are not among those given that they are not, without the look-up that others need. */
class ClockFilter {
  readonly #marks: Uint8Array;

  constructor(clocks: readonly number[]) {
    this.#marks = new Uint8Array(MARKS * clocks.length + 1);
    for (const clock of clocks) this.#marks[clock % this.#marks.length] = 1;
  }

  mayHave(clock: number): boolean {
    return this.#marks[clock % this.#marks.length] === 1;
  }
}

/** Every clock reading by which `isLive` knows a patch of this partition. */
function heldClocks({ nodes, edges }: GraphView, partition: PartitionIndex): number[] {
  const clocks: number[] = [];
  const visit = (clock: number) => void clocks.push(clock);
  const add = (plain: number, registers: Registers | undefined) => {
    if (registers === undefined) clocks.push(plain);
    else registers.forEachClock(visit);
  };
  for (const node of partition.nodes.items()) add(nodes.clock[node] as number, nodes.registers.get(node));
  for (const edge of partition.edges.items()) add(edges.clock[edge] as number, edges.registers.get(edge));
  for (const stub of partition.stubs.items()) add(edges.clock[stub] as number, edges.stubRegisters.get(stub));
  return clocks;
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
