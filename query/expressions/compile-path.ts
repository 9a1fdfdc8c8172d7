/** Paths from the slots that a pattern filled. Relationships say where they lead, so only the first node is asked for. */
import type { Columns } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { PathStep } from '../plan/bound-expression.ts';
import { NodeValue, PathValue, RelationshipValue, type RuntimeValue } from '../values/runtime-value.ts';
import type { Evaluate } from './evaluate.ts';

function ordinalAt(columns: Columns, slot: number, row: number): number {
  const column = columns[slot];
  if (column instanceof Int32Array) return column[row] as number;
  const value = (column as RuntimeValue[])[row] as RuntimeValue;
  if (value instanceof NodeValue) return value.node;
  return value instanceof RelationshipValue ? value.edge : -1;
}

export function compilePath(steps: readonly PathStep[], run: Run): Evaluate {
  const [start, ...rest] = steps;
  return (columns, row) => {
    const { graph } = run;
    const first = start === undefined ? -1 : ordinalAt(columns, start.slot, row);
    if (first < 0) return null;
    const nodes = [first];
    const edges: number[] = [];
    let at = first;
    const follow = (edge: number) => {
      const from = graph.from(edge);
      at = from === at ? graph.to(edge) : from;
      edges.push(edge);
      nodes.push(at);
    };
    for (const { kind, slot } of rest) {
      if (kind === 'node') {
        // Where the relationship before it leads, unless the pattern did not match.
        if (ordinalAt(columns, slot, row) < 0) return null;
      } else if (kind === 'edge') {
        const edge = ordinalAt(columns, slot, row);
        if (edge < 0) return null;
        follow(edge);
      } else {
        const list = (columns[slot] as RuntimeValue[])[row];
        if (!Array.isArray(list)) return null;
        for (const item of list) follow((item as RelationshipValue).edge);
      }
    }
    return new PathValue(nodes, edges);
  };
}
