/** What operations and patches add to a graph, weighed before they are taken, against a plain count of what is there. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EdgeId, type NodeId, type PartitionId, replicaId } from '../base/ids.ts';
import type { Operation, PropertyChanges } from '../graph/model.ts';
import type { Quota } from '../graph/quota.ts';
import { Float, Point, type Properties, Temporal } from '../graph/value.ts';
import { someProperties } from '../graph/values.model.ts';
import { DraftedPatch } from './drafted-patch.ts';
import { GraphView } from './graph-view.ts';
import type { Assignments, EdgeCreate, EdgeUpdate, NodeCreate, NodeUpdate, Patch } from './patch.ts';
import { checkPatches } from './quota-check.ts';
import { QuotaMeter } from './quota-meter.ts';
import { partitionOfNode } from './routing.ts';
import { TextHistory } from './text-history.ts';
import { textRoot } from './text-root.ts';
import { bytesAdded, ELEMENT_BYTES, NO_USAGE, plus, propertiesBytes, Tally, type Usage } from './usage.ts';

const node = (id: string) => id as NodeId;
const edge = (id: string) => id as EdgeId;

describe('usage', () => {
  test.each<[string, Properties, number]>([
    ['nothing', {}, 0],
    ['text', { ab: 'xyz' }, 5],
    ['numbers, null and truth', { a: 1, b: 2n ** 60n, c: new Float(2), d: null, e: true }, 5 + 5 * 8],
    ['bytes', { a: Uint8Array.of(1, 2, 3) }, 4],
    ['a date', { a: new Temporal('Date', '2026-11-27') }, 11],
    ['a point', { a: new Point(7203, [1, 2]) }, 1 + 8 * 3],
    ['a list, also within one', { a: ['xy', [1]] }, 1 + 8 + 2 + (8 + 8)],
    ['a map', { a: { bc: 'd' } }, 1 + 8 + 3],
  ])('%s -> its bytes as a user would count them', (_, properties, bytes) => {
    expect(propertiesBytes(properties)).toBe(bytes);
  });

  test('what any properties have more than others -> the difference of their bytes', () => {
    fc.assert(
      fc.property(someProperties, someProperties, (before, after) => {
        const mixed = { ...before, ...after };
        for (const next of [after, mixed]) {
          expect(bytesAdded(before, next)).toBe(propertiesBytes(next) - propertiesBytes(before));
        }
      }),
    );
  });

  test('sums, and the way back', () => {
    const [a, b] = [
      { nodes: 1, edges: 2, bytes: 3 },
      { nodes: 10, edges: 20, bytes: 30 },
    ];
    expect(plus(a, b)).toEqual({ nodes: 11, edges: 22, bytes: 33 });
    expect(plus(plus(a, b), b, -1)).toEqual(a);
    const tally = new Tally();
    for (const [partition, by] of [
      [1, 5],
      [2, 7],
      [1, -2],
      [3, 0],
    ] as const)
      tally.add(partition, by);
    expect([tally.total, tally.at(1), tally.at(2), tally.at(3)]).toEqual([10, 3, 7, 0]);
  });
});

/** A graph as plain data, which counts all of itself. */
class Plain {
  readonly nodes = new Map<string, Properties>();
  readonly edges = new Map<string, { readonly from: string; readonly properties: Properties }>();

  usage(scope?: string): Usage {
    const isIn = (id: string) => scope === undefined || id.startsWith(scope);
    const nodes = Array.from(this.nodes).filter(([id]) => isIn(id));
    const edges = Array.from(this.edges.values()).filter(({ from }) => isIn(from));
    const all = [...nodes.map(([, properties]) => properties), ...edges.map(({ properties }) => properties)];
    const bytes = all.reduce((sum, properties) => sum + ELEMENT_BYTES + propertiesBytes(properties), 0);
    return { nodes: nodes.length, edges: edges.length, bytes };
  }

