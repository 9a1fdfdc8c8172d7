/**
 * What values that expressions make take of the memory of a statement, beside the one value that each is: the items of lists and maps,
 * and the characters of long texts. What is stored in the graph or given as a parameter is there anyway. Of servers alone: a
 * page runs statements of its own (`MADE_VALUES`).
 */
import * as LIMITS from '../../base/limits.ts';
import type { Evaluate, ExpressionContext } from '../expressions/evaluate.ts';
import { LIST_ITEMS_MAX } from '../functions/list-functions.ts';
import type { BoundExpression } from '../plan/bound-expression.ts';
import { runtimeError } from '../query-error.ts';
import { add } from '../values/arithmetic.ts';
import { isList, isMap, PathValue, type RuntimeMap, type RuntimeValue } from '../values/runtime-value.ts';
import type { Run } from './run.ts';

/** Lists and maps that take so much are remembered; of others the items are counted when somebody asks. */
const REMEMBERED_MIN = 256;
/** What takes less beside itself is not counted. */
const COUNTED_MIN = 16;
const LONG_TEXT_CHARS = 1024;
/** Few, next to the 8 bytes of a value: a text that is stored, and there anyway, looks like one that was made. */
const CHARS_PER_VALUE = 128;

const known = new WeakMap<object, number>();

export function takenBy(value: RuntimeValue): number {
  if (typeof value === 'string') return value.length < LONG_TEXT_CHARS ? 0 : Math.ceil(value.length / CHARS_PER_VALUE);
  if (typeof value !== 'object' || value === null) return 0;
  if (value instanceof PathValue) return value.nodes.length + value.edges.length;
  // A long list that is not known was not made here.
  return known.get(value) ?? (isList(value) && value.length < REMEMBERED_MIN ? value.length : 0);
}

/** Remembers what a value takes, and returns it. @throws QueryError if it is larger than values get */
export function made(value: RuntimeValue): number {
  if (isList(value)) return remember(value, value.length + itemsTake(value));
  return isMap(value) ? remember(value, mapTakes(value)) : 0;
}

/** Beside the one value that each is. */
function itemsTake(items: readonly RuntimeValue[]): number {
  let takes = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as RuntimeValue;
    if (typeof item === 'object' || typeof item === 'string') takes += takenBy(item);
  }
  return takes;
}

function mapTakes(map: RuntimeMap): number {
  let takes = 0;
  for (const key in map) takes += 1 + takenBy(map[key] as RuntimeValue);
  return takes;
}

function remember(value: object, takes: number): number {
  if (takes > LIST_ITEMS_MAX) throw tooLarge(`of more than ${LIST_ITEMS_MAX} items`);
  if (takes >= REMEMBERED_MIN) known.set(value, takes);
  return takes;
}

function checkText(text: string): void {
  if (text.length > LIMITS.queryTextCharsMax) throw longText();
}

function longText(): Error {
  return tooLarge(`of more than ${LIMITS.queryTextCharsMax} characters`);
}

function tooLarge(what: string): Error {
  return runtimeError('ResourceError', 'MemoryLimit', `the query makes a value ${what}; take rows in its place`);
}

function isDeeper(value: RuntimeValue, levels: number): boolean {
  const items = isList(value) ? value : isMap(value) ? Object.values(value) : [];
  return levels === 0 || items.some((item) => typeof item === 'object' && isDeeper(item, levels - 1));
}

/** Functions that give what was there before. */
const PASSING: ReadonlySet<string> = new Set(['coalesce', 'head', 'last', 'properties', 'id', 'elementid', 'type']);

function makes(expression: BoundExpression): boolean {
  switch (expression.kind) {
    case 'call':
      return !PASSING.has(expression.name.toLowerCase());
    case 'list':
    case 'map':
    case 'projection':
    case 'comprehension':
    case 'slice':
    case 'subquery':
      return true;
    default:
      return false;
  }
}

type Compile = (expression: BoundExpression, context: ExpressionContext) => Evaluate;

/** Compiles an expression so that it remembers what it makes. */
export function compileMaking(
  expression: BoundExpression,
  context: ExpressionContext,
  { whole, part }: { readonly whole: Compile; readonly part: Compile },
): Evaluate {
  if (expression.kind === 'binary' && expression.operator === '+') {
    return adding(part(expression.left, context), part(expression.right, context));
  }
  const evaluate = whole(expression, context);
  if (expression.kind === 'reduce') return levelling(evaluate);
  if (!makes(expression)) return evaluate;
  return (columns, row) => {
    let value: RuntimeValue;
    try {
      value = evaluate(columns, row);
    } catch (error) {
      // Longer than texts of the runtime get, e.g. by `replace`.
      throw error instanceof RangeError && /string length/.test(error.message) ? longText() : error;
    }
    if (typeof value === 'object') made(value);
    else if (typeof value === 'string') checkText(value);
    return value;
  };
}

/** What two lists take is known, so that one to which items are added one by one is not looked through each time. */
function adding(left: Evaluate, right: Evaluate): Evaluate {
  return (columns, row) => {
    const a = left(columns, row);
    const b = right(columns, row);
    const sum = add(a, b);
    if (typeof sum === 'string') checkText(sum);
    else if (isList(sum) && sum.length > 0) remember(sum, sum.length + beside(a) + beside(b));
    return sum;
  };
}

/** What the items of a list take, or a single item, beside the one value that each is. */
function beside(value: RuntimeValue): number {
  return isList(value) ? Math.max(0, takenBy(value) - value.length) : takenBy(value);
}

/** Only `reduce` puts lists into lists for as long as it goes on: whoever reads them could not follow. */
function levelling(evaluate: Evaluate): Evaluate {
  return (columns, row) => {
    const value = evaluate(columns, row);
    if (typeof value === 'object' && isDeeper(value, LIMITS.queryDepthMax)) {
      throw tooLarge(`with lists in lists, more than ${LIMITS.queryDepthMax} levels deep`);
    }
    return value;
  };
}

/** Counts what an expression gives for the rows of one batch after the other, from the first row on. */
export function countingRows(run: Run, expression: BoundExpression, evaluate: Evaluate): Evaluate {
  const { kind } = expression;
  if (kind === 'literal' || kind === 'parameter' || kind === 'slot' || kind === 'property') return evaluate;
  const large = new LargeValues(run);
  return (columns, row) => {
    if (row === 0) large.begin();
    const value = evaluate(columns, row);
    large.add(value);
    return value;
  };
}

/** The large values that one operator holds. */
export class LargeValues {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  /** It holds none any longer. */
  begin(): void {
    const { large } = this.#run;
    const values = large?.of.get(this);
    if (large === undefined || values === undefined) return;
    large.of.delete(this);
    for (const value of values) {
      const count = (large.counts.get(value) ?? 0) - 1;
      if (count > 0) large.counts.set(value, count);
      else {
        large.counts.delete(value);
        this.#run.hold(-takenBy(value));
      }
    }
  }

  /** @throws QueryError beyond the budget */
  add(value: RuntimeValue): void {
    if (typeof value !== 'object' && typeof value !== 'string') return;
    const takes = takenBy(value);
    if (takes < COUNTED_MIN) return;
    this.#run.large ??= { counts: new Map(), of: new Map() };
    const { counts, of } = this.#run.large;
    let values = of.get(this);
    if (values === undefined) {
      values = new Set();
      of.set(this, values);
    }
    if (values.has(value)) return;
    values.add(value);
    const count = counts.get(value) ?? 0;
    counts.set(value, count + 1);
    if (count === 0) this.#run.hold(takes);
  }
}
