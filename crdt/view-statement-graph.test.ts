/** Seeks and scans against a plain filter of all nodes; what a statement holds, decides and ends. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { type NodeId, type PartitionId, replicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import type { OrdinalCursor, RangeBound, SchemaEntry } from '../graph/query-graph.ts';
import { Float, Temporal, type Value, valuesEqual } from '../graph/value.ts';
import { ConstraintSet } from './constraint-set.ts';
import { derivedNodeId } from './derived-node-id.ts';
import { GraphView, Unhydrated } from './graph-view.ts';
import type { Patch } from './patch.ts';
import { readGraph } from './reading.model.ts';
import { HybridClock } from './stamp.ts';
import { type StatementGraphOptions, ViewStatementGraph } from './view-statement-graph.ts';

const PARTITIONS = ['a!', 'b!', 'c!'] as PartitionId[];
const NOW_MS = Date.UTC(2026, 10, 27);

/** A statement over a view of its own, and what it asked of its host, one word each. */
function statement(more: Partial<StatementGraphOptions> = {}, open: readonly PartitionId[] = PARTITIONS) {
  const view = new GraphView({ partitions: 1, restoringTypes: [] });
  for (const partition of open) view.open(partition);
  const calls: string[] = [];
  const graph = {
    view,
    changes: 0,
    whole: open.length === PARTITIONS.length,
    deleted: false,
    writingStatements: undefined as Promise<void> | undefined,
    partitionIds: () => PARTITIONS,
    mayHold: (node: string) => !node.startsWith('c!'),
    notFound: () => new WeftError('graph-not-found', 'gone'),
  };
  const options: StatementGraphOptions = {
    graph,
    hold: () => {
      calls.push('hold');
      const provide = async () => void calls.push('provide');
      return { provide, keepOpen: () => void calls.push('keepOpen'), release: () => void calls.push('release') };
    },
    expire: () => void calls.push('expire'),
    writer: {
      durable: () => undefined,
      write: async (operations, onDecided) => {
        calls.push(`write ${operations.length}`);
        onDecided?.();
        calls.push(graph.writingStatements === undefined ? 'ended' : 'writing');
      },
    },
    schema: {
      entries: () => [],
      constraints: () => undefined,
      violations: () => 7,
      declare: async ({ name }) => void calls.push(`declare ${name}`),
      drop: async (name) => name === 'there',
    },
    inRange,
    isEqual: sameSize,
    clock: new HybridClock({ wallMs: () => NOW_MS, monotonicMs: () => 0 }),
    replica: replicaId(7),
    ...more,
  };
  let clock = 1;
  const fold = (
    patch: { readonly id: string; readonly from?: string; readonly [field: string]: unknown },
    at = patch.from ?? patch.id,
  ): void => {
    const stamped = { clock: clock++, replica: replicaId(1), ...patch } as unknown as Patch;
    view.fold(view.need(at.slice(0, 2) as PartitionId), stamped, 20);
  };
  const node = (id: string, labels: readonly string[] = [], properties = {}) =>
    fold({ kind: 'node-create', id, labels, properties });
  const edge = (id: string, type: string, from: string, to: string) => {
    fold({ kind: 'edge-create', id, type, from, to, properties: {} });
    fold({ kind: 'stub-create', id, type, from, to }, to);
  };
  return { graph, view, calls, fold, node, edge, statement: new ViewStatementGraph(options), options };
}

const isNumeric = (value: Value): value is number | bigint | Float =>
  typeof value === 'number' || typeof value === 'bigint' || value instanceof Float;
const kindOf = (value: Value) => (isNumeric(value) ? 'number' : typeof value);
const plain = (value: Value) => (value instanceof Float ? value.value : (value as number | bigint | string));

