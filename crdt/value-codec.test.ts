import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { describeProperties, describeValue } from '../graph/describe.model.ts';
import { Float, Point, Temporal, type Value } from '../graph/value.ts';
import { recordOf, someMember, someProperties, someText, someValue } from '../graph/values.model.ts';
import {
  fromBase64,
  fromPlain,
  propertiesFromPlain,
  propertiesToJson,
  propertiesToPlain,
  toBase64,
  toPlain,
  valueKey,
} from './value-codec.ts';

const overJson = (plain: unknown): unknown => JSON.parse(JSON.stringify(plain));

function refuses(call: () => unknown): boolean {
  try {
    call();
  } catch (error) {
    if (error instanceof WeftError && error.code === 'invalid-value') return true;
    throw error;
  }
  return false;
}

describe('value codec', () => {
  test('any value: decoded from its JSON text -> the same value', () => {
    fc.assert(
      fc.property(someValue, (value) => {
        expect(describeValue(fromPlain(overJson(toPlain(value))))).toBe(describeValue(value));
      }),
      { numRuns: 3000 },
    );
  });

  test('any properties: decoded from their JSON text -> the same, and no prototype is touched', () => {
    fc.assert(
      fc.property(someProperties, (properties) => {
        const decoded = propertiesFromPlain(overJson(propertiesToPlain(properties)) as { [name: string]: unknown });
        expect(describeProperties(decoded)).toBe(describeProperties(properties));
        expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
      }),
      { numRuns: 2000 },
    );
  });

  test('the JSON text of any properties -> what JSON.stringify makes', () => {
    const marks = fc.string({
      unit: fc.constantFrom('a', '"', '\\', '\n', '\x7f', '\ud83d', '\ud800', 'é', '€'),
      maxLength: 80,
    });
    const values = fc.oneof(someValue, marks, fc.constantFrom(0, -0, 2 ** 31, -(2 ** 31), 2 ** 53, 0.5));
    const more = recordOf(fc.oneof(someText, marks, fc.constant('__proto__')), values, 4);
    fc.assert(
      fc.property(fc.oneof(someProperties, more), (properties) => {
        expect(propertiesToJson(properties)).toBe(JSON.stringify(propertiesToPlain(properties)));
      }),
      { numRuns: 3000 },
    );
  });

  test('encoding: -> never changes what it was given', () => {
    fc.assert(
      fc.property(someProperties, (properties) => {
        const before = describeProperties(properties);
        propertiesToPlain(properties);
        expect(describeProperties(properties)).toBe(before);
      }),
    );
  });

  test('data format: one of each kind -> the JSON that existing logs hold', () => {
    const cases: readonly (readonly [Value, string])[] = [
      [null, 'null'],
      [true, 'true'],
      [-7, '-7'],
      [0.5, '0.5'],
      [2n ** 63n - 1n, '{"$":"i","v":"9223372036854775807"}'],
      [new Float(2), '{"$":"f","v":"2"}'],
      [new Float(-0), '{"$":"f","v":"-0"}'],
      [new Float(1e21), '{"$":"f","v":"1e+21"}'],
      [Number.NaN, '{"$":"f","v":"NaN"}'],
      [-Infinity, '{"$":"f","v":"-Infinity"}'],
      ['\ud800', '"\\ud800"'],
      [Uint8Array.of(255, 0), '{"$":"b","v":"/wA="}'],
      [new Temporal('Date', '2026-01-31'), '{"$":"t","k":"Date","v":"2026-01-31"}'],
      [new Point(4326, [1.5, 2]), '{"$":"p","k":4326,"v":[1.5,2]}'],
      [[1, [new Float(1)]], '[1,[{"$":"f","v":"1"}]]'],
      [{ a: 1 }, '{"a":1}'],
      [{ $: 1 }, '{"$":"m","v":[["$",1]]}'],
    ];
    for (const [value, json] of cases) {
      expect(JSON.stringify(toPlain(value))).toBe(json);
      expect(describeValue(fromPlain(JSON.parse(json)))).toBe(describeValue(value));
    }
  });

  test('a point with a negative zero -> the same when it comes back', () => {
    const point = new Point(7203, [-0, 1]);
    expect(fromPlain(JSON.parse(JSON.stringify(toPlain(point))))).toEqual(point);
  });

  test.each([
    ['an unknown tag', '{"$":"q","v":1}'],
    ['a tag of a newer kind of value', '{"$":"i2","v":"1"}'],
    ['a tag that is no text', '{"$":1}'],
    ['a tag named as a member of Object.prototype', '{"$":"constructor","v":1}'],
    ['a tag without a value', '{"$":"i"}'],
    ['an integer past 64 bits', '{"$":"i","v":"9223372036854775808"}'],
    ['an integer with a fraction', '{"$":"i","v":"1.5"}'],
    ['an integer as a number', '{"$":"i","v":1}'],
    ['an integer in hexadecimal', '{"$":"i","v":"0x10"}'],
    ['a float in words', '{"$":"f","v":"one"}'],
    ['an empty float', '{"$":"f","v":""}'],
    ['bytes that are not base64', '{"$":"b","v":"a"}'],
    ['bytes in another base64', '{"$":"b","v":"_-=="}'],
    ['a temporal of an unknown kind', '{"$":"t","k":"Era","v":"2026-01-31"}'],
    ['a temporal of an inherited kind', '{"$":"t","k":"constructor","v":"2026-01-31"}'],
    ['a temporal that is none', '{"$":"t","k":"Date","v":"tomorrow"}'],
    ['a point without enough coordinates', '{"$":"p","k":4979,"v":[1,2]}'],
    ['a point with text for a coordinate', '{"$":"p","k":4326,"v":["1",2]}'],
    ['a point in an unknown system', '{"$":"p","k":1,"v":[1,2]}'],
    ['a map that is no list of entries', '{"$":"m","v":{"a":1}}'],
    ['a map entry without a key', '{"$":"m","v":[[1,2]]}'],
    ['a map entry without a value', '{"$":"m","v":[["a"]]}'],
    ['an unsafe integer without a tag', '9007199254740992'],
    ['minus zero without a tag', '-0'],
    ['a bad value deep inside', '[{"a":[{"$":"q"}]}]'],
    ['a tag as deep as a stack', `{"$":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  ])('%s: -> refused with invalid-value', (_, json) => {
    expect(refuses(() => fromPlain(JSON.parse(json)))).toBe(true);
    expect(refuses(() => propertiesFromPlain({ p: JSON.parse(json) }))).toBe(true);
  });

  test('nesting: at the limit -> decoded; one deeper -> refused', () => {
    const cases = [
      (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`,
      (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
      (levels: number) => `${'{"$":"m","v":[["$",'.repeat(levels)}1${']]}'.repeat(levels)}`,
    ];
    for (const nested of cases) {
      expect(() => fromPlain(JSON.parse(nested(LIMITS.valueDepthMax)))).not.toThrow();
      expect(refuses(() => fromPlain(JSON.parse(nested(LIMITS.valueDepthMax + 1))))).toBe(true);
    }
  });

  test('nesting: in as many lists as there may be, values that stand in a tag -> what they were, as others are', () => {
    const tagged: readonly Value[] = [
      new Float(1),
      Number.NaN,
      2n ** 60n,
      new Uint8Array([1]),
      new Temporal('Date', '2026-01-31'),
      new Point(7203, [1, 2]),
    ];
    for (const innermost of [1, 'text', ...tagged]) {
      let value: Value = innermost;
      for (let i = 0; i < LIMITS.valueDepthMax; i++) value = [value];
      expect(describeValue(fromPlain(overJson(toPlain(value))))).toEqual(describeValue(value));
    }
  });
});

describe('valueKey', () => {
  test('two values: -> equal keys exactly for equal values', () => {
    const pairs = fc.oneof(fc.tuple(someMember, someMember), fc.tuple(someValue, someValue));
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(valueKey(a) === valueKey(b)).toBe(describeValue(a) === describeValue(b));
      }),
      { numRuns: 3000 },
    );
  });

  test('maps: the same keys in another order, at any depth and with a key that needs escaping -> one key', () => {
    expect(valueKey({ a: 1, b: [{ c: 1, d: 2 }] })).toBe(valueKey({ b: [{ d: 2, c: 1 }], a: 1 }));
    expect(valueKey({ $: 1, a: 2 })).toBe(valueKey({ a: 2, $: 1 }));
    expect(valueKey([{ x: { $: 1, a: 2 } }])).toBe(valueKey([{ x: { a: 2, $: 1 } }]));
  });

  test('values that look alike: -> different keys', () => {
    const alike: Value[] = [
      1,
      new Float(1),
      '1',
      true,
      [1],
      { a: 1 },
      { $: 'f', v: '1' },
      null,
      'null',
      Uint8Array.of(1),
      'AQ==',
    ];
    expect(new Set(alike.map(valueKey)).size).toBe(alike.length);
  });
});

describe('base64', () => {
  test('any bytes: -> what Node gives, and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(text)).toEqual(bytes);
      }),
    );
  });

  test('any text: -> bytes or WeftError, nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(someText, fc.stringMatching(/^[A-Za-z0-9+/=]{0,12}$/)), (text) => {
        if (!refuses(() => fromBase64(text))) expect(fromBase64(text)).toBeInstanceOf(Uint8Array);
      }),
    );
  });
});
