/** What constraints make of a draft: which operations are refused, in which words, and what else becomes of them. */
import { describe, expect, test } from 'vitest';
import type { WeftError } from '../base/errors.ts';
import { type PartitionId, replicaId } from '../base/ids.ts';
import type { Operation, PropertyChanges } from '../graph/model.ts';
import type { Properties, Value } from '../graph/value.ts';
import { ConstraintSet } from './constraint-set.ts';
import { derivedNodeId } from './derived-node-id.ts';
import { Draft } from './draft.ts';
import { constraintsFor, isSame } from './draft-constraints.ts';
import { GraphView, Unhydrated } from './graph-view.ts';
import type { Patch } from './patch.ts';
import { HybridClock } from './stamp.ts';

const SET = ConstraintSet.of([
  { kind: 'unique', name: 'by_mail', on: 'node', label: 'U', properties: ['mail'], since: 1 },
  { kind: 'unique', name: 'by_nick', on: 'node', label: 'U', properties: ['nick'], since: 2 },
  { kind: 'exists', name: 'named', on: 'node', label: 'N', properties: ['name'], since: 3 },
  { kind: 'type', name: 'weighed', on: 'edge', label: 'T', properties: ['w'], types: ['INTEGER'], since: 4 },
]);
const OF_X = derivedNodeId('U', ['mail'], '["sx"]');
const OF_NICK = derivedNodeId('U', ['nick'], '["sy"]');

const operation = (fields: object) => fields as Operation;
const create = (id: string | undefined, labels: readonly string[], properties: Properties, more = {}) =>
  operation({ op: 'createNode', ...(id !== undefined && { id }), labels, properties, ...more });
const put = (id: string, labels: readonly string[], properties: Properties) =>
  operation({ op: 'putNode', id, labels, properties });
const patch = (id: string, set: Readonly<Record<string, Value>>, more = {}) => {
  const changes: PropertyChanges = Object.fromEntries(
    Object.entries(set).map(([name, value]) => [name, { kind: 'set', value } as const]),
  );
  return operation({ op: 'patchNode', id, properties: changes, ...more });
};
const remove = (id: string) => operation({ op: 'deleteNode', id, detach: true });
const edge = (op: 'createEdge' | 'putEdge', id: string | undefined, w: Value) =>
  operation({ op, ...(id !== undefined && { id }), type: 'T', from: 'p', to: 'q', properties: { w } });

interface Situation {
  readonly held?: readonly (readonly [id: string, labels: readonly string[], properties: Properties])[];
  readonly isDecisive?: boolean;
  readonly alone?: boolean;
  readonly idsFollow?: boolean;
  readonly closed?: readonly string[];
}

/** `p` and `q`, which nothing binds, are always there. */
function drafting({ held = [], isDecisive = true, alone = false, idsFollow = true, closed = [] }: Situation) {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  const partition = view.open('0' as PartitionId);
  for (const [i, [id, labels, properties]] of [...held, ['p', [], {}] as const, ['q', [], {}] as const].entries()) {
    view.fold(partition, { kind: 'node-create', clock: i + 1, replica: replicaId(1), id, labels, properties }, 20);
  }
  const rules = { set: SET, isDecisive, idsFollow, closedPartitions: () => closed as readonly PartitionId[] };
  return new Draft({
    view,
    clock: new HybridClock({ wallMs: () => Date.UTC(2026, 10, 27), monotonicMs: () => 0 }),
    replica: replicaId(7),
    skipEqual: alone,
    constraints: constraintsFor(view, rules),
  });
}

/** What a batch of operations ends with: the patches, or why it is refused. */
function outcome(situation: Situation, operations: readonly Operation[]): readonly Patch[] | WeftError {
  const draft = drafting(situation);
  try {
    for (const operation of operations) draft.apply(operation);
    draft.check();
  } catch (error) {
    return error as WeftError;
  }
  return draft.patches.map((each) => each.patch);
}

