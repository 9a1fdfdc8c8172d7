import { expect, it } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Direction } from '../../graph/model.ts';
import { NotResident } from '../../graph/not-resident.ts';
import type { OrdinalCursor, StatementGraph } from '../../graph/query-graph.ts';
import type { Value } from '../../graph/value.ts';
import { DEFAULT, LARGE, node, run, spreadIds, TINY } from '../engine-on-disk.model.ts';
import type { EngineGraph } from './graph.ts';
import { PropertyGraph, RANDOM_LABELS, RANDOM_NODES, RANDOM_TYPES, randomBatch } from './property-graph.model.ts';

/** Reads, making resident what is missing, as the executor does. */
async function settle<T>(graph: StatementGraph, read: () => T): Promise<T> {
  for (;;) {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof NotResident)) throw error;
      await graph.makeResident(error);
    }
  }
}

/** All ordinals of a cursor, by batches of three so that it stops and goes on. */
async function drain(graph: StatementGraph, cursor: OrdinalCursor): Promise<number[]> {
  const found: number[] = [];
  const batch = new Int32Array(4);
  for (;;) {
    const count = await settle(graph, () => cursor.next(batch, 1, 3));
    if (count === 0) return found;
    found.push(...batch.subarray(1, 1 + count));
  }
}

const sorted = (ids: Iterable<string>) => Array.from(ids).sort();
const DIRECTIONS: readonly Direction[] = ['out', 'in', 'both'];
const SOUGHT: readonly Value[] = [0, 1, 7, 'text', true];

async function compare(graph: StatementGraph, model: PropertyGraph): Promise<void> {
  const { nodes, edges } = model.contents();
  const ids = async (cursor: OrdinalCursor) => sorted((await drain(graph, cursor)).map((node) => graph.nodeId(node)));
  expect(await ids(graph.scanNodes())).toEqual(sorted(nodes.map(({ id }) => id)));
  const edgeIds = (await drain(graph, graph.scanEdges(undefined))).map((edge) => graph.edgeId(edge));
  expect(sorted(edgeIds)).toEqual(sorted(edges.map(({ id }) => id)));
  for (const label of RANDOM_LABELS) {
    const labelled = nodes.filter(({ labels }) => labels.includes(label));
    // Twice: what the first scan found to be true is copied by the second.
    for (let i = 0; i < 2; i++) expect(await ids(graph.scanLabel(label))).toEqual(sorted(labelled.map(({ id }) => id)));
    for (const value of SOUGHT) {
      const matching = labelled.filter(({ properties }) => properties.p === value);
      expect(await ids(graph.seekEqual(label, 'p', [value]))).toEqual(sorted(matching.map(({ id }) => id)));
    }
    const within = labelled.filter(({ properties: { p } }) => typeof p === 'number' && p > 0 && p <= 7);
    const range = graph.seekRange(label, 'p', { value: 0, inclusive: false }, { value: 7, inclusive: true });
    expect(await ids(range)).toEqual(sorted(within.map(({ id }) => id)));
    const starting = labelled.filter(({ properties: { p } }) => typeof p === 'string' && p.startsWith('x'));
    expect(await ids(graph.seekPrefix(label, 'p', 'x'))).toEqual(sorted(starting.map(({ id }) => id)));
  }
  for (const id of RANDOM_NODES) {
    const node = await settle(graph, () => graph.findNode(id));
    expect(node >= 0).toBe(model.nodes.has(id));
    if (node < 0) continue;
    expect({ labels: graph.labels(node), properties: graph.nodeProperties(node) }).toEqual({
      labels: model.node(id)?.labels,
      properties: model.node(id)?.properties,
    });
    // Often enough for the column to be kept as one.
    const column = graph.nodeColumn('p');
    for (let i = 0; i < 100; i++) expect(column.at(node)).toBe(graph.nodeProperties(node).p);
    const { p } = graph.nodeProperties(node);
    const [numbers, texts] = [column.numbers(), column.texts()];
    if (numbers !== undefined) expect(numbers.values[node]).toBe(typeof p === 'number' ? p : Number.NaN);
    if (texts !== undefined) expect(texts.codes[node]).toBe(typeof p === 'string' ? texts.codeOf(p) : Number.NaN);
    if (typeof p === 'string' && texts !== undefined) expect(texts.texts[texts.codes[node] as number]).toBe(p);
    for (const direction of DIRECTIONS) {
      for (const type of [undefined, ...RANDOM_TYPES]) {
        const buffer = { edges: new Int32Array(1), neighbors: new Int32Array(1), length: 0 };
        const types = type === undefined ? undefined : [graph.typeToken(type)];
        await settle(graph, () => {
          buffer.length = 0;
          graph.expand(node, direction, types, buffer);
        });
        const found = Array.from(buffer.edges.subarray(0, buffer.length), (edge, i) => {
          const neighbor = buffer.neighbors[i] as number;
          expect([graph.from(edge), graph.to(edge)].sort()).toEqual([node, neighbor].sort());
          return graph.edgeId(edge);
        });
        expect(sorted(found)).toEqual(sorted(model.edgesOf(id, direction, type).map((edge) => edge.id)));
        expect(await settle(graph, () => graph.degree(node, direction, types))).toBe(found.length);
      }
    }
  }
}

