/**
 * The values that a property can hold. JavaScript has one number type, openCypher has two, so:
 * a safe integer `number` is an Integer; a `bigint` is an Integer outside the safe range; a `number` with a fraction,
 * NaN or an infinity is a Float; and a Float that happens to be integral (2.0, -0.0, 1e300) is wrapped in `Float`.
 * Each value has exactly one representation, so equality needs no coercion.
 */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { compareText, sortedKeys } from '../base/order.ts';
import type { TextRecord } from '../base/record.ts';

/** A floating-point number with an integral value: `new Float(2)` is 2.0, which is not the Integer 2. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export type TemporalKind = 'Date' | 'LocalTime' | 'Time' | 'LocalDateTime' | 'DateTime' | 'Duration';

/** A temporal value in its ISO 8601 text, e.g. `2026-01-31` or `P1Y2M`. Arithmetic belongs to the query engine. */
export class Temporal {
  readonly kind: TemporalKind;
  readonly text: string;
  constructor(kind: TemporalKind, text: string) {
    this.kind = kind;
    this.text = text;
  }
}

/** A point in a spatial reference system: SRID 4326 and 4979 are WGS-84, 7203 and 9157 Cartesian (2-D and 3-D). */
export class Point {
  readonly srid: number;
  readonly coordinates: readonly number[];
  constructor(srid: number, coordinates: readonly number[]) {
    this.srid = srid;
    // There is one zero: stored as JSON, the other one would come back as it.
    this.coordinates = coordinates.map((each) => each + 0);
  }
}

export type Value =
  | null
  | boolean
  | number
  | bigint
  | Float
  | string
  | Uint8Array
  | readonly Value[]
  | Temporal
  | Point
  | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}
export type Properties = TextRecord<Value>;

/** The least and the greatest Integer. */
export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;
/** Coordinates that a point of each supported reference system has. */
export const POINT_DIMENSIONS: Readonly<Record<number, number>> = { 4326: 2, 4979: 3, 7203: 2, 9157: 3 };

/** The Integer of this size. @throws WeftError `invalid-value` outside of 64 bits, definite */
export function integer(value: bigint): number | bigint {
  if (value < INT64_MIN || value > INT64_MAX) {
    throw new WeftError('invalid-value', `the integer ${value} does not fit into 64 bits`);
  }
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** The Float of this size, in its one representation. */
export function float(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

export function isInteger(value: Value): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

export function isNumber(value: Value): value is number | bigint | Float {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Float;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ValueMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Float) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Temporal) &&
    !(value instanceof Point)
  );
}

const TEMPORAL_TEXT: Readonly<Record<TemporalKind, RegExp>> = {
  Date: /^[+-]?\d{4,9}-\d\d-\d\d$/,
  LocalTime: /^\d\d:\d\d(:\d\d(\.\d{1,9})?)?$/,
  Time: /^\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d(:\d\d)?)$/,
  LocalDateTime: /^[+-]?\d{4,9}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?$/,
  DateTime:
    /^[+-]?\d{4,9}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d(:\d\d)?)?(\[[A-Za-z0-9_+\-/]{1,64}\])?$/,
  Duration: /^-?P(?=.)[-0-9.YMWDTHS]{1,128}$/,
};

export function isTemporalText(kind: string, text: string): kind is TemporalKind {
  return Object.hasOwn(TEMPORAL_TEXT, kind) && TEMPORAL_TEXT[kind as TemporalKind].test(text);
}

/**
 * Checks a value from outside: supported kinds, one representation each, bounded depth.
 * @throws WeftError `invalid-value`, definite
 */
export function checkValue(value: unknown, name: string, depth = 0): asserts value is Value {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isInteger(value) && (!Number.isSafeInteger(value) || Object.is(value, -0))) {
        throw new WeftError('invalid-value', `\`${name}\` holds an integral float that is not marked as a float`);
      }
      return;
    case 'bigint':
      if (value < INT64_MIN || value > INT64_MAX || Number.isSafeInteger(Number(value))) {
        throw new WeftError('invalid-value', `\`${name}\`: the integer ${value} does not fit into 64 bits`);
      }
      return;
    case 'object':
      checkObject(value, name, depth);
      return;
    default:
      throw new WeftError('invalid-value', `\`${name}\` holds a ${typeof value}, which is no property value`);
  }
}