const A_X = ['a', ['U'], { mail: 'x' }] as const;
const B_X = ['b', ['U'], { mail: 'x' }] as const;
const APART: Situation = { isDecisive: false };
const onMail = (detail: string) => `constraint \`by_mail\` on U(mail): ${detail}`;
const onNick = (detail: string) => `constraint \`by_nick\` on U(nick): ${detail}`;

describe('refused', () => {
  test.each<[string, Situation, readonly Operation[], string, object]>([
    [
      'a key that a node has',
      { held: [A_X] },
      [create('n', ['U'], { mail: 'x' })],
      onMail('node `a` has this key'),
      { ids: ['a'] },
    ],
    [
      'the second operation, a key that a node has',
      { held: [A_X] },
      [create('m', [], {}), create('n', ['U'], { mail: 'x' })],
      onMail('node `a` has this key'),
      { ids: ['a'], operation: 1 },
    ],
    [
      'a key that an earlier operation gave away',
      {},
      [create('m', ['U'], { mail: 'x' }), create('n', ['U'], { mail: 'x' })],
      onMail('node `n` has this key'),
      { ids: ['n'], operation: 0 },
    ],
    [
      'a key of two nodes, of which one loses it',
      { held: [A_X, B_X] },
      [patch('a', { mail: 'z' }), create('n', ['U'], { mail: 'x' })],
      onMail('node `b` has this key'),
      { ids: ['b'], operation: 1 },
    ],
    [
      'a key that was given away and is taken back',
      { held: [A_X] },
      [patch('a', { mail: 'z' }), create('n', ['U'], { mail: 'x' }), patch('a', { mail: 'x' })],
      onMail('node `n` has this key'),
      { ids: ['n'], operation: 2 },
    ],
    [
      'a label that makes it the second',
      { held: [A_X, ['c', [], { mail: 'x' }]] },
      [patch('c', {}, { labels: { kind: 'change', add: ['U'], remove: [] } })],
      onMail('node `a` has this key'),
      { ids: ['a'] },
    ],
    [
      'a property that is missing',
      {},
      [create('n', ['N'], {})],
      'constraint `named` on N(name): `name` is missing in node `n`',
      { ids: ['n'] },
    ],
    [
      'a property that is taken away',
      { held: [['n', ['N'], { name: 1 }]] },
      [create('m', [], {}), put('n', ['N'], {})],
      'constraint `named` on N(name): `name` is missing in node `n`',
      { ids: ['n'], operation: 1 },
    ],
    [
      'a label whose property was never there',
      { held: [['n', ['M'], {}]] },
      [put('n', ['M', 'N'], {})],
      'constraint `named` on N(name): `name` is missing in node `n`',
      { ids: ['n'] },
    ],
    [
      'a relationship with a value of another type',
      {},
      [edge('createEdge', 'e', 'x')],
      'constraint `weighed` on T(w): `w` is not of type INTEGER in relationship `e`',
      { ids: ['e'] },
    ],
    [
      'the second operation, a relationship that is put so',
      {},
      [edge('createEdge', 'd', 1), edge('putEdge', 'e', 'x')],
      'constraint `weighed` on T(w): `w` is not of type INTEGER in relationship `e`',
      { ids: ['e'], operation: 1 },
    ],
    [
      'a relationship that is changed so',
      {},
      [
        edge('createEdge', 'e', 1),
        operation({ op: 'patchEdge', id: 'e', properties: { w: { kind: 'set', value: 'x' } } }),
      ],
      'constraint `weighed` on T(w): `w` is not of type INTEGER in relationship `e`',
      { ids: ['e'], operation: 1 },
    ],
    [
      'a relationship whose id nobody knows',
      {},
      [edge('createEdge', undefined, 'x')],
      'constraint `weighed` on T(w): `w` is not of type INTEGER in the relationship',
      { ids: [] },
    ],
    [
      'below strong: a key for an id that does not follow from it',
      APART,
      [create('n', ['U'], { mail: 'x' })],
      onMail(`below \`strong\` only node \`${OF_X}\` can get this key: leave out the id, or write at \`strong\``),
      { ids: ['n'] },
    ],
    [
      'below strong: another key for a node whose id follows from one',
      APART,
      [create(undefined, ['U'], { mail: 'x', nick: 'y' })],
      onNick('below `strong` a node gets one unique key, and constraint `by_mail` comes first: write at `strong`'),
      { ids: [OF_X] },
    ],
    [
      'below strong: a put that repeats the key of a node with an id of its own',
      { ...APART, held: [A_X] },
      [put('a', ['U'], { mail: 'x', more: 1 })],
      onMail(`below \`strong\` only node \`${OF_X}\` can get this key: leave out the id, or write at \`strong\``),
      { ids: ['a'] },
    ],
    [
      'below strong: a node that is made twice',
      APART,
      [create(undefined, ['U'], { mail: 'x' }), create(undefined, ['U'], { mail: 'x' })],
      onMail(`node \`${OF_X}\` has this key`),
      { ids: [OF_X] },
    ],
    [
      'below strong: a node that is made twice, by its second key',
      APART,
      [create(undefined, ['U'], { nick: 'y' }), create(undefined, ['U'], { nick: 'y' })],
      onNick(`node \`${OF_NICK}\` has this key`),
      { ids: [OF_NICK] },
    ],
    [
      'below strong: a node that is made again by its id',
      { ...APART, held: [[OF_X, ['U'], { mail: 'x' }]] },
      [create(OF_X, ['U'], { mail: 'x' })],
      onMail(`node \`${OF_X}\` has this key`),
      { ids: [OF_X] },
    ],
    [
      'below strong: a key whose id belongs to a node that has it no more',
      { ...APART, held: [[OF_X, ['U'], { mail: 'z' }]] },
      [create(undefined, ['U'], { mail: 'x' })],
      onMail(`the id that this key gives belongs to node \`${OF_X}\`, which has it no more: write at \`strong\``),
      { ids: [OF_X] },
    ],
    [
      'at strong: the id that the key gives, while its node has the key',
      { held: [[OF_X, ['U'], { mail: 'x' }]] },
      [create(OF_X, ['U'], { mail: 'x' })],
      onMail(`node \`${OF_X}\` has this key`),
      { ids: [OF_X] },
    ],
  ])('%s -> says which, where and why', (_, situation, operations, message, context) => {
    const error = outcome(situation, operations);
    expect(error).toMatchObject({ code: 'constraint-violated', message });
    expect((error as WeftError).context).toEqual({ constraint: message.split('`')[1], ...context });
  });
});

