/** Expressions that are a property of a node of the row, which the graph may have packed (`NodeColumn`). */
import type { Run } from '../execution/run.ts';
import type { BoundExpression } from '../plan/bound-expression.ts';

export interface NodeProperty {
  /** Of the node. */
  readonly slot: number;
  /** The number of the column, see `Run.nodeColumn`. */
  readonly column: number;
}

export function nodePropertyOf(expression: BoundExpression, run: Run): NodeProperty | undefined {
  if (expression.kind !== 'property') return undefined;
  const { of, name } = expression;
  if (of.kind !== 'slot' || of.slotKind !== 'node') return undefined;
  return { slot: of.slot, column: run.numberOfColumn(name) };
}
