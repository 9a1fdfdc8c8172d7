/**
 * Random values for property tests, with every extreme that a codec or a comparison could stumble over, and a notion of
 * equality that shares no code with `value.ts`.
 */
import fc from 'fast-check';
import { setOwn } from '../base/record.ts';
import { Float, float, integer, Point, type Properties, Temporal, type Value } from './value.ts';

// A failure in a large case could shrink for hours: what was found after four minutes is reported.
fc.configureGlobal({ interruptAfterTimeLimit: 240_000 });

/** Names that are special to JavaScript, to JSON or to the codec, and ordinary ones. */
export const someName: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'name') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '__proto__',
      'constructor',
      'hasOwnProperty',
      '$',
      'v',
      'k',
      'toString',
      '0',
      '10',
      '🦜',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }) },
);

/** Any string of UTF-16 code units, lone surrogates included: values may hold them, names may not. */
export const someText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'A',
    '__proto__',
    '$',
    '🦜',
    '👩‍👩‍👧',
    '\ud800',
    '\udc00',
    'a\ud83e',
    '\u0000',
    '\u2028',
    '"\\\n',
    '\uffff',
  ),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7fe, max: 0xe001 })), { maxLength: 5 })
    .map((units) => String.fromCharCode(...units)),
);

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export const someInteger: fc.Arbitrary<number | bigint> = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.maxSafeInteger(),
  fc
    .constantFrom(INT64_MIN, INT64_MIN + 1n, INT64_MAX, INT64_MAX - 1n, 2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n)
    .map(integer),
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }).map(integer),
);

export const someFloat: fc.Arbitrary<number | Float> = fc.oneof(
  fc
    .constantFrom(
      0,
      -0,
      2,
      -3,
      0.5,
      0.1,
      1e21,
      1e300,
      2 ** 53,
      5e-324,
      Number.MAX_VALUE,
      Number.NaN,
      Infinity,
      -Infinity,
    )
    .map(float),
  fc.double().map(float),
);

export const someNumber: fc.Arbitrary<number | bigint | Float> = fc.oneof(someInteger, someFloat);

const TEMPORALS = [
  new Temporal('Date', '2026-01-31'),
  new Temporal('Date', '2026-02-01'),
  new Temporal('LocalTime', '12:30:00.5'),
  new Temporal('Time', '12:30Z'),
  new Temporal('LocalDateTime', '2026-01-31T12:30'),
  new Temporal('DateTime', '2026-01-31T12:30:00+01:00[Europe/Berlin]'),
  new Temporal('Duration', 'P1Y2M3DT4H5M6.7S'),
];

const someCoordinate = fc.oneof(fc.constantFrom(0, 1.5, -180), fc.double({ noNaN: true, noDefaultInfinity: true }));
const somePoint = fc.oneof(
  fc.tuple(fc.constantFrom(4326, 7203), fc.tuple(someCoordinate, someCoordinate)),
  fc.tuple(fc.constantFrom(4979, 9157), fc.tuple(someCoordinate, someCoordinate, someCoordinate)),
);

/** A record whose keys stand in random order. */
export function recordOf<T>(
  keys: fc.Arbitrary<string>,
  values: fc.Arbitrary<T>,
  maxLength: number,
): fc.Arbitrary<{ [key: string]: T }> {
  return fc.array(fc.tuple(keys, values), { maxLength }).map((entries) => {
    const record: { [key: string]: T } = {};
    for (const [key, value] of entries) setOwn(record, key, value);
    return record;
  });
}

/** Any value that `checkValue` accepts. */
export const someValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 2, arbitrary: someNumber },
    { weight: 2, arbitrary: someText },
    { weight: 1, arbitrary: fc.constantFrom(null, true, false) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 7 }) },
    { weight: 1, arbitrary: fc.constantFrom(...TEMPORALS) },
    { weight: 1, arbitrary: somePoint.map(([srid, coordinates]) => new Point(srid, coordinates)) },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
    { weight: 1, arbitrary: recordOf(fc.oneof(someName, fc.constantFrom('', '\ud800')), tie('value'), 4) },
  ),
})).value;

/** Few values, so that two picks are often equal; maps come with their keys in either order. */
export const someMember: fc.Arbitrary<Value> = fc
  .constantFrom<(() => Value)[]>(
    () => 1,
    () => new Float(1),
    () => '1',
    () => true,
    () => null,
    () => ({ a: 1, b: 2 }),
    () => ({ b: 2, a: 1 }),
    () => ({ $: 1, a: 2 }),
    () => ({ a: 2, $: 1 }),
    () => [1, 2],
    () => Number.NaN,
    () => new Float(-0),
  )
  .map((make) => make());

export const someProperties: fc.Arbitrary<Properties> = recordOf(someName, someValue, 4);
