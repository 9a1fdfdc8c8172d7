/**
 * `=`, `<` and friends: equal numbers are equal whatever their kind, NaN equals nothing, and null makes the answer unknown
 * unless a difference elsewhere decides it. Sorting and grouping, where every value is comparable, are in `order.ts`.
 */
import { Float, Point } from '../../graph/value.ts';
import { compareTemporal, DurationValue, isTemporal } from '../temporal/temporal-value.ts';
import type { Ternary } from './logic.ts';
import { isMap, NodeValue, PathValue, RelationshipValue, type RuntimeMap, type RuntimeValue } from './runtime-value.ts';

export function equal(a: RuntimeValue, b: RuntimeValue): Ternary {
  if (a === null || b === null) return null;
  if (typeof a !== 'object' && typeof b !== 'object') {
    // Integers and floats of one size are equal, also beyond 2^53.
    if (typeof a === typeof b) return a === b;
    // biome-ignore lint/suspicious/noDoubleEquals: compares a bigint with a number exactly
    return isPlainNumber(a) && isPlainNumber(b) ? a == b : false;
  }
  return equalObjects(a, b);
}

function isPlainNumber(value: RuntimeValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function unwrap(value: RuntimeValue): RuntimeValue {
  return value instanceof Float ? value.value : value;
}

function equalObjects(a: NonNullable<RuntimeValue>, b: NonNullable<RuntimeValue>): Ternary {
  if (a instanceof Float || b instanceof Float) {
    const x = unwrap(a);
    const y = unwrap(b);
    // biome-ignore lint/suspicious/noDoubleEquals: compares a bigint with a number exactly
    return isPlainNumber(x) && isPlainNumber(y) ? x == y : false;
  }
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof NodeValue) return b instanceof NodeValue && a.node === b.node;
  if (a instanceof RelationshipValue) return b instanceof RelationshipValue && a.edge === b.edge;
  if (a instanceof PathValue) return b instanceof PathValue && samePath(a, b);
  if (Array.isArray(a)) return Array.isArray(b) ? equalLists(a, b) : false;
  if (isTemporal(a)) return isTemporal(b) && a.kind === b.kind && sameTemporal(a, b);
  if (a instanceof Point) {
    return b instanceof Point && a.srid === b.srid && a.coordinates.every((x, i) => x === b.coordinates[i]);
  }
  if (a instanceof Uint8Array) {
    return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  return isMap(b) ? equalMaps(a as RuntimeMap, b) : false;
}

function sameTemporal(a: RuntimeValue, b: RuntimeValue): boolean {
  if (a instanceof DurationValue && b instanceof DurationValue) {
    return a.months === b.months && a.days === b.days && a.seconds === b.seconds && a.nanos === b.nanos;
  }
  return String(a) === String(b);
}

function samePath(a: PathValue, b: PathValue): boolean {
  return (
    a.edges.length === b.edges.length &&
    a.nodes.every((node, i) => node === b.nodes[i]) &&
    a.edges.every((edge, i) => edge === b.edges[i])
  );
}

function equalLists(a: readonly RuntimeValue[], b: readonly RuntimeValue[]): Ternary {
  if (a.length !== b.length) return false;
  let unknown = false;
  for (let i = 0; i < a.length; i++) {
    const same = equal(a[i] as RuntimeValue, b[i] as RuntimeValue);
    if (same === false) return false;
    if (same === null) unknown = true;
  }
  return unknown ? null : true;
}

function equalMaps(a: RuntimeMap, b: RuntimeMap): Ternary {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length || !keys.every((key) => Object.hasOwn(b, key))) return false;
  let unknown = false;
  for (const key of keys) {
    const same = equal(a[key] as RuntimeValue, b[key] as RuntimeValue);
    if (same === false) return false;
    if (same === null) unknown = true;
  }
  return unknown ? null : true;
}

/**
 * Below 0, 0 or above 0; NaN if one of the numbers is NaN, so that every comparison with it is false; null if the values
 * cannot be compared.
 */
export function compare(a: RuntimeValue, b: RuntimeValue): number | null {
  if (typeof a === 'number' && typeof b === 'number')
    return a - b === 0 || a === b ? 0 : a < b ? -1 : a > b ? 1 : Number.NaN;
  if (a === null || b === null) return null;
  const x = unwrap(a) as NonNullable<RuntimeValue>;
  const y = unwrap(b) as NonNullable<RuntimeValue>;
  if (isPlainNumber(x)) {
    if (!isPlainNumber(y)) return null;
    return x < y ? -1 : x > y ? 1 : Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : 0;
  }
  if (typeof x === 'string') return typeof y === 'string' ? compareStrings(x, y) : null;
  if (typeof x === 'boolean') return typeof y === 'boolean' ? Number(x) - Number(y) : null;
  if (Array.isArray(x)) return Array.isArray(y) ? compareLists(x, y) : null;
  if (isTemporal(x)) {
    return isTemporal(y) && x.kind === y.kind && !(x instanceof DurationValue) ? compareTemporal(x, y) : null;
  }
  return null;
}

/** By code points, as every other implementation does: UTF-16 units put U+FFxx behind the supplementary planes. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xSurrogate = x >= 0xd800 && x <= 0xdfff;
    const ySurrogate = y >= 0xd800 && y <= 0xdfff;
    return xSurrogate === ySurrogate ? x - y : xSurrogate ? 1 : -1;
  }
  return a.length - b.length;
}

function compareLists(a: readonly RuntimeValue[], b: readonly RuntimeValue[]): number | null {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = compare(a[i] as RuntimeValue, b[i] as RuntimeValue);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export function less(a: RuntimeValue, b: RuntimeValue): Ternary {
  const order = compare(a, b);
  return order === null ? null : order < 0;
}

export function lessOrEqual(a: RuntimeValue, b: RuntimeValue): Ternary {
  const order = compare(a, b);
  return order === null ? null : order <= 0;
}

/** `value IN list`. */
export function isIn(value: RuntimeValue, list: readonly RuntimeValue[]): Ternary {
  let unknown = false;
  for (const item of list) {
    const same = equal(value, item);
    if (same === true) return true;
    if (same === null) unknown = true;
  }
  return unknown ? null : false;
}