  meter(quota: Quota, used: Usage = this.usage(), refused: () => void = () => undefined): QuotaMeter {
    return new QuotaMeter(
      { quota, used: () => used, usedIn: (scope) => this.usage(scope), refused },
      {
        shownNode: (id) => {
          const properties = this.nodes.get(id);
          return properties && { labels: [], properties };
        },
        shownEdge: (id) => {
          const held = this.edges.get(id);
          return held && { labels: [], ...held };
        },
      },
    );
  }

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'createNode':
      case 'putNode':
        this.nodes.set(operation.id as string, operation.properties);
        return;
      case 'createEdge':
      case 'putEdge':
        this.edges.set(operation.id as string, { from: operation.from, properties: operation.properties });
        return;
      case 'patchNode':
        this.nodes.set(operation.id, changed(this.nodes.get(operation.id) ?? {}, operation.properties ?? {}));
        return;
      case 'patchEdge': {
        const held = this.edges.get(operation.id);
        if (held === undefined) return;
        this.edges.set(operation.id, { ...held, properties: changed(held.properties, operation.properties) });
        return;
      }
      case 'deleteNode':
        this.nodes.delete(operation.id);
        return;
      case 'deleteEdge':
        this.edges.delete(operation.id);
    }
  }
}

function changed(held: Properties, changes: PropertyChanges): Properties {
  const next: Record<string, Properties[string]> = { ...held };
  for (const [name, change] of Object.entries(changes)) {
    if (change.kind === 'set') next[name] = change.value;
    else if (change.kind === 'text') next[name] = change.text;
    else if (change.kind === 'remove') delete next[name];
    else if (change.kind === 'increment') next[name] ??= 1;
  }
  return next;
}

const names = fc.constantFrom('p', 'longer');
const values = fc.constantFrom<Properties[string]>('', 'text', 1, [1, 2]);
const properties = fc.dictionary(names, values, { maxKeys: 2 });
const changes = fc.dictionary(
  names,
  fc.oneof(
    values.map((value) => ({ kind: 'set', value })),
    fc.string().map((text) => ({ kind: 'text', text })),
    fc.constant({ kind: 'remove' }),
    fc.constant({ kind: 'increment', by: 1 }),
  ),
  { maxKeys: 2 },
) as fc.Arbitrary<PropertyChanges>;
const ids = fc.constantFrom('a', 'b', 's!a', 's!b').map(node);
const edgeIds = fc.constantFrom('e', 'f').map(edge);
const ends = { type: fc.constant('T'), from: ids, to: ids };
const of = (op: Operation['op'], fields: object) =>
  fc.record({ op: fc.constant(op), ...fields }) as unknown as fc.Arbitrary<Operation>;
const operations = fc.oneof(
  of('createNode', { id: ids, labels: fc.constant([]), properties }),
  of('putNode', { id: ids, labels: fc.constant([]), properties }),
  of('patchNode', { id: ids, properties: changes }),
  of('deleteNode', { id: ids, detach: fc.constant(true) }),
  of('createEdge', { id: edgeIds, ...ends, properties }),
  of('patchEdge', { id: edgeIds, properties: changes }),
  of('deleteEdge', { id: edgeIds }),
);

