/**
 * A condition whose value changes from one evaluation to the next is asked about every match, wherever the planner could put
 * it: not once before a scan, not as what an index is asked for, not in one side of a join. The random numbers of a test are seeded.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { GraphStatistics } from '../../graph/query-graph.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { runStatement } from '../run-statement.model.ts';

const ROLLS = 60;
let graph: MemoryGraph;

/** A box that holds dice, each with a share of its own in (0, 1). */
beforeAll(async () => {
  graph = new MemoryGraph();
  await runStatement(
    `CREATE (b:Box) WITH b UNWIND range(1, ${ROLLS}) AS i CREATE (b)-[:HOLDS]->(:Die {i: i, share: i / ${ROLLS}.0})`,
    graph,
  );
});

const INDEXED: GraphStatistics = {
  nodeCount: () => 1e6,
  edgeCount: () => 1e6,
  hasIndex: () => true,
  distinctValues: () => 1e6,
};

describe.each([
  { plan: 'as written', options: { optimise: false } },
  { plan: 'optimised', options: {} },
  { plan: 'optimised, all is indexed and large', options: { statistics: INDEXED } },
])('volatile condition, plan $plan', ({ options }) => {
  const rowsOf = async (text: string) => (await runStatement(text, graph, options)).rows as number[][];

  it.each([
    'MATCH (d:Die) WHERE rand() < 0.5 RETURN d.i',
    'MATCH (d:Die WHERE rand() < 0.5) RETURN d.i',
    'MATCH (d) WHERE rand() < 0.5 AND d:Die RETURN d.i',
    'MATCH (:Box)-[r]->(d) WHERE rand() < 0.5 RETURN d.i',
    'MATCH (:Box)-[r:HOLDS WHERE rand() < 0.5]->(d) RETURN d.i',
    'MATCH p = (:Box)-->(d) WHERE rand() < 0.5 RETURN d.i',
    'MATCH (b:Box)-->(d) WHERE EXISTS { (b) WHERE rand() < 0.5 } RETURN d.i',
    'MATCH (d:Die) WHERE size([x IN [1] WHERE rand() < 0.5]) = 1 RETURN d.i',
    "MATCH (d:Die) WHERE randomUUID() < '8' RETURN d.i",
    'MATCH (d:Die) WHERE d.share < rand() RETURN d.i',
    'MATCH (d:Die) WHERE d.i IN [d.i * toInteger(2 * rand())] RETURN d.i',
  ])('%s -> some of the matches, in no row', async (text) => {
    const found = new Set((await rowsOf(text)).map(([i]) => i as number));
    expect(found.size).toBeGreaterThan(ROLLS / 6);
    expect(found.size).toBeLessThan((ROLLS * 5) / 6);
    // No bound parts those that were found from those that were not.
    const missing = Array.from({ length: ROLLS }, (_, i) => i + 1).filter((i) => !found.has(i));
    expect(Math.min(...missing)).toBeLessThan(Math.max(...found));
    expect(Math.max(...missing)).toBeGreaterThan(Math.min(...found));
  });

  it.each([
    'UNWIND range(1, 40) AS i MATCH (d:Die) WHERE rand() < 0.5 RETURN i, count(*), sum(d.i)',
    'MATCH (a:Die), (d:Die) WHERE rand() < 0.5 RETURN a.i, count(*), sum(d.i)',
    'MATCH (a:Die), (:Box)-->(d) WHERE a.i <= 40 AND a.i - a.i = toInteger(2 * rand()) RETURN a.i, count(*), sum(d.i)',
  ])('%s -> drawn anew for each row', async (text) => {
    const drawn = new Set((await rowsOf(text)).map(([, count, sum]) => `${count} ${sum}`));
    expect(drawn.size).toBeGreaterThan(20);
  });

  it('a value drawn for each match, of an indexed property -> not one match a row, as an index would have found', async () => {
    const text = `MATCH (d:Die) WHERE d.i = 1 + toInteger(${ROLLS} * rand()) RETURN d.i`;
    const rows = await rowsOf(`UNWIND range(1, 40) AS n CALL (n) { ${text} } RETURN n, count(*)`);
    expect(new Set(rows.map(([, count]) => count)).size).toBeGreaterThan(1);
  });

  it('rows counted by a random key -> each row has its own', async () => {
    const rows = await rowsOf('MATCH (:Box)-->() RETURN rand() < 0.5, count(*) AS c ORDER BY c');
    expect(rows).toHaveLength(2);
    expect(rows.reduce((sum, [, count]) => sum + (count as number), 0)).toBe(ROLLS);
  });
});
