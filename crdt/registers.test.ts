import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replicaId } from '../base/ids.ts';
import { describeProperties } from '../graph/describe.model.ts';
import { Float } from '../graph/value.ts';
import { patchesOf } from './arbitraries.model.ts';
import { elementEnds, elementExists, elementLabels, elementProperties } from './graph.model.ts';
import type { Assignments, NodeUpdate, Patch } from './patch.ts';
import { decodePatch, encodePatch } from './patch-codec.ts';
import { toPatches } from './register-patches.ts';
import { Registers } from './registers.ts';
import { isLater, NEVER } from './stamp.ts';
import { registersVersion } from './version.ts';

const RUNS = { numRuns: 1500 };

function folded(patches: readonly Patch[], into = new Registers()): Registers {
  for (const patch of patches) into.fold(patch);
  return into;
}

const line = (exists: boolean, ends: object | undefined, labels: readonly string[], properties: string) =>
  `${exists} ${JSON.stringify(exists ? ends : undefined)} ${JSON.stringify(labels)} ${properties}`;

/** What a reader can see of an element; `restored` reads it as a restoring edge does. */
function seenIn(registers: Registers, restored = false): string {
  const { exists, ends } = registers;
  return line(
    exists,
    ends && { type: ends.type, from: ends.from, to: ends.to },
    registers.labels(restored),
    describeProperties(registers.properties(restored)),
  );
}

function seenInModel(patches: readonly Patch[], restored = false): string {
  return line(
    elementExists(patches),
    elementEnds(patches),
    elementLabels(patches, restored),
    describeProperties(elementProperties(patches, restored)),
  );
}

/** Everything observable, versions included. */
const observed = (registers: Registers) =>
  [seenIn(registers), seenIn(registers, true), registersVersion(registers)].join('\n');

const family = fc.constantFrom('node' as const, 'edge' as const, 'stub' as const);
const bag = family.chain((kind) => patchesOf(kind));
/** A bag and an order of delivery in which each patch occurs at least once. */
const delivered = bag.chain((patches) =>
  fc
    .tuple(
      fc.shuffledSubarray(patches, { minLength: patches.length }),
      patches.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...patches), { maxLength: 6 }),
      fc.infiniteStream(fc.nat()),
    )
    .map(([order, again, positions]) => {
      const delivery = [...order];
      for (const patch of again) delivery.splice((positions.next().value as number) % (delivery.length + 1), 0, patch);
      return { patches, delivery };
    }),
);

