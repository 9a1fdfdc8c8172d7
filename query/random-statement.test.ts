/**
 * Random statements answer, and write, the same whether they are optimised, whatever the planner is told, whether what they
 * read is in memory or known as packed columns, and whether their numbers are literals or parameters. What is wrong with one is a QueryError.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GraphStatistics } from '../graph/query-graph.ts';
import { MemoryGraph } from './memory-graph.model.ts';
import { QueryError } from './query-error.ts';
import { randomGraph } from './random-graph.model.ts';
import { literalForm, parameterForm, randomStatement } from './random-statement.model.ts';
import { type RunStatementOptions, runStatement } from './run-statement.model.ts';

type Held = ConstructorParameters<typeof MemoryGraph>[0];

async function made(held: Held): Promise<MemoryGraph> {
  const graph = new MemoryGraph(held);
  await graph.commit(randomGraph());
  return graph;
}

/** Everything of a graph but the ids. */
const CONTENT = `MATCH (n) RETURN labels(n), n.x, n.y, n.v, COUNT { (n)<--() },
  reduce(s = 0, e IN [(n)-[e]->() | 1 + coalesce(e.v, 0) + coalesce(e.y, 0)] | s + e)`;

function sorted(rows: readonly (readonly unknown[])[]): string[] {
  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
  return rows.map((row) => JSON.stringify(row, text)).sort();
}

type Outcome = { readonly rows: string[]; readonly graph: string[] } | 'refused';

async function outcome(text: string, held: Held, options: RunStatementOptions): Promise<Outcome> {
  const graph = await made(held);
  try {
    const { rows } = await runStatement(text, graph, options);
    return { rows: sorted(rows), graph: sorted((await runStatement(CONTENT, graph)).rows) };
  } catch (error) {
    if (error instanceof QueryError) return 'refused';
    throw error;
  }
}

function told(nodes: number, edges: number, indexed: readonly string[]): GraphStatistics {
  return {
    nodeCount: (each) => (each === undefined ? nodes : each === 'A' ? 3 : nodes / 2),
    edgeCount: () => edges,
    hasIndex: (each) => indexed.includes(each),
    distinctValues: () => 3,
  };
}

it('random statements: each in eight ways -> one answer and one graph, and nothing but typed errors', async () => {
  let [answered, written] = [0, 0];
  await fc.assert(
    fc.asyncProperty(randomStatement(), async (statement) => {
      const text = literalForm(statement);
      const plain = await outcome(text, {}, { optimise: false });
      if (plain !== 'refused') answered++;
      if (plain !== 'refused' && statement.writes) written++;
      const { text: withParameters, parameters } = parameterForm(statement);
      expect(await outcome(text, {}, {})).toEqual(plain);
      expect(await outcome(text, { absent: true }, {})).toEqual(plain);
      expect(await outcome(text, { packed: 3 }, {})).toEqual(plain);
      expect(await outcome(withParameters, { absent: true, packed: 0 }, { parameters })).toEqual(plain);
      expect(await outcome(withParameters, {}, { parameters })).toEqual(plain);
      expect(await outcome(text, {}, { statistics: told(1e6, 1, ['A', 'B', 'C']) })).toEqual(plain);
      expect(await outcome(text, {}, { statistics: told(1, 1e7, []) })).toEqual(plain);
    }),
    { numRuns: 120 },
  );
  // The runs are worth nothing if most are refused.
  expect(answered).toBeGreaterThan(90);
  expect(written).toBeGreaterThan(5);
}, 120_000);