describe('kept', () => {
  const ids = (patches: readonly Patch[] | WeftError) =>
    Array.isArray(patches) && patches.map(({ kind, id }) => `${kind} ${id}`);

  test.each<[string, Situation, readonly Operation[], readonly string[]]>([
    [
      'a key that its node loses in the same batch',
      { held: [A_X] },
      [create('n', ['U'], { mail: 'x' }), patch('a', { mail: 'y' })],
      ['node-create n', 'node-update a'],
    ],
    [
      'a key whose node goes in the same batch',
      { held: [A_X] },
      [remove('a'), create('n', ['U'], { mail: 'x' })],
      ['node-delete a', 'node-create n'],
    ],
    ['keys of nodes that another label binds', { held: [A_X] }, [create('n', ['V'], { mail: 'x' })], ['node-create n']],
    [
      'another property of nodes that share a key since they merged',
      { held: [A_X, B_X] },
      [patch('a', { p: 1 }), patch('b', { p: 1 })],
      ['node-update a', 'node-update b'],
    ],
    [
      'another property of a node that lacks one since it merged',
      { held: [['n', ['N'], {}]] },
      [patch('n', { p: 1 })],
      ['node-update n'],
    ],
    [
      'a property that is missing at first and set in the same batch',
      {},
      [create('n', ['N'], {}), patch('n', { name: 1 })],
      ['node-create n', 'node-update n'],
    ],
    [
      'a relationship that breaks a constraint and goes in the same batch',
      {},
      [edge('putEdge', 'e', 'x'), operation({ op: 'deleteEdge', id: 'e' })],
      ['edge-create e', 'stub-create e', 'edge-delete e', 'stub-delete e'],
    ],
    [
      'below strong: another property of a node with an id of its own',
      { ...APART, held: [A_X] },
      [patch('a', { p: 1 })],
      ['node-update a'],
    ],
    ['below strong: a node without an id', APART, [create(undefined, ['U'], { mail: 'x' })], [`node-create ${OF_X}`]],
    ['below strong: the id that the key gives', APART, [create(OF_X, ['U'], { mail: 'x' })], [`node-create ${OF_X}`]],
    ['at strong: an id of its own', {}, [create('n', ['U'], { mail: 'x', nick: 'y' })], ['node-create n']],
    [
      'ids do not follow from keys (a planted bug)',
      { ...APART, idsFollow: false },
      [create('n', ['U'], { mail: 'x' })],
      ['node-create n'],
    ],
  ])('%s', (_, situation, operations, drafted) => {
    expect(ids(outcome(situation, operations))).toEqual(drafted);
  });

  test('at strong, a node without an id whose key gives one that another node has -> gets an id of its own', () => {
    const held = [[OF_X, ['U'], { mail: 'z' }]] as const;
    const [made, ...rest] = outcome({ held }, [create(undefined, ['U'], { mail: 'x' })]) as Patch[];
    expect(rest).toEqual([]);
    expect(made?.id).toMatch(/^[-_0-9A-Za-z]{15}$/);
  });

  test('a create under a condition, with the id that the key gives -> the condition decides', () => {
    const held = [[OF_X, ['U'], { mail: 'x' }]] as const;
    const made = create(OF_X, ['U'], { mail: 'x' }, { condition: { noneMatch: '*' } });
    expect(outcome({ ...APART, held }, [made])).toMatchObject({ code: 'precondition-failed' });
  });

  test('below strong, a patch that repeats the key of a node with an id of its own -> leaves the key out, and nothing else', () => {
    const held = [['a', ['U', 'V'], { mail: 'x', p: 1 }]] as const;
    const drafted = (asked: Operation) => (outcome({ ...APART, held }, [asked]) as Patch[])[0];
    expect(drafted(patch('a', { mail: 'x', p: 1, q: 2 }))).toMatchObject({ properties: { p: 1, q: 2 } });
    expect(drafted(patch('a', { mail: 'x', q: 2 }))).not.toHaveProperty('properties.mail');
    const replaced = drafted(patch('a', {}, { labels: { kind: 'replace', labels: ['U', 'W'] } }));
    expect(replaced).toMatchObject({ more: { labelsAdded: ['W'], labelsRemoved: ['V'] } });
    const changed = drafted(patch('a', {}, { labels: { kind: 'change', add: ['U', 'W'], remove: ['N'] } }));
    expect(changed).toMatchObject({ more: { labelsAdded: ['W'], labelsRemoved: ['N'] } });
    const removed = drafted(operation({ op: 'patchNode', id: 'a', properties: { mail: { kind: 'remove' } } }));
    expect(removed).toMatchObject({ more: { propertiesRemoved: ['mail'] } });
  });

  test('below strong, a patch that repeats the key of the node whose id follows from it -> as it is asked for', () => {
    const held = [[OF_X, ['U'], { mail: 'x' }]] as const;
    const [update] = outcome({ ...APART, held }, [patch(OF_X, { mail: 'x' })]) as Patch[];
    expect(update).toMatchObject({ properties: { mail: 'x' } });
    const [atStrong] = outcome({ held: [A_X] }, [patch('a', { mail: 'x' })]) as Patch[];
    expect(atStrong).toMatchObject({ properties: { mail: 'x' } });
  });
});

