/**
 * The same requests to engines of which one has all in memory, one a part and one nothing: the same answers, in a graph whose
 * edges bring nodes back and whose elements expire.
 */
import { expect, it } from 'vitest';
import { type EdgeId, graphName, type NodeId } from '../../base/ids.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { Operation } from '../../graph/model.ts';
import { contents, edge, LARGE, node, put, remove, removeEdge, run, TINY } from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';

const ROUNDS = Number(process.env.WEFT_ROUNDS ?? 7);
const NODES = ['a', 'b', 'c', 'd', 's!x', 's!y'] as NodeId[];
const EDGES = ['e', 'f', 'g', 'h'] as EdgeId[];
const STATEMENTS = [
  'MATCH (n:L) RETURN count(*)',
  'MATCH (n)-[:R]->(m) RETURN count(*)',
  'MATCH (n)<--(m) RETURN count(*), count(DISTINCT n)',
  'MATCH (n:M {p: 3}) RETURN count(n)',
];

function request(random: SeededRandom, nowMs: number): Operation {
  const [id, edgeId] = [random.pick(NODES), random.pick(EDGES)];
  const expiry = random.chance(0.3) ? { expiresAt: nowMs + 500 + random.below(3000) } : {};
  const properties = { p: random.pick([1, 2, 'x']), ...expiry };
  switch (random.below(8)) {
    case 0:
      return node(id, properties, random.some(['L', 'M']));
    case 1:
      return put(id, properties, random.some(['L', 'M']));
    case 2: {
      const changes = Object.entries({ ...expiry, p: 3 }).map(([name, value]) => [
        name,
        { kind: 'set', value } as const,
      ]);
      return { op: 'patchNode', id, properties: Object.fromEntries(changes) };
    }
    case 3:
      return remove(id, random.chance(0.7));
    case 4:
      return removeEdge(edgeId);
    default:
      return edge(edgeId, id, random.pick(NODES), random.pick(['R', 'T']), expiry);
  }
}

async function shown(graph: Graph): Promise<unknown> {
  const rows: unknown[] = [];
  for (const text of STATEMENTS) {
    const statement = { text, parameters: {} };
    rows.push((await graph.queryRows(statement, { accessMode: 'read', isCancelled: () => false })).rows);
  }
  return { rows, ...(await contents(graph)), counts: await graph.counts() };
}

const outcome = (graph: Graph, operations: readonly Operation[]): Promise<string> =>
  graph.write(operations).then(
    (results) => results.map(({ op, id, created }) => `${op} ${id} ${created}`).join(),
    ({ code, context }) => `${code} ${context?.operation}`,
  );

async function play(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const running = await Promise.all([LARGE, 6000, TINY].map((memoryBudgetBytes) => run({ memoryBudgetBytes })));
  const name = graphName('g');
  for (const { engine } of running) await engine.createGraph(name, { partitions: 4, restoringTypes: ['R'] });
  const graphs = running.map(({ engine }) => engine.graph(name));
  let nowMs = running[0]?.env.clock.wallMs() ?? 0;
  for (let step = 0; step < 60; step++) {
    const operations = Array.from({ length: 1 + random.below(3) }, () => request(random, nowMs));
    const outcomes: string[] = [];
    for (const graph of graphs) outcomes.push(await outcome(graph, operations));
    expect(outcomes, `seed ${seed}, step ${step}`).toEqual(graphs.map(() => outcomes[0]));
    if (random.chance(0.4)) {
      const ms = random.below(2500);
      nowMs += ms;
      for (const { env } of running) env.advance(ms);
    }
    if (random.chance(0.5)) continue;
    const expected = await shown(graphs[0] as Graph);
    for (const graph of graphs.slice(1)) expect(await shown(graph), `seed ${seed}, step ${step}`).toEqual(expected);
  }
  for (const { engine } of running) await engine.close();
}

it('random requests: everything in memory, a part, nothing -> the same outcomes and the same graph', async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) await play(seed);
}, 120_000);
