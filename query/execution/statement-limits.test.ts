/** What a statement may take: beyond it, it ends with an error that names the limit, whatever it is busy with. */
import { describe, expect, it } from 'vitest';
import '../all-parts.ts';
import type { NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { planStatement } from '../plan/plan-statement.ts';
import { BUILT_IN_PROCEDURES } from '../procedures/built-in.ts';
import { QueryEngine } from './query-engine.ts';
import type { StatementOptions } from './run.ts';

/** The rows of a statement for which each look at the clock takes a millisecond. */
async function rowsOf(text: string, graph: MemoryGraph, limits: Partial<StatementOptions>) {
  let now = 0;
  const engine = new QueryEngine({
    env: {
      clock: { wallMs: () => 0, monotonicMs: () => now++ },
      random: new SeededRandom(1),
      scheduler: { after: () => ({ cancel: () => undefined }), yield: async () => undefined },
      log: { write: () => undefined },
    },
    planStatement,
    procedures: BUILT_IN_PROCEDURES,
    optimise: true,
  });
  const { rows } = await engine.runRows(text, graph, {
    parameters: {},
    accessMode: 'write',
    timeoutMs: undefined,
    rowsMax: undefined,
    heldMax: 10_000_000,
    isCancelled: () => false,
    ...limits,
  });
  return rows;
}

describe.each([
  'RETURN size([x IN range(1, 100000) | x])',
  'RETURN size([x IN range(1, 300) WHERE [y IN range(1, 300) | y] IS NOT NULL])',
  'RETURN reduce(sum = 0, x IN range(1, 100000) | sum + x)',
  'RETURN all(x IN range(1, 100000) WHERE x > 0)',
])('%s', (text) => {
  it('its time is over on the way -> query-timeout', async () => {
    await expect(rowsOf(text, new MemoryGraph(), { timeoutMs: 100 })).rejects.toMatchObject({ errorDetail: 'Timeout' });
  });

  it('cancelled on the way -> query-cancelled', async () => {
    let asked = 0;
    const limits = { isCancelled: () => ++asked > 3 };
    await expect(rowsOf(text, new MemoryGraph(), limits)).rejects.toMatchObject({ errorDetail: 'Cancelled' });
  });

  it('time enough -> one row', async () => {
    expect(await rowsOf(text, new MemoryGraph(), { timeoutMs: 1_000_000 })).toHaveLength(1);
  });
});

/** Ends 0 to `length` in a row, with two ways from each to the next: 2^length shortest paths through all. */
async function ladder(length: number): Promise<MemoryGraph> {
  const graph = new MemoryGraph();
  const edge = (from: string, to: string) =>
    ({ op: 'createEdge', type: 'T', from: from as NodeId, to: to as NodeId, properties: {} }) as const;
  const node = (id: string) => ({ op: 'createNode', id: id as NodeId, labels: [], properties: { id } }) as const;
  await graph.commit([node('0')]);
  for (let i = 0; i < length; i++) {
    const [from, to, left, right] = [`${i}`, `${i + 1}`, `l${i}`, `r${i}`];
    await graph.commit([node(to), node(left), node(right)]);
    await graph.commit([edge(from, left), edge(left, to), edge(from, right), edge(right, to)]);
  }
  return graph;
}

describe('allShortestPaths', () => {
  const text = (to: number) =>
    `MATCH p = allShortestPaths((a {id: '0'})-[*]->(b {id: '${to}'})) RETURN count(p), count(DISTINCT relationships(p)), min(length(p))`;

  it('more paths than memory holds -> query-limit, before they are made', async () => {
    await expect(rowsOf(text(34), await ladder(34), {})).rejects.toMatchObject({ errorDetail: 'MemoryLimit' });
  });

  it('as many as memory holds, for one pair of ends after the other -> all of them', async () => {
    const graph = await ladder(6);
    expect(await rowsOf(text(6), graph, {})).toEqual([[64, 64, 12]]);
    const each =
      "UNWIND range(1, 50) AS i MATCH p = allShortestPaths((a {id: '0'})-[*]->(b {id: '6'})) RETURN count(p)";
    expect(await rowsOf(each, graph, { heldMax: 64 * 12 + 100 })).toEqual([[50 * 64]]);
  });
});

describe('memory', () => {
  const ROWS = 1200;
  const filled = async () => {
    const graph = new MemoryGraph();
    await rowsOf(`UNWIND range(1, ${ROWS}) AS i CREATE (:A {i: i})`, graph, {});
    return graph;
  };

  it.each([
    'UNWIND range(1, 1200) AS i CREATE (:B {i: i})',
    'UNWIND range(1, 1200) AS i MERGE (:B {i: i})',
    'FOREACH (i IN range(1, 1200) | MERGE (:B {i: i}))',
    'MATCH (n:A) SET n.x = 1',
    'MATCH (n:A) SET n += {x: 1}',
    'MATCH (n:A) SET n:B',
    'MATCH (n:A) REMOVE n.i',
    'MATCH (n:A) DELETE n',
  ])('%s: more is written than memory holds -> query-limit, and nothing is written', async (text) => {
    const graph = await filled();
    await expect(rowsOf(text, graph, { heldMax: 1000 })).rejects.toMatchObject({ errorDetail: 'MemoryLimit' });
    expect(await rowsOf('MATCH (n) RETURN count(n), count(n.i), count(n.x), count(n:B OR null)', graph, {})).toEqual([
      [ROWS, ROWS, 0, 0],
    ]);
  });

  it.each([
    'RETURN n ORDER BY n.i',
    'RETURN DISTINCT n',
    'RETURN n.i AS n, count(*) AS rows',
    'WITH collect(n) AS all UNWIND all AS n RETURN n',
    'WITH n, n.i AS i MATCH (m:A) WHERE m.i = i RETURN m AS n',
  ])('a sub-query for each of many rows (%s) -> only what is held at a time counts', async (inner) => {
    const graph = await filled();
    const text = `UNWIND range(1, 50) AS row CALL (row) { MATCH (n:A) WHERE n.i <= 100 ${inner} } RETURN count(n)`;
    expect(await rowsOf(text, graph, { heldMax: 4000 })).toEqual([[5000]]);
  });
});
