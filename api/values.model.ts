/** Arbitrary property values for property tests: every kind, with the corners where codecs break. */
import fc from 'fast-check';
import { setOwn } from '../base/record.ts';
import { float, integer, POINT_DIMENSIONS, Point, Temporal, type Value } from '../graph/value.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', '2.0', '"', '\\', '[1.0,2e5]', '{"a":-0}', 'constructor', '\u2028', '\u0000', '😀'),
);

const key = fc.oneof(text, fc.constantFrom('__proto__', '$type', '_value', 'toString', 'hasOwnProperty', '$inc'));

const integers = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer().map(BigInt),
  fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n),
);

const floats = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-0, 0, 2, 1e21, 1e300, 5e-324, 1.7976931348623157e308, 0.1, 2 ** 53 + 2, 1e-7),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);

const temporals = fc.constantFrom(
  new Temporal('Date', '2026-01-31'),
  new Temporal('LocalTime', '12:30:00.123456789'),
  new Temporal('Time', '12:30:00+01:00'),
  new Temporal('LocalDateTime', '2026-01-31T12:30'),
  new Temporal('DateTime', '2026-01-31T12:30:00Z[Europe/Berlin]'),
  new Temporal('Duration', 'P1Y2M3DT4H5M6.7S'),
);

const coordinate = fc.double({ noNaN: true, noDefaultInfinity: true });
const latitude = fc.double({ noNaN: true, min: -90, max: 90 });
const points = fc
  .oneof(
    fc.tuple(fc.constantFrom(4326, 4979), fc.tuple(coordinate, latitude, coordinate)),
    fc.tuple(fc.constantFrom(7203, 9157), fc.tuple(coordinate, coordinate, coordinate)),
  )
  .map(([srid, coordinates]) => new Point(srid, coordinates.slice(0, POINT_DIMENSIONS[srid])));

function ownRecord(entries: readonly (readonly [string, Value])[]): Value {
  const record: { [key: string]: Value } = {};
  for (const [name, value] of entries) setOwn(record, name, value);
  return record;
}

/** Any value, up to a few levels deep. */
export const arbitraryValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    text,
    integers.map(integer),
    floats.map(float),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => new Uint8Array(bytes)),
    temporals,
    points,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(ownRecord),
  ),
})).value;

/** A property map: names are not values, so one named `$type` or `__proto__` is ordinary. */
export const arbitraryProperties = fc
  .array(fc.tuple(key, arbitraryValue), { maxLength: 5 })
  .map((entries) => ownRecord(entries) as { readonly [name: string]: Value });
