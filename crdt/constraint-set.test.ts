/** What constraints want of an element by itself, and which of them bind it. */
import { describe, expect, test } from 'vitest';
import type { SchemaEntry } from '../graph/query-graph.ts';
import { Float, Point, Temporal, type Value } from '../graph/value.ts';
import { Constraint, ConstraintSet } from './constraint-set.ts';
import { derivedNodeId } from './derived-node-id.ts';
import { keyText } from './unique-key.ts';
import { isOfTypes } from './value-types.ts';

const entry = (kind: SchemaEntry['kind'], properties: readonly string[], more: Partial<SchemaEntry> = {}) =>
  ({ kind, name: 'c', on: 'node', label: 'L', properties, ...more }) satisfies SchemaEntry;

describe('a constraint by itself', () => {
  test.each<[SchemaEntry['kind'], object, boolean, string | undefined]>([
    ['unique', { a: 1, b: 2 }, true, undefined],
    ['unique', { a: 1 }, false, undefined],
    ['unique', { a: 1, b: null }, false, undefined],
    ['key', { a: 1, b: 2 }, true, undefined],
    ['key', { a: 1 }, false, '`b` is missing'],
    ['key', { b: 1, a: null }, false, '`a` is missing'],
    ['exists', { a: 1, b: 2 }, false, undefined],
    ['exists', {}, false, '`a` is missing'],
    ['type', { a: 1, b: 'x' }, false, undefined],
    ['type', {}, false, undefined],
    ['type', { a: 1, b: 0.5 }, false, '`b` is not of type INTEGER | STRING'],
    ['index', {}, false, undefined],
  ])(
    '%s of two properties, an element with %j -> whether it has a key, and what it lacks',
    (kind, properties, has, fault) => {
      const types = kind === 'type' ? { types: ['INTEGER', 'STRING'] } : {};
      const constraint = new Constraint(entry(kind, ['b', 'a', 'b'], types));
      const shown = { labels: ['K', 'L'], properties: properties as Record<string, Value> };
      expect(constraint.keyOf(shown)).toBe(has ? keyText(shown.properties, ['a', 'b']) : undefined);
      expect(constraint.fault(shown.properties)).toBe(fault);
      expect(constraint.keyOf({ ...shown, labels: ['K'] })).toBeUndefined();
      expect(constraint.isUnique).toBe(kind === 'unique' || kind === 'key');
    },
  );

  test('properties in another order, or repeated -> one constraint, with the same keys and ids', () => {
    const [one, other] = [
      ['a', 'b'],
      ['b', 'a', 'b'],
    ].map((names) => new Constraint(entry('key', names)));
    const shown = { labels: ['L'], properties: { a: 1, b: 'x' } };
    const key = one?.keyOf(shown) as string;
    expect(other?.keyOf(shown)).toBe(key);
    expect([one?.derivedId(key), other?.derivedId(key)]).toEqual(Array(2).fill(derivedNodeId('L', ['a', 'b'], key)));
  });

  test('a refusal -> names constraint, label and properties as they were declared, and says what and where', () => {
    const refusal = new Constraint(entry('key', ['b', 'a'])).refusal('why', { ids: ['n'], operation: 3 });
    expect(refusal).toMatchObject({
      code: 'constraint-violated',
      message: 'constraint `c` on L(b, a): why',
      context: { constraint: 'c', ids: ['n'], operation: 3 },
    });
  });
});

