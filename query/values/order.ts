/**
 * The total order of ORDER BY, min and max, and the keys of grouping and DISTINCT. All values are comparable here:
 * maps < nodes < relationships < lists < paths < points < temporal values < strings < booleans < numbers < NaN < null.
 */
import { Float, Point } from '../../graph/value.ts';
import { compareTemporal, isTemporal, type TemporalValue } from '../temporal/temporal-value.ts';
import { compareStrings } from './equality.ts';
import { NodeValue, PathValue, RelationshipValue, type RuntimeMap, type RuntimeValue } from './runtime-value.ts';

function rank(value: RuntimeValue): number {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return 15;
    case 'string':
      return 12;
    case 'boolean':
      return 13;
  }
  if (value === null) return 16;
  if (value instanceof Float) return 15;
  if (value instanceof NodeValue) return 2;
  if (value instanceof RelationshipValue) return 3;
  if (Array.isArray(value)) return 4;
  if (value instanceof PathValue) return 5;
  if (value instanceof Point) return 6;
  if (isTemporal(value)) return 7 + TEMPORAL_RANK[value.kind] / 10;
  if (value instanceof Uint8Array) return 14;
  return 1;
}

const TEMPORAL_RANK: Readonly<Record<TemporalValue['kind'], number>> = {
  DateTime: 1,
  LocalDateTime: 2,
  Date: 3,
  Time: 4,
  LocalTime: 5,
  Duration: 6,
};

export function compareForOrder(a: RuntimeValue, b: RuntimeValue): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  if (a === null) return 0;
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'number' || typeof a === 'bigint' || a instanceof Float) {
    return compareNumbers(sizeOf(a), sizeOf(b as number | bigint | Float));
  }
  if (a instanceof NodeValue) return a.node - (b as NodeValue).node;
  if (a instanceof RelationshipValue) return a.edge - (b as RelationshipValue).edge;
  if (Array.isArray(a)) return compareSequences(a, b as readonly RuntimeValue[], compareForOrder);
  if (a instanceof PathValue) return comparePaths(a, b as PathValue);
  if (isTemporal(a)) return compareTemporal(a, b as TemporalValue);
  if (a instanceof Point) {
    const other = b as Point;
    return a.srid - other.srid || compareSequences(a.coordinates, other.coordinates, (x, y) => x - y);
  }
  if (a instanceof Uint8Array) return compareSequences(a, b as Uint8Array, (x, y) => x - y);
  return compareMaps(a as RuntimeMap, b as RuntimeMap);
}

function sizeOf(value: number | bigint | Float): number | bigint {
  return value instanceof Float ? value.value : value;
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function compareSequences<T>(a: ArrayLike<T>, b: ArrayLike<T>, order: (x: T, y: T) => number): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const found = order(a[i] as T, b[i] as T);
    if (found !== 0) return found;
  }
  return a.length - b.length;
}

/** As the lists of their elements: a node, then a relationship and a node for each step. */
function comparePaths(a: PathValue, b: PathValue): number {
  const shared = Math.min(a.nodes.length, b.nodes.length);
  for (let i = 0; i < shared; i++) {
    const found = (a.nodes[i] as number) - (b.nodes[i] as number);
    if (found !== 0) return found;
    const [x, y] = [a.edges[i], b.edges[i]];
    if (x !== undefined && y !== undefined && x !== y) return x - y;
  }
  return a.nodes.length - b.nodes.length;
}

function compareMaps(a: RuntimeMap, b: RuntimeMap): number {
  const keysA = Object.keys(a).sort(compareStrings);
  const keysB = Object.keys(b).sort(compareStrings);
  return (
    compareSequences(keysA, keysB, compareStrings) ||
    compareSequences(
      keysA.map((key) => a[key] as RuntimeValue),
      keysB.map((key) => b[key] as RuntimeValue),
      compareForOrder,
    )
  );
}

/**
 * A key for a Map or Set: two values have one key exactly if grouping takes them for the same. Equal numbers are the same
 * whatever their kind, null is the same as null, NaN as NaN. Numbers of most sizes and booleans are their own keys.
 */
export function groupKey(value: RuntimeValue): string | number | boolean | null {
  switch (typeof value) {
    case 'number':
      return value === 0 ? 0 : value;
    case 'boolean':
      return value;
    case 'string':
      return `s${value}`;
    case 'bigint':
      return bigKey(value);
  }
  if (value === null) return null;
  if (value instanceof Float) return value.value === 0 ? 0 : value.value;
  if (value instanceof NodeValue) return `n${value.node}`;
  if (value instanceof RelationshipValue) return `r${value.edge}`;
  if (Array.isArray(value)) return `[${value.map(partKey).join('')}`;
  if (value instanceof PathValue) return `p${value.nodes.join(',')};${value.edges.join(',')}`;
  if (isTemporal(value)) return `t${value.kind}${value.toString()}`;
  if (value instanceof Point) return `@${value.srid};${value.coordinates.join(',')}`;
  if (value instanceof Uint8Array) return `b${Array.from(value).join(',')}`;
  const map = value as RuntimeMap;
  const keys = Object.keys(map).sort();
  return `{${keys.map((key) => lengthPrefixed(key) + partKey(map[key] as RuntimeValue)).join('')}`;
}

/** A bigint has the key of the float of the same size, if there is one. */
function bigKey(value: bigint): string | number {
  const near = Number(value);
  return Number.isFinite(near) && BigInt(near) === value ? near : `i${value}`;
}

function partKey(value: RuntimeValue): string {
  const key = groupKey(value);
  return typeof key === 'string' ? lengthPrefixed(key) : `#${key};`;
}

function lengthPrefixed(text: string): string {
  return `${text.length}:${text}`;
}