function inRange(value: Value, from: RangeBound | undefined, to: RangeBound | undefined): boolean {
  const lies = (bound: RangeBound | undefined, sign: 1 | -1) => {
    if (bound === undefined) return true;
    if (kindOf(value) !== kindOf(bound.value) || typeof value === 'boolean')
      return value === bound.value && bound.inclusive;
    const [low, high] = sign === 1 ? [bound.value, value] : [value, bound.value];
    return plain(low) < plain(high) || (bound.inclusive && sameSize(value, bound.value));
  };
  return lies(from, 1) && lies(to, -1);
}

/** As queries take values for equal: numbers by size. */
function sameSize(a: Value, b: Value): boolean {
  // The operator compares an integer of any size with a float exactly.
  // biome-ignore lint/suspicious/noDoubleEquals: see above
  return isNumeric(a) && isNumeric(b) ? plain(a) == plain(b) : valuesEqual(a, b);
}

function drain(cursor: OrdinalCursor, limit: number): number[] {
  const found: number[] = [];
  const into = new Int32Array(limit + 2).fill(-1);
  for (;;) {
    const count = cursor.next(into, 1, limit);
    expect(count).toBeLessThanOrEqual(limit);
    expect([into[0], into[limit + 1]]).toEqual([-1, -1]);
    if (count === 0) break;
    found.push(...into.subarray(1, 1 + count));
  }
  expect(cursor.next(into, 1, limit)).toBe(0);
  return found;
}

const VALUES: readonly Value[] = [
  ...[0, 1, -1, 7, 0.5, new Float(1), 2 ** 40, -(2 ** 40), 2n ** 53n + 1n, -(2n ** 62n) - 1n, 2n ** 62n],
  ...['', 'x', 'x1', 'x🦜', 'y', 'x\uffff\uffff\uffff', true, false],
  ...[new Temporal('Date', '2026-11-27'), new Temporal('Date', '2026-11-28'), [1], [1, 'x'], { a: 1 }, Number.NaN],
];
const SOUGHT: readonly (readonly Value[])[] = [
  ...VALUES.map((value) => [value]),
  ...[[], [0, 'x'], [1, 7, 'none', true], [[1], [1, 'x']], [new Temporal('Date', '2026-11-28'), 0.5, Number.NaN]],
];

function randomNodes(random: SeededRandom, values = VALUES) {
  const made = statement();
  const ids = Array.from({ length: 14 }, (_, i) => `${random.pick(PARTITIONS)}${i}`);
  const some = () => (random.chance(0.1) ? {} : { p: random.pick(values) });
  for (const id of ids) made.node(id, random.some(['L', 'M'], 0.7), some());
  for (let round = 0; round < 3; round++) {
    // Filled first, so that it follows what changes, and knows nodes that left a value and came back.
    drain(made.statement.seekEqual('L', 'p', ['x']), 9);
    for (const id of random.some(ids)) {
      if (random.chance(0.1)) made.fold({ kind: 'node-delete', id });
      else made.node(id, random.some(['L', 'M'], 0.7), some());
    }
  }
  const nodes = readGraph(made.view).nodes.filter(({ labels }) => labels.includes('L'));
  const idsOf = (ordinals: readonly number[]) => ordinals.map((at) => made.statement.nodeId(at)).sort();
  const idsWhere = (has: (value: Value) => boolean) =>
    nodes.flatMap(({ id, properties: { p } }) => (p !== undefined && has(p) ? [id] : [])).sort();
  return { ...made, idsOf, idsWhere, nodes };
}

