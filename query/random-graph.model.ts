/** The graph that random statements are about: six nodes, nine edges, two of them parallel and one a loop. */
import type { EdgeId, NodeId } from '../base/ids.ts';
import type { Operation } from '../graph/model.ts';

export const RANDOM_GRAPH_LABELS = [['A'], ['A', 'B'], ['B'], ['C'], [], ['A', 'C']];
export const RANDOM_GRAPH_ENDS = [
  [0, 1],
  [1, 2],
  [2, 0],
  [2, 3],
  [3, 3],
  [3, 4],
  [4, 5],
  [5, 0],
  [0, 1],
] as const;

/** Makes it in an empty graph, with ids that no graph makes itself. */
export function randomGraph(): readonly Operation[] {
  const id = (i: number) => `m${i}` as NodeId;
  return [
    ...RANDOM_GRAPH_LABELS.map((labels, i): Operation => {
      return { op: 'createNode', id: id(i), labels, properties: i === 4 ? {} : { x: i % 3 } };
    }),
    ...RANDOM_GRAPH_ENDS.map(([from, to], i): Operation => {
      const type = i % 2 === 0 ? 'R' : 'S';
      return { op: 'createEdge', id: `e${i}` as EdgeId, type, from: id(from), to: id(to), properties: { x: i % 3 } };
    }),
  ];
}
