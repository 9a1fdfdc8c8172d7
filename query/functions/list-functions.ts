/** Lists, and what lists, strings and maps share. */
import { runtimeError } from '../query-error.ts';
import { isInt } from '../values/arithmetic.ts';
import { isList, isMap, PathValue, type RuntimeValue, typeName } from '../values/runtime-value.ts';
import { pointCount } from './code-points.ts';
import { badArgument, listArgument, type ScalarFunction, scalar, stringArgument } from './function.ts';

/** Longest list that `range` makes: more belongs into rows. */
const RANGE_ITEMS_MAX = 10_000_000;

function range(start: RuntimeValue, end: RuntimeValue, step: RuntimeValue | undefined): RuntimeValue {
  for (const bound of [start, end, step ?? 1]) {
    if (!isInt(bound)) {
      const message = `range() takes integers, not a value of type ${typeName(bound)}`;
      throw runtimeError('ArgumentError', 'InvalidArgumentType', message);
    }
  }
  const by = Number(step ?? 1);
  if (by === 0) throw runtimeError('ArgumentError', 'NumberOutOfRange', 'range(): the step must not be 0');
  const from = Number(start);
  const count = Math.floor((Number(end) - from) / by) + 1;
  if (count > RANGE_ITEMS_MAX) {
    throw runtimeError(
      'ArgumentError',
      'NumberOutOfRange',
      `range() makes at most ${RANGE_ITEMS_MAX} items; use UNWIND`,
    );
  }
  // At once as long as it gets: growing leaves twice as much behind, which only a full collection frees.
  const items = new Array<number>(Math.max(0, count));
  for (let i = 0; i < count; i++) items[i] = from + i * by;
  return items;
}

function size(value: RuntimeValue): RuntimeValue {
  if (isList(value)) return value.length;
  if (typeof value === 'string') return pointCount(value);
  throw badArgument('size', value, 'a List or a String');
}

export const LIST_FUNCTIONS: readonly ScalarFunction[] = [
  scalar('head', [1, 1], (_, list) => listArgument('head', list)[0] ?? null),
  scalar('last', [1, 1], (_, list) => listArgument('last', list).at(-1) ?? null),
  scalar('tail', [1, 1], (_, list) => listArgument('tail', list).slice(1)),
  scalar('size', [1, 1], (_, value) => size(value)),
  scalar('length', [1, 1], (_, value) => {
    if (value instanceof PathValue) return value.edges.length;
    if (isList(value) || typeof value === 'string') return size(value);
    throw badArgument('length', value, 'a Path');
  }),
  scalar('range', [2, 3], (_, start, end, step) => range(start, end, step)),
  scalar('reverse', [1, 1], (_, value) =>
    isList(value) ? value.toReversed() : Array.from(stringArgument('reverse', value)).reverse().join(''),
  ),
  scalar('isEmpty', [1, 1], (_, value) => {
    if (isMap(value)) return Object.keys(value).length === 0;
    return size(value) === 0;
  }),
];
