/** Reads a whole view the way that readers do, in canonical order: what property tests compare with the model. */
import { compareText } from '../base/order.ts';
import type { Edge, Node } from '../graph/model.ts';
import type { GraphView } from './graph-view.ts';
import { countEdges, expandNode } from './view-expansion.ts';
import { edgeAt, edgeVisible, forEachEdge, nodeAt, sortedEdges, sortedNodes } from './view-reads.ts';

export interface ReadGraph {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

/** Every visible node and edge of the open partitions. */
export function readGraph(view: GraphView): ReadGraph {
  const nodes: Node[] = [];
  const edges: Edge[] = [];
  for (let index = 0; view.partitionAt(index) !== undefined; index++) {
    if (!view.isOpen(view.partitionAt(index))) continue;
    const partition = view.needAt(index);
    for (const at of sortedNodes(view, partition, undefined)) nodes.push(nodeAt(view, at));
    for (const at of sortedEdges(view, partition)) if (edgeVisible(view, at)) edges.push(edgeAt(view, at));
  }
  return { nodes: nodes.sort((a, b) => compareText(a.id, b.id)), edges };
}

/** The edges of each visible node as queries follow them must be those that its adjacency leads to. */
export function checkExpansions(view: GraphView): void {
  const types = [undefined, ...view.edges.types.map((_, type) => type)];
  for (let node = 0; node < view.nodes.capacity; node++) {
    if (!view.nodes.exists(node)) continue;
    for (const direction of ['out', 'in', 'both'] as const) {
      for (const type of types) {
        const expected: string[] = [];
        forEachEdge(view, node, direction, type, (edge, neighbor) => {
          expected.push(`${edge} ${neighbor}`);
          return true;
        });
        const tokens = type === undefined ? undefined : [type];
        const into = { edges: new Int32Array(1), neighbors: new Int32Array(1), length: 0 };
        expandNode(view, node, direction, tokens, into);
        const found = Array.from(into.edges.subarray(0, into.length), (edge, i) => `${edge} ${into.neighbors[i]}`);
        const counted = countEdges(view, node, direction, tokens);
        if (found.sort().join() !== expected.sort().join() || counted !== found.length) {
          throw new Error(`node ${node} ${direction} ${type}: ${counted} of ${found}, not ${expected}`);
        }
      }
    }
  }
}

export interface Incident {
  readonly id: string;
  readonly out: readonly string[];
  readonly in: readonly string[];
}

/** The ids of the edges that each visible node reaches through its adjacency. */
export function readIncident(view: GraphView): Incident[] {
  return readGraph(view).nodes.map(({ id }) => {
    const edgesOf = (direction: 'out' | 'in') => {
      const found: string[] = [];
      forEachEdge(view, view.nodes.find(id) as number, direction, undefined, (edge) => {
        found.push(view.edges.idAt(edge));
        return true;
      });
      return found.sort(compareText);
    };
    return { id, out: edgesOf('out'), in: edgesOf('in') };
  });
}