describe('registers', () => {
  test('CRDT-1..8: any order with duplicates -> what the model makes of the bag', () => {
    fc.assert(
      fc.property(delivered, ({ patches, delivery }) => {
        const registers = folded(delivery);
        for (const restored of [false, true]) expect(seenIn(registers, restored)).toBe(seenInModel(patches, restored));
      }),
      { numRuns: 4000 },
    );
  });

  test('any two orders with duplicates -> equal state and version', () => {
    fc.assert(
      fc.property(delivered, ({ patches, delivery }) => {
        expect(observed(folded(delivery))).toBe(observed(folded(patches)));
      }),
      RUNS,
    );
  });

  test('folded in groups, each group first on its own -> as folded at once', () => {
    fc.assert(
      fc.property(delivered, fc.nat(), ({ delivery }, at) => {
        const cut = at % (delivery.length + 1);
        const kind = delivery[0]?.kind.slice(0, 4) as 'node' | 'edge' | 'stub' | undefined;
        if (kind === undefined) return;
        const first = toPatches(folded(delivery.slice(0, cut)), kind, 'n');
        const second = toPatches(folded(delivery.slice(cut)), kind, 'n');
        expect(observed(folded([...second, ...first]))).toBe(observed(folded(delivery)));
      }),
      RUNS,
    );
  });

  test('toPatches: over text into empty registers -> the same registers', () => {
    fc.assert(
      fc.property(delivered, delivered, ({ delivery }, { delivery: later }) => {
        const kind = delivery[0]?.kind.slice(0, 4) as 'node' | 'edge' | 'stub' | undefined;
        if (kind === undefined) return;
        const original = folded(delivery);
        for (const patch of toPatches(original, kind, 'n')) expect(patch.kind.slice(0, 4)).toBe(kind);
        const copy = folded([...toPatches(original, kind, 'n')].map((patch) => decodePatch(encodePatch(patch))));
        expect(observed(copy)).toBe(observed(original));
        const more = later.filter((patch) => patch.kind.startsWith(kind));
        expect(observed(folded(more, copy))).toBe(observed(folded(more, original)));
      }),
      RUNS,
    );
  });

  test('namesEnds: creates of one edge with several types and ends, in any order -> true of the last of each', () => {
    const isCreate = (patch: Patch) => patch.kind === 'edge-create' || patch.kind === 'stub-create';
    fc.assert(
      fc.property(delivered, ({ patches, delivery }) => {
        const registers = folded(delivery);
        const creates = patches.filter(isCreate);
        for (const patch of creates) {
          const alike = creates.filter(
            ({ type, from, to }) => type === patch.type && from === patch.from && to === patch.to,
          );
          const isLast = alike.every(({ clock, replica }) => !isLater(clock, replica, patch.clock, patch.replica));
          expect(registers.namesEnds(patch)).toBe(isLast);
        }
      }),
      RUNS,
    );
  });

  test('clone: folding into either -> leaves the other alone', () => {
    fc.assert(
      fc.property(delivered, fc.nat(), ({ delivery }, at) => {
        const cut = at % (delivery.length + 1);
        const original = folded(delivery.slice(0, cut));
        const before = observed(original);
        const clone = original.clone();
        expect(observed(clone)).toBe(before);
        folded(delivery.slice(cut), clone);
        expect(observed(original)).toBe(before);
        const after = observed(clone);
        expect(after).toBe(observed(folded(delivery)));
        folded(delivery.slice(cut), original);
        expect(observed(clone)).toBe(after);
      }),
      RUNS,
    );
  });
});

test('version: two states of one element with one version -> show the same', () => {
  fc.assert(
    fc.property(
      bag.chain((patches) => fc.tuple(fc.subarray(patches), fc.subarray(patches))),
      ([some, others]) => {
        const [a, b] = [folded(some), folded(others)];
        if (a.exists && b.exists && registersVersion(a) === registersVersion(b)) expect(seenIn(a)).toBe(seenIn(b));
      },
    ),
    RUNS,
  );
});

