/** Compiled expressions: closures over the columns of a batch. */
import type { Columns } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { BoundExpression } from '../plan/bound-expression.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';

export type Evaluate = (columns: Columns, row: number) => RuntimeValue;
export type Test = (columns: Columns, row: number) => boolean;

/** What compiled expressions share. */
export interface ExpressionContext {
  readonly run: Run;
  /** Slots that expressions around fill for themselves, e.g. the item of a comprehension. */
  readonly locals: readonly number[];
  /** Runs a sub-query for a row, which has `locals`, too; see `BoundExpression`. */
  subquery(expression: Extract<BoundExpression, { kind: 'subquery' }>, locals: readonly number[]): Evaluate;
}
