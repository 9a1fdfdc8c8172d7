/** Following the edges of a node in a `GraphView`: by slices that are made of its adjacency when they are first asked for. */
import type { Direction } from '../graph/model.ts';
import type { EdgeBuffer, TypeTokens } from '../graph/query-graph.ts';
import { type EdgeSlices, MIXED } from './edge-slices.ts';
import { EDGE_EXISTS, EDGE_RECORD } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import { nodeExists } from './view-reads.ts';

/** No node: the far end of every edge is wanted. */
const NONE = -1;

/** Appends the visible edges of a node with the ends that are not it; a self-loop once. @throws Unhydrated */
export function expandNode(
  view: GraphView,
  node: number,
  direction: Direction,
  types: TypeTokens,
  into: EdgeBuffer,
): void {
  if (direction !== 'in') append(view, outgoing(view, node), node, types, NONE, into);
  if (direction !== 'out') append(view, incoming(view, node), node, types, direction === 'both' ? node : NONE, into);
}

/** How many edges `expandNode` would append. @throws Unhydrated */
export function countEdges(view: GraphView, node: number, direction: Direction, types: TypeTokens): number {
  let count = 0;
  if (direction !== 'in') count += countIn(view, outgoing(view, node), node, types, NONE);
  if (direction !== 'out')
    count += countIn(view, incoming(view, node), node, types, direction === 'both' ? node : NONE);
  return count;
}

/** What the type of the whole slice says: all edges are wanted, none is, or each must be asked. */
function wantedAs(slices: EdgeSlices, node: number, types: TypeTokens): 'all' | 'none' | 'some' {
  if (types === undefined) return 'all';
  const type = slices.type(node);
  if (type === MIXED) return 'some';
  return types.includes(type) ? 'all' : 'none';
}

function append(
  view: GraphView,
  slices: EdgeSlices,
  node: number,
  types: TypeTokens,
  except: number,
  into: EdgeBuffer,
): void {
  const wanted = wantedAs(slices, node, types);
  const length = slices.length(node);
  if (wanted === 'none' || length === 0) return;
  reserve(into, into.length + length);
  const { edges, neighbors } = slices;
  const start = slices.start(node);
  const end = start + length;
  let at = into.length;
  if (wanted === 'all' && except === NONE && view.nodes.hidden === 0) {
    copy(edges, start, end, into.edges, at);
    copy(neighbors, start, end, into.neighbors, at);
    into.length = at + length;
    return;
  }
  for (let i = start; i < end; i++) {
    const edge = edges[i] as number;
    const neighbor = neighbors[i] as number;
    if (wanted === 'some' && !types?.includes(view.edges.type[edge] as number)) continue;
    if (neighbor === except || !nodeExists(view, neighbor)) continue;
    into.edges[at] = edge;
    into.neighbors[at++] = neighbor;
  }
  into.length = at;
}

function countIn(view: GraphView, slices: EdgeSlices, node: number, types: TypeTokens, except: number): number {
  const wanted = wantedAs(slices, node, types);
  if (wanted === 'none') return 0;
  if (wanted === 'all' && except === NONE && view.nodes.hidden === 0) return slices.length(node);
  const { edges, neighbors } = slices;
  const end = slices.end(node);
  let count = 0;
  for (let i = slices.start(node); i < end; i++) {
    if (wanted === 'some' && !types?.includes(view.edges.type[edges[i] as number] as number)) continue;
    const neighbor = neighbors[i] as number;
    if (neighbor !== except && nodeExists(view, neighbor)) count++;
  }
  return count;
}

/** Below this a loop copies faster than the call that does it at once. */
const COPY_AT_ONCE = 48;

function copy(from: Int32Array, start: number, end: number, to: Int32Array, at: number): void {
  if (end - start >= COPY_AT_ONCE) to.set(from.subarray(start, end), at);
  else for (let i = start; i < end; i++) to[at + i - start] = from[i] as number;
}

function reserve(buffer: EdgeBuffer, length: number): void {
  if (length <= buffer.edges.length) return;
  const capacity = Math.max(length, buffer.edges.length * 2);
  const edges = new Int32Array(capacity);
  const neighbors = new Int32Array(capacity);
  edges.set(buffer.edges.subarray(0, buffer.length));
  neighbors.set(buffer.neighbors.subarray(0, buffer.length));
  buffer.edges = edges;
  buffer.neighbors = neighbors;
}

/** A partition that is closed shows no edges: whoever expands has read the node, so its own is open. */
function outgoing(view: GraphView, node: number): EdgeSlices {
  const { edges, nodes } = view;
  const { slices } = nodes.out;
  if (slices.has(node)) return slices;
  const degree = nodes.out.degree(node);
  const start = slices.begin(degree, nodes.capacity);
  let at = start;
  let type = MIXED;
  for (let i = 0; i < degree; i++) {
    const edge = nodes.out.edgeAt(node, i);
    if (!edges.has(edge, EDGE_EXISTS)) continue;
    type = merged(type, edges.type[edge] as number, at === start);
    slices.edges[at] = edge;
    slices.neighbors[at++] = edges.to[edge] as number;
  }
  slices.keep(node, at - start, type);
  return slices;
}

/** Stubs say that there was an edge; whether it still exists and ends here, its record says. @throws Unhydrated */
function incoming(view: GraphView, node: number): EdgeSlices {
  const { edges, nodes } = view;
  const { slices } = nodes.in;
  if (slices.has(node)) return slices;
  const degree = nodes.in.degree(node);
  const start = slices.begin(degree, nodes.capacity);
  let at = start;
  let type = MIXED;
  for (let i = 0; i < degree; i++) {
    const edge = edges.mainOf(nodes.in.edgeAt(node, i));
    if (!edges.has(edge, EDGE_RECORD)) view.needAt(edges.home[edge] as number);
    if (!edges.has(edge, EDGE_EXISTS) || edges.to[edge] !== node) continue;
    type = merged(type, edges.type[edge] as number, at === start);
    slices.edges[at] = edge;
    slices.neighbors[at++] = edges.from[edge] as number;
  }
  slices.keep(node, at - start, type);
  return slices;
}

function merged(type: number, next: number, isFirst: boolean): number {
  return isFirst || type === next ? next : MIXED;
}