for (const [memory, budget] of [
  ['in memory', LARGE],
  ['nothing stays in memory', TINY],
] as const) {
  it.each([1, 2, 3])(
    `statement graph: random writes, seed %i [${memory}] -> reads as a plain graph does`,
    async (seed) => {
      const random = new SeededRandom(seed);
      const { engine } = await run({ memoryBudgetBytes: budget });
      const graph = engine.graph(DEFAULT) as EngineGraph;
      const model = new PropertyGraph();
      for (let round = 0; round < 25; round++) {
        for (let i = 0; i < 5; i++) {
          const batch = randomBatch(random);
          const outcome = model.write(batch);
          await graph.write(batch).then(
            () => expect(outcome.code).toBe('done'),
            () => expect(outcome.code).not.toBe('done'),
          );
        }
        const statement = await graph.statementGraph();
        try {
          await compare(statement, model);
        } finally {
          statement.release();
        }
      }
      await engine.close();
    },
  );
}

it.each<[string, (graph: StatementGraph) => OrdinalCursor, number]>([
  ['one value', (graph) => graph.seekEqual('L', 'p', [1]), 8],
  ['several values', (graph) => graph.seekEqual('L', 'p', [1, 'x1']), 16],
  ['a range', (graph) => graph.seekRange('L', 'p', { value: 0, inclusive: false }, { value: 2, inclusive: true }), 8],
  ['a beginning', (graph) => graph.seekPrefix('L', 'p', 'x'), 8],
])(
  'statement graph: %s is sought first of all, and no partition is in memory -> all that there are',
  async (_, seek, count) => {
    const { engine } = await run({ memoryBudgetBytes: TINY });
    const graph = engine.graph(DEFAULT) as EngineGraph;
    await graph.write(spreadIds(16).map((id, i) => node(id, { p: i % 2 === 0 ? 1 : 'x1' }, ['L'])));
    const statement = await graph.statementGraph();
    try {
      expect(graph.resident.whole).toBe(false);
      expect((await drain(statement, seek(statement))).length).toBe(count);
    } finally {
      statement.release();
    }
    await engine.close();
  },
);

it('statements that write, some of which begin while others wait for each other -> one after the other, none is lost', async () => {
  const { graph } = await run({ memoryBudgetBytes: TINY });
  await graph.write(spreadIds(16).map((id) => node(id, { count: 0 }, ['L'])));
  const text = 'MATCH (n:L) WITH sum(n.count) AS all MATCH (m:L) SET m.count = (all + 1) % 1000003';
  const once = () => graph.queryRows({ text, parameters: {} }, { accessMode: 'write', isCancelled: () => false });
  // Two at a time, so that each begins while one runs or waits.
  const worker = async () => {
    for (let i = 0; i < 6; i++) await once();
  };
  await Promise.all([worker(), worker(), worker()]);
  let expected = 0;
  for (let i = 0; i < 18; i++) expected = (16 * expected + 1) % 1_000_003;
  const [first] = (await graph.nodes({ label: 'L' }, { limit: 1 })).items;
  expect(first?.properties.count).toBe(expected);
});