describe('seeks', () => {
  test('one value, several, none: by batches of any size -> each node that has one of them, once', () => {
    const random = new SeededRandom(11);
    for (let round = 0; round < 25; round++) {
      const { statement, idsOf, idsWhere } = randomNodes(random);
      for (const values of SOUGHT) {
        const found = drain(statement.seekEqual('L', 'p', values), 1 + random.below(4));
        const isSought = (value: Value) => values.some((each) => sameSize(value, each) && !Number.isNaN(value));
        expect(idsOf(found)).toEqual(idsWhere(isSought));
      }
    }
  });

  test('a range between any two bounds, or with one -> the nodes that have a value in it', () => {
    const random = new SeededRandom(12);
    const BOUNDS: readonly Value[] = [
      -2,
      -1,
      0,
      0.5,
      new Float(1),
      8,
      '',
      'x',
      'x1',
      'z',
      true,
      2 ** 41,
      2n ** 62n + 1n,
    ];
    const bound = (): RangeBound | undefined =>
      random.chance(0.3) ? undefined : { value: random.pick(BOUNDS), inclusive: random.chance(0.5) };
    for (let round = 0; round < 25; round++) {
      const { statement, idsOf, idsWhere } = randomNodes(random);
      for (let i = 0; i < 30; i++) {
        const [from, to] = [bound(), bound()];
        if (from === undefined && to === undefined) continue;
        const found = drain(statement.seekRange('L', 'p', from, to), 1 + random.below(4));
        expect(idsOf(found)).toEqual(idsWhere((value) => inRange(value, from, to)));
      }
    }
  });

  test('a beginning -> the texts that start with it', () => {
    const random = new SeededRandom(13);
    for (let round = 0; round < 25; round++) {
      const { statement, idsOf, idsWhere } = randomNodes(random);
      for (const prefix of ['', 'x', 'x1', 'x🦜', 'none']) {
        const found = drain(statement.seekPrefix('L', 'p', prefix), 1 + random.below(4));
        expect(idsOf(found)).toEqual(idsWhere((value) => typeof value === 'string' && value.startsWith(prefix)));
      }
    }
  });

  test('nothing is wanted, limit 0 -> nothing, and the cursor stays where it is', () => {
    const { statement: read, node } = statement();
    node('a!1', ['L'], { p: 1 });
    const cursor = read.seekEqual('L', 'p', [1]);
    expect(cursor.next(new Int32Array(1), 0, 0)).toBe(0);
    expect(drain(cursor, 1)).toHaveLength(1);
  });

  test('a partition is closed -> made without it, asked for at the first use', () => {
    const { statement: read } = statement({}, ['b!' as PartitionId]);
    for (const cursor of [
      read.seekEqual('L', 'p', [1]),
      read.seekEqual('L', 'p', [1, 2]),
      read.seekRange('L', 'p', { value: 1, inclusive: true }, undefined),
      read.seekPrefix('L', 'p', 'x'),
    ]) {
      const closed = new Unhydrated(['a!', 'c!'] as PartitionId[]);
      expect(() => cursor.next(new Int32Array(1), 0, 1)).toThrow(closed);
      expect(() => cursor.next(new Int32Array(1), 0, 1)).toThrow(closed);
    }
    expect(() => read.findEdge('e')).toThrow(new Unhydrated(['a!', 'c!'] as PartitionId[]));
  });
});