describe('each operation by itself', () => {
  test.each<[string, Operation]>([
    ['a create', create('n', ['U'], { mail: 'x' })],
    ['a put', put('n', ['U'], { mail: 'x' })],
    ['a create of a relationship', edge('createEdge', 'e', 'x')],
    ['a put of a relationship', edge('putEdge', 'e', 'x')],
  ])('%s that is refused -> before it changes the draft, and the next one is not refused for it', (_, operation) => {
    const draft = drafting({ held: [A_X], alone: true });
    expect(() => draft.apply(operation)).toThrow(expect.objectContaining({ code: 'constraint-violated' }));
    expect(draft.patches).toEqual([]);
    draft.apply(create('m', ['U'], { mail: 'y' }));
    draft.check();
    expect(draft.patches.map(({ patch: { id } }) => id)).toEqual(['m']);
  });

  test('keys that earlier ones got -> taken; a put of what is there already -> left out, though others share its key', () => {
    const draft = drafting({ held: [A_X, B_X], alone: true });
    draft.apply(put('m', ['U'], { mail: 'y' }));
    expect(() => draft.apply(put('n', ['U'], { mail: 'y' }))).toThrow(onMail('node `m` has this key'));
    draft.apply(put('a', ['U'], { mail: 'x' }));
    draft.check();
    expect(draft.patches.map(({ patch: { id } }) => id)).toEqual(['m']);
  });

  test('below strong: a put of what is there, with an id of its own -> left out; one that changes it -> refused', () => {
    const draft = drafting({ ...APART, alone: true, held: [A_X] });
    draft.apply(put('a', ['U'], { mail: 'x' }));
    expect(draft.patches).toEqual([]);
    expect(() => draft.apply(put('a', ['U'], { mail: 'x', p: 1 }))).toThrow(`only node \`${OF_X}\` can get this key`);
  });
});

