/**
 * The optimiser changes how a query is answered, never what it answers: random queries on random graphs give the same rows
 * with it and without it. The planner is told random statistics, since on true ones of a small graph it would seldom make
 * the plans that large graphs need.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { EdgeId, NodeId } from '../../base/ids.ts';
import type { Operation } from '../../graph/model.ts';
import type { GraphStatistics } from '../../graph/query-graph.ts';
import { MemoryGraph } from '../memory-graph.model.ts';
import { RANDOM_GRAPH_ENDS, RANDOM_GRAPH_LABELS } from '../random-graph.model.ts';
import { runStatement } from '../run-statement.model.ts';
import type { Operator } from './operator.ts';
import { planStatement } from './plan-statement.ts';

const LABELS = ['A', 'B', 'C'];
const TYPES = ['R', 'S'];
const name = fc.constantFrom('a', 'b', 'c', 'd');

interface Elements {
  readonly nodes: readonly { readonly labels: readonly string[]; readonly x: number }[];
  readonly edges: readonly { readonly from: number; readonly to: number; readonly type: string; readonly x: number }[];
}

const elements: fc.Arbitrary<Elements> = fc.record({
  nodes: fc.array(fc.record({ labels: fc.subarray(LABELS), x: fc.nat(3) }), { minLength: 1, maxLength: 6 }),
  edges: fc.array(fc.record({ from: fc.nat(5), to: fc.nat(5), type: fc.constantFrom(...TYPES), x: fc.nat(2) }), {
    maxLength: 9,
  }),
});

async function graphOf({ nodes, edges }: Elements): Promise<MemoryGraph> {
  const graph = new MemoryGraph();
  const id = (i: number) => `n${i % nodes.length}` as NodeId;
  await graph.commit([
    ...nodes.map(({ labels, x }, i): Operation => ({ op: 'createNode', id: id(i), labels, properties: { x } })),
    ...edges.map(
      ({ from, to, type, x }, i): Operation => ({
        op: 'createEdge',
        id: `e${i}` as EdgeId,
        type,
        from: id(from),
        to: id(to),
        properties: { x },
      }),
    ),
  ]);
  return graph;
}

/** What the planner is told. */
const statistics: fc.Arbitrary<GraphStatistics> = fc
  .record({
    nodes: fc.constantFrom(1, 10, 1e6),
    labels: fc.array(fc.constantFrom(1, 100, 1e5), { minLength: 3, maxLength: 3 }),
    edges: fc.array(fc.constantFrom(1, 1000, 1e7), { minLength: 2, maxLength: 2 }),
    indexed: fc.subarray(LABELS),
    distinct: fc.constantFrom(1, 10, 1e6),
  })
  .map(({ nodes, labels, edges, indexed, distinct }) => ({
    nodeCount: (label) => (label === undefined ? nodes : (labels[LABELS.indexOf(label)] ?? 0)),
    edgeCount: (type) => (type === undefined ? 1000 : (edges[TYPES.indexOf(type)] ?? 0)),
    hasIndex: (label) => indexed.includes(label),
    distinctValues: () => distinct,
  }));

const label = fc.constantFrom('', '', '', ':A', ':B', ':A&B', ':A|C', ':!A');
const properties = fc.constantFrom('', '', '', ' {x: 1}', ' {x: 2}');
const node = fc.tuple(fc.option(name, { nil: '' }), label, properties).map(([n, l, p]) => `(${n}${l}${p})`);
const inside = fc.constantFrom(
  '',
  '[:R]',
  '[:S]',
  '[:R|S]',
  '[{x: 1}]',
  '[:!R]',
  '[:R*1..2]',
  '[*0..1]',
  '[:S*2 {x: 0}]',
);
const edge = fc
  .tuple(inside, fc.constantFrom('out', 'in', 'both'))
  .map(([i, d]) => (d === 'out' ? `-${i}->` : d === 'in' ? `<-${i}-` : `-${i}-`));
const path = fc
  .tuple(node, fc.array(fc.tuple(edge, node), { maxLength: 3 }))
  .map(([first, rest]) => first + rest.flat().join(''));
