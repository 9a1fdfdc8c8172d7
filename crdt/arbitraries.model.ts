/**
 * Random values and patches for property tests. Names, ids, clocks and writers come from small pools, so that patches
 * collide all the time; values include every extreme that a codec or a comparison could stumble over.
 */
import fc from 'fast-check';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { setOwn } from '../base/record.ts';
import { Float, float, integer, Point, type Properties, Temporal, type Value } from '../graph/value.ts';
import type { Assignments, Patch, RunningTotal } from './patch.ts';

// --- values

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
function recordOf<T>(
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

// --- patches

/** What the patches of one test talk about. */
export interface Pools {
  readonly ids: fc.Arbitrary<string>;
  readonly names: fc.Arbitrary<string>;
  readonly values: fc.Arbitrary<Value>;
  readonly clocks: fc.Arbitrary<number>;
  readonly replicas: fc.Arbitrary<ReplicaId>;
}

/** For codecs: everything that a patch can hold. */
export const WIDE: Pools = {
  ids: fc.oneof(someName, fc.constantFrom('tenant!7', 'edge~1', 'a"b', '\n')),
  names: someName,
  values: someValue,
  clocks: fc.oneof(fc.constantFrom(0, 1, 4095, 4096, Number.MAX_SAFE_INTEGER), fc.maxSafeNat()),
  replicas: fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff })).map(replicaId),
};

/** For merge rules: one element, few names, stamps that are close together. */
export const NARROW: Pools = {
  ids: fc.constant('n'),
  names: fc.constantFrom('a', '__proto__'),
  values: fc.oneof(
    { weight: 3, arbitrary: fc.oneof(fc.constantFrom<Value>(0, 5, -1, new Float(2), 0.5), someNumber) },
    { weight: 2, arbitrary: fc.array(someMember, { maxLength: 3 }) },
    { weight: 1, arbitrary: someMember },
  ),
  clocks: fc.integer({ min: 1, max: 12 }),
  replicas: fc.constantFrom(1, 2, 3, 0xffffffff).map(replicaId),
};

function someTotal(pools: Pools): fc.Arbitrary<RunningTotal> {
  return fc.record({
    since: pools === WIDE ? pools.clocks : fc.integer({ min: 1, max: 3 }),
    total: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: -2, max: 4 }) }, { weight: 1, arbitrary: someNumber }),
  });
}

function mapOf<K, V>(keys: fc.Arbitrary<K>, values: fc.Arbitrary<V>): fc.Arbitrary<ReadonlyMap<K, V>> {
  return fc.array(fc.tuple(keys, values), { maxLength: 3 }).map((entries) => new Map(entries));
}

function assignmentsOf(pools: Pools, labels: boolean): fc.Arbitrary<Assignments> {
  const members = fc.array(pools === WIDE ? pools.values : someMember, { maxLength: 3 });
  const names = fc.uniqueArray(pools.names, { maxLength: 2 });
  return fc.record(
    {
      ...(labels && { labelsAdded: names, labelsRemoved: names }),
      propertiesRemoved: names,
      totals: mapOf(pools.names, someTotal(pools)),
      members: mapOf(pools.names, fc.record({ add: members, remove: members })),
      seen: mapOf(pools.names, mapOf(pools.replicas, someTotal(pools))),
    },
    { requiredKeys: [] },
  );
}

/** Patches of nodes (`node`), of edges (`edge`) or of stubs (`stub`). */
export function patchOf(family: 'node' | 'edge' | 'stub', pools: Pools): fc.Arbitrary<Patch> {
  const stamped = { clock: pools.clocks, replica: pools.replicas, id: pools.ids };
  const properties = recordOf(pools.names, pools.values, 3);
  const more = { more: assignmentsOf(pools, family === 'node') };
  const ends = { type: pools.names, from: pools.ids, to: pools.ids };
  const of = (kind: Patch['kind'], fields: object): fc.Arbitrary<Patch> => {
    const required = { kind: fc.constant(kind), ...stamped, ...fields };
    const withMore = kind.endsWith('create') || kind.endsWith('update');
    return (withMore && family !== 'stub'
      ? fc.record({ ...required, ...more }, { requiredKeys: Object.keys(required) as never[] })
      : fc.record(required)) as unknown as fc.Arbitrary<Patch>;
  };
  switch (family) {
    case 'node':
      return fc.oneof(
        {
          weight: 2,
          arbitrary: of('node-create', { labels: fc.uniqueArray(pools.names, { maxLength: 3 }), properties }),
        },
        { weight: 4, arbitrary: of('node-update', { properties }) },
        { weight: 1, arbitrary: of('node-delete', {}) },
      );
    case 'edge':
      return fc.oneof(
        { weight: 2, arbitrary: of('edge-create', { ...ends, properties }) },
        { weight: 4, arbitrary: of('edge-update', { properties }) },
        { weight: 1, arbitrary: of('edge-delete', {}) },
      );
    case 'stub':
      return fc.oneof(
        { weight: 2, arbitrary: of('stub-create', ends) },
        { weight: 1, arbitrary: of('stub-delete', { from: pools.ids }) },
      );
  }
}

/** Patches of one element with distinct stamps: what different writers may make, in no order. */
export function patchesOf(family: 'node' | 'edge' | 'stub', pools = NARROW): fc.Arbitrary<Patch[]> {
  return fc.uniqueArray(patchOf(family, pools), {
    maxLength: 16,
    size: 'max',
    selector: ({ clock, replica }) => `${clock}.${replica}`,
  });
}