describe('reads', () => {
  const made = statement();
  const { statement: read, view } = made;
  made.node('a!1', ['L', 'K'], { p: 1 });
  made.node('b!1', ['L']);
  made.node('c!1', ['M']);
  made.edge('e', 'T', 'a!1', 'b!1');
  made.edge('f', 'U', 'b!1', 'c!1');
  made.edge('loop', 'T', 'a!1', 'a!1');
  made.edge('hidden', 'T', 'a!1', 'b!none');
  const idsOf = (cursor: OrdinalCursor) =>
    drain(cursor, 2)
      .map((at) => read.edgeId(at))
      .sort();
  const [T, U] = [read.typeToken('T'), read.typeToken('U')] as const;

  test('names: of labels and types that somebody has -> tokens; others -> -1', () => {
    expect([read.labelToken('L') >= 0, read.labelToken('M') >= 0, read.labelToken('none')]).toEqual([true, true, -1]);
    expect([T >= 0, U >= 0, T !== U, read.typeToken('none')]).toEqual([true, true, true, -1]);
  });

  test('scans: all edges, of types, of none -> those with both of their ends', () => {
    expect(idsOf(read.scanEdges(undefined))).toEqual(['e', 'f', 'loop']);
    expect(idsOf(read.scanEdges(['T']))).toEqual(['e', 'loop']);
    expect(idsOf(read.scanEdges(['U', 'none']))).toEqual(['f']);
    expect(idsOf(read.scanEdges([]))).toEqual([]);
  });

  test('scans of nodes, all or with a label -> without those that an edge alone names', () => {
    expect(
      drain(read.scanNodes(), 2)
        .map((at) => read.nodeId(at))
        .sort(),
    ).toEqual(['a!1', 'b!1', 'c!1']);
    expect(
      drain(read.scanLabel('L'), 1)
        .map((at) => read.nodeId(at))
        .sort(),
    ).toEqual(['a!1', 'b!1']);
    expect(drain(read.scanLabel('none'), 1)).toEqual([]);
  });

  test('by id: an edge, none; a node of a partition that holds nothing is not looked for', () => {
    expect([read.edgeId(read.findEdge('e')), read.findEdge('none'), read.findEdge('hidden')]).toEqual(['e', -1, -1]);
    expect([read.nodeId(read.findNode('a!1')), read.findNode('a!2'), read.findNode('c!1')]).toEqual(['a!1', -1, -1]);
  });

  test('an element -> what it holds', () => {
    const [node, edge] = [read.findNode('a!1'), read.findEdge('e')];
    expect([read.labels(node), read.hasLabel(node, 'K'), read.hasLabel(node, 'M')]).toEqual([['K', 'L'], true, false]);
    expect([read.hasLabel(read.findNode('b!1'), 'K'), read.hasLabel(node, 'K')]).toEqual([false, true]);
    expect([read.nodeProperties(node), read.nodeProperty(node, 'p'), read.nodeProperty(node, 'q')]).toEqual([
      { p: 1 },
      1,
      undefined,
    ]);
    expect([read.nodeExists(node), read.edgeExists(edge), read.type(edge)]).toEqual([true, true, 'T']);
    expect([read.nodeId(read.from(edge)), read.nodeId(read.to(edge))]).toEqual(['a!1', 'b!1']);
    expect([read.degree(node, 'out', undefined), read.degree(node, 'both', [T]), read.degree(node, 'in', [U])]).toEqual(
      [2, 2, 0],
    );
    expect(read.nodeCapacity).toBeGreaterThan(Math.max(...drain(read.scanNodes(), 9)));
    expect(read.edgeCapacity).toBeGreaterThan(Math.max(...drain(read.scanEdges(undefined), 9)));
    expect(view.nodes.capacity).toBe(read.nodeCapacity);
  });
});

describe('what is held', () => {
  test('nothing was waited for -> nothing is held, and nothing to release', () => {
    const { statement: read, calls } = statement();
    read.release();
    expect(calls).toEqual(['expire']);
  });

  test('a read misses something, then it waits for others -> one hold, which keeps all that is open, each time', async () => {
    const { statement: read, calls } = statement();
    await read.makeResident(new Unhydrated([]));
    read.keepResident();
    read.release();
    expect(calls).toEqual(['expire', 'hold', 'keepOpen', 'provide', 'keepOpen', 'release']);
  });

  test('the graph is deleted meanwhile -> not found', async () => {
    const { statement: read, graph } = statement();
    const waited = read.makeResident(new Unhydrated([]));
    graph.deleted = true;
    await expect(waited).rejects.toMatchObject({ code: 'graph-not-found' });
  });
});