describe('CRDT-3 isLive', () => {
  const clocksOf = (registers: Registers) => {
    const clocks = new Set<number>();
    registers.forEachClock((clock) => void clocks.add(clock));
    return clocks;
  };

  const split = delivered.chain(({ patches, delivery }) =>
    fc.record({
      patches: fc.constant(patches),
      delivery: fc.constant(delivery),
      known: fc.subarray(patches),
    }),
  );

  test('any of the dead patches dropped, any others folded later -> nothing visible changes', () => {
    fc.assert(
      fc.property(split, fc.infiniteStream(fc.boolean()), ({ patches, delivery, known }, coin) => {
        const registers = folded(known);
        for (const keepDominated of [false, true]) {
          const dead = known.filter((patch) => !registers.isLive(patch, keepDominated));
          const dropped = new Set(dead.filter(() => coin.next().value));
          const rest = folded(delivery.filter((patch) => !dropped.has(patch)));
          const whole = folded(patches);
          expect(seenIn(rest)).toBe(seenIn(whole));
          if (whole.exists) expect(registersVersion(rest)).toBe(registersVersion(whole));
          if (!keepDominated) continue;
          expect(seenIn(rest, true)).toBe(seenIn(whole, true));
          // Only what was created once can be restored.
          expect(rest.createdClock === NEVER).toBe(whole.createdClock === NEVER);
        }
      }),
      { numRuns: 4000 },
    );
  });

  test('version -> pinned texts: servers of different versions compare digests, which are made of them', () => {
    const versionAfter = (value: number) => {
      const at = { replica: replicaId(2), id: 'x', clock: 1000 + value };
      const created: Patch = {
        ...at,
        kind: 'node-create',
        replica: replicaId(1),
        clock: 1000,
        labels: [],
        properties: {},
      };
      return registersVersion(folded([created, { ...at, kind: 'node-update', properties: { p: value } }]));
    };
    expect(versionAfter(1)).toBe('-------Ec-----0-4w8n8i14qpt7q');
    expect(versionAfter(5)).toBe('-------Ec-----0-192tj5r00gulc1');
    expect(versionAfter(147)).toBe('-------Ec-----0-3rzbf13nalq1');
  });

  test('live patches -> their clock readings are among those of the registers', () => {
    fc.assert(
      fc.property(bag, fc.boolean(), (patches, keepDominated) => {
        const registers = folded(patches);
        const clocks = clocksOf(registers);
        const live = patches.filter((patch) => registers.isLive(patch, keepDominated));
        expect(live.filter(({ clock }) => !clocks.has(clock))).toEqual([]);
      }),
      RUNS,
    );
    const text = { of: { clock: 3, replica: replicaId(1) }, update: new Uint8Array(2) };
    const made = [create(1, { a: 1 }), create(2, { b: 1 }), update(3, { c: 'x' }, { textsMade: ['c'] })];
    const typed = folded([...made, update(4, {}, { textChanges: new Map([['c', text]]) })]);
    expect(clocksOf(typed)).toEqual(new Set([1, 2, 3, 4]));
    const ends = (clock: number, to: string): Patch => ({
      ...{ kind: 'edge-create', clock, replica: replicaId(1), id: 'e', type: 'T', from: 'a', to, properties: {} },
    });
    const patches = [ends(1, 'b'), ends(2, 'c'), ends(3, 'b'), ends(4, 'd')];
    const edge = folded(patches);
    const naming = patches.filter((patch) => edge.namesEnds(patch)).map(({ clock }) => clock);
    expect(naming).toEqual([2, 3, 4]);
    expect(Array.from(clocksOf(edge))).toEqual(expect.arrayContaining(naming));
  });

  test('a node that two replicas deleted -> its create stays live while an edge may restore it', () => {
    const patches = [create(1, { a: 1 }), remove(2, 1), remove(3, 2)];
    const registers = folded(patches);
    const rest = folded(patches.filter((patch) => registers.isLive(patch, true)));
    expect(rest.createdClock).toBe(1);
    expect(seenIn(rest, true)).toBe(seenIn(registers, true));
  });

  test('a create that another one came after -> live as long as one of its properties was not set anew', () => {
    const [first, second] = [create(1, { a: 1 }), create(2, { b: 1 }, undefined, 2)];
    const isLive = (...patches: Patch[]) => folded(patches).isLive(first, false);
    expect(isLive(first, second)).toBe(true);
    expect(isLive(first, second, update(3, { a: 2 }))).toBe(false);
  });

  test('all dead patches dropped -> what is left is live, and dropping again finds nothing', () => {
    fc.assert(
      fc.property(bag, fc.boolean(), (patches, keepDominated) => {
        const registers = folded(patches);
        const live = patches.filter((patch) => registers.isLive(patch, keepDominated));
        const rest = folded(live);
        expect(live.filter((patch) => !rest.isLive(patch, keepDominated))).toEqual([]);
      }),
      RUNS,
    );
  });
});

// --- the rules one by one, as stories

