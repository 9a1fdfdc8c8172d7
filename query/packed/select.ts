/**
 * Conditions on all rows of a batch at once: a property of a node that is compared with a number, or is a text, in loops over
 * the packed columns of the graph.
 */
import type { NodeColumn } from '../../graph/query-graph.ts';
import { Float } from '../../graph/value.ts';
import type { Columns } from '../execution/batch.ts';
import { compileTest } from '../expressions/compile.ts';
import type { ExpressionContext, Test } from '../expressions/evaluate.ts';
import { nodePropertyOf } from '../expressions/node-property.ts';
import type { BinaryOperator, BoundExpression } from '../plan/bound-expression.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { nextAbove, nextBelow } from './next-double.ts';
import { countWithin, nodesWithin, rowsWithin, rowsWithinAmong, type Within } from './within.ts';

/** Which rows fulfil a condition: their numbers, in order. Reading a row again does no harm, so what threw is called again. */
export interface Select {
  /** Of the first `size` rows, into `rows`; returns how many. */
  all(columns: Columns, size: number, rows: Int32Array): number;
  /** Of the first `count` of `rows`, which become the first of it; returns how many. */
  among(columns: Columns, rows: Int32Array, count: number): number;
  /** If it asks one node of a row: the slot of that. */
  readonly slot?: number;
  /** As `all`, but writes the nodes themselves to `nodes`, if that is there; -1 where it cannot. */
  keptNodes?(columns: Columns, size: number, nodes: Int32Array | undefined): number;
}

/** Undefined if a part of the condition is something else. */
export function compileSelect(expression: BoundExpression, context: ExpressionContext): Select | undefined {
  const parts: (Select | undefined)[] = [];
  if (expression.kind === 'chain') {
    const { operators, operands } = expression;
    for (const [i, operator] of operators.entries()) {
      parts.push(compileComparison(operator, operands[i], operands[i + 1], context));
    }
  } else if (expression.kind === 'binary') {
    const { operator, left, right } = expression;
    if (operator !== 'and') return compileComparison(operator, left, right, context);
    parts.push(compileSelect(left, context), compileSelect(right, context));
  }
  const [first, ...others] = parts.filter((part) => part !== undefined);
  if (first === undefined || others.length + 1 < parts.length) return undefined;
  const narrow = (columns: Columns, rows: Int32Array, count: number) =>
    others.reduce((left, part) => part.among(columns, rows, left), count);
  return {
    all: (columns, size, rows) => narrow(columns, rows, first.all(columns, size, rows)),
    among: (columns, rows, count) => narrow(columns, rows, first.among(columns, rows, count)),
  };
}

function compileComparison(
  operator: BinaryOperator,
  left: BoundExpression | undefined,
  right: BoundExpression | undefined,
  context: ExpressionContext,
): Select | undefined {
  if (left === undefined || right === undefined) return undefined;
  const isTurned = right.kind === 'property';
  const [read, other] = isTurned ? [right, left] : [left, right];
  const compare = isTurned ? (TURNED[operator] ?? operator) : operator;
  const property = nodePropertyOf(read, context.run);
  if (RANGES[compare] === undefined || property === undefined) return undefined;
  if (other.kind !== 'parameter' && other.kind !== 'literal') return undefined;
  const { run } = context;
  const test = compileTest({ kind: 'binary', operator, left, right }, context);
  return new RangeSelect(property.slot, test, () => {
    const value = other.kind === 'literal' ? other.value : run.parameters[other.name];
    const column = run.nodeColumn(property.column);
    return typeof value === 'string' ? textWithin(column, compare, value) : numberWithin(column, compare, value);
  });
}

function numberWithin(
  column: NodeColumn,
  operator: BinaryOperator,
  value: RuntimeValue | undefined,
): Within | undefined {
  const bound = boundOf(value);
  const numbers = bound === undefined ? undefined : column.numbers();
  const range = bound === undefined ? undefined : RANGES[operator]?.(bound);
  return numbers === undefined || range === undefined ? undefined : { values: numbers.values, range };
}

function textWithin(column: NodeColumn, operator: BinaryOperator, value: string): Within | undefined {
  const texts = operator === '=' ? column.texts() : undefined;
  const code = texts?.codeOf(value) ?? NO_CODE;
  return texts === undefined ? undefined : { values: texts.codes, range: [code, code] };
}

/** Of a text that no node is known to have. */
const NO_CODE = -1;

/** The number that is compared with, if it is one that equals itself. */
function boundOf(value: RuntimeValue | undefined): number | undefined {
  const bound = value instanceof Float ? value.value : value;
  return typeof bound === 'number' && !Number.isNaN(bound) ? bound : undefined;
}

const TURNED: { readonly [operator in BinaryOperator]?: BinaryOperator } = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** The numbers, ends included, that compare so with a bound: one loop does for all. */
const RANGES: { readonly [operator in BinaryOperator]?: (bound: number) => Within['range'] } = {
  '<': (bound) => [Number.NEGATIVE_INFINITY, nextBelow(bound)],
  '<=': (bound) => [Number.NEGATIVE_INFINITY, bound],
  '>': (bound) => [nextAbove(bound), Number.POSITIVE_INFINITY],
  '>=': (bound) => [bound, Number.POSITIVE_INFINITY],
  '=': (bound) => [bound, bound],
};

class RangeSelect implements Select {
  readonly slot: number;
  /** Where nothing is known of a row. */
  readonly #test: Test;
  readonly #within: () => Within | undefined;
  #kept = new Int32Array(0);

  constructor(slot: number, test: Test, within: () => Within | undefined) {
    this.slot = slot;
    this.#test = test;
    this.#within = within;
  }

  all(columns: Columns, size: number, rows: Int32Array): number {
    const within = this.#within();
    if (within !== undefined) {
      const count = rowsWithin(columns[this.slot] as Int32Array, within, size, rows);
      if (count >= 0) return count;
    }
    let count = 0;
    for (let row = 0; row < size; row++) if (this.#test(columns, row)) rows[count++] = row;
    return count;
  }

  keptNodes(columns: Columns, size: number, into: Int32Array | undefined): number {
    const within = this.#within();
    if (within === undefined) return -1;
    const nodes = columns[this.slot] as Int32Array;
    return into === undefined ? countWithin(nodes, within, size) : nodesWithin(nodes, within, size, into);
  }

  among(columns: Columns, rows: Int32Array, count: number): number {
    const within = this.#within();
    if (within !== undefined) {
      if (this.#kept.length < count) this.#kept = new Int32Array(rows.length);
      const kept = rowsWithinAmong(columns[this.slot] as Int32Array, within, rows, count, this.#kept);
      if (kept >= 0) {
        rows.set(this.#kept.subarray(0, kept));
        return kept;
      }
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      if (this.#test(columns, row)) rows[kept++] = row;
    }
    return kept;
  }
}
