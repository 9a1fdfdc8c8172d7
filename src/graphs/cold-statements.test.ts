/**
 * A statement answers the same whatever of the graph is in memory when it begins, though what it reads gets its ordinals, and
 * types of relationships their tokens, only in the middle of its work.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import { MemoryGraph } from '../../query/memory-graph.model.ts';
import { QueryError } from '../../query/query-error.ts';
import { randomGraph } from '../../query/random-graph.model.ts';
import { literalForm, randomStatement } from '../../query/random-statement.model.ts';
import { runStatement } from '../../query/run-statement.model.ts';
import { edge, LARGE, node, type Running, run, spreadIds, TINY } from '../engine-on-disk.model.ts';

/** Everything of a graph but the ids. */
const CONTENT = 'MATCH (n) RETURN labels(n), n.x, n.y, n.v, COUNT { (n)<--() }, COUNT { (n)-[e]->() WHERE e.y = 7 }';

type Rows = readonly (readonly unknown[])[];

const sorted = (rows: Rows) => rows.map((row) => JSON.stringify(row, (_, value) => value ?? null)).sort();

async function ask({ graph }: Running, text: string): Promise<Rows> {
  return (await graph.queryRows({ text, parameters: {} }, { accessMode: 'write', isCancelled: () => false })).rows;
}

/** An engine that holds what `operations` made, and has nothing of it in memory. */
async function cold(operations: readonly Operation[], memoryBudgetBytes: number): Promise<Running> {
  const before = await run();
  await before.graph.write(operations);
  await before.engine.close();
  return run({ disk: before.disk, memoryBudgetBytes });
}

type Outcome = { readonly rows: string[]; readonly content: string[] } | 'refused';

async function outcome(ask: (text: string) => Promise<Rows>, text: string): Promise<Outcome> {
  try {
    return { rows: sorted(await ask(text)), content: sorted(await ask(CONTENT)) };
  } catch (error) {
    if (error instanceof QueryError) return 'refused';
    throw error;
  }
}

it('random statements: nothing is in memory, and room for all or nothing -> as on a graph that is in memory', async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(randomStatement(), fc.constantFrom(LARGE, TINY), async (statement, budget) => {
      const text = literalForm(statement);
      const plain = new MemoryGraph();
      await plain.commit(randomGraph());
      const expected = await outcome(async (each) => (await runStatement(each, plain)).rows, text);
      const running = await cold(randomGraph(), budget);
      expect(await outcome((each) => ask(running, each), text)).toEqual(expected);
      await running.engine.close();
      if (expected !== 'refused') answered++;
    }),
    { numRuns: 60 },
  );
  expect(answered).toBeGreaterThan(40);
}, 120_000);

const MANY = Array.from({ length: 200 }, (_, i) => `n${i}`);

it.each<[string, readonly unknown[]]>([
  ['MATCH (n:L)-[:T]->() RETURN count(*)', [1]],
  ['MATCH (n:L)<-[:T]-() RETURN count(*)', [1]],
  ['MATCH (n)-[e:T]->() RETURN e.x', [5]],
  ['MATCH ()-[e:T]-() WITH e.x AS x RETURN collect(x)', [[5, 5]]],
  ['MATCH (n:L) RETURN sum(COUNT { (n)-[:T]->() })', [1]],
  ['MATCH p = (n:L)-[:T*1..2]->() RETURN length(p)', [1]],
  ['MATCH (n:L) WITH n MATCH (n)-[:T]->(m) RETURN count(m)', [1]],
])('statement: one partition alone has the type, and nothing is in memory: %s -> as ever', async (text, row) => {
  for (const id of spreadIds(4)) {
    const made = [...MANY.map((each) => node(each, {}, ['L'])), edge('e', id, 'n150', 'T', { x: 5 })];
    const running = await cold(made, LARGE);
    expect(await ask(running, text)).toEqual([row]);
    await running.engine.close();
  }
});

it('transaction: makes a relationship of a type before any other one of it is in memory -> finds all of them', async () => {
  for (const id of spreadIds(4)) {
    const running = await cold([...MANY.map((each) => node(each)), edge('e', id, 'n150', 'T', { x: 5 })], LARGE);
    const texts = ['CREATE (:New)-[:T]->(:New)', 'MATCH (n) WITH n MATCH (n)-[e:T]->() RETURN count(e), count(e.x)'];
    const statements = texts.map((text) => ({ text, parameters: {} }));
    const [, found] = await running.graph.transaction(statements, { accessMode: 'write', isCancelled: () => false });
    expect(await found?.next()).toEqual([[2, 1]]);
    await running.engine.close();
  }
});

it('distinct nodes: all but one partition come into memory while they are counted -> each counts once', async () => {
  const edges = MANY.flatMap((id, i) => [edge(`loop${i}`, id, id), edge(`e${i}`, id, `n${(i * 7) % 200}`)]);
  const running = await cold([...MANY.map((id) => node(id, {}, ['L'])), ...edges], LARGE);
  await running.graph.node(MANY[0] as NodeId);
  expect(await ask(running, 'MATCH (a:L) WITH a MATCH (a)-->(n) RETURN count(DISTINCT n)')).toEqual([[200]]);
  await running.engine.close();
});