function checkObject(value: object | null, name: string, depth: number): void {
  if (value === null || value instanceof Uint8Array) return;
  if (value instanceof Float) {
    if (Number.isInteger(value.value)) return;
    throw new WeftError('invalid-value', `\`${name}\` marks a number as a float that is one without the mark`);
  }
  if (value instanceof Temporal) {
    if (!isTemporalText(value.kind, value.text)) {
      throw new WeftError('invalid-value', `\`${name}\`: "${value.text}" is no ${value.kind} in ISO 8601`);
    }
    return;
  }
  if (value instanceof Point) {
    const { srid, coordinates } = value;
    if (POINT_DIMENSIONS[srid] !== coordinates.length || !coordinates.every(Number.isFinite)) {
      throw new WeftError('invalid-value', `\`${name}\`: no point has SRID ${srid} and coordinates ${coordinates}`);
    }
    return;
  }
  if (depth >= LIMITS.valueDepthMax) {
    throw new WeftError('invalid-value', `\`${name}\` nests deeper than ${LIMITS.valueDepthMax} levels`);
  }
  if (Array.isArray(value)) {
    for (const item of value) checkValue(item, name, depth + 1);
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new WeftError('invalid-value', `\`${name}\` holds an object that is no property value`);
  }
  for (const item of Object.values(value)) checkValue(item, name, depth + 1);
}

/** Rank of a kind in the canonical order; numbers share one rank and compare by size, an Integer before an equal Float. */
function rank(value: Value): number {
  if (value === null) return 9;
  switch (typeof value) {
    case 'boolean':
      return 6;
    case 'number':
    case 'bigint':
      return 7;
    case 'string':
      return 5;
  }
  if (value instanceof Float) return 7;
  if (value instanceof Uint8Array) return 8;
  if (value instanceof Temporal) return 3;
  if (value instanceof Point) return 4;
  return isList(value) ? 2 : 1;
}

/** A total order over all values. Zero exactly for equal values, so it also serves as equality (NaN equals NaN). */
export function compareValues(a: Value, b: Value): number {
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  if (typeof a === 'string') return compareText(a, b as string);
  if (typeof a === 'boolean') return Number(a) - Number(b);
  if (isNumber(a)) return compareNumbers(a, b as number | bigint | Float);
  if (a === null) return 0;
  if (a instanceof Uint8Array) return compareSequences(a, b as Uint8Array, (x, y) => x - y);
  if (a instanceof Temporal) {
    return compareText(a.kind, (b as Temporal).kind) || compareText(a.text, (b as Temporal).text);
  }
  if (a instanceof Point) {
    const other = b as Point;
    return a.srid - other.srid || compareSequences(a.coordinates, other.coordinates, (x, y) => x - y);
  }
  if (isList(a)) return compareSequences(a, b as readonly Value[], compareValues);
  return compareMaps(a as ValueMap, b as ValueMap);
}

function compareNumbers(a: number | bigint | Float, b: number | bigint | Float): number {
  const x = a instanceof Float ? a.value : a;
  const y = b instanceof Float ? b.value : b;
  if (x < y) return -1;
  if (x > y) return 1;
  const nans = Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  if (nans !== 0) return nans;
  const kinds = Number(a instanceof Float) - Number(b instanceof Float);
  if (kinds !== 0) return kinds;
  return Number(Object.is(y, -0)) - Number(Object.is(x, -0));
}

function compareSequences<T>(a: ArrayLike<T>, b: ArrayLike<T>, compare: (x: T, y: T) => number): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = compare(a[i] as T, b[i] as T);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareMaps(a: ValueMap, b: ValueMap): number {
  const keysA = sortedKeys(a);
  const keysB = sortedKeys(b);
  return (
    compareSequences(keysA, keysB, compareText) ||
    compareSequences(
      keysA.map((key) => a[key] as Value),
      keysB.map((key) => b[key] as Value),
      compareValues,
    )
  );
}

export function valuesEqual(a: Value, b: Value): boolean {
  return a === b ? !Object.is(a, -0) || Object.is(b, -0) : compareValues(a, b) === 0;
}