describe('the constraints of a graph', () => {
  const named = (name: string, label: string, since?: number, more: Partial<SchemaEntry> = {}) =>
    entry('unique', ['a'], { name, label, ...(since !== undefined && { since }), ...more });
  const entries = [
    named('late', 'A', 9),
    named('z', 'B', 5),
    named('y', 'A', 5),
    named('x', 'C', 7),
    named('undeclared', 'A'),
    entry('index', ['a'], { name: 'index', label: 'D', since: 1 }),
    named('edge', 'A', 2, { on: 'edge', kind: 'exists' }),
  ];
  const set = ConstraintSet.of(entries) as ConstraintSet;
  const names = (constraints: readonly Constraint[]) => constraints.map((each) => each.entry.name);

  test('in the order of their declaration, those of one moment by name; indexes are none', () => {
    expect(names(set.all)).toEqual(['undeclared', 'edge', 'y', 'z', 'x', 'late']);
  });

  test.each<[readonly string[], readonly string[]]>([
    [[], []],
    [['N'], []],
    [['D'], []],
    [['A'], ['undeclared', 'y', 'late']],
    [['N', 'B', 'M'], ['z']],
    [
      ['A', 'B'],
      ['undeclared', 'y', 'z', 'late'],
    ],
    [
      ['C', 'N', 'B', 'A'],
      ['undeclared', 'y', 'z', 'x', 'late'],
    ],
  ])('a node with labels %j -> bound by %j', (labels, bound) => {
    expect(names(set.ofNode(labels))).toEqual(bound);
    expect(set.bindsLabels(labels)).toBe(bound.length > 0);
  });

  test('a relationship -> bound by those of its type, none of nodes', () => {
    expect(names(set.ofEdge('A'))).toEqual(['edge']);
    expect(names(set.ofEdge('B'))).toEqual([]);
  });

  test('none, or indexes alone -> no set; the same entries again -> the same set', () => {
    expect(ConstraintSet.of([])).toBeUndefined();
    const indexes = entries.filter(({ kind }) => kind === 'index');
    expect([ConstraintSet.of(indexes), ConstraintSet.of(indexes)]).toEqual([undefined, undefined]);
    expect(ConstraintSet.of(entries)).toBe(set);
  });

  test('the id of a node that is made -> that of the first unique constraint for which it has a key', () => {
    const keys = ConstraintSet.of([
      entry('exists', ['p'], { name: '0', since: 0 }),
      entry('unique', ['p', 'q'], { name: '1', since: 1 }),
      entry('unique', ['q'], { name: '2', since: 2 }),
      entry('unique', ['r'], { name: '3', label: 'M', since: 3 }),
    ]) as ConstraintSet;
    const idOf = (labels: readonly string[], properties: Record<string, Value>) =>
      keys.derivedId({ labels, properties });
    expect(idOf(['L'], { p: 1, q: 2 })).toBe(derivedNodeId('L', ['p', 'q'], '["n1","n2"]'));
    expect(idOf(['L', 'M'], { q: 2, r: 3 })).toBe(derivedNodeId('L', ['q'], '["n2"]'));
    expect(idOf(['L', 'M'], { p: 1, r: 3 })).toBe(derivedNodeId('M', ['r'], '["n3"]'));
    expect(idOf(['L'], { p: 1, r: 3 })).toBeUndefined();
    expect(idOf([], { p: 1, q: 2 })).toBeUndefined();
  });
});

describe('types of values', () => {
  const date = '2026-11-27';
  const VALUES: readonly [type: string, values: readonly Value[]][] = [
    ['BOOLEAN', [true, false]],
    ['STRING', ['', 'x']],
    ['INTEGER', [0, -1, 2n ** 60n]],
    ['FLOAT', [0.5, new Float(1), Number.NaN, Number.POSITIVE_INFINITY]],
    ['POINT', [new Point(7203, [1, 2])]],
    ['DATE', [new Temporal('Date', date)]],
    ['LOCAL TIME', [new Temporal('LocalTime', '12:00')]],
    ['ZONED TIME', [new Temporal('Time', '12:00Z')]],
    ['LOCAL DATETIME', [new Temporal('LocalDateTime', `${date}T12:00`)]],
    ['ZONED DATETIME', [new Temporal('DateTime', `${date}T12:00Z`)]],
    ['DURATION', [new Temporal('Duration', 'P1D')]],
    ['LIST<INTEGER NOT NULL>', [[1], [1, 2n ** 60n]]],
    ['LIST<STRING NOT NULL>', [['x'], ['', 'y']]],
  ];

  test('each type -> its values and no other, also as one of several', () => {
    for (const [type] of VALUES) {
      for (const [other, values] of VALUES) {
        for (const value of values) {
          expect([type, value, isOfTypes(value, [type])]).toEqual([type, value, type === other]);
          expect(isOfTypes(value, ['BOOLEAN', type])).toBe(type === other || other === 'BOOLEAN');
        }
      }
    }
  });

  test('lists: empty -> of any type of item; one item of another type, or null -> not', () => {
    for (const type of ['LIST<INTEGER NOT NULL>', 'LIST<DATE NOT NULL>']) expect(isOfTypes([], [type])).toBe(true);
    expect(isOfTypes([1, 'x'], ['LIST<INTEGER NOT NULL>'])).toBe(false);
    expect(isOfTypes([1, null], ['LIST<INTEGER NOT NULL>'])).toBe(false);
    expect(isOfTypes([], ['INTEGER'])).toBe(false);
    expect(isOfTypes(1, [])).toBe(false);
  });
});
