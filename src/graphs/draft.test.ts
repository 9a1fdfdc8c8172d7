import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { type EdgeId, type NodeId, replicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Patch } from '../../crdt/patch.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { clockOfWallMs } from '../../crdt/stamp.ts';
import type { Condition, Operation } from '../../graph/model.ts';
import { Float } from '../../graph/value.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { PartitionKey } from '../../storage/store.ts';
import {
  commitOf,
  contents,
  edge,
  increment,
  LARGE,
  node,
  put,
  remove,
  removeEdge,
  run,
  spreadIds,
  TINY,
} from '../engine-on-disk.model.ts';

const [a, b, c] = spreadIds(3) as [NodeId, NodeId, NodeId];
const e = 'e' as EdgeId;

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
}

/** Runs `operations` as one batch on a graph with nodes a, b, c and the edge e from a to b. */
async function started(memoryBudgetBytes = LARGE) {
  const running = await run({ memoryBudgetBytes });
  await running.graph.write([node(a, { x: 1 }, ['L']), node(b), node(c), edge(e, a, b)]);
  return running;
}

describe.each([
  ['all in memory', LARGE],
  ['nothing stays in memory', TINY],
])('batch, %s', (_, budget) => {
  const refused: readonly (readonly [string, string, number, readonly Operation[]])[] = [
    ['createNode of a node that exists', 'node-exists', 1, [put('new'), node(a)]],
    ['createNode twice', 'node-exists', 1, [node('new'), node('new')]],
    ['patchNode of no node', 'node-not-found', 1, [put('new'), increment('no', 'x')]],
    ['deleteNode of no node', 'node-not-found', 1, [put('new'), remove('no')]],
    ['deleteNode twice', 'node-not-found', 1, [remove(c), remove(c)]],
    ['deleteNode with an edge out', 'node-has-edges', 2, [put('new'), increment(a, 'x'), remove(a)]],
    ['deleteNode with an edge in', 'node-has-edges', 1, [put('new'), remove(b)]],
    ['deleteNode with an edge of the batch', 'node-has-edges', 1, [edge('f', c, a), remove(c)]],
    ['deleteNode with a self-loop', 'node-has-edges', 1, [edge('f', c, c), remove(c)]],
    ['createEdge from no node', 'endpoint-missing', 1, [put('new'), edge('f', 'no', a)]],
    ['createEdge to no node', 'endpoint-missing', 1, [put('new'), edge('f', a, 'no')]],
    ['createEdge to a node that the batch deleted', 'endpoint-missing', 1, [remove(c), edge('f', a, c)]],
    ['createEdge of an edge that exists', 'edge-exists', 1, [put('new'), edge(e, a, b)]],
    ['createEdge of an edge that exists, from another partition', 'edge-exists', 1, [put('new'), edge(e, c, b)]],
    ['createEdge twice', 'edge-exists', 1, [edge('f', a, b), edge('f', b, c)]],
    [
      'patchEdge of no edge',
      'edge-not-found',
      1,
      [put('new'), { op: 'patchEdge', id: 'no' as EdgeId, properties: {} }],
    ],
    ['deleteEdge of no edge', 'edge-not-found', 1, [put('new'), removeEdge('no')]],
    ['deleteEdge twice', 'edge-not-found', 1, [removeEdge(e), removeEdge(e)]],
    ['deleteEdge of an edge that went with its node', 'edge-not-found', 1, [remove(a, true), removeEdge(e)]],
    ['$inc of a text', 'property-type', 1, [put(c, { t: 'text' }), increment(c, 't')]],
    [
      '$add to a number',
      'property-type',
      1,
      [put('new'), { op: 'patchNode', id: a, properties: { x: { kind: 'members', add: [1], remove: [] } } }],
    ],
    ...(
      [
        ['another target', edge(e, a, c)],
        ['another source', edge(e, c, b)],
        ['another type', edge(e, a, b, 'U')],
      ] as const
    ).map(([what, operation]): readonly [string, string, number, readonly Operation[]] => {
      return [
        `putEdge with ${what}`,
        'edge-exists',
        1,
        [put('new'), { ...operation, op: 'putEdge', id: e } as Operation],
      ];
    }),
    ['a property that is too large', 'payload-too-large', 1, [put('new'), put(a, { x: 'x'.repeat(1_100_000) })]],
  ];

  it.each(refused)('%s -> %s at operation %i, and nothing happened', async (_name, code, at, operations) => {
    const { graph } = await started(budget);
    const before = await graph.digest();
    const error = await graph.write(operations).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WeftError);
    expect(error).toMatchObject({ code, kind: { definite: true } });
    expect((error as WeftError).context).toMatchObject({ operation: at });
    // Of several operations it says which element is at fault.
    if (/-(exists|not-found)$/.test(code)) expect((error as WeftError).context).toHaveProperty('id');
    expect(await graph.digest()).toEqual(before);
    expect(await outcome(graph.node('new' as NodeId))).toBe('node-not-found');
    expect(await graph.integrity()).toMatchObject({ nodes: 3, edges: 1, orphanStubs: [], missingStubs: [] });
  });

  it('later operations see earlier ones -> the answer shows each element after the whole batch', async () => {
    const { graph } = await started(budget);
    const results = await graph.write([
      node('n', { count: 1 }, ['A']),
      increment('n', 'count', 4),
      { op: 'patchNode', id: 'n' as NodeId, labels: { kind: 'change', add: ['B'], remove: ['A'] } },
      edge('f', 'n', a),
      { op: 'patchEdge', id: 'f' as EdgeId, properties: { w: { kind: 'set', value: 2 } } },
      node('gone'),
      remove('gone'),
    ]);
    expect(results.map(({ id, created, element }) => ({ id, created, element }))).toEqual([
      { id: 'n', created: true, element: { id: 'n', labels: ['B'], properties: { count: 5 } } },
      { id: 'n', created: false, element: { id: 'n', labels: ['B'], properties: { count: 5 } } },
      { id: 'n', created: false, element: { id: 'n', labels: ['B'], properties: { count: 5 } } },
      { id: 'f', created: true, element: { id: 'f', type: 'T', from: 'n', to: a, properties: { w: 2 } } },
      { id: 'f', created: false, element: { id: 'f', type: 'T', from: 'n', to: a, properties: { w: 2 } } },
      { id: 'gone', created: true, element: undefined },
      { id: 'gone', created: false, element: undefined },
    ]);
    expect(new Set(results.slice(0, 3).map(({ version }) => version)).size).toBe(1);
    expect((await graph.node('n' as NodeId)).version).toBe(results[0]?.version);
  });

  it('an edge id that the server made, chosen again from another partition -> edge-exists', async () => {
    const { graph } = await started(budget);
    const [made] = await graph.write([
      { op: 'createEdge', type: 'T', from: a, to: b, properties: {} } satisfies Operation,
    ]);
    expect(await outcome(graph.write([edge(String(made?.id), c, c)]))).toBe('edge-exists');
    expect(await graph.integrity()).toMatchObject({ edges: 2, duplicateEdges: [] });
  });

  it('an edge id that names another partition than its own -> found, and not given twice', async () => {
    const { graph } = await started(budget);
    const id = '3~chosen';
    for (const from of [a, b, c]) {
      await graph.write([edge(id, from, from)]);
      expect((await graph.edge(id as EdgeId)).element.from).toBe(from);
      for (const again of [a, b, c]) expect(await outcome(graph.write([edge(id, again, a)]))).toBe('edge-exists');
      await graph.write([{ op: 'patchEdge', id: id as EdgeId, properties: { w: { kind: 'set', value: 1 } } }]);
      await graph.write([removeEdge(id)]);
      expect(await outcome(graph.edge(id as EdgeId))).toBe('edge-not-found');
    }
    expect(await graph.integrity()).toMatchObject({ edges: 1, orphanStubs: [], missingStubs: [], duplicateEdges: [] });
  });

  it('an edge moves to another source of the same partition, then its old source goes -> it stays', async () => {
    const { graph } = await run({ memoryBudgetBytes: budget });
    await graph.write([node('s!a'), node('s!b'), node('s!c'), edge('f', 's!a', 's!b')]);
    await graph.write([removeEdge('f'), edge('f', 's!c', 's!b'), remove('s!a')]);
    expect((await graph.edge('f' as EdgeId)).element).toMatchObject({ from: 's!c', to: 's!b' });
    await graph.write([
      node('s!x'),
      edge('g', 's!x', 's!b'),
      removeEdge('g'),
      edge('g', 's!c', 's!b'),
      remove('s!x', true),
    ]);
    expect((await contents(graph)).edges.map(({ id, from }) => [id, from])).toEqual([
      ['f', 's!c'],
      ['g', 's!c'],
    ]);
    expect(await graph.integrity()).toMatchObject({ hiddenEdges: [], orphanStubs: [], missingStubs: [] });
  });

  it('an edge moves to another target, then its old target goes -> it stays', async () => {
    const { graph } = await started(budget);
    await graph.write([removeEdge(e), edge(e, a, c), remove(b)]);
    expect((await graph.edge(e)).element).toMatchObject({ from: a, to: c });
    expect((await graph.edgesOf(c, { direction: 'in' }, { limit: 9 })).items.map(({ id }) => id)).toEqual([e]);
  });

  it('self-loops and parallel edges -> each counts once, and goes with its node', async () => {
    const { graph } = await started(budget);
    await graph.write([edge('p', a, b), edge('q', a, b, 'U'), edge('l', a, a), edge('m', a, a)]);
    const ids = async (direction: 'out' | 'in' | 'both', type?: string) =>
      (await graph.edgesOf(a, { direction, ...(type && { type }) }, { limit: 9 })).items.map(({ id }) => id);
    expect(await ids('out')).toEqual(['e', 'l', 'm', 'p', 'q']);
    expect(await ids('in')).toEqual(['l', 'm']);
    expect(await ids('both')).toEqual(['e', 'l', 'm', 'p', 'q']);
    expect(await ids('both', 'U')).toEqual(['q']);
    const around = await graph.neighbors(a, { direction: 'both', depth: 3 }, { limit: 9 });
    expect(around.items.map(({ id }) => id)).toEqual([b]);
    await graph.write([remove(a, true)]);
    expect(await graph.integrity()).toMatchObject({ nodes: 2, edges: 0, hiddenEdges: [], orphanStubs: [] });
  });

  it('delete and create again -> nothing of the old element shows', async () => {
    const { graph } = await started(budget);
    await graph.write([
      increment(a, 'count', 7),
      { op: 'patchNode', id: a, properties: { tags: { kind: 'members', add: ['x', 'y'], remove: [] } } },
      { op: 'patchEdge', id: e, properties: { w: { kind: 'set', value: 1 } } },
    ]);
    await graph.write([remove(a, true)]);
    expect(await outcome(graph.edge(e))).toBe('edge-not-found');
    await graph.write([node(a, { y: 2 }, ['M'])]);
    expect((await graph.node(a)).element).toEqual({ id: a, labels: ['M'], properties: { y: 2 } });
    expect((await graph.edgesOf(a, { direction: 'both' }, { limit: 9 })).items).toEqual([]);
    await graph.write([increment(a, 'count'), edge(e, a, c)]);
    expect((await graph.node(a)).element.properties).toEqual({ count: 1, y: 2 });
    expect((await graph.edge(e)).element).toEqual({ id: e, type: 'T', from: a, to: c, properties: {} });
    expect((await graph.nodes({ label: 'L' }, { limit: 9 })).items).toEqual([]);
  });

  it('put over a node with counters and sets -> only what was put shows; counting goes on from there', async () => {
    const { graph } = await started(budget);
    await graph.write([increment(a, 'x', 4), increment(a, 'n', 3)]);
    await graph.write([put(a, { x: 100 })]);
    expect((await graph.node(a)).element).toEqual({ id: a, labels: [], properties: { x: 100 } });
    await graph.write([increment(a, 'x', 1), increment(a, 'n', 1)]);
    expect((await graph.node(a)).element.properties).toEqual({ n: 1, x: 101 });
  });
});

