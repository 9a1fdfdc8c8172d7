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

/** For which each look at the clock takes a millisecond. */
function openEngine(): QueryEngine {
  let now = 0;
  return new QueryEngine({
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
}

const UNLIMITED: StatementOptions = {
  parameters: {},
  accessMode: 'write',
  timeoutMs: undefined,
  rowsMax: undefined,
  heldMax: 10_000_000,
  isCancelled: () => false,
};

async function rowsOf(text: string, graph: MemoryGraph, limits: Partial<StatementOptions>) {
  return (await openEngine().runRows(text, graph, { ...UNLIMITED, ...limits })).rows;
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
      "UNWIND range(1, 500) AS i MATCH p = allShortestPaths((a {id: '0'})-[*]->(b {id: '6'})) RETURN count(p)";
    // A batch of rows holds 25 elements for each.
    expect(await rowsOf(each, graph, { heldMax: 64 * 12 + 1024 * 26 })).toEqual([[500 * 64]]);
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

describe('memory of values that expressions make', () => {
  const of = (text: string, limits: Partial<StatementOptions>) => rowsOf(text, new MemoryGraph(), limits);

  it.each([
    'UNWIND [1] AS a RETURN [x IN range(1, 1000) | range(a, 1000)]',
    'UNWIND [1] AS a RETURN [x IN range(1, 10) | [y IN range(1, 100) | range(a, 1000)]]',
    'UNWIND range(1, 1000) AS x RETURN range(x, x + 999)',
    'UNWIND range(1, 1000) AS x RETURN collect(range(x, x + 999))',
    'UNWIND range(1, 1000) AS x RETURN collect({a: range(x, x + 999)})',
    'UNWIND range(1, 1000) AS x WITH x, range(x, x + 999) AS list ORDER BY x RETURN list',
    'UNWIND range(1, 1000) AS x RETURN DISTINCT range(x, x + 999)',
    'UNWIND range(1, 1000) AS x RETURN range(x, x + 999) AS list, count(*)',
    'UNWIND [1] AS a RETURN COLLECT { UNWIND range(a, 1000) AS x RETURN range(x, x + 999) }',
    'UNWIND range(1, 1000) AS i CALL (i) { UNWIND range(1, 1000) AS x RETURN collect(x + i) AS list } RETURN list ORDER BY i',
    'UNWIND range(1, 1000) AS x RETURN collect(reduce(text = toString(x), i IN range(1, 15) | text + text))',
  ])('%s: more than memory holds -> query-limit', async (text) => {
    await expect(of(text, { heldMax: 100_000 })).rejects.toMatchObject({ errorDetail: 'MemoryLimit' });
    expect(await of(text, { heldMax: 10_000_000 })).not.toHaveLength(0);
  });

  it.each([
    ['rows that pass', 'UNWIND range(1, 10000) AS x WITH range(x, x + 99) AS list RETURN sum(size(list))', 1_000_000],
    [
      'one list in many rows',
      'WITH range(1, 10000) AS list UNWIND range(1, 1000) AS x WITH list, x ORDER BY x RETURN sum(size(list))',
      10_000_000,
    ],
    [
      'a list that was collected and goes on',
      'UNWIND range(1, 90000) AS x WITH collect(x) AS list WITH list ORDER BY size(list) RETURN sum(size(list))',
      90_000,
    ],
    [
      'sort keys of rows that are not kept',
      // The first row of each batch is told from the best by its first key.
      'UNWIND range(1, 20000) AS x WITH x ORDER BY x % 16 = 1, [y IN range(x, x + 39) | y] LIMIT 1 RETURN x',
      2,
    ],
    [
      'a list for each row of an outer query',
      'UNWIND range(1, 100) AS i CALL (i) { UNWIND range(1, 10000) AS x RETURN collect(x) AS list } RETURN sum(size(list))',
      1_000_000,
    ],
  ])('%s -> what is there at a time counts, once', async (_, text, answer) => {
    expect(await of(text, { heldMax: 120_000 })).toEqual([[answer]]);
  });

  it.each([
    'UNWIND range(1, 1000) AS x UNWIND range(1, 100) AS y RETURN x, y',
    'UNWIND range(1, 1000) AS x RETURN range(x, x + 199)',
    'MERGE (:A) WITH 1 AS a UNWIND range(a, 1000) AS x UNWIND range(1, 100) AS y RETURN x, y',
  ])('%s: more rows than memory holds, all at once -> query-limit', async (text) => {
    await expect(of(text, { heldMax: 150_000 })).rejects.toMatchObject({ errorDetail: 'MemoryLimit' });
    expect(await of(text, { heldMax: 250_000 })).not.toHaveLength(0);
  });

  it('the same rows one batch after the other -> all of them', async () => {
    const text = 'UNWIND range(1, 1000) AS x UNWIND range(1, 100) AS y RETURN x, y';
    const answer = await openEngine().run(text, new MemoryGraph(), { ...UNLIMITED, heldMax: 10_000 });
    let rows = 0;
    for (let batch = await answer.next(); batch !== undefined; batch = await answer.next()) rows += batch.length;
    answer.close();
    expect(rows).toBe(100_000);
  });

  it('what tells values apart counts too', async () => {
    const text = (rows: number) => `UNWIND range(1, ${rows}) AS x RETURN count(DISTINCT range(x, x + 299))`;
    expect(await of(text(3000), { heldMax: 400_000 })).toEqual([[3000]]);
    await expect(of(text(30_000), { heldMax: 400_000 })).rejects.toMatchObject({ errorDetail: 'MemoryLimit' });
  });

  it('a list that is given is there anyway', async () => {
    const list = Array.from({ length: 1000 }, (_, i) => i);
    const text = 'UNWIND range(1, 1000) AS x WITH x, [$list, $list] AS lists ORDER BY x RETURN count(lists)';
    expect(await of(text, { heldMax: 10_000, parameters: { list } })).toEqual([[1000]]);
  });

  it.each([
    ['a text', "RETURN size(reduce(text = 'x', i IN range(1, 40) | text + text))"],
    [
      'a text by replacing',
      "WITH reduce(text = 'x', i IN range(1, 20) | text + text) AS text RETURN size(replace(text, 'x', text))",
    ],
    ['a list', 'RETURN size(reduce(list = [1], i IN range(1, 40) | list + list))'],
    ['lists within lists', 'RETURN reduce(list = [], i IN range(1, 20000) | [list])'],
    ['maps within maps', 'RETURN reduce(map = {}, i IN range(1, 20000) | {inner: map})'],
    ['lists that are compared', 'RETURN reduce(a = [], i IN range(1, 20000) | [1, a]) = [1]'],
  ])('%s without end -> query-limit', async (_, text) => {
    await expect(of(text, {})).rejects.toMatchObject({ errorDetail: 'MemoryLimit' });
  });
});
