/** Registers of elements as a view has them, to fold more into them: for whoever judges patches before the view takes them. */
import { EDGE_RECORD } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import { Registers } from './registers.ts';

export function copiedNode(view: GraphView, id: string): Registers {
  const { nodes } = view;
  const node = nodes.find(id);
  const held = node === undefined ? undefined : nodes.registers.get(node);
  const registers = held?.clone() ?? new Registers();
  if (node !== undefined && held === undefined && nodes.hasRecord(node)) registers.fold(nodes.plainCreate(node));
  return registers;
}

/** @param home ordinal of the partition of its source */
export function copiedEdge(view: GraphView, id: string, home: number): Registers {
  const { edges } = view;
  const edge = edges.find(id, home);
  const held = edge === undefined ? undefined : edges.registers.get(edge);
  const registers = held?.clone() ?? new Registers();
  if (edge !== undefined && held === undefined && edges.has(edge, EDGE_RECORD))
    registers.fold(view.plainEdgeCreate(edge));
  return registers;
}