describe('statements that write', () => {
  const over = (graph: StatementGraphOptions['graph'], more: Partial<StatementGraphOptions>) =>
    new ViewStatementGraph({ ...statement().options, graph, ...more });

  test('three begin -> one after the other, and nobody is left waiting', async () => {
    const { graph, statement: first } = statement();
    const order: string[] = [];
    const [second, third] = [over(graph, {}), over(graph, {})];
    expect(first.beginWriting()).toBeUndefined();
    const waits = [second.beginWriting(), third.beginWriting()];
    expect(waits.every((wait) => wait instanceof Promise)).toBe(true);
    const all = [second, third].map(async (one, i) => {
      await waits[i];
      order.push(`begin ${i + 2}`);
      await Promise.resolve();
      order.push(`end ${i + 2}`);
      await one.commit([]);
      one.release();
    });
    await Promise.resolve();
    expect(order).toEqual([]);
    first.release();
    expect(graph.writingStatements).toBeDefined();
    await Promise.all(all);
    expect(order).toEqual(['begin 2', 'end 2', 'begin 3', 'end 3']);
    expect(graph.writingStatements).toBeUndefined();
  });

  test('its write is decided -> the next may begin before it is released', async () => {
    const { statement: read, calls } = statement();
    read.beginWriting();
    await read.commit([{ op: 'deleteNode', id: 'a!1' as NodeId, detach: false } as Operation]);
    read.release();
    expect(calls).toEqual(['expire', 'write 1', 'ended']);
  });

  test('decided by others -> told whether it saw one state; what came before it began to read does not count', async () => {
    const { graph, statement: first, options } = statement();
    const saw: boolean[] = [];
    const expired: number[] = [];
    const decide = async (_: readonly Operation[], sawOneState: boolean) => void saw.push(sawOneState);
    const expire = () => void expired.push(graph.changes);
    const make = () => new ViewStatementGraph({ ...options, decide, expire });
    first.beginWriting();
    const second = make();
    const waited = second.beginWriting();
    graph.changes++;
    first.release();
    await waited;
    expect(expired).toEqual([0, 1]);
    await second.commit([]);
    graph.changes++;
    await second.commit([]);
    await make().commit([]);
    expect(saw).toEqual([true, false, true]);
  });
});

describe('what a statement makes and declares', () => {
  test('ids -> new each time; of an edge, named after the partition of its source; of a key, the one that follows', () => {
    const { statement: read, options } = statement();
    const nodes = [read.makeNodeId(), read.makeNodeId()];
    const edges = [read.makeEdgeId('a!1' as NodeId), read.makeEdgeId('a!1' as NodeId)];
    expect(new Set([...nodes, ...edges]).size).toBe(4);
    for (const id of nodes) expect(id).toMatch(/^[-_0-9A-Za-z]{15}$/);
    for (const id of edges) expect(id).toMatch(/^a!~[-_0-9A-Za-z]{15}$/);
    expect(read.derivedNodeId(['L'], { p: 1 })).toBeUndefined();
    const set = ConstraintSet.of([{ kind: 'unique', name: 'u', on: 'node', label: 'L', properties: ['p'] }]);
    const schema = { ...options.schema, constraints: () => set };
    const keyed = statement({ schema }).statement;
    expect(keyed.derivedNodeId(['L'], { p: 1 })).toBe(derivedNodeId('L', ['p'], '["n1"]'));
  });

  test('schema, durability -> what the graph says', async () => {
    const { options, calls } = statement();
    const entry: SchemaEntry = { kind: 'index', name: 'i', on: 'node', label: 'L', properties: ['p'] };
    const durable = Promise.resolve();
    const schema = { ...options.schema, entries: () => [entry] };
    const read = new ViewStatementGraph({ ...options, schema, writer: { ...options.writer, durable: () => durable } });
    await read.declare(entry);
    expect(calls.at(-1)).toBe('declare i');
    expect([await read.drop('there'), await read.drop('none')]).toEqual([true, false]);
    expect([read.schema(), read.violations(entry), read.settle()]).toEqual([[entry], 7, durable]);
  });
});
