import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { decodeValue, printJson, printValue, wireDocument } from '../graph/json-values.ts';
import { checkValue, Float, Point, Temporal, type Value, valuesEqual } from '../graph/value.ts';
import { parseJson } from './json-text.ts';
import { arbitraryProperties, arbitraryValue } from './values.model.ts';

const parse = (text: string): Value => decodeValue(parseJson(text), 'value');

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
  return 'none';
}

describe('json values', () => {
  test('json values: any value printed and parsed -> the same value, in its one representation', () => {
    fc.assert(
      fc.property(arbitraryValue, (value) => {
        const back = parse(printValue(value));
        checkValue(back, 'back');
        expect(valuesEqual(back, value)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('json values: any node printed as a document -> its properties come back under their names', () => {
    fc.assert(
      fc.property(arbitraryProperties, (properties) => {
        const document = parseJson(printJson({ nodes: [{ id: 'a', labels: ['L'], properties }], cursor: undefined }));
        const [node] = (document as { nodes: [{ properties: { [name: string]: unknown } }] }).nodes;
        expect(Object.keys(node.properties).sort()).toEqual(Object.keys(properties).sort());
        for (const [name, wire] of Object.entries(node.properties)) {
          expect(valuesEqual(decodeValue(wire, name), properties[name] as Value)).toBe(true);
        }
        const reversed = Object.fromEntries(Object.entries(properties).reverse());
        if (!Object.hasOwn(properties, '__proto__')) {
          expect(printJson({ properties: reversed })).toBe(printJson({ properties }));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('json values: maps by names of users, one of them `properties` -> its scalar, not a map of it', () => {
    const document = {
      texts: { properties: 'node/a' },
      lives: { properties: 60_000 },
      properties: { properties: 'x' },
    };
    expect(printJson(document)).toBe(JSON.stringify(document));
    expect(wireDocument(document)).toEqual(document);
  });

  test.each<[Value, string]>([
    [new Float(2), '2.0'],
    [new Float(-0), '-0.0'],
    [new Float(1e300), '1e+300'],
    [2, '2'],
    [9007199254740993n, '9007199254740993'],
    [-(2n ** 63n), '-9223372036854775808'],
    [1.5, '1.5'],
    [Number.NaN, '{"$type":"Float","_value":"NaN"}'],
    [Number.NEGATIVE_INFINITY, '{"$type":"Float","_value":"-Infinity"}'],
    [new Float(Number.POSITIVE_INFINITY), '{"$type":"Float","_value":"Infinity"}'],
    [new Uint8Array([1, 2, 255]), '{"$type":"Base64","_value":"AQL/"}'],
    [new Temporal('Date', '2026-01-31'), '{"$type":"Date","_value":"2026-01-31"}'],
    [new Point(4326, [1, 2]), '{"$type":"Point","_value":"SRID=4326;POINT (1.0 2.0)"}'],
    [new Point(9157, [1, 2.5, -0.5]), '{"$type":"Point","_value":"SRID=9157;POINT Z (1.0 2.5 -0.5)"}'],
    [{ $type: 'Date', x: new Float(1) }, '{"$type":"Map","_value":{"$type":"Date","x":1.0}}'],
    [[1, new Float(1), [true, null]], '[1,1.0,[true,null]]'],
    [{ b: 1, a: { d: 1, c: 2 }, 10: 1, 9: 1 }, '{"10":1,"9":1,"a":{"c":2,"d":1},"b":1}'],
  ])('json values: %o -> %s', (value, text) => {
    expect(printValue(value)).toBe(text);
  });

  test.each<[string, Value]>([
    ['{"$type":"Integer","_value":"-5"}', -5],
    ['{"$type":"Integer","_value":"9223372036854775807"}', 2n ** 63n - 1n],
    ['{"$type":"Float","_value":"2"}', new Float(2)],
    ['{"$type":"Float","_value":"1.25"}', 1.25],
    ['-0', 0],
    ['1e2', new Float(100)],
    ['{"\\u0024type":"Date","_value":"2026-01-31"}', new Temporal('Date', '2026-01-31')],
    ['{"$type":"Point","_value":"SRID=9157;POINT (1 2 3)"}', new Point(9157, [1, 2, 3])],
  ])('json values: %s -> accepted', (text, value) => {
    expect(valuesEqual(parse(text), value)).toBe(true);
  });

  test.each([
    '{"$type":"Integer","_value":"9223372036854775808"}',
    '9223372036854775808',
    '1e400',
    '{"$type":"Integer","_value":"1.5"}',
    '{"$type":"Float","_value":"abc"}',
    '{"$type":"Float","_value":2}',
    '{"$type":"Date","_value":"31.1.2026"}',
    '{"$type":"Date"}',
    '{"$type":"Date","_value":"2026-01-31","more":1}',
    '{"$type":"Unheard","_value":"x"}',
    '{"$type":5,"_value":"x"}',
    '{"$type":"Map","_value":[1]}',
    '{"$type":"Base64","_value":"***="}',
    '{"$type":"Base64","_value":"QQ"}',
    '{"$type":"Point","_value":"POINT (1 2)"}',
    '{"$type":"Point","_value":"SRID=4326;POINT (1 x)"}',
    '{"$type":"Point","_value":"SRID=4326;POINT (1 2 3)"}',
    '{"$type":"Point","_value":"SRID=1;POINT (1 2)"}',
    '{"$type":"Point","_value":"SRID=7203;POINT (1e999 2)"}',
    '{"$type":"constructor","_value":"x"}',
    '"\\ud800"',
    '{"a\\udc00":1}',
  ])('json values: %s -> invalid-value', (text) => {
    expect(codeOf(() => parse(text))).toBe('invalid-value');
  });

  test('json values: nesting at the limit -> accepted; beyond it -> payload-too-large', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    const maps = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    const escaped = (depth: number) => `${'{"$type":"Map","_value":{"$type":'.repeat(depth)}1${'}}'.repeat(depth)}`;
    for (const nest of [nested, maps, escaped]) {
      checkValue(parse(nest(LIMITS.valueDepthMax)), 'value');
      expect(codeOf(() => parse(nest(LIMITS.valueDepthMax + 1)))).toBe('payload-too-large');
      expect(codeOf(() => parse(nest(50_000)))).toBe('payload-too-large');
    }
  });
});