describe('values', () => {
  it('counters of integers beyond 2^53 and of floats -> exact, one kind each', async () => {
    const { graph } = await run();
    await graph.write([put(a, { big: 2n ** 62n, f: 0.5, whole: new Float(1) })]);
    await graph.write([
      {
        op: 'patchNode',
        id: a,
        properties: {
          big: { kind: 'increment', by: 2n ** 61n },
          f: { kind: 'increment', by: 0.5 },
          whole: { kind: 'increment', by: 1 },
          fresh: { kind: 'increment', by: -3 },
        },
      },
    ]);
    expect((await graph.node(a)).element.properties).toEqual({
      big: 2n ** 62n + 2n ** 61n,
      f: new Float(1),
      fresh: -3,
      whole: new Float(2),
    });
    const overflow = graph.write([
      { op: 'patchNode', id: a, properties: { big: { kind: 'increment', by: 2n ** 62n } } },
    ]);
    expect(await outcome(overflow)).toBe('invalid-value');
  });

  it('sets -> each member once, in canonical order; a removed one is gone', async () => {
    const { graph } = await run();
    await graph.write([put(a, { tags: ['b', 'a', 'b'] })]);
    const members = (add: readonly string[], gone: readonly string[] = []): Operation => ({
      op: 'patchNode',
      id: a,
      properties: { tags: { kind: 'members', add, remove: gone } },
    });
    await graph.write([members(['c', 'a'], ['b'])]);
    expect((await graph.node(a)).element.properties).toEqual({ tags: ['a', 'c'] });
    await graph.write([members([], ['a', 'c', 'never'])]);
    expect((await graph.node(a)).element.properties).toEqual({ tags: [] });
    await graph.write([members(['z'])]);
    expect((await graph.node(a)).element.properties).toEqual({ tags: ['z'] });
  });

  it('names of Object.prototype as ids, labels, types and properties -> names like any other', async () => {
    const { graph, disk } = await run();
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const properties = Object.fromEntries(names.map((name) => [name, name]));
    await graph.write([
      ...names.map((name) => node(name, properties, names)),
      ...names.map((name) => edge(name, name, '__proto__', name, properties)),
    ]);
    await graph.write(names.map((name) => increment(name, 'valueOf')));
    disk.crash();
    const after = (await run({ disk })).graph;
    for (const name of names) {
      const { element } = await after.node(name as NodeId);
      expect(Object.entries(element.properties).sort()).toEqual([...Object.entries(properties), ['valueOf', 1]].sort());
      expect(element.labels).toEqual([...names].sort());
      expect(Object.entries((await after.edge(name as EdgeId)).element.properties).sort()).toEqual(
        Object.entries(properties).sort(),
      );
      const into = await after.edgesOf('__proto__' as NodeId, { direction: 'in', type: name }, { limit: 9 });
      expect(into.items.map(({ id }) => id)).toEqual([name]);
    }
    expect((await after.nodes({ properties: [['isPrototypeOf', 'x']] }, { limit: 9 })).items).toEqual([]);
    expect((await after.nodes({ properties: [['__proto__', '__proto__']] }, { limit: 9 })).items).toHaveLength(4);
  });

  it('a patch that sets null -> the property is gone', async () => {
    const { graph } = await run();
    await graph.write([put(a, { x: 1, y: 2 })]);
    await graph.write([
      { op: 'patchNode', id: a, properties: { x: { kind: 'set', value: null }, y: { kind: 'remove' } } },
    ]);
    expect((await graph.node(a)).element.properties).toEqual({});
  });
});