describe('operations', () => {
  test('any, one after the other -> each adds what the graph has more after it, in its scope too', () => {
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 12 }), (all) => {
        const plain = new Plain();
        for (const operation of all) {
          // An operation on what is not there, or a create of what is, is refused elsewhere.
          const isEdge = operation.op.endsWith('Edge');
          const isThere = isEdge ? plain.edges.has(String(operation.id)) : plain.nodes.has(String(operation.id));
          if (/^(patch|delete)/.test(operation.op) !== isThere && operation.op !== 'putNode') continue;
          const before = plain.usage();
          const growth = plain.meter({ bytes: 1e9 }).admit(operation);
          const home = isEdge
            ? (plain.edges.get(String(operation.id))?.from ?? (operation as { from?: string }).from)
            : operation.id;
          plain.apply(operation);
          const after = plain.usage();
          expect(growth).toEqual({
            elements: after.nodes + after.edges - before.nodes - before.edges,
            bytes: after.bytes - before.bytes,
            scope: home?.startsWith('s!') ? 's!' : undefined,
          });
        }
      }),
      { numRuns: 300 },
    );
  });

  test('without an id -> one more, of no scope; an edge belongs to its source', () => {
    const plain = new Plain();
    const made = { labels: [], properties: { p: 'x' } };
    expect(plain.meter({ bytes: 1e9 }).admit({ op: 'createNode', ...made })).toEqual({
      elements: 1,
      bytes: ELEMENT_BYTES + 2,
      scope: undefined,
    });
    const loose = { op: 'createEdge', type: 'T', from: node('s!a'), to: node('b'), properties: {} } as const;
    expect(plain.meter({ bytes: 1e9 }).admit(loose)).toEqual({ elements: 1, bytes: ELEMENT_BYTES, scope: 's!' });
  });

  test('no quota of bytes -> values are not weighed', () => {
    const plain = new Plain();
    plain.apply({ op: 'createNode', id: node('a'), labels: [], properties: { p: 'long' } });
    const meter = plain.meter({ elements: 10, scopeElements: 10 });
    const patch = { op: 'patchNode', id: node('a'), properties: { p: { kind: 'set', value: 'longer yet' } } } as const;
    expect(meter.admit(patch)).toMatchObject({ elements: 0, bytes: 0 });
    expect(meter.admit({ op: 'createNode', labels: [], properties: { p: 'x' } })).toMatchObject({
      elements: 1,
      bytes: 0,
    });
  });

  test('a text is typed into, members come and go -> what came, and what went', () => {
    const meter = new Plain().meter({ bytes: 1e9 });
    const change = (properties: PropertyChanges) => meter.admit({ op: 'patchNode', id: node('a'), properties }).bytes;
    const stamp = { clock: 1, replica: replicaId(1) };
    expect(change({ p: { kind: 'typed', of: stamp, update: new Uint8Array(9) } })).toBe(9);
    expect(change({ p: { kind: 'members', add: ['abc', 'd'], remove: [] } })).toBe(4);
    expect(change({ p: { kind: 'members', add: [], remove: ['abc'] } })).toBe(-3);
  });
});

describe('limits', () => {
  const create = (id: string): Operation => ({ op: 'createNode', id: node(id), labels: [], properties: {} });
  const BYTES = ELEMENT_BYTES;
  test.each<[string, Quota, number, number]>([
    ['elements', { elements: 3 }, 3, 3],
    ['bytes', { bytes: 3 * BYTES }, 3 * BYTES, 3],
    ['bytes', { bytes: 3 * BYTES + 1 }, 3 * BYTES + 1, 3],
    ['scopeElements', { scopeElements: 2 }, 2, 2],
    ['scopeBytes', { scopeBytes: 2 * BYTES }, 2 * BYTES, 2],
  ])(
    '%s %j -> exactly that much, with what the draft added before; then refused, told and counted',
    (limit, quota, max, fit) => {
      const plain = new Plain();
      plain.apply(create('s!there'));
      let refusals = 0;
      const meter = plain.meter(quota, plain.usage(), () => void refusals++);
      for (let i = 1; i < fit; i++) meter.add(meter.admit(create(`s!n${i}`)));
      const isBytes = limit.toLowerCase().endsWith('bytes');
      const context = { limit, max, used: isBytes ? fit * BYTES : fit, wanted: isBytes ? BYTES : 1 };
      const scope = limit.startsWith('scope') ? { scope: 's!' } : {};
      expect(() => meter.admit(create('s!more'))).toThrow(
        expect.objectContaining({ code: 'quota-exceeded', context: { ...context, ...scope } }),
      );
      expect(refusals).toBe(1);
      // What does not grow it passes, however full it is; so does what is in another scope, of limits of scopes.
      meter.add(meter.admit({ op: 'putNode', id: node('s!there'), labels: [], properties: {} }));
      meter.add(meter.admit({ op: 'deleteNode', id: node('s!there'), detach: true }));
      if (limit.startsWith('scope')) expect(() => meter.admit(create('t!more'))).not.toThrow();
      expect(refusals).toBe(1);
      // That made room.
      expect(() => meter.admit(create('s!more'))).not.toThrow();
    },
  );
});

