import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { describeValue } from './describe.model.ts';
import {
  checkValue,
  compareValues,
  Float,
  float,
  integer,
  isInteger,
  isList,
  isMap,
  isNumber,
  Point,
  Temporal,
  type Value,
  valuesEqual,
} from './value.ts';
import { someFloat, someInteger, someMember, someValue } from './values.model.ts';

const anyValue = fc.oneof(someValue, someMember);

/** Values that are often equal and often nearly so. */
const related = anyValue.chain((value) =>
  fc.tuple(fc.constant(value), fc.oneof(fc.constant(structuredCopy(value)), anyValue)),
);

function structuredCopy(value: Value): Value {
  if (value instanceof Float) return new Float(value.value);
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof Temporal) return new Temporal(value.kind, value.text);
  if (value instanceof Point) return new Point(value.srid, [...value.coordinates]);
  if (isList(value)) return value.map(structuredCopy);
  if (isMap(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, structuredCopy(item)]),
    );
  }
  return value;
}

function refusal(value: unknown): string | undefined {
  try {
    checkValue(value, 'p');
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
  return undefined;
}

describe('compareValues', () => {
  test('two values: -> antisymmetric, and zero exactly for equal values', () => {
    fc.assert(
      fc.property(related, ([a, b]) => {
        const order = Math.sign(compareValues(a, b));
        expect(Number.isNaN(order)).toBe(false);
        expect(Math.sign(compareValues(b, a)) + order).toBe(0);
        expect(order === 0).toBe(describeValue(a) === describeValue(b));
        expect(valuesEqual(a, b)).toBe(order === 0);
      }),
      { numRuns: 3000 },
    );
  });

  test('a value and its deep copy with keys in reverse: -> equal', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(compareValues(value, structuredCopy(value))).toBe(0);
      }),
    );
  });

  test('three values: -> transitive', () => {
    fc.assert(
      fc.property(anyValue, anyValue, anyValue, (a, b, c) => {
        const [x, y, z] = [a, b, c].sort(compareValues) as [Value, Value, Value];
        expect(compareValues(x, y)).toBeLessThanOrEqual(0);
        expect(compareValues(y, z)).toBeLessThanOrEqual(0);
        expect(compareValues(x, z)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });

  test('numbers: mixed kinds -> by size exactly, an Integer before the equal Float, -0.0 before 0.0, NaN last', () => {
    const ascending: Value[] = [
      -Infinity,
      new Float(-1e300),
      -(2n ** 63n),
      new Float(-(2 ** 53)),
      -9007199254740991,
      -1,
      0,
      new Float(-0),
      new Float(0),
      5e-324,
      0.5,
      1,
      new Float(1),
      9007199254740991,
      2n ** 53n,
      new Float(2 ** 53),
      2n ** 53n + 1n,
      2n ** 63n - 1n,
      new Float(2 ** 63),
      Infinity,
      Number.NaN,
    ];
    const shuffled = [...ascending.slice(11), ...ascending.slice(0, 11).reverse()];
    expect(shuffled.sort(compareValues).map(describeValue)).toEqual(ascending.map(describeValue));
  });

  test('kinds: one of each -> map, list, temporal, point, text, boolean, number, bytes, null', () => {
    const ascending: Value[] = [
      {},
      [],
      new Temporal('Date', '2026-01-31'),
      new Point(7203, [0, 0]),
      '',
      false,
      0,
      new Uint8Array(),
      null,
    ];
    expect([...ascending].reverse().sort(compareValues)).toEqual(ascending);
  });
});

describe('integer and float', () => {
  test('every size: -> the one representation, which checkValue accepts', () => {
    fc.assert(
      fc.property(fc.oneof(someInteger, someFloat), (value) => {
        expect(refusal(value)).toBeUndefined();
        expect(isNumber(value)).toBe(true);
      }),
    );
    expect(integer(2n ** 53n - 1n)).toBe(9007199254740991);
    expect(integer(2n ** 53n)).toBe(2n ** 53n);
    expect(float(2)).toEqual(new Float(2));
    expect(float(0.5)).toBe(0.5);
    expect(isInteger(new Float(2))).toBe(false);
  });

  test('past 64 bits: -> refused', () => {
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n]) expect(() => integer(value)).toThrow(WeftError);
  });
});

describe('checkValue', () => {
  test('any supported value: -> accepted', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(refusal(value)).toBeUndefined();
      }),
    );
  });

  const nested = (levels: number, wrap: (inner: Value) => Value) =>
    Array.from({ length: levels }).reduce<Value>((inner) => wrap(inner), 1);

  test('nesting: exactly at the limit -> accepted; one deeper -> refused', () => {
    for (const wrap of [(inner: Value) => [inner], (inner: Value) => ({ a: inner })]) {
      expect(refusal(nested(LIMITS.valueDepthMax, wrap))).toBeUndefined();
      expect(refusal(nested(LIMITS.valueDepthMax + 1, wrap))).toBe('invalid-value');
    }
  });

  test.each<[string, unknown]>([
    ['-0 that is not marked as a float', -0],
    ['an unsafe integer that is not marked', 2 ** 53],
    ['a bigint that is a safe integer', 5n],
    ['a bigint past 64 bits', 2n ** 63n],
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a Map', new Map()],
    ['a class of its own', new (class Own {})()],
    ['a Date', new Date(0)],
    ['an array with a hole', new Array(1)],
    ['undefined in a map', { a: undefined }],
    ['a temporal that is no date', new Temporal('Date', 'today')],
    ['a point without enough coordinates', new Point(4979, [1, 2])],
    ['a point in an unknown system', new Point(1, [1, 2])],
    ['a point at infinity', new Point(4326, [1, Infinity])],
    ['a bad value deep inside', [{ a: [-0] }]],
    ['a Float whose value has a fraction', new Float(0.5)],
    ['a Float that is NaN', new Float(Number.NaN)],
  ])('%s: -> refused as invalid-value', (_, value) => {
    expect(refusal(value)).toBe('invalid-value');
  });
});