const pattern = fc.array(path, { minLength: 1, maxLength: 3 }).map((paths) => paths.join(', '));

/** Conditions on variables that the pattern has. */
function conditionOn(variables: readonly string[]): fc.Arbitrary<string> {
  if (variables.length === 0) return fc.constant('1 = 1');
  const v = fc.constantFrom(...variables);
  return fc.oneof(
    fc.tuple(v, v).map(([a, b]) => `${a}.x = ${b}.x`),
    fc.tuple(v, v).map(([a, b]) => `${a} <> ${b}`),
    fc.tuple(v, fc.nat(3)).map(([a, x]) => `${a}.x > ${x}`),
    fc.tuple(v, fc.nat(2)).map(([a, x]) => `${a}.x >= ${x} AND ${a}.x < ${x + 2}`),
    fc.tuple(v, fc.nat(3)).map(([a, x]) => `${x} < ${a}.x`),
    v.map((a) => `${a}.x IN [0, 2, null]`),
    v.map((a) => `${a}:B`),
    v.map((a) => `elementId(${a}) = 'n1'`),
    v.map((a) => `(${a})-[:R]->()`),
    v.map((a) => `NOT (${a})<-[:S]-(:A)`),
    v.map((a) => `NOT EXISTS { MATCH (${a})--(z) WHERE z.x = ${a}.x }`),
    v.map((a) => `COUNT { (${a})-->() } > 1`),
    v.map((a) => `(${a}:A OR ${a}.x = 1)`),
  );
}

function variablesOf(text: string): string[] {
  return ['a', 'b', 'c', 'd'].filter((each) => new RegExp(`\\(${each}[: ){]`).test(text));
}

