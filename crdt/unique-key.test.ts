import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { setOwn } from '../base/record.ts';
import { Float, Point, Temporal, type Value } from '../graph/value.ts';
import { someMember, someNumber, someValue } from '../graph/values.model.ts';
import { derivedNodeId } from './derived-node-id.ts';
import { keyText } from './unique-key.ts';

function keyOf(...values: Value[]): string | undefined {
  const properties: Record<string, Value> = {};
  for (const [i, value] of values.entries()) setOwn(properties, `p${i}`, value);
  return keyText(
    properties,
    values.map((_, i) => `p${i}`),
  );
}

/** Equality of numbers without any code of `unique-key.ts`: exact, whatever the kind. */
function sameSize(a: Value, b: Value): boolean {
  const plain = (value: Value) => (value instanceof Float ? value.value : value) as number | bigint;
  // The operator compares an integer of any size with a float exactly.
  // biome-ignore lint/suspicious/noDoubleEquals: see above
  return plain(a) == plain(b);
}

describe('unique key', () => {
  test.each<[string, Value, Value]>([
    ['an Integer and a Float of one size', 1, new Float(1)],
    ['zero and negative zero', 0, new Float(-0)],
    ['the largest integer that a float can be', 2n ** 62n, new Float(2 ** 62)],
    ['numbers inside of lists', [1, [2]], [new Float(1), [new Float(2)]]],
    ['maps, whatever the order of their keys', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['zero and negative zero inside of lists', [0], [new Float(-0)]],
    ['points with negative zero', new Point(7203, [0, 1]), new Point(7203, [-0, 1])],
  ])('unique key: %s -> equal', (_, a, b) => {
    expect(keyOf(a)).toBe(keyOf(b));
    expect(keyOf(a)).toBeDefined();
  });

  test.each<[string, Value, Value]>([
    ['a number and its text', 1, '1'],
    ['true and its text', true, 'true'],
    ['an integer beyond what floats can tell', 2n ** 53n, 2n ** 53n + 1n],
    ['a float beyond 64 bits and its neighbour', new Float(2 ** 63), 2n ** 63n - 1n],
    ['bytes that differ in length by a zero', new Uint8Array([1]), new Uint8Array([1, 0])],
    ['a date and its text', new Temporal('Date', '2026-01-31'), '2026-01-31'],
    ['two lone surrogates', '\ud800', '\udc00'],
    ['two lists', ['a'], ['b']],
    ['two maps', { a: 1 }, { b: 1 }],
    ['a list and what looks like its text', ['a'], 'l["sa"]'],
  ])('unique key: %s -> different, and so are the ids', (_, a, b) => {
    const [one, other] = [keyOf(a) as string, keyOf(b) as string];
    expect(one).not.toBe(other);
    expect(derivedNodeId('L', ['p'], one)).not.toBe(derivedNodeId('L', ['p'], other));
  });

  test('unique key: a part is null, missing or NaN -> none', () => {
    expect(keyOf(1, null)).toBeUndefined();
    expect(keyOf(Number.NaN)).toBeUndefined();
    expect(keyText({ a: 1 }, ['a', 'b'])).toBeUndefined();
    expect(keyText({}, ['constructor'])).toBeUndefined();
  });

  test('unique key: parts that would join to one text -> different', () => {
    expect(keyOf('a', 'b,c')).not.toBe(keyOf('a,b', 'c'));
    expect(keyOf('a"', 'b')).not.toBe(keyOf('a', '"b'));
  });

  test('unique key: any two numbers -> equal exactly if they are of one size', () => {
    fc.assert(
      fc.property(someNumber, someNumber, (a, b) => {
        fc.pre(!Number.isNaN(a) && !Number.isNaN(b));
        expect(keyOf(a) === keyOf(b)).toBe(sameSize(a, b));
      }),
      { numRuns: 2_000 },
    );
  });

  test('unique key: any value, and few that are often equal -> the same for copies, and ids of the documented form', () => {
    fc.assert(
      fc.property(fc.oneof(someValue, someMember), (value) => {
        const key = keyOf(value);
        expect(keyOf(structuredCloneOf(value))).toBe(key);
        if (key !== undefined) expect(derivedNodeId('L', ['p'], key)).toMatch(/^key~[-_0-9A-Za-z]{32}$/);
      }),
    );
  });

  // Ids follow from these texts: they may grow, not change.
  test.each<[string, Value, string]>([
    ['text', 'x', 'sx'],
    ['true', true, 'btrue'],
    ['false', false, 'bfalse'],
    ['an integer', -7, 'n-7'],
    ['a 64-bit integer', 2n ** 60n, 'n1152921504606846976'],
    ['a fraction', 0.5, 'f0.5'],
    ['infinity', Number.POSITIVE_INFINITY, 'fInfinity'],
    ['a float of integral size', new Float(7), 'n7'],
    ['the largest float below the end of 64 bits', new Float(2 ** 63 - 1024), 'n9223372036854774784'],
    ['a float at that end', new Float(2 ** 63), 'f9223372036854776000'],
    ['the least float of 64 bits', new Float(-(2 ** 63)), 'n-9223372036854775808'],
    ['a float before it', new Float(-(2 ** 63) - 2048), 'f-9223372036854778000'],
    ['a large float', new Float(1e300), 'f1e+300'],
    ['no bytes', new Uint8Array(), 'x0'],
    ['one byte', Uint8Array.of(255), 'x_wAA1'],
    ['two bytes', Uint8Array.of(255, 0), 'x_wAA2'],
    ['three bytes', Uint8Array.of(255, 0, 0), 'x_wAA0'],
    ['a date', new Temporal('Date', '2026-01-31'), 'tDate 2026-01-31'],
    ['a point', new Point(7203, [1, 0.5]), 'p[7203,[1,0.5]]'],
    ['a list, null in it', [1, null, ['x']], 'l["n1","0","l[\\"sx\\"]"]'],
    ['a map, null in it', { b: null, a: 1 }, 'm[["a","n1"],["b","0"]]'],
  ])('unique key: %s -> the text that ids follow from', (_, value, text) => {
    expect(keyOf(value)).toBe(JSON.stringify([text]));
  });

  test('derived id: label, names and key -> the id that docs/constraints.md gives, and another for each other label or name', () => {
    const key = keyOf('ada@example.org') as string;
    expect(key).toBe('["sada@example.org"]');
    const id = derivedNodeId('User', ['email'], key);
    expect(id).toBe('key~1hdauS4J1WWhcWU6ris4PhG9B_Uf19Si');
    expect(derivedNodeId('Users', ['email'], key)).not.toBe(id);
    expect(derivedNodeId('User', ['mail'], key)).not.toBe(id);
  });
});

/** Maps with their keys in the opposite order, so that nothing rests on it. */
function structuredCloneOf(value: Value): Value {
  if (Array.isArray(value)) return value.map((item: Value) => structuredCloneOf(item));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const copy: Record<string, Value> = {};
  for (const [name, item] of Object.entries(value).reverse()) setOwn(copy, name, structuredCloneOf(item as Value));
  return copy;
}
