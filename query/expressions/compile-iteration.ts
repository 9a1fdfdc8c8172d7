/** Expressions with a variable of their own: it has a slot of kind `value`, which they fill for one item after the other. */
import type { Columns } from '../execution/batch.ts';
import { HeldValues } from '../execution/held-values.ts';
import type { BoundExpression } from '../plan/bound-expression.ts';
import { runtimeError } from '../query-error.ts';
import { type Ternary, ternary } from '../values/logic.ts';
import { isList, type RuntimeValue, typeName } from '../values/runtime-value.ts';
import type { Evaluate, ExpressionContext } from './evaluate.ts';

type Compile = (expression: BoundExpression, context: ExpressionContext) => Evaluate;

function listOf(value: RuntimeValue): readonly RuntimeValue[] | null {
  if (value === null || isList(value)) return value;
  throw runtimeError('TypeError', 'InvalidArgumentType', `expected a list, got a value of type ${typeName(value)}`);
}

function within(context: ExpressionContext, ...slots: readonly number[]): ExpressionContext {
  return { ...context, locals: [...context.locals, ...slots] };
}

/** What an item counts for among the work of a run: it may be computed from a list that is as long as lists get. */
const ITEM_ROWS = 32;

function fill(columns: Columns, slot: number, row: number, value: RuntimeValue): void {
  (columns[slot] as RuntimeValue[])[row] = value;
}

export function compileComprehension(
  expression: Extract<BoundExpression, { kind: 'comprehension' }>,
  context: ExpressionContext,
  compile: Compile,
): Evaluate {
  const { slot } = expression;
  const list = compile(expression.list, context);
  const inner = within(context, slot);
  const where = expression.where === undefined ? undefined : compile(expression.where, inner);
  const map = expression.map === undefined ? undefined : compile(expression.map, inner);
  const held = new HeldValues(context.run);
  return (columns, row) => {
    const items = listOf(list(columns, row));
    if (items === null) return null;
    const result: RuntimeValue[] = [];
    held.begin();
    for (const item of items) {
      context.run.spend(ITEM_ROWS);
      fill(columns, slot, row, item);
      if (where !== undefined && ternary(where(columns, row)) !== true) continue;
      const value = map === undefined ? item : map(columns, row);
      held.add(value);
      result.push(value);
    }
    held.begin();
    return result;
  };
}

/** What is unknown for an item leaves the answer unknown unless the other items decide it. */
export function compileQuantifier(
  expression: Extract<BoundExpression, { kind: 'quantifier' }>,
  context: ExpressionContext,
  compile: Compile,
): Evaluate {
  const { slot, quantifier } = expression;
  const list = compile(expression.list, context);
  const where = compile(expression.where, within(context, slot));
  return (columns, row) => {
    const items = listOf(list(columns, row));
    if (items === null) return null;
    let held = 0;
    let unknown = 0;
    for (const item of items) {
      context.run.spend(ITEM_ROWS);
      fill(columns, slot, row, item);
      const holds = ternary(where(columns, row));
      if (holds === true) held++;
      else if (holds === null) unknown++;
    }
    return decide(quantifier, items.length, held, unknown);
  };
}

function decide(quantifier: 'all' | 'any' | 'none' | 'single', items: number, held: number, unknown: number): Ternary {
  switch (quantifier) {
    case 'all':
      return held + unknown < items ? false : unknown > 0 ? null : true;
    case 'any':
      return held > 0 ? true : unknown > 0 ? null : false;
    case 'none':
      return held > 0 ? false : unknown > 0 ? null : true;
    case 'single':
      return held > 1 ? false : unknown > 0 ? null : held === 1;
  }
}

export function compileReduce(
  expression: Extract<BoundExpression, { kind: 'reduce' }>,
  context: ExpressionContext,
  compile: Compile,
): Evaluate {
  const { accumulator, slot } = expression;
  const initial = compile(expression.initial, context);
  const list = compile(expression.list, context);
  const map = compile(expression.map, within(context, accumulator, slot));
  return (columns, row) => {
    const items = listOf(list(columns, row));
    if (items === null) return null;
    let value = initial(columns, row);
    for (const item of items) {
      context.run.spend(ITEM_ROWS);
      fill(columns, accumulator, row, value);
      fill(columns, slot, row, item);
      value = map(columns, row);
    }
    return value;
  };
}