const at = (clock: number, replica = 1) => ({ clock, replica: replicaId(replica), id: 'n' });
const create = (clock: number, properties: object, more?: Assignments, replica = 1): Patch => ({
  kind: 'node-create',
  ...at(clock, replica),
  labels: [],
  properties: properties as NodeUpdate['properties'],
  ...(more && { more }),
});
const update = (clock: number, properties: object, more?: Assignments, replica = 1): Patch => ({
  kind: 'node-update',
  ...at(clock, replica),
  properties: properties as NodeUpdate['properties'],
  ...(more && { more }),
});
const remove = (clock: number, replica = 1): Patch => ({ kind: 'node-delete', ...at(clock, replica) });
const count = (since: number, total: number | bigint | Float) => ({ totals: new Map([['a', { since, total }]]) });
const seen = (...entries: [writer: number, since: number, total: number][]): Assignments => ({
  seen: new Map([['a', new Map(entries.map(([writer, since, total]) => [replicaId(writer), { since, total }]))]]),
});

describe('merge rules', () => {
  test.each<[string, Patch[], string]>([
    [
      'CRDT-1 an update after the delete -> does not revive',
      [create(1, { a: 1 }), remove(2), update(3, { a: 2 })],
      'gone',
    ],
    [
      'CRDT-1 a create after the delete -> revives',
      [create(1, { a: 1 }), remove(2), create(3, { b: 2 })],
      '{"b": integer 2}',
    ],
    ['CRDT-1 one clock, larger replica deletes -> gone', [create(2, { a: 1 }, undefined, 1), remove(2, 2)], 'gone'],
    [
      'CRDT-1 one clock, larger replica creates -> exists',
      [create(2, { a: 1 }, undefined, 2), remove(2, 1)],
      '{"a": integer 1}',
    ],
    [
      'CRDT-2 an update that the delete dominates -> stays gone after a later create',
      [create(1, { a: 1 }), remove(3), update(2, { a: 9 }, undefined, 2), create(4, {})],
      '{}',
    ],
    [
      'CRDT-2 an update later than the delete -> waits for the create',
      [create(1, { a: 1 }), remove(2), update(3, { a: 9 }, undefined, 2), create(4, {})],
      '{"a": integer 9}',
    ],
    [
      'CRDT-4 two concurrent creates -> both keep their registers',
      [create(5, { a: 1, b: 1 }, undefined, 1), create(5, { b: 2, c: 2 }, undefined, 2)],
      '{"a": integer 1, "b": integer 2, "c": integer 2}',
    ],
    [
      'CRDT-4 a create that replaces what it saw -> clears it, and not what it did not see',
      [create(1, { a: 1 }), update(4, { c: 4 }, undefined, 2), create(3, { b: 2 }, { propertiesRemoved: ['a', 'c'] })],
      '{"b": integer 2, "c": integer 4}',
    ],
    [
      'CRDT-6 increments of two writers -> add up; a duplicate or an older total changes nothing',
      [
        create(1, { a: 10 }),
        update(5, {}, count(4, 3), 2),
        update(4, {}, count(4, 1), 2),
        update(5, {}, count(5, 4), 3),
      ],
      '{"a": integer 17}',
    ],
    [
      'CRDT-6 increment of an absent property -> counts from 0',
      [create(1, {}), update(2, {}, count(2, 3))],
      '{"a": integer 3}',
    ],
    [
      'CRDT-6 an assignment -> takes the place of what it saw, and only of that',
      [create(1, {}), update(5, {}, count(4, 3), 2), update(6, { a: 100 }, seen([2, 4, 1]))],
      '{"a": integer 102}',
    ],
    [
      'CRDT-6 a removal that saw everything -> removes the counter',
      [create(1, {}), update(5, {}, count(4, 3), 2), update(6, {}, { propertiesRemoved: ['a'], ...seen([2, 4, 3]) })],
      '{}',
    ],
    [
      'CRDT-6 the writer started again -> an older sight of it subtracts nothing',
      [create(1, {}), update(9, {}, count(8, 2), 2), update(6, { a: 100 }, seen([2, 4, 3]))],
      '{"a": integer 102}',
    ],
    [
      'CRDT-6 the assignment saw a later start -> the older entry is cancelled',
      [create(1, {}), update(5, {}, count(4, 3), 2), update(6, { a: 100 }, seen([2, 8, 7]))],
      '{"a": integer 100}',
    ],
    [
      'CRDT-6 the assigned value is no number -> increments do not apply',
      [create(1, { a: 'x' }), update(5, {}, count(4, 3), 2)],
      '{"a": text "x"}',
    ],
    [
      'CRDT-6 an increment that the delete dominates -> does not count',
      [create(1, {}), update(5, {}, count(4, 3), 2), remove(6), create(7, { a: 1 })],
      '{"a": integer 1}',
    ],
    [
      'CRDT-6 totals past 64 bits together -> held at the end of the range',
      [create(1, { a: 2n ** 63n - 1n }), update(5, {}, count(4, 1), 2)],
      '{"a": integer 9223372036854775807}',
    ],
    [
      'CRDT-6 a float increment -> a float sum',
      [create(1, { a: 1 }), update(5, {}, count(4, new Float(1)))],
      '{"a": float 2}',
    ],
    [
      'CRDT-7 members changed after the assignment -> apply; earlier ones do not',
      [
        create(3, { a: [3, 1] }),
        update(4, {}, { members: new Map([['a', { add: [2], remove: [3] }]]) }, 2),
        update(2, {}, { members: new Map([['a', { add: [9], remove: [1] }]]) }, 3),
      ],
      '{"a": [integer 1, integer 2]}',
    ],
    [
      'CRDT-7 a list that no member change touched -> shown as assigned',
      [create(3, { a: [3, 1, 1] })],
      '{"a": [integer 3, integer 1, integer 1]}',
    ],
    [
      'CRDT-7 two writers add and remove one member concurrently -> the later stamp decides that member alone',
      [
        create(1, { a: [] }),
        update(5, {}, { members: new Map([['a', { add: [{ $: 1, b: 2 }, 7], remove: [] }]]) }, 2),
        update(6, {}, { members: new Map([['a', { add: [], remove: [{ b: 2, $: 1 }] }]]) }, 3),
      ],
      '{"a": [integer 7]}',
    ],
    [
      'CRDT-7 the assigned value is no list -> member changes do not apply',
      [create(1, { a: 5 }), update(5, {}, { members: new Map([['a', { add: [1], remove: [] }]]) })],
      '{"a": integer 5}',
    ],
    [
      'CRDT-7 counter and members both apply -> the counter wins',
      [create(1, {}), update(5, {}, { ...count(4, 3), members: new Map([['a', { add: [1], remove: [] }]]) })],
      '{"a": integer 3}',
    ],
  ])('%s', (_, patches, outcome) => {
    for (const order of [patches, patches.toReversed(), [...patches, ...patches]]) {
      const registers = folded(order);
      expect(registers.exists ? describeProperties(registers.properties()) : 'gone').toBe(outcome);
    }
  });

  test('CRDT-5 labels: added, removed and added again by different writers -> the latest stamp decides each', () => {
    const patches: Patch[] = [
      { kind: 'node-create', ...at(1), labels: ['A', 'B'], properties: {} },
      update(3, {}, { labelsRemoved: ['A'] }, 2),
      update(2, {}, { labelsAdded: ['A', 'C'] }, 3),
      update(4, {}, { labelsRemoved: ['C'], labelsAdded: ['D'] }, 3),
    ];
    for (const order of [patches, patches.toReversed()]) expect(folded(order).labels()).toEqual(['B', 'D']);
  });

  test('ownTotal: after a delete that dominates it -> the writer starts again', () => {
    const writer = replicaId(1);
    const registers = folded([create(1, {}), update(2, {}, count(2, 5))]);
    expect(registers.ownTotal('a', writer)).toMatchObject({ since: 2, total: 5 });
    registers.fold(remove(3));
    expect(registers.ownTotal('a', writer)).toBeUndefined();
  });
});
