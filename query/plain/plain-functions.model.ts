/** The functions and aggregates that random statements call, each as its description says. */
import {
  distinctBy,
  isPlainList,
  isPlainMap,
  isPlainNumber,
  NotModelled,
  type Plain,
  PlainEdge,
  PlainError,
  PlainNode,
  PlainPath,
  plainOrder,
} from './plain-values.model.ts';

export function integerOf(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new PlainError('no 64 bits');
  return value;
}

export function sum(a: Plain, b: Plain): Plain {
  if (typeof a === 'bigint' && typeof b === 'bigint') return integerOf(a + b);
  if (isPlainNumber(a) && isPlainNumber(b)) return Number(a) + Number(b);
  throw new PlainError('no numbers');
}

/** Those that answer null whatever else they are given with a null. */
const FUNCTIONS: Readonly<Record<string, ((...values: readonly NonNullable<Plain>[]) => Plain) | undefined>> = {
  elementid: (value) => elementOf(value).id,
  id: (value) => elementOf(value).id,
  labels: (value) => Array.from(nodeOf(value).labels).sort(),
  type: (value) => edgeOf(value).type,
  startnode: (value) => edgeOf(value).from,
  endnode: (value) => edgeOf(value).to,
  nodes: (value) => pathOf(value).nodes,
  relationships: (value) => pathOf(value).edges,
  length: (value) => BigInt(pathOf(value).edges.length),
  properties: (value) => (isPlainMap(value) ? value : elementOf(value).properties),
  keys: (value) => Array.from((isPlainMap(value) ? value : elementOf(value).properties).keys()),
  size: (value) => {
    if (typeof value === 'string') return BigInt(Array.from(value).length);
    return BigInt(listOf(value).length);
  },
  head: (value) => listOf(value)[0] ?? null,
  last: (value) => listOf(value).at(-1) ?? null,
  tail: (value) => listOf(value).slice(1),
  reverse: (value) => listOf(value).toReversed(),
  range: (from, to, step = 1n) => {
    if (typeof from !== 'bigint' || typeof to !== 'bigint' || typeof step !== 'bigint') throw new PlainError('range');
    if (step === 0n) throw new PlainError('no step');
    const list: Plain[] = [];
    for (let at = from; step > 0n ? at <= to : at >= to; at += step) list.push(at);
    return list;
  },
  tointeger: (value) => {
    if (typeof value === 'bigint') return value;
    if (typeof value === 'number') return BigInt(Math.trunc(value));
    throw new NotModelled('toInteger');
  },
  tofloat: (value) => (isPlainNumber(value) ? Number(value) : notModelled('toFloat')),
  abs: (value) => (typeof value === 'bigint' ? (value < 0n ? -value : value) : Math.abs(Number(value))),
};

function notModelled(what: string): never {
  throw new NotModelled(what);
}

function elementOf(value: Plain): PlainNode | PlainEdge {
  if (value instanceof PlainNode || value instanceof PlainEdge) return value;
  throw new PlainError('no element');
}

function nodeOf(value: Plain): PlainNode {
  if (value instanceof PlainNode) return value;
  throw new PlainError('no node');
}

function edgeOf(value: Plain): PlainEdge {
  if (value instanceof PlainEdge) return value;
  throw new PlainError('no relationship');
}

function pathOf(value: Plain): PlainPath {
  if (value instanceof PlainPath) return value;
  throw new PlainError('no path');
}

function listOf(value: Plain): readonly Plain[] {
  if (isPlainList(value)) return value;
  throw new PlainError('no list');
}

export function callFunction(name: string, values: readonly Plain[]): Plain {
  if (name === 'coalesce') return values.find((value) => value !== null) ?? null;
  const called = FUNCTIONS[name] ?? notModelled(name);
  const present = values.filter((value) => value !== null);
  return present.length < values.length ? null : called(...present);
}

/** Of the values of a group that are not null. */
const AGGREGATES: Readonly<Record<string, (values: readonly Plain[]) => Plain>> = {
  count: (values) => BigInt(values.length),
  collect: (values) => values,
  sum: (values) => values.reduce(sum, 0n),
  min: (values) => values.toSorted(plainOrder)[0] ?? null,
  max: (values) => values.toSorted(plainOrder).at(-1) ?? null,
  avg: (values) => (values.length === 0 ? null : Number(values.reduce(sum, 0n)) / values.length),
};

export function isAggregate(name: string): boolean {
  return Object.hasOwn(AGGREGATES, name);
}

export function callAggregate(name: string, values: readonly Plain[], distinct: boolean): Plain {
  const present = values.filter((value) => value !== null);
  const called = AGGREGATES[name] ?? notModelled(name);
  return called(distinct ? distinctBy(present, (value) => [value]) : present);
}