describe('conditions', () => {
  const withCondition = (operation: Operation, condition: Condition): Operation => ({ ...operation, condition });

  it.each<[string, (condition: Condition) => Operation]>([
    ['putNode', (condition) => withCondition(put(a, { x: 2 }), condition)],
    ['patchNode', (condition) => withCondition(increment(a, 'x'), condition)],
    ['deleteNode', (condition) => withCondition(remove(a, true), condition)],
  ])('%s -> decided by the version that the node has now', async (_, operation) => {
    const { graph } = await started();
    const { version } = await graph.node(a);
    await graph.write([increment(a, 'x')]);
    const now = (await graph.node(a)).version;
    expect(now).not.toBe(version);
    const digest = await graph.digest();
    expect(await outcome(graph.write([operation({ match: [version] })]))).toBe('precondition-failed');
    expect(await outcome(graph.write([operation({ match: [] })]))).toBe('precondition-failed');
    expect(await outcome(graph.write([operation({ noneMatch: [version, now] })]))).toBe('precondition-failed');
    expect(await outcome(graph.write([operation({ noneMatch: '*' })]))).toBe('precondition-failed');
    expect(await graph.digest()).toEqual(digest);
    expect(await outcome(graph.write([operation({ match: ['other', now], noneMatch: [version] })]))).toBe('done');
    expect(await graph.digest()).not.toEqual(digest);
  });

  it.each<[string, Operation]>([
    ['patchEdge', { op: 'patchEdge', id: e, properties: { w: { kind: 'set', value: 1 } } }],
    ['putEdge', { op: 'putEdge', id: e, type: 'T', from: a, to: b, properties: { w: 2 } }],
    ['deleteEdge', { op: 'deleteEdge', id: e }],
  ])('%s -> decided by the version that the edge has now', async (_, operation) => {
    const { graph } = await started();
    const { version } = await graph.edge(e);
    expect(await outcome(graph.write([withCondition(operation, { match: ['other'] })]))).toBe('precondition-failed');
    expect(await outcome(graph.write([withCondition(operation, { noneMatch: [version] })]))).toBe(
      'precondition-failed',
    );
    expect(await outcome(graph.write([withCondition(operation, { match: [version] })]))).toBe('done');
  });

  it('create if none exists -> once, also among requests that share a commit', async () => {
    const { graph } = await run();
    const create = withCondition(put(a, { x: 1 }), { noneMatch: '*' });
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome(graph.write([create]))));
    expect(outcomes.filter((code) => code === 'done')).toHaveLength(1);
    expect(outcomes.filter((code) => code === 'precondition-failed')).toHaveLength(9);
    expect(await outcome(graph.write([withCondition(put(b), { match: '*' })]))).toBe('precondition-failed');
    const edges = withCondition(edge('f', a, a), { noneMatch: '*' });
    expect(await outcome(graph.write([edges]))).toBe('done');
    expect(await outcome(graph.write([edges]))).toBe('precondition-failed');
  });

  it('many writers that each read, add one and put back if unchanged -> no update is lost', async () => {
    const { graph } = await run();
    await graph.write([put(a, { n: 0 })]);
    const add = async () => {
      for (;;) {
        const { element, version } = await graph.node(a);
        const next = put(a, { n: Number(element.properties.n) + 1 });
        if ((await outcome(graph.write([withCondition(next, { match: [version] })]))) === 'done') return;
      }
    };
    await Promise.all(Array.from({ length: 12 }, add));
    expect((await graph.node(a)).element.properties).toEqual({ n: 12 });
  });
});

