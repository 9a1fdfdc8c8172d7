/**
 * Random patches for property tests. Names, ids, clocks and writers come from small pools, so that patches collide all
 * the time.
 */

import fc from 'fast-check';
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { Float, type Value } from '../graph/value.ts';
import { recordOf, someMember, someName, someNumber, someValue } from '../graph/values.model.ts';
import type { Assignments, Patch, RunningTotal } from './patch.ts';

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
