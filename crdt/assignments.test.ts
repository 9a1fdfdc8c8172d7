/** What operations on single properties and labels become as assignments, and when they are refused. */
import { describe, expect, test } from 'vitest';
import { type NodeId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { Condition, LabelChange, Operation, PropertyChange } from '../graph/model.ts';
import { Float, type Properties, type Value } from '../graph/value.ts';
import {
  assignsNothing,
  changesToAssignments,
  checkTextSize,
  clearing,
  hasAny,
  labelAssignments,
  sameProperties,
} from './assignments.ts';
import { checkCondition } from './condition.ts';
import { type DefaultExpiry, withDefaultExpiry } from './default-expiry.ts';
import { type ElementState, PlainState } from './element-state.ts';
import type { Assignments, NodeUpdate } from './patch.ts';
import { Registers } from './registers.ts';
import type { TextHistory } from './text-history.ts';

const ID = 'n' as NodeId;
const stamp = (clock: number, replica = 1) => ({ clock, replica: replicaId(replica) });
const MAX = 2n ** 63n - 1n;

/** A node with plain properties, and later updates of it by writer 1 unless they say another. */
function stateOf(properties: Properties, ...updates: (Partial<NodeUpdate> & { readonly clock: number })[]): Registers {
  const registers = new Registers();
  registers.fold({ kind: 'node-create', ...stamp(1), id: ID, labels: [], properties });
  for (const update of updates) {
    registers.fold({ kind: 'node-update', replica: replicaId(1), id: ID, properties: {}, ...update } as NodeUpdate);
  }
  return registers;
}

const changed = (state: ElementState, change: PropertyChange, clock = 9) =>
  changesToAssignments(state, { p: change }, stamp(clock), 'node', ID);
const total = (since: number, of: number | bigint | Float) => new Map([['p', { since, total: of }]]);
const increment = (by: number | bigint | Float, bounds: { min?: number; max?: number | bigint | Float } = {}) =>
  ({ kind: 'increment', by, ...bounds }) as PropertyChange;

describe('a change of one property', () => {
  const counter = stateOf({ p: 1 }, { clock: 4, more: { totals: total(3, 5) } });
  const seen = new Map([['p', new Map([[replicaId(1), { since: 3, total: 5 }]])]]);
  const text = stateOf({}, { clock: 5, properties: { p: 'ab' }, more: { textsMade: ['p'] } });

  test.each<[string, ElementState, PropertyChange, Properties, Assignments]>([
    ['set', new PlainState([], {}), { kind: 'set', value: 2 }, { p: 2 }, {}],
    ['set to null', new PlainState([], { p: 1 }), { kind: 'set', value: null }, {}, { propertiesRemoved: ['p'] }],
    ['removed', new PlainState([], { p: 1 }), { kind: 'remove' }, {}, { propertiesRemoved: ['p'] }],
    ['set over increments', counter, { kind: 'set', value: 2 }, { p: 2 }, { seen }],
    ['removed with increments', counter, { kind: 'remove' }, {}, { propertiesRemoved: ['p'], seen }],
    ['first increment', new PlainState([], { p: 1 }), increment(2), {}, { totals: total(9, 2) }],
    ['next increment', counter, increment(2), {}, { totals: total(3, 7) }],
    ['of nothing', new PlainState([], {}), increment(-2), {}, { totals: total(9, -2) }],
    ['to the bound', new PlainState([], { p: 1 }), increment(2, { min: 3, max: 3 }), {}, { totals: total(9, 2) }],
    ['of floats', new PlainState([], { p: 0.5 }), increment(0.5, { max: new Float(1) }), {}, { totals: total(9, 0.5) }],
    [
      'members',
      new PlainState([], { p: [1] }),
      { kind: 'members', add: [2], remove: [1] },
      {},
      { members: new Map([['p', { add: [2], remove: [1] }]]) },
    ],
    [
      'members of nothing',
      new PlainState([], {}),
      { kind: 'members', add: [2], remove: [] },
      {},
      { members: new Map([['p', { add: [2], remove: [] }]]) },
    ],
    [
      'a text in place of nothing',
      new PlainState([], {}),
      { kind: 'text', text: 'x' },
      { p: 'x' },
      { textsMade: ['p'] },
    ],
    ['a text in place of increments', counter, { kind: 'text', text: 'x' }, { p: 'x' }, { textsMade: ['p'], seen }],
    ['a text as it is', text, { kind: 'text', text: 'ab' }, {}, {}],
    [
      'typed into a text',
      text,
      { kind: 'typed', of: stamp(5), update: Uint8Array.of(1) },
      {},
      { textChanges: new Map([['p', { of: stamp(5), update: Uint8Array.of(1) }]]) },
    ],
  ])('%s -> just that', (_, state, change, properties, more) => {
    expect(changed(state, change)).toEqual({ properties, more });
    expect(assignsNothing(properties, more)).toBe(Object.keys(properties).length + Object.keys(more).length === 0);
  });

  test('a text changed -> a change of the text that was made, and nothing is assigned anew', () => {
    const { properties, more } = changed(text, { kind: 'text', text: 'abc' });
    expect([properties, Object.keys(more)]).toEqual([{}, ['textChanges']]);
    const after = text.clone();
    after.fold({ kind: 'node-update', ...stamp(9), id: ID, properties, more });
    expect([after.property('p'), text.property('p')]).toEqual(['abc', 'ab']);
  });

  test('an increment after an assignment that saw the earlier ones -> counts from nothing again', () => {
    const { properties, more } = changed(counter, { kind: 'set', value: 2 });
    counter.fold({ kind: 'node-update', ...stamp(9), id: ID, properties, more });
    expect(changed(counter, increment(4), 10).more).toEqual({ totals: total(10, 4) });
  });

  test('several at once, a name of Object.prototype among them -> each by its name', () => {
    const changes = Object.fromEntries([
      ['a', { kind: 'set', value: 1 }],
      ['__proto__', { kind: 'set', value: 2 }],
      ['b', { kind: 'remove' }],
      ['c', { kind: 'remove' }],
      ['d', increment(1)],
      ['e', increment(2)],
    ]) as Record<string, PropertyChange>;
    const { properties, more } = changesToAssignments(new PlainState([], { b: 1 }), changes, stamp(9), 'node', ID);
    expect(Object.entries(properties)).toEqual([
      ['a', 1],
      ['__proto__', 2],
    ]);
    expect(more.propertiesRemoved).toEqual(['b', 'c']);
    expect(Array.from(more.totals ?? [], ([name, { total: of }]) => [name, of])).toEqual([
      ['d', 1],
      ['e', 2],
    ]);
  });

  const bounded = 'the increment of `p` would cross';
  test.each<[string, ElementState, PropertyChange, object]>([
    [
      'an increment of text',
      new PlainState([], { p: 'x' }),
      increment(1),
      { code: 'property-type', message: '`p` holds no number, so $inc does not apply', context: { name: 'p' } },
    ],
    [
      'an increment of a null that is held',
      new PlainState([], { p: null }),
      increment(1),
      { code: 'property-type', message: '`p` holds no number, so $inc does not apply', context: { name: 'p' } },
    ],
    [
      'members of a null that is held',
      new PlainState([], { p: null }),
      { kind: 'members', add: [1], remove: [] },
      { code: 'property-type', message: '`p` holds no list, so $add and $remove do not apply', context: { name: 'p' } },
    ],
    [
      'members of a number',
      new PlainState([], { p: 1 }),
      { kind: 'members', add: [], remove: [] },
      { code: 'property-type', message: '`p` holds no list, so $add and $remove do not apply', context: { name: 'p' } },
    ],
    [
      'above the most',
      new PlainState([], { p: 1 }),
      increment(2, { max: 2 }),
      { code: 'out-of-bounds', message: `${bounded} $max`, context: { name: 'p', bound: '$max' } },
    ],
    [
      'above, by what no float tells',
      new PlainState([], { p: MAX - 1n }),
      increment(1, { max: MAX - 1n }),
      { code: 'out-of-bounds', message: `${bounded} $max` },
    ],
    [
      'below the least',
      new PlainState([], { p: 1 }),
      increment(-2, { min: 0, max: 9 }),
      { code: 'out-of-bounds', message: `${bounded} $min`, context: { name: 'p', bound: '$min' } },
    ],
    [
      'below, a float',
      new PlainState([], { p: new Float(1) }),
      increment(-1.5, { min: 0 }),
      { code: 'out-of-bounds', message: `${bounded} $min` },
    ],
    [
      'typed into what is no text',
      new PlainState([], { p: 'ab' }),
      { kind: 'typed', of: stamp(5), update: Uint8Array.of(1) },
      { code: 'invalid-request', message: '`p` does not hold this text any more', context: { name: 'p' } },
    ],
    [
      'typed into an earlier text',
      text,
      { kind: 'typed', of: stamp(4), update: Uint8Array.of(1) },
      { code: 'invalid-request', message: '`p` does not hold this text any more' },
    ],
    [
      'typed into the text of another writer',
      text,
      { kind: 'typed', of: stamp(5, 2), update: Uint8Array.of(1) },
      { code: 'invalid-request', message: '`p` does not hold this text any more' },
    ],
  ])('%s -> refused', (_, state, change, error) => {
    expect(() => changed(state, change)).toThrow(expect.objectContaining(error));
  });

  test('a text of very many changes, or bytes -> the last that there is room for, then no more', () => {
    const history = (changes: number, bytes: number) =>
      ({ changes: { length: changes }, bytes }) as unknown as TextHistory;
    const [most, bytesMost] = [LIMITS.textChangesMax, LIMITS.textHistoryBytesMax];
    checkTextSize('p', history(most - 1, bytesMost - 5), 5);
    const message = `the text \`p\` was changed ${most} times, in 9 bytes: set it anew`;
    expect(() => checkTextSize('p', history(most, 9), 1)).toThrow(
      expect.objectContaining({ code: 'payload-too-large', message, context: { name: 'p' } }),
    );
    expect(() => checkTextSize('p', history(1, bytesMost - 5), 6)).toThrow('set it anew');
  });
});

describe('a create over what is there', () => {
  const counted = stateOf({ a: 1, p: 1 }, { clock: 4, more: { totals: total(3, 5), labelsAdded: ['L', 'M'] } });
  const seen = new Map([['p', new Map([[replicaId(1), { since: 3, total: 5 }]])]]);

  test.each<
    [
      string,
      ElementState | undefined,
      readonly string[],
      Properties,
      readonly string[] | undefined,
      Assignments | undefined,
    ]
  >([
    ['of nothing', undefined, ['L'], { a: 1 }, undefined, undefined],
    ['of nothing, no texts', undefined, [], { a: 'x' }, [], undefined],
    ['of nothing, with a text', undefined, [], { a: 'x' }, ['a'], { textsMade: ['a'] }],
    ['the same', new PlainState(['L'], { a: 1 }), ['L'], { a: 2 }, undefined, undefined],
    [
      'less',
      new PlainState(['L', 'M'], { a: 1, b: 1 }),
      ['M'],
      { b: 1 },
      undefined,
      { labelsRemoved: ['L'], propertiesRemoved: ['a'] },
    ],
    [
      'over increments',
      counted,
      ['L'],
      { p: 1 },
      ['p'],
      { labelsRemoved: ['M'], propertiesRemoved: ['a'], seen, textsMade: ['p'] },
    ],
    ['without what was counted', counted, ['L', 'M'], { a: 1 }, [], { propertiesRemoved: ['p'], seen }],
  ])('%s -> takes away what it does not say', (_, state, labels, properties, texts, more) => {
    expect(clearing(state, labels, properties, texts)).toEqual(more === undefined ? {} : { more });
  });
});

test.each<[string, LabelChange, Assignments]>([
  [
    'some added, some removed',
    { kind: 'change', add: ['C'], remove: ['A', 'N'] },
    { labelsAdded: ['C'], labelsRemoved: ['A', 'N'] },
  ],
  ['none', { kind: 'change', add: [], remove: [] }, {}],
  ['others in their place', { kind: 'replace', labels: ['B', 'C'] }, { labelsAdded: ['B', 'C'], labelsRemoved: ['A'] }],
  ['none in their place', { kind: 'replace', labels: [] }, { labelsRemoved: ['A', 'B'] }],
])('labels A and B: %s', (_, change, more) => {
  expect(labelAssignments(new PlainState(['A', 'B'], {}), change)).toEqual(more);
});

test('the same properties: by names and values, in any order; what an object has from elsewhere is none', () => {
  expect(sameProperties({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
  for (const other of [{ a: 1 }, { a: 1, b: [2], c: 3 }, { a: 1, b: [3] }, { a: 1, c: [2] }]) {
    expect(sameProperties({ a: 1, b: [2] }, other)).toBe(false);
  }
  expect(sameProperties({ a: 1 }, { constructor: 1 as Value })).toBe(false);
  expect([hasAny({}), hasAny({ a: undefined })]).toEqual([false, true]);
});

describe('conditions', () => {
  const match = 'it does not have the version that If-Match asks for';
  const excluded = 'it has a version that If-None-Match excludes';

  test.each<[Condition, string | undefined, string | undefined]>([
    [{}, 'v', undefined],
    [{ match: ['u', 'v'] }, 'v', undefined],
    [{ match: ['u'] }, 'v', match],
    [{ match: '*' }, 'v', undefined],
    [{ match: '*' }, undefined, match],
    [{ match: ['v'] }, undefined, match],
    [{ noneMatch: ['u'] }, 'v', undefined],
    [{ noneMatch: ['u', 'v'] }, 'v', excluded],
    [{ noneMatch: '*' }, 'v', excluded],
    [{ noneMatch: '*' }, undefined, undefined],
    [{ match: ['v'], noneMatch: ['v'] }, 'v', excluded],
  ])('%j on version %s -> met, or refused with the version that is held', (condition, held, message) => {
    const check = () => checkCondition(condition, held, 'it');
    if (message === undefined) expect(check).not.toThrow();
    else
      expect(check).toThrow(
        expect.objectContaining({ code: 'precondition-failed', message, context: { version: held ?? null } }),
      );
  });
});

describe('a time to live by default', () => {
  const NOW = 1_000_000;
  const byLabel = new Map([
    ['A', 50],
    ['B', 20],
    ['T', 70],
  ]);
  const expiresAt = (expiry: DefaultExpiry, op: Operation['op'], named: object, properties: Properties = {}) => {
    const operation = { op, id: 'x', properties, ...named } as unknown as Operation;
    const given = withDefaultExpiry(operation, expiry, NOW);
    if (given === operation) return undefined;
    expect(given).toEqual({ ...operation, properties: { ...properties, expiresAt: expect.anything() } });
    return (given as { properties: Properties }).properties.expiresAt;
  };

  test.each<[string, DefaultExpiry, Operation['op'], object, number | undefined]>([
    ['a node of a label', { byLabel }, 'createNode', { labels: ['N', 'A'] }, 50],
    ['a node of several', { byLabel, afterMs: 5 }, 'putNode', { labels: ['A', 'B'] }, 20],
    ['a node of none of them', { byLabel, afterMs: 5 }, 'createNode', { labels: ['N'] }, 5],
    ['a node of none of them, none for all', { byLabel }, 'putNode', { labels: ['N'] }, undefined],
    ['an edge of a type', { byLabel, afterMs: 5 }, 'createEdge', { type: 'T' }, 70],
    ['an edge of another', { byLabel, afterMs: 5 }, 'putEdge', { type: 'U' }, 5],
    ['an edge of another, none for all', { byLabel }, 'putEdge', { type: 'U' }, undefined],
    ['a change of a node', { byLabel, afterMs: 5 }, 'patchNode', {}, undefined],
    ['a deletion', { byLabel, afterMs: 5 }, 'deleteEdge', {}, undefined],
  ])('%s -> its own, or that of all', (_, expiry, op, named, lifeMs) => {
    expect(expiresAt(expiry, op, named, { p: 1 })).toBe(lifeMs === undefined ? undefined : NOW + lifeMs);
  });

  test('one that says when it expires -> as it says', () => {
    for (const value of [7, null]) {
      expect(expiresAt({ byLabel, afterMs: 5 }, 'createNode', { labels: ['A'] }, { expiresAt: value })).toBeUndefined();
    }
  });
});
