import { expect, it } from 'vitest';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Operation } from '../../graph/model.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { runStatement } from '../run-statement.model.ts';

const NODES = 7;

/** Loops, parallel edges, edges back, two types. */
async function randomGraph(seed: number): Promise<MemoryGraph> {
  const random = new SeededRandom(seed);
  const graph = new MemoryGraph();
  const id = () => `n${random.below(NODES)}` as NodeId;
  const nodes = Array.from(
    { length: NODES },
    (_, i): Operation => ({
      op: 'createNode',
      id: `n${i}` as NodeId,
      labels: [random.pick(['A', 'B'])],
      properties: { x: random.below(3) },
    }),
  );
  const edges = Array.from(
    { length: 18 },
    (_, i): Operation => ({
      op: 'createEdge',
      id: `e${i}` as EdgeId,
      type: random.pick(['R', 'S']),
      from: id(),
      to: id(),
      properties: {},
    }),
  );
  await graph.commit([...nodes, ...edges]);
  return graph;
}

const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();

// A profile shows the rows of every operator, so a statement that is profiled makes all rows that are counted.
it.each([
  'MATCH (a)-[r]->(b) RETURN count(*)',
  'MATCH (a)-[r:R]->(b) RETURN count(r), count(b), count(*)',
  'MATCH (a)<-[r:S]-(b) RETURN a.x, count(*)',
  'MATCH (a)-[r]-(b) RETURN elementId(a), count(*)',
  'MATCH (a)-[r]-(b)-[s]-(c) RETURN count(*)',
  'MATCH (a)-[r]->(b)-[s]->(c) RETURN a.x, c.x, count(*)',
  'MATCH (a)-[r]->(b)<-[s:R|S]-(c) RETURN a, count(s)',
  'MATCH (a)-[r]->(b)-[s]->(c)-[t]->(a) RETURN count(*)',
  'MATCH (a)-[r]-(b)-[s]-(c)-[t]-(a) RETURN count(*)',
  'MATCH (a)-[r]->(b), (b)-[s]-(a), (a)-[t]-(b) RETURN count(*)',
  'MATCH (a)-[r]-(a) RETURN count(*)',
  'MATCH (a)-[r*1..2]->(b)-[s]->(c) RETURN count(*)',
  'MATCH (a)-[r]->(b)-[s]->(c)-[t]->(d) RETURN count(*)',
  'MATCH (a)-[r]-(b)-[s]-(c)-[t]-(d) RETURN b.x, count(*)',
  'MATCH (a)-[r]->(b) WITH r MATCH (c)-[r]->(d) RETURN count(*)',
  'MATCH (a)-[r]->(b) MATCH (b)-[s]->(c) WHERE a.x = 0 RETURN count(*)',
  'OPTIONAL MATCH (z:Z) OPTIONAL MATCH (z)-->(y) RETURN count(y), count(*)',
  'MATCH (a) WITH a, [] AS l OPTIONAL MATCH (a)-[r:R]->(b) RETURN a.x, count(b), count(*)',
  'MATCH (a)-[r]->(b) RETURN b.x, count(DISTINCT a), count(*), count(b)',
  'MATCH (a)-[r:NONE]->(b) RETURN count(*)',
  'MATCH (a)-[r]->(b) RETURN count(*) AS n ORDER BY n SKIP 0 LIMIT 1',
  'MATCH (a) RETURN a.x, COUNT { MATCH (a)-[:R]->(b)-[s]-(c) }',
])('counted expansion: %s -> as many as if every row was made', async (text) => {
  for (let seed = 1; seed <= 5; seed++) {
    const graph = await randomGraph(seed);
    const counted = await runStatement(text, graph);
    const made = await runStatement(`PROFILE ${text}`, graph);
    expect(sorted(counted.rows)).toEqual(sorted(made.rows));
  }
});

it.each([
  'MATCH (a:A)-[r]->(b) DELETE r WITH a MATCH (a)-[s]-(c) RETURN a.x, count(*)',
  'MATCH (a:A) CREATE (a)-[:R]->(:A {x: 9})-[:S]->(a) WITH a MATCH (a)-[r]-(b)-[s]-(c) RETURN count(*)',
  'MATCH (a:A) MERGE (a)-[:R]->(b:B {x: 7}) WITH b MATCH (b)<-[r]-(c)-[s]-(d) RETURN c.x, count(*)',
])('counted expansion: %s -> sees what the statement wrote', async (text) => {
  for (let seed = 1; seed <= 5; seed++) {
    const counted = await runStatement(text, await randomGraph(seed));
    const made = await runStatement(`PROFILE ${text}`, await randomGraph(seed));
    expect(sorted(counted.rows)).toEqual(sorted(made.rows));
  }
});

it('grouping: texts, numbers of different kinds, nulls and lists -> one group for what is equal', async () => {
  const text =
    "UNWIND ['1', 1, 1.0, null, 's1', '1', [1], [1.0], true, null, 'true', '', ''] AS v RETURN v, count(*) AS n";
  const { rows } = await runStatement(text, new MemoryGraph());
  expect(rows.map(([, n]) => n)).toEqual([2, 2, 2, 1, 2, 1, 1, 2]);
});
