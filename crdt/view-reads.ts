/**
 * Reads of a `GraphView`. All are synchronous and see one state; whatever they touch must be open (VIEW-2), else they
 * throw `Unhydrated`. Ordinals name nodes and edges inside; objects are made only for what leaves.
 */
import type { EdgeId, NodeId, ReplicaId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import type { Direction, Edge, Node } from '../graph/model.ts';
import { EDGE_EXISTS, EDGE_RECORD, EDGE_THERE } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { PartitionIndex } from './partition-index.ts';
import { textsOf } from './texts-of.ts';
import { plainVersion, registersVersion } from './version.ts';

export function nodeAt(view: GraphView, node: number): Node {
  const { ids, labels, properties, registers } = view.nodes;
  const id = ids[node] as NodeId;
  const shown = { id, labels: labels[node] as readonly string[], properties: properties[node] as Node['properties'] };
  const held = registers.get(node);
  const texts = held && textsOf('node', id, held, !held.exists);
  return texts === undefined ? shown : { ...shown, ...texts };
}

/** The ordinal of a visible node, or undefined. @param row an ordinal that it had, if that is known. @throws Unhydrated */
export function findNode(view: GraphView, id: string, row?: number): number | undefined {
  const node = row !== undefined && view.nodes.ids[row] === id ? row : view.nodes.find(id);
  if (node === undefined) {
    view.need(view.partitionOf(id));
    return undefined;
  }
  view.needAt(view.nodes.home[node] as number);
  return view.nodes.exists(node) ? node : undefined;
}

/** Whether an ordinal stands for a visible node. @throws Unhydrated */
export function nodeExists(view: GraphView, node: number): boolean {
  if (view.nodes.exists(node)) return true;
  view.needAt(view.nodes.home[node] as number);
  return false;
}

export function nodeVersion(view: GraphView, node: number): string {
  const registers = view.nodes.registers.get(node);
  if (registers !== undefined) return registersVersion(registers, !registers.exists && view.nodes.exists(node));
  return plainVersion(view.nodes.clock[node] as number, view.nodes.replica[node] as ReplicaId);
}

export function edgeAt(view: GraphView, edge: number): Edge {
  const { types, type, from, to, properties, registers } = view.edges;
  const id = view.edges.idAt(edge) as EdgeId;
  const shown = {
    id,
    type: types[type[edge] as number] as string,
    from: view.nodes.ids[from[edge] as number] as NodeId,
    to: view.nodes.ids[to[edge] as number] as NodeId,
    properties: properties[edge] as Edge['properties'],
  };
  const texts = textsOf('edge', id, registers.get(edge));
  return texts === undefined ? shown : { ...shown, ...texts };
}

export function edgeVersion(view: GraphView, edge: number): string {
  const registers = view.edges.registers.get(edge);
  if (registers !== undefined) return registersVersion(registers);
  return plainVersion(view.edges.clock[edge] as number, view.edges.replica[edge] as ReplicaId);
}

/** VIEW-2. @throws Unhydrated */
export function edgeVisible(view: GraphView, edge: number): boolean {
  const { edges } = view;
  if (!edges.has(edge, EDGE_RECORD)) view.needAt(edges.home[edge] as number);
  return (
    edges.has(edge, EDGE_EXISTS) &&
    nodeExists(view, edges.from[edge] as number) &&
    nodeExists(view, edges.to[edge] as number)
  );
}

/**
 * The visible edge with this id; of several, in the partitions of several sources, the one created last of those in open
 * partitions (VIEW-6). @throws Unhydrated
 */
export function findEdge(view: GraphView, id: string): number | undefined {
  let found: number | undefined;
  for (const edge of view.edges.findAll(id)) {
    if (!view.edges.has(edge, EDGE_RECORD) && !view.isOpen(view.partitionAt(view.edges.home[edge] as number))) continue;
    if (!edgeVisible(view, edge)) continue;
    if (found === undefined || edgeVersion(view, edge) > edgeVersion(view, found)) found = edge;
  }
  return found;
}

/**
 * Calls `visit` for each visible edge of a visible node, in no particular order; a self-loop once.
 * Stops when `visit` returns false. @throws Unhydrated
 */
export function forEachEdge(
  view: GraphView,
  node: number,
  direction: Direction,
  type: number | undefined,
  visit: (edge: number, neighbor: number) => boolean | undefined,
): void {
  const { edges, nodes } = view;
  if (direction !== 'in') {
    const degree = nodes.out.degree(node);
    for (let i = 0; i < degree; i++) {
      const edge = nodes.out.edgeAt(node, i);
      if (type !== undefined && edges.type[edge] !== type) continue;
      const neighbor = edges.to[edge] as number;
      if (!edges.has(edge, EDGE_EXISTS) || !nodeExists(view, neighbor)) continue;
      if (visit(edge, neighbor) === false) return;
    }
  }
  if (direction !== 'out') {
    const degree = nodes.in.degree(node);
    for (let i = 0; i < degree; i++) {
      const stub = nodes.in.edgeAt(node, i);
      const edge = edges.mainOf(stub);
      if (type !== undefined && edges.type[edges.has(edge, EDGE_RECORD) ? edge : stub] !== type) continue;
      const neighbor = edges.from[edge] as number;
      if (direction === 'both' && neighbor === node) continue;
      // The stub says that there was an edge; whether it still exists and ends here, its record says.
      if (!edges.has(edge, EDGE_RECORD)) view.needAt(edges.home[edge] as number);
      if (!edges.has(edge, EDGE_EXISTS) || edges.to[edge] !== node || !nodeExists(view, neighbor)) continue;
      if (visit(edge, neighbor) === false) return;
    }
  }
}

/** Visible nodes of a partition, all or with a label, by id in canonical order. @throws Unhydrated */
export function sortedNodes(view: GraphView, partition: PartitionIndex, label: string | undefined): Int32Array {
  const { nodes } = view;
  const ids = nodes.ids;
  return partition.sorted(
    label,
    (node) => nodes.exists(node) && (label === undefined || (nodes.labels[node] as readonly string[]).includes(label)),
    (a, b) => compareText(ids[a] as string, ids[b] as string),
  );
}

/** Existing edges of a partition, those with a missing end included, by id in canonical order. */
export function sortedEdges(view: GraphView, partition: PartitionIndex, which?: 'expired too'): number[] {
  const flag = which === undefined ? EDGE_EXISTS : EDGE_THERE;
  return Array.from(new Set(partition.edges.items()))
    .filter((edge) => view.edges.has(edge, flag))
    .map((edge) => ({ edge, id: view.edges.idAt(edge) }))
    .sort((a, b) => compareText(a.id, b.id))
    .map(({ edge }) => edge);
}