test('a key that nobody here has, and partitions are closed -> asked for; a key that is kept -> not', () => {
  const closed = ['1', '2'];
  const error = outcome({ closed }, [create('n', ['U'], { mail: 'x' })]);
  expect(error).toBeInstanceOf(Unhydrated);
  expect((error as unknown as Unhydrated).partitions).toEqual(closed);
  expect(outcome({ closed, held: [A_X] }, [patch('a', { p: 1 })])).toHaveLength(1);
});

test('no constraints -> nothing that would keep them', () => {
  const rules = { set: undefined, isDecisive: true, idsFollow: true, closedPartitions: () => [] };
  expect(constraintsFor(new GraphView({ partitions: 1, restoringTypes: [] }), rules)).toBeUndefined();
});

test.each<[string, Properties, readonly string[], boolean]>([
  ['the same', { p: [1], q: 'x' }, ['A', 'B'], true],
  ['labels in another order, repeated', { p: [1], q: 'x' }, ['B', 'A', 'B'], true],
  ['a label less', { p: [1], q: 'x' }, ['A'], false],
  ['a label more', { p: [1], q: 'x' }, ['A', 'B', 'C'], false],
  ['another label', { p: [1], q: 'x' }, ['A', 'C'], false],
  ['a property less', { p: [1] }, ['A', 'B'], false],
  ['a property more', { p: [1], q: 'x', r: 1 }, ['A', 'B'], false],
  ['another property', { p: [1], r: 'x' }, ['A', 'B'], false],
  ['another value', { p: [2], q: 'x' }, ['A', 'B'], false],
])('a node against what is wanted: %s -> whether it is that', (_, properties, labels, is) => {
  expect(isSame({ labels: ['A', 'B'], properties: { p: [1], q: 'x' } }, { labels, properties })).toBe(is);
  expect(isSame(undefined, { labels, properties })).toBe(false);
});