describe('what other replicas left', () => {
  const other = replicaId(7);
  const clock = clockOfWallMs(1_749_000_000_000);
  const stamp = (tick: number) => ({ clock: clock + tick, replica: other });
  const created = (id: string): { at: string; patch: Patch } => ({
    at: id,
    patch: { kind: 'node-create', ...stamp(0), id, labels: ['L'], properties: { x: 1 } },
  });
  const ends = { type: 'T', from: a, to: b };
  const record = { at: a, patch: { kind: 'edge-create', ...stamp(1), id: e, ...ends, properties: {} } as Patch };
  const stub = { at: b, patch: { kind: 'stub-create', ...stamp(1), id: e, ...ends } as Patch };
  const deleted = (id: string) => ({ at: id, patch: { kind: 'node-delete', ...stamp(2), id } as Patch });

  async function withCommit(placed: readonly { at: string; patch: Patch }[], memoryBudgetBytes: number) {
    const disk = new MemoryDisk();
    await commitOf(disk, other, placed);
    return run({ disk, memoryBudgetBytes });
  }

  describe.each([
    ['all in memory', LARGE],
    ['nothing stays in memory', TINY],
  ])('%s', (_, budget) => {
    it.each([
      ['source', a, b],
      ['target', b, a],
    ])(
      'an edge whose %s was deleted concurrently -> hidden everywhere, not counted, repairable',
      async (_end, gone, left) => {
        const { graph } = await withCommit([created(a), created(b), record, stub, deleted(gone)], budget);
        expect(await outcome(graph.edge(e))).toBe('edge-not-found');
        expect((await graph.edgesOf(left, { direction: 'both' }, { limit: 9 })).items).toEqual([]);
        expect((await graph.neighbors(left, { direction: 'both', depth: 2 }, { limit: 9 })).items).toEqual([]);
        expect((await contents(graph)).edges).toEqual([]);
        expect(await graph.counts()).toEqual({ nodes: 1, edges: 0 });
        expect(await graph.integrity()).toMatchObject({
          edges: 0,
          hiddenEdges: [e],
          orphanStubs: [],
          missingStubs: [],
        });
        for (const operation of [removeEdge(e), { op: 'patchEdge', id: e, properties: {} } as Operation]) {
          expect(await outcome(graph.write([operation]))).toBe('edge-not-found');
        }
        expect(await graph.repair()).toMatchObject({ hiddenEdges: [e], repaired: 1 });
        expect(await graph.integrity()).toMatchObject({ hiddenEdges: [], orphanStubs: [], missingStubs: [] });
      },
    );

    it('a hidden edge -> does not keep its node from being deleted, and goes with it', async () => {
      const { graph } = await withCommit([created(a), created(b), record, stub, deleted(b)], budget);
      expect(await outcome(graph.write([remove(a)]))).toBe('done');
      expect(await graph.integrity()).toMatchObject({ nodes: 0, hiddenEdges: [], orphanStubs: [] });
    });

    it('a hidden edge -> its id can be used again, by an edge from elsewhere', async () => {
      const { graph } = await withCommit([created(a), created(b), created(c), record, stub, deleted(b)], budget);
      expect(await outcome(graph.write([edge(e, c, a, 'U')]))).toBe('done');
      expect((await graph.edge(e)).element).toEqual({ id: e, type: 'U', from: c, to: a, properties: {} });
      expect(await graph.integrity()).toMatchObject({ edges: 1, hiddenEdges: [], orphanStubs: [], duplicateEdges: [] });
    });

    it('the endpoint of a hidden edge is created again -> the edge shows again', async () => {
      const { graph } = await withCommit([created(a), created(b), record, stub, deleted(b)], budget);
      await graph.write([node(b)]);
      expect((await graph.edge(e)).element).toMatchObject(ends);
    });

    it('an edge without its stub, a stub without its edge -> reported, and put right', async () => {
      const orphan = { at: b, patch: { kind: 'stub-create', ...stamp(1), id: 'o', ...ends } as Patch };
      const { graph } = await withCommit([created(a), created(b), record, orphan], budget);
      expect(await graph.integrity()).toMatchObject({ orphanStubs: ['o'], missingStubs: [e] });
      expect(await graph.repair()).toMatchObject({ repaired: 2 });
      expect(await graph.integrity()).toMatchObject({ edges: 1, orphanStubs: [], missingStubs: [], hiddenEdges: [] });
      expect((await graph.edgesOf(b, { direction: 'in' }, { limit: 9 })).items.map(({ id }) => id)).toEqual([e]);
    });

    it('one edge id made concurrently at two sources -> two edges, which integrity names', async () => {
      const later = { type: 'T', from: b, to: c };
      const second = { at: b, patch: { kind: 'edge-create', ...stamp(3), id: e, ...later, properties: {} } as Patch };
      const mark = { at: c, patch: { kind: 'stub-create', ...stamp(3), id: e, ...later } as Patch };
      const nodes = [created(a), created(b), created(c)];
      const { graph } = await withCommit([...nodes, record, stub, second, mark], budget);
      expect(await graph.integrity()).toMatchObject({
        edges: 2,
        duplicateEdges: [e],
        orphanStubs: [],
        missingStubs: [],
      });
      expect((await graph.edgesOf(b, { direction: 'both' }, { limit: 9 })).items.map(({ to }) => to).sort()).toEqual(
        [b, c].sort(),
      );
    });

    it('one edge id made concurrently with two targets -> the later one; the stub of the other is named, and put right', async () => {
      const lost = { at: c, patch: { kind: 'stub-create', ...stamp(0), id: e, ...ends, to: c } as Patch };
      const nodes = [created(a), created(b), created(c)];
      const { graph } = await withCommit([...nodes, lost, record, stub], budget);
      expect(await graph.integrity()).toMatchObject({
        edges: 1,
        orphanStubs: [e],
        missingStubs: [],
        duplicateEdges: [],
      });
      expect((await graph.edgesOf(c, { direction: 'in' }, { limit: 9 })).items).toEqual([]);
      expect((await graph.edgesOf(b, { direction: 'in' }, { limit: 9 })).items).toHaveLength(1);
      expect(await graph.repair()).toMatchObject({ repaired: 1 });
      expect(await graph.integrity()).toMatchObject({ edges: 1, orphanStubs: [], missingStubs: [] });
    });

    it('counters of two replicas -> they add up, and a restart changes nothing', async () => {
      const total = (tick: number, by: number): { at: string; patch: Patch } => ({
        at: a,
        patch: {
          kind: 'node-update',
          ...stamp(tick),
          id: a,
          properties: {},
          more: { totals: new Map([['n', { since: clock, total: by }]]) },
        },
      });
      const { graph, disk, engine } = await withCommit([created(a), total(1, 5), total(2, 6), total(1, 5)], budget);
      await graph.write([increment(a, 'n', 10)]);
      expect((await graph.node(a)).element.properties).toEqual({ n: 16, x: 1 });
      await engine.close();
      const again = await run({ disk, memoryBudgetBytes: budget });
      await again.graph.write([increment(a, 'n', 100)]);
      expect((await again.graph.node(a)).element.properties).toEqual({ n: 116, x: 1 });
    });
  });

  async function restored(change?: Parameters<typeof commitOf>[2][number]) {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    const name = 'g' as Parameters<typeof first.engine.graph>[0];
    await first.engine.createGraph(name, { restoringTypes: ['T'] });
    const system = await first.engine.graph('_system' as typeof name).nodes({ label: 'Graph' }, { limit: 10 });
    const graphKey = String(system.items[0]?.properties.key);
    await first.engine.close();
    const before = change === undefined ? [] : [change];
    await commitOf(disk, other, [created(a), created(b), ...before, record, stub, deleted(b)], { graphKey });
    const { engine } = await run({ disk });
    return engine.graph(name);
  }

  it('a restoring type: an endpoint deleted concurrently -> it is back with what it had, and can be written', async () => {
    const graph = await restored();
    expect((await graph.node(b)).element).toEqual({ id: b, labels: ['L'], properties: { x: 1 } });
    expect((await graph.edge(e)).element).toMatchObject(ends);
    await graph.write([increment(b, 'x', 2)]);
    await graph.write([removeEdge(e)]);
    expect((await graph.node(b)).element).toEqual({ id: b, labels: ['L'], properties: { x: 3 } });
  });

  it('a restoring type: the endpoint has a text, and is written -> the text is one as before', async () => {
    const properties = { text: 'abc' };
    const more = { textsMade: ['text'] };
    const graph = await restored({ at: b, patch: { kind: 'node-update', ...stamp(1), id: b, properties, more } });
    expect((await graph.node(b)).element.texts).toHaveProperty('text');
    await graph.write([increment(b, 'x', 2)]);
    const { element } = await graph.node(b);
    expect([element.properties, Object.keys(element.texts ?? {})]).toEqual([{ text: 'abc', x: 3 }, ['text']]);
  });

  it('a restoring type: a refused change of the endpoint -> leaves it as it is, only brought back', async () => {
    const graph = await restored();
    const before = await graph.digest();
    const failures = await graph.load(
      [{ op: 'patchNode', id: b, properties: { x: { kind: 'members', add: [1], remove: [] } } }],
      { stopAtFirst: false },
    );
    expect(failures.failures).toHaveLength(1);
    expect(await graph.digest()).toEqual(before);
  });
});