const match = fc.tuple(fc.constantFrom('MATCH', 'MATCH', 'OPTIONAL MATCH'), pattern);
const query = fc.array(match, { minLength: 1, maxLength: 2 }).chain((matches) => {
  const seen: string[] = [];
  const clauses = matches.map(([word, text]) => {
    for (const each of variablesOf(text)) if (!seen.includes(each)) seen.push(each);
    const visible = [...seen];
    return fc
      .array(conditionOn(visible), { maxLength: 2 })
      .map((conditions) => `${word} ${text}${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`}`);
  });
  const variables = [...new Set(matches.flatMap(([, text]) => variablesOf(text)))];
  const [first] = variables;
  const ends =
    first === undefined
      ? fc.constant('RETURN count(*) AS n')
      : fc.constantFrom(
          `RETURN ${variables.map((each) => `elementId(${each}) AS ${each}`).join(', ')}`,
          `RETURN ${first}.x AS x, count(*) AS n`,
          `WITH DISTINCT ${first} AS v MATCH (v)--(w) RETURN elementId(v) AS v, elementId(w) AS w`,
          `RETURN elementId(${first}) AS v ORDER BY ${first}.x, v LIMIT 3`,
          `CALL (${first}) { MATCH (${first})--(z) RETURN count(z) AS k } RETURN elementId(${first}) AS v, k`,
          `CALL (*) { MATCH (${first})-->(z) RETURN z UNION MATCH (${first})<-[:R]-(z:A) RETURN z } RETURN ${first}.x AS x, elementId(z) AS z`,
          `OPTIONAL CALL (${first}) { MATCH (${first})-[r]-(z:B) WITH z, max(r.x) AS m WHERE m > 0 RETURN z, m } RETURN elementId(${first}) AS v, z.x AS z, m`,
          `RETURN elementId(${first}) AS v, size([(${first})-[r]-(z) WHERE r.x > 0 | z.x]) AS n, COUNT { MATCH (${first})-->(z) RETURN DISTINCT z } AS k`,
          `WITH ${first} AS v, count(*) AS n WHERE n > 1 MATCH (v)-[*1..2]-(w) RETURN elementId(v) AS v, n, w.x AS w`,
          `WITH * CALL (${first}) { WITH ${first} AS v MATCH (v)--(z) CALL (z) { MATCH (z)-->(y) RETURN sum(y.x) AS s } RETURN collect(s) AS l } RETURN elementId(${first}) AS v, size(l) AS l`,
          `UNWIND [1, 2] AS i CALL (i, ${first}) { MATCH (${first})--(z) WHERE z.x = i RETURN count(DISTINCT z) AS k } RETURN i, elementId(${first}) AS v, sum(k) AS k`,
        );
  return fc.tuple(fc.tuple(...clauses), ends).map(([texts, end]) => [...texts, end].join(' '));
});

function sorted(rows: readonly (readonly unknown[])[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

it('optimiser: random queries, random graphs and statistics -> the rows of the plan as written', async () => {
  const kinds = new Set<string>();
  await fc.assert(
    fc.asyncProperty(elements, statistics, query, async (made, told, text) => {
      const graph = await graphOf(made);
      const plain = await runStatement(text, graph, { optimise: false });
      const context = { statistics: told, schema: [], procedure: () => undefined, optimise: true };
      const planned = planStatement(text, context);
      if (planned.kind === 'query') for (const kind of kindsOf(planned.plan.root)) kinds.add(kind);
      const optimised = await runStatement(text, graph, { statistics: told });
      expect(sorted(optimised.rows)).toEqual(sorted(plain.rows));
    }),
    { numRuns: 800 },
  );
  // The runs are worth nothing if they do not meet what the optimiser can do.
  for (const kind of ['HashJoin', 'SemiApply', 'IndexSeek', 'NodeByIdSeek', 'EdgeScan', 'LabelScan', 'Expand']) {
    expect(kinds).toContain(kind);
  }
}, 120_000);

function kindsOf(operator: Operator): string[] {
  const kinds: string[] = [operator.kind];
  if ('input' in operator) kinds.push(...kindsOf(operator.input));
  if ('inner' in operator) kinds.push(...kindsOf(operator.inner));
  if ('right' in operator) kinds.push(...kindsOf(operator.right));
  if ('inputs' in operator) kinds.push(...operator.inputs.flatMap(kindsOf));
  return kinds;
}

const RICH: Elements = {
  nodes: RANDOM_GRAPH_LABELS.map((labels, i) => ({ labels, x: i % 3 })),
  edges: RANDOM_GRAPH_ENDS.map(([from, to], i) => ({ from, to, type: i % 2 === 0 ? 'R' : 'S', x: i % 3 })),
};

function told(nodes: number, edges: number, indexed: readonly string[]): GraphStatistics {
  return {
    nodeCount: (each) => (each === undefined ? nodes : each === 'A' ? 3 : nodes / 2),
    edgeCount: () => edges,
    hasIndex: (each) => indexed.includes(each),
    distinctValues: () => 3,
  };
}

it.each([
  'MATCH (a)-[r]->(b), (c)-[s]->(d) WHERE b.x = c.x RETURN elementId(r) AS r, elementId(s) AS s',
  'MATCH (a)-[r:R]->(b), (c)-[s*1..2]->(d) WHERE b.x = c.x RETURN elementId(r) AS r, size(s) AS s',
  'MATCH (a)-[r*1..2]->(b), (c)-[s*1..2]->(d) WHERE a.x = d.x RETURN size(r) AS r, size(s) AS s',
  'MATCH (a:A), (b:B), (c:C) WHERE a.x = b.x AND b.x = c.x RETURN elementId(a) AS a, elementId(b) AS b, c.x AS c',
  'MATCH (a:A), (b:B) WHERE a.x + 1 = b.x AND 1 <= b.x RETURN a.x AS a, elementId(b) AS b',
  'MATCH (a:A) WHERE 0 < a.x AND 2 > a.x RETURN elementId(a) AS a',
  'MATCH (a:A) WHERE 1 < a.x RETURN elementId(a) AS a',
  'UNWIND [0, 1, 1, null, 7] AS x MATCH (a:A {x: x}) RETURN x, elementId(a) AS a',
  'UNWIND [0, 1] AS x MATCH (a {x: x})-[r]-(b {x: x}) RETURN x, elementId(r) AS r, elementId(a) AS a',
  'MATCH ()-[r]->() WITH r MATCH (a)-[r]->(b) RETURN elementId(a) AS a, elementId(b) AS b',
  'MATCH ()-[r]->() WITH r MATCH (a)<-[r]-(b) RETURN elementId(a) AS a, elementId(b) AS b',
  'MATCH ()-[r]->() WITH r MATCH (a)-[r]-(b:A) RETURN elementId(a) AS a, elementId(b) AS b',
  'MATCH ()-[r]->() WITH r MATCH (a)-[r:S]-(a) RETURN elementId(a) AS a',
  'MATCH (a)-[r]-(b) WHERE elementId(r) = "e4" OR elementId(r) = "e1" RETURN elementId(a) AS a, elementId(b) AS b',
  'MATCH (a)<-[r]-(b) WHERE elementId(r) = "e1" RETURN elementId(a) AS a, elementId(b) AS b',
  'MATCH (a)-[r:R]-(b) WHERE elementId(r) IN ["e4", "e1", "e0"] RETURN elementId(a) AS a, elementId(b) AS b',
  'MATCH p = (a:A)-[r*1..3]->(b {x: 1}) RETURN [n IN nodes(p) | elementId(n)] AS n, [e IN r | elementId(e)] AS r',
  'MATCH p = (a)-[:R*0..2 {x: 0}]-(b:A) RETURN [n IN nodes(p) | elementId(n)] AS n',
  'MATCH (a:A), (b:C) MATCH p = shortestPath((a)-[*]-(b)) RETURN elementId(a) AS a, elementId(b) AS b, length(p) AS l',
  'MATCH p = allShortestPaths((a:A)-[*..4]->(b:C)) WHERE a.x = b.x RETURN [n IN nodes(p) | elementId(n)] AS n',
  'OPTIONAL MATCH (z:Z) MATCH (z) RETURN z',
  'OPTIONAL MATCH (z:Z) OPTIONAL MATCH (z)-->(y) MATCH (a:A {x: 0}) RETURN z, y, elementId(a) AS a',
  'MATCH (a:A) WHERE EXISTS { (a)-->(b) WHERE b.x = a.x } AND NOT (a)-->(:C) RETURN elementId(a) AS a',
  'MATCH (a) WHERE exists((a)-[:S]->()) XOR (a)<-[:S]-() RETURN elementId(a) AS a',
  'MATCH (a)-->(b) WITH a, count(b) AS n WHERE (a)-->(:A) AND n > 1 RETURN elementId(a) AS a, n',
  'MATCH (a)-->(b)-->(c) WHERE a.x < c.x AND c.x > 1 AND 0 < c.x RETURN elementId(a) AS a, elementId(c) AS c',
  'MATCH (a)--(b)--(c)--(a) RETURN elementId(a) AS a, elementId(b) AS b, elementId(c) AS c',
])('optimiser: %s -> the rows of the plan as written, whatever it is told of the graph', async (text) => {
  const graph = await graphOf(RICH);
  const plain = sorted((await runStatement(text, graph, { optimise: false })).rows);
  for (const nodes of [1, 20, 1e6]) {
    for (const edges of [1, 20, 1e7]) {
      for (const indexed of [[], ['A'], ['A', 'B', 'C']]) {
        const optimised = await runStatement(text, graph, { statistics: told(nodes, edges, indexed) });
        expect(sorted(optimised.rows)).toEqual(plain);
      }
    }
  }
});

it.each([
  ['nodes that do not hang together', 30_000, Array.from({ length: 200 }, (_, i) => `(n${i}:A)`).join()],
  ['relationships in a row', 5_000, `(n0)${Array.from({ length: 200 }, (_, i) => `-->(n${i + 1})`).join('')}`],
])('optimiser: a pattern of two hundred %s -> not every order is compared', (_, most, pattern) => {
  let asked = 0;
  const statistics: GraphStatistics = {
    nodeCount: () => 10 + 0 * asked++,
    edgeCount: () => 10 + 0 * asked++,
    hasIndex: () => false,
    distinctValues: () => 1,
  };
  planStatement(`MATCH ${pattern} RETURN 1`, { statistics, schema: [], procedure: () => undefined, optimise: true });
  expect(asked).toBeLessThan(most);
});
