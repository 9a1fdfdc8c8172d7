import { expect, it } from 'vitest';
import { MemoryGraph } from '../memory-graph.model.ts';
import { runStatement } from '../run-statement.model.ts';
import type { PlanDescription } from './planned-statement.ts';

/** Operators and details from the top down, without those that say nothing. */
async function explained(text: string): Promise<string[]> {
  const { plan } = await runStatement(`EXPLAIN ${text}`, new MemoryGraph());
  const lines: string[] = [];
  const visit = ({ operator, details, children }: PlanDescription) => {
    if (details !== '') lines.push(`${operator} ${details}`);
    children.forEach(visit);
  };
  if (plan !== undefined) visit(plan);
  return lines;
}

it.each<[string, string[]]>([
  [
    "MATCH (p:Person)-[:ACTED_IN]->(m) WHERE m.year > 1990 AND (p.born < 1960 OR p.name STARTS WITH 'K') RETURN p.name AS who",
    ['ProduceResults who', 'Project p.name AS who', "Filter p.born < 1960 OR p.name STARTS WITH 'K'"],
  ],
  [
    'MATCH (n) WHERE n.a = $x RETURN count(DISTINCT n.b)',
    ['Aggregate count(DISTINCT n.b)', 'Filter n.a = $x', 'AllNodesScan (n)'],
  ],
  [
    'MATCH (a)<-[r:R|S*2..4]-(b:L) RETURN r, b ORDER BY b.x DESC, b.y LIMIT 3',
    ['Sort b.x DESC, b.y, top 3', 'Project reverse(_2) AS r', 'VarLengthExpand (b)-[:R|S*2..4]->(a)'],
  ],
  [
    'UNWIND [1, 2.5, "it\'s"] AS x CREATE (:A {x: x})-[:R {w: -x}]->(b:B:C) RETURN b',
    ["Unwind [1, 2.5, 'it\\'s'] AS x", 'Create (:A {x: x}), (b:B:C), ()-[:R {w: -x}]->(b)'],
  ],
  ['MERGE (n:K {id: 1}) ON CREATE SET n.new = true, n:Fresh', ['Merge (n:K {id: 1})']],
  ['MATCH (n:A) SET n += {a: null} REMOVE n:A', ['SetItems n += {a: null}', 'SetItems REMOVE n:A', 'LabelScan (n:A)']],
  ['MATCH (n:A) DETACH DELETE n', ['Delete DETACH n']],
  ['CALL db.labels() YIELD label RETURN label', ['ProcedureCall db.labels()']],
  [
    'RETURN CASE WHEN $a IS NULL THEN [x IN range(1, 3) WHERE x > 1 | x ^ 2] ELSE {k: $a[0..1]} END AS y',
    ['Project CASE WHEN $a IS NULL THEN [x IN range(1, 3) WHERE x > 1 | x ^ 2] ELSE {k: $a[0..1]} END AS y'],
  ],
])('plan: %s -> says what each operator does', async (text, wanted) => {
  const lines = await explained(text);
  for (const line of wanted) expect(lines).toContain(line);
});