describe('load', () => {
  const [d] = spreadIds(4).slice(3) as [NodeId];

  it('a failure in the middle, stop at first -> all before it are there, none after it', async () => {
    const { graph, disk } = await run();
    const lines = [put(a), put(b), edge('x', a, 'no'), put(c)];
    const result = await graph.load(lines, { stopAtFirst: true });
    expect(result.applied).toBe(2);
    expect(result.failures).toMatchObject([{ index: 2, error: { code: 'endpoint-missing' } }]);
    disk.crash();
    const after = await contents((await run({ disk })).graph);
    expect(after.nodes.map(({ id }) => id)).toEqual([a, b].sort());
  });

  it('failures in several slices, go on -> all others are there, each failure with its index', async () => {
    const { graph } = await run();
    const lines = Array.from({ length: 1500 }, (_, i) => (i % 500 === 7 ? edge(`x${i}`, 'no', 'no') : put(`n${i}`)));
    const result = await graph.load(lines, { stopAtFirst: false });
    expect(result.applied).toBe(1497);
    expect(result.failures.map(({ index }) => index)).toEqual([7, 507, 1007]);
    expect(await graph.counts()).toEqual({ nodes: 1497, edges: 0 });
  });

  it.each([true, false])(
    'an element that is too large, stop at first: %s -> a failure like any other',
    async (stopAtFirst) => {
      const { graph } = await run();
      const lines = [put(a), put(b, { x: 'x'.repeat(LIMITS.patchCharsMax + 1) }), put(c), put(d)];
      const result = await graph.load(lines, { stopAtFirst });
      expect(result.failures).toMatchObject([{ index: 1, error: { code: 'payload-too-large' } }]);
      expect(result.applied).toBe(stopAtFirst ? 1 : 3);
      expect((await contents(graph)).nodes.map(({ id }) => id)).toEqual((stopAtFirst ? [a] : [a, c, d]).sort());
    },
  );

  it('the same import twice -> the second changes nothing, not even versions', async () => {
    const { graph, engine } = await run();
    const lines = [put(a, { x: 1 }, ['M', 'L']), put(b), { ...edge(e, a, b), op: 'putEdge' } as Operation];
    await graph.load(lines, { stopAtFirst: true });
    const digest = await graph.digest();
    const { commitsTotal } = engine.metrics();
    expect(await graph.load(lines, { stopAtFirst: true })).toEqual({ applied: 3, failures: [] });
    expect(await graph.digest()).toEqual(digest);
    expect(engine.metrics().commitsTotal).toBe(commitsTotal);
    await graph.load([put(a, { x: new Float(1) }, ['L', 'M'])], { stopAtFirst: true });
    expect((await graph.node(a)).element.properties).toEqual({ x: new Float(1) });
  });

  it('a later slice needs a damaged partition -> says how far it came, and what ended it; all before it are there', async () => {
    const damaged = partitionOfNode(a, 16);
    const { graph, disk } = await run({
      wrap: (store) =>
        new Proxy(store, {
          get(target, name) {
            if (name === 'readPartition') {
              return async (key: PartitionKey, want: { document: boolean }) => {
                if (key.partition === damaged) throw new WeftError('partition-recovering', 'damaged');
                return target.readPartition(key, want);
              };
            }
            const value = Reflect.get(target, name) as unknown;
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    });
    const sound = Array.from({ length: 1000 }, (_, i) => `n${i}`).filter((id) => partitionOfNode(id, 16) !== damaged);
    const lines = [...sound.slice(0, 600).map((id) => put(id as NodeId)), put(a)];
    const { applied, failures, ended } = await graph.load(lines, { stopAtFirst: true });
    expect(applied).toBeGreaterThan(0);
    expect([failures, ended?.at]).toEqual([[], applied]);
    expect(ended?.error).toMatchObject({ code: 'partition-recovering' });
    disk.crash();
    expect((await (await run({ disk })).graph.counts()).nodes).toBe(applied);
    // Nothing was applied: the refusal itself, which is definite.
    expect(await outcome(graph.load([put(a)], { stopAtFirst: true }))).toBe('partition-recovering');
  });

  it('the disk fails in the middle -> refused with an open outcome; a restart has a prefix', async () => {
    const { graph, disk } = await run();
    await graph.load([put('first')], { stopAtFirst: true });
    disk.failWrites(new Error('no space'));
    const lines = Array.from({ length: 2000 }, (_, i) => put(`n${String(i).padStart(4, '0')}`));
    expect(await outcome(graph.load(lines, { stopAtFirst: true }))).toBe('storage-failed');
    disk.crash();
    const { nodes } = await contents((await run({ disk })).graph);
    expect(nodes.map(({ id }) => id)).toEqual(['first']);
  });
});
