import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { parseJson } from './json-text.ts';

function failure(text: string): WeftError {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof WeftError) return error;
    throw error;
  }
  throw new Error('the text parsed');
}

describe('json text', () => {
  test.each([
    ['2', 2],
    ['-1', -1],
    ['0.5', 0.5],
    ['-0.5', -0.5],
    ['1.05', 1.05],
    ['9007199254740991', 9007199254740991],
    ['[10,20]', [10, 20]],
  ])('json text: %s -> parsed natively', (text, expected) => {
    expect(parseJson(text)).toEqual(expected);
  });

  test.each([
    ['2.0', 'Float'],
    ['-0.0', 'Float'],
    ['1e3', 'Float'],
    ['1E400', 'Float'],
    ['0e0', 'Float'],
    ['1234567890123.99999', 'Float'],
    ['0.99999999999999999999', 'Float'],
    ['9007199254740993', 'Integer'],
    ['-9223372036854775808', 'Integer'],
    ['-0', 'Integer'],
  ])('json text: %s would be distorted -> typed %s with its digits', (literal, $type) => {
    const typed = { $type, _value: literal };
    expect(parseJson(literal)).toEqual(typed);
    expect(parseJson(`{"a":[1, ${literal}\n]}`)).toEqual({ a: [1, typed] });
    expect(parseJson(`{"a": ${literal} ,"b":"x"}`)).toEqual({ a: typed, b: 'x' });
  });

  test.each(['1.5e3', '2.5e-1'])('json text: %s with an exponent and a fraction -> still exact', (literal) => {
    const parsed = parseJson(literal);
    expect(typeof parsed === 'object' ? Number((parsed as { _value: string })._value) : parsed).toBe(Number(literal));
  });

  test('json text: numbers inside of strings -> untouched', () => {
    const tree = { 'k:2.0,': 'x: 2.0, 1e5, 9007199254740993', q: '\\"', n: 'a\\": 2.0 ' };
    expect(parseJson(JSON.stringify(tree))).toEqual(tree);
    expect(parseJson(`{"f":2.0,"s":${JSON.stringify(tree.n)}}`)).toMatchObject({ s: tree.n });
  });

  test('json text: __proto__ -> an ordinary key, whatever the numbers', () => {
    for (const text of ['{"__proto__":{"polluted":1}}', '{"__proto__":{"polluted":2.0}}']) {
      const tree = parseJson(text) as object;
      expect(Object.keys(tree)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(tree)).toBe(Object.prototype);
    }
  });

  test('json text: any document -> agrees with JSON.parse up to typed numbers', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(untype(parseJson(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each([
    ['{"a":1,}', 'at position 7'],
    ['{"a":1\n,"b":tru}', 'line 2, column 6'],
    ['', 'end of input'],
    ['[1 2]', 'at position 3'],
    ['{"a":01.0}', 'at position 6'],
    ['{2.0:1}', 'at position 1'],
    ['{"a":2.0 "b":1}', 'at position 9'],
  ])('json text: malformed %s -> the error says where', (text, where) => {
    const error = failure(text);
    expect(error.code).toBe('malformed-request');
    expect(error.message).toContain(where);
  });

  test('json text: a million open brackets -> an error, not an overflow', () => {
    expect(failure('['.repeat(1_000_000)).code).toBe('malformed-request');
    expect(failure(`${'['.repeat(100_000)}2.0`).code).toBe('malformed-request');
  });
});

/** Undoes the typed form, as JavaScript would have read the number. */
function untype(tree: unknown): unknown {
  if (typeof tree !== 'object' || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map(untype);
  const { $type, _value } = tree as { $type?: unknown; _value?: unknown };
  if (($type === 'Float' || $type === 'Integer') && typeof _value === 'string') return Number(_value);
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, untype(value)]));
}
