/** Lists, and what lists, strings and maps share. */
import { runtimeError } from '../query-error.ts';
import { checkedInteger, isInt } from '../values/arithmetic.ts';
import { isList, isMap, PathValue, type RuntimeValue, typeName } from '../values/runtime-value.ts';
import { pointCount } from './code-points.ts';
import { badArgument, listArgument, type ScalarFunction, scalar, stringArgument } from './function.ts';

/** Items of a list that an expression makes, those of lists in it included: more belongs into rows. */
export const LIST_ITEMS_MAX = 10_000_000;

function range(start: RuntimeValue, end: RuntimeValue, step: RuntimeValue | undefined): RuntimeValue {
  const given = [start, end, step ?? 1].map((bound) => {
    if (isInt(bound)) return bound;
    const message = `range() takes integers, not a value of type ${typeName(bound)}`;
    throw runtimeError('ArgumentError', 'InvalidArgumentType', message);
  });
  const [from, to, by] = given.map(Number) as [number, number, number];
  if (by === 0) throw runtimeError('ArgumentError', 'NumberOutOfRange', 'range(): the step must not be 0');
  const isExact = [from, to, by, to - from].every(Number.isSafeInteger);
  const [first, last, stride] = (isExact ? [] : given.map(BigInt)) as [bigint, bigint, bigint];
  const count = isExact ? Math.floor((to - from) / by) + 1 : countOf(last - first, stride);
  if (count > LIST_ITEMS_MAX) {
    const message = `range() makes at most ${LIST_ITEMS_MAX} items; use UNWIND`;
    throw runtimeError('ArgumentError', 'NumberOutOfRange', message);
  }
  // At once as long as it gets: growing leaves twice as much behind, which only a full collection frees.
  const items = new Array<number | bigint>(Math.max(0, count));
  if (isExact) for (let i = 0; i < count; i++) items[i] = from + i * by;
  else for (let i = 0; i < count; i++) items[i] = checkedInteger(first + BigInt(i) * stride);
  return items;
}

/** Numbers from 0 to `length`, both included, a stride apart. */
function countOf(length: bigint, stride: bigint): number {
  return length !== 0n && length > 0n !== stride > 0n ? 0 : Number(length / stride) + 1;
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