describe('patches of offline replicas', () => {
  const SETTINGS = { partitions: 1, restoringTypes: [] };
  const stamp = (clock: number) => ({ clock, replica: replicaId(1) });
  const made = (id: string, properties: Properties = {}): NodeCreate => {
    return { kind: 'node-create', id, ...stamp(1), labels: [], properties };
  };
  const joined = (id: string, from: string, properties: Properties = {}): EdgeCreate => {
    return { kind: 'edge-create', id, ...stamp(1), type: 'T', from, to: 'a', properties };
  };
  const update = (kind: 'node-update' | 'edge-update', id: string, properties: Properties): NodeUpdate | EdgeUpdate => {
    return { kind, id, ...stamp(2), properties };
  };

  /** What patches add to a graph that has these already; with one less to have than that they are refused. */
  function added(there: readonly Patch[], patches: readonly Patch[]): { elements: number; bytes: number } {
    const view = new GraphView(SETTINGS);
    const homeOf = (patch: Patch) => (patch.kind === 'edge-create' ? patch.from : patch.id === 'e' ? 's!a' : patch.id);
    const partitionFor = (patch: Patch) => partitionOfNode(homeOf(patch), 1);
    for (const partition of ['0', 's!']) {
      const opened = view.open(partition as PartitionId);
      for (const patch of there) if (partitionFor(patch) === partition) view.fold(opened, patch, 50);
    }
    const drafted: DraftedPatch[] = patches.map((patch) => {
      const home = [0, 1].find((ordinal) => view.partitionAt(ordinal) === partitionFor(patch)) as number;
      return new DraftedPatch(home, patch, '', false);
    });
    const weighed = (limit: keyof Quota): number => {
      for (let max = 0; ; max++) {
        let refusals = 0;
        const rules = {
          quota: { [limit]: max },
          used: () => NO_USAGE,
          usedIn: () => NO_USAGE,
          refused: () => void refusals++,
        };
        try {
          checkPatches(view, rules, drafted);
          expect(refusals).toBe(0);
          return max;
        } catch (error) {
          expect(error).toMatchObject({ code: 'quota-exceeded', context: { limit, max, used: 0 } });
          expect(refusals).toBe(1);
        }
      }
    };
    const whole = { elements: weighed('elements'), bytes: weighed('bytes') };
    const isAllInScope = drafted.every(({ home }) => view.partitionAt(home) === 's!');
    // Of a scope only what is in it counts.
    const scope = { elements: weighed('scopeElements'), bytes: weighed('scopeBytes') };
    expect(scope).toEqual(isAllInScope ? whole : { elements: 0, bytes: 0 });
    return whole;
  }

  const DELETE_NODE: Patch = { kind: 'node-delete', id: 's!n', ...stamp(3) };
  const DELETE_EDGE: Patch = { kind: 'edge-delete', id: 'e', ...stamp(3) };
  const N = made('s!n', { p: 'four' });
  const E = joined('e', 's!a', { p: 'four' });
  const SET = made('s!n', { p: ['a'] });
  const withMore = (more: Assignments): Patch => ({
    kind: 'node-update',
    id: 's!n',
    ...stamp(3),
    properties: {},
    more,
  });
  const grown = (add: readonly string[]) => new Map([['p', { add, remove: [] }]]);
  const COUNTED = withMore({ totals: new Map([['q', { since: 3, total: 5 }]]) });
  const of = stamp(2);
  const TEXT: Patch = { ...N, ...of, properties: { p: 'four' }, more: { textsMade: ['p'] } };
  const history = new TextHistory(textRoot({ element: 'node', id: 's!n', property: 'p', of }), of);
  const edit = (clock: number, text: string): Patch => {
    const made = history.edit('four', text, stamp(clock)) as Uint8Array;
    history.add({ ...stamp(clock), update: made });
    const textChanges = new Map([['p', { of, update: made }]]);
    return { kind: 'node-update', id: 's!n', ...stamp(clock), properties: {}, more: { textChanges } };
  };
  const TYPED = edit(3, 'four and a');
  const CLEARED = edit(4, '');
  test.each<[string, readonly Patch[], readonly Patch[], number, number]>([
    ['none', [], [], 0, 0],
    ['a node, and again', [], [N, N], 1, ELEMENT_BYTES + 10],
    ['a node that is there', [N], [N], 0, 0],
    ['an edge', [], [E], 1, ELEMENT_BYTES + 5],
    ['an edge that is there', [E], [E], 0, 0],
    ['outside of any scope', [], [made('n', { p: 'four' })], 1, ELEMENT_BYTES + 5],
    ['an update that grows it', [N], [update('node-update', 's!n', { p: 'longer' })], 0, 2],
    ['an update that shortens it', [N], [update('node-update', 's!n', { p: '' })], 0, 0],
    ['another property', [N], [update('node-update', 's!n', { q: 'xx' })], 0, 3],
    ['an update of an edge', [E], [update('edge-update', 'e', { p: 'longer' })], 0, 2],
    ['made and deleted', [], [N, DELETE_NODE], 0, 5],
    ['deleted, and another one made', [N], [DELETE_NODE, made('s!m')], 0, 0],
    ['deleted twice, and two made', [N], [DELETE_NODE, DELETE_NODE, made('s!m'), made('s!o')], 1, ELEMENT_BYTES],
    ['a deletion of what is not there, and one made', [], [DELETE_NODE, made('s!m')], 1, ELEMENT_BYTES],
    ['members of a set, two of which are new', [SET], [withMore({ members: grown(['a', 'bc', 'def']) })], 0, 5],
    [
      'members of a set, again',
      [SET, withMore({ members: grown(['bc']) })],
      [withMore({ members: grown(['bc']) })],
      0,
      0,
    ],
    ['a set of its own', [N], [withMore({ members: new Map([['q', { add: ['xy'], remove: [] }]]) })], 0, 1 + 8 + 2],
    ['members that go', [SET], [withMore({ members: new Map([['p', { add: [], remove: ['a'] }]]) })], 0, 0],
    ['a counter', [N], [withMore({ totals: new Map([['q', { since: 2, total: 5 }]]) })], 0, 1 + 8],
    ['a counter, again', [N, COUNTED], [COUNTED], 0, 0],
    ['a text that grows', [TEXT], [TYPED], 0, 6],
    ['a text that grows, again', [TEXT, TYPED], [TYPED], 0, 0],
    ['a text that is made, and grows', [N], [TEXT, TYPED], 0, 6],
    ['a text that shrinks', [TEXT, TYPED], [CLEARED], 0, 0],
    ['an edge deleted, and one made', [E], [DELETE_EDGE, joined('f', 's!a')], 0, 0],
  ])('%s -> what is there more after it, at most', (_, there, patches, elements, bytes) => {
    const weight = added(there, patches);
    expect(weight.elements).toBe(elements);
    // Properties that come again, or go with their element, are weighed all the same: rather too much than too little.
    expect(weight.bytes).toBe(bytes);
  });

  test.each<keyof Quota>(['elements', 'scopeElements'])('%s -> nodes and edges that are there count, too', (limit) => {
    const view = new GraphView(SETTINGS);
    const home = view.open('s!' as PartitionId).ordinal;
    const used = { nodes: 2, edges: 3, bytes: 0 };
    const rules = { used: () => used, usedIn: () => used, refused: () => undefined };
    const check = (max: number) =>
      checkPatches(view, { ...rules, quota: { [limit]: max } }, [new DraftedPatch(home, N, '', false)]);
    expect(() => check(5)).toThrow(
      expect.objectContaining({ context: expect.objectContaining({ used: 5, wanted: 1 }) }),
    );
    expect(() => check(6)).not.toThrow();
  });
});
