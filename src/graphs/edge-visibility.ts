/**
 * Which edges of a partition readers see, without two partitions open at once: while the nodes of a partition pass, its stubs
 * tell which edges point at a node that does not exist, so hidden edges are known when the edges pass.
 */
import type { PartitionId } from '../../base/ids.ts';
import { STUB_EXISTS } from '../../crdt/edge-table.ts';
import type { GraphView } from '../../crdt/graph-view.ts';
import { sortedEdges } from '../../crdt/view-reads.ts';

/**
 * Adds the keys of the edges that point at a node of this open partition which does not exist, each with that node: an edge
 * that was created twice at once has a stub with each target, and only the one that its record names counts.
 */
export function collectHidden(view: GraphView, id: PartitionId, hidden: Set<string>): void {
  forEachStub(view, id, (edge, target) => {
    if (!view.nodes.exists(target)) hidden.add(keyWithTarget(view, edge, target));
  });
}

/** Rows of the edges whose source lies in this open partition, in order; `hidden` of all partitions. */
export function visibleEdges(view: GraphView, id: PartitionId, hidden: ReadonlySet<string>): number[] {
  return sortedEdges(view, view.need(id)).filter(
    (edge) =>
      view.nodes.exists(view.edges.from[edge] as number) &&
      !hidden.has(keyWithTarget(view, edge, view.edges.to[edge] as number)),
  );
}

function keyWithTarget(view: GraphView, edge: number, target: number): string {
  return `${edgeKey(view, edge)} ${view.nodes.ids[target]}`;
}

/** An edge id is unique only within its source partition. */
function edgeKey({ edges }: GraphView, edge: number): string {
  return `${edges.home[edge]}/${edges.idAt(edge)}`;
}

/** Visits the existing stubs of an open partition with the node that each points at. */
function forEachStub(view: GraphView, id: PartitionId, visit: (edge: number, target: number) => void): void {
  const { nodes, edges } = view;
  const stubs = new Set<number>(view.need(id).stubs.items());
  for (const edge of stubs) {
    if (!edges.has(edge, STUB_EXISTS)) continue;
    const target = nodes.find(view.stubEnds(edge).to);
    if (target !== undefined) visit(edge, target);
  }
}
