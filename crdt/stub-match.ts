/** Whether the record of an edge, in the partition of its source, and its stub, in that of its target, say the same. */
import { EDGE_THERE, STUB_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';

/** Whether an edge that is there has its stub. The partition of its target must be open. */
export function hasStub(view: GraphView, edge: number): boolean {
  const { edges, nodes } = view;
  const to = edges.to[edge] as number;
  const stub = edges.findStub(edge, nodes.home[to] as number);
  if (stub === undefined || !edges.has(stub, STUB_EXISTS)) return false;
  const ends = view.stubEnds(stub);
  return ends.to === nodes.ids[to] && ends.type === edges.types[edges.type[edge] as number];
}

/** Whether the edge of a stub is not there, or ends elsewhere. The partition of its source must be open. */
export function isOrphan(view: GraphView, stub: number): boolean {
  const { edges, nodes } = view;
  const edge = edges.mainOf(stub);
  return !edges.has(edge, EDGE_THERE) || nodes.ids[edges.to[edge] as number] !== view.stubEnds(stub).to;
}
