/** Forms of statements that users of Neo4j 5 write and the conformance cases lack: what they answer, or how they are refused. */
import { describe, expect, it } from 'vitest';
import { MemoryGraph } from '../memory-graph.model.ts';
import { QueryError } from '../query-error.ts';
import { runStatement } from '../run-statement.model.ts';

/** a -> b, a -> c, b -> c; d alone. */
async function filled(absent: boolean): Promise<MemoryGraph> {
  const graph = new MemoryGraph({ absent });
  await runStatement(
    `CREATE (a:N {name: 'a', x: 1}), (b:N:M {name: 'b', x: 2}), (c:N {name: 'c', x: 3}), (:N {name: 'd', x: 4}),
       (a)-[:T {w: 1}]->(b), (a)-[:S {w: 2}]->(c), (b)-[:T {w: 3}]->(c)`,
    graph,
  );
  return graph;
}

const CASES: [text: string, rows: unknown[][]][] = [
  // Types of values
  [
    "RETURN 1 IS :: INTEGER, 'x' IS TYPED STRING, null IS :: INTEGER, 1.5 IS NOT :: INTEGER",
    [[true, true, true, true]],
  ],
  [
    'RETURN null :: INTEGER NOT NULL, null IS :: FLOAT!, [1, null] IS :: LIST<INTEGER NOT NULL>',
    [[false, false, false]],
  ],
  ["RETURN 1 IS :: STRING | INTEGER, [1, 'a'] IS :: ARRAY<INT | VARCHAR>, {a: 1} IS :: MAP", [[true, true, true]]],
  ['RETURN null IS :: NULL, 1 IS :: NOTHING, null IS :: NOTHING, 1 IS :: ANY', [[true, false, false, true]]],
  ['RETURN [x IN [1, "a", 2] WHERE x IS :: INTEGER | x * 2] AS l', [[[2, 4]]]],
  [
    'MATCH (n:M)<-[r]-() RETURN n IS :: VERTEX, r IS :: ANY RELATIONSHIP, n IS :: PROPERTY VALUE',
    [[true, true, false]],
  ],
  [
    'RETURN datetime() IS :: TIMESTAMP WITH TIMEZONE, localtime() IS :: LOCAL TIME, date() IS :: ZONED TIME',
    [[true, true, false]],
  ],
  [
    "RETURN valueType(1), valueType([1, 'a', null]), valueType([]), valueType(null)",
    [['INTEGER NOT NULL', 'LIST<STRING | INTEGER> NOT NULL', 'LIST<NOTHING> NOT NULL', 'NULL']],
  ],
  // How often a relationship is followed, behind it
  [
    "MATCH (:N {name: 'a'})-[r:T]->+(m) RETURN m.name, size(r) ORDER BY m.name",
    [
      ['b', 1],
      ['c', 2],
    ],
  ],
  ["MATCH (:N {name: 'a'})-->*(m) RETURN m.name ORDER BY m.name", [['a'], ['b'], ['c'], ['c']]],
  ["MATCH (:N {name: 'c'})<--{2}(m) RETURN m.name", [['a']]],
  ["MATCH (:N {name: 'a'})-[:T]-{,1}(m) RETURN m.name ORDER BY m.name", [['a'], ['b']]],
  ["MATCH (:N {name: 'a'})-[WHERE true]->{2,}(m) RETURN m.name", [['c']]],
  ["MATCH p = (:N {name: 'a'})-[r WHERE r.w > 1]->{1,3}(m) RETURN m.name, length(p)", [['c', 1]]],
  ["MATCH (n:N) WHERE (n)-->+(:N {name: 'c'}) RETURN n.name ORDER BY n.name", [['a'], ['b']]],
  ['WITH 3 AS a, 2 AS b RETURN (a)--+(b) AS x, a--b AS y', [[5, 5]]],
  // The planner counts the lengths that are wanted, and must end
  ["MATCH (:N {name: 'a'})-[*9223372036854775807..]->(m) RETURN m.name", []],
  ["MATCH (:N {name: 'a'})-->{9223372036854775807}(m) RETURN m.name", []],
  // Labels
  ['MATCH (n IS M) WHERE n IS N RETURN n.name', [['b']]],
  ['MATCH (n IS N)-[r IS S]->(m) RETURN n.name, m.name', [['a', 'c']]],
  ['MATCH (is {x: 1}) RETURN is.name', [['a']]],
  [
    'MATCH (n:N) WITH collect(n) AS l RETURN [n IN l WHERE n:M|Q | n.name], [(:N {name: "a"})-[r]->(m) WHERE m:M|Q | m.x]',
    [[['b'], [2]]],
  ],
  // CASE with conditions
  [
    "RETURN CASE 5 WHEN < 3 THEN 'a' WHEN 4, >= 5 THEN 'b' END, CASE null WHEN IS NULL THEN 'n' ELSE 'x' END",
    [['b', 'n']],
  ],
  [
    "RETURN CASE 'abc' WHEN = 'x' THEN 0 WHEN STARTS WITH 'a' THEN 1 END, CASE 2 WHEN IN [1, 2] THEN 'in' END",
    [[1, 'in']],
  ],
  [
    "MATCH (n:N) RETURN n.name, CASE n.x WHEN 1 THEN 'one' WHEN > 3 THEN 'many' ELSE 'some' END ORDER BY n.x",
    [
      ['a', 'one'],
      ['b', 'some'],
      ['c', 'some'],
      ['d', 'many'],
    ],
  ],
  // Joining
  ["RETURN 'a' || 'b' || 'c', [1] || [2], [x IN ['a'] WHERE x || 'b' = 'ab' | x || 'c']", [['abc', [1, 2], ['ac']]]],
  // Clauses that stand for WITH *
  ['MATCH (n:N) ORDER BY n.name DESC SKIP 1 LIMIT 2 RETURN n.name', [['c'], ['b']]],
  ['MATCH (n:N) LIMIT 2 RETURN count(*)', [[2]]],
  ['MATCH (n:N) OFFSET 1 RETURN count(*)', [[3]]],
  [
    'MATCH (n:N) LET y = n.x * 2, z = 1 FILTER y > 4 RETURN n.name, y + z ORDER BY y',
    [
      ['c', 7],
      ['d', 9],
    ],
  ],
  ['LET x = 1 RETURN x', [[1]]],
  // Names of functions are alike in any case
  [
    'MATCH (n:N)-->(m) RETURN DISTINCT m.name, count(n) AS c, toUpper(m.name) ORDER BY COUNT(n) DESC, ToUpper(m.name)',
    [
      ['c', 2, 'C'],
      ['b', 1, 'B'],
    ],
  ],
  ['MATCH (n:N) WITH max(n.x) AS m ORDER BY MAX(n.x) LIMIT 1 RETURN m', [[4]]],
  // FINISH
  ['MATCH (n:N) FINISH', []],
  ['MATCH (n:N) CALL (n) { SET n.y = n.x FINISH } RETURN count(*), sum(n.y)', [[4, 10]]],
  // Sub-queries of several parts
  [
    'MATCH (n:N) WHERE EXISTS { MATCH (n)-[:S]->(m) RETURN m UNION MATCH (n)<-[:S]-(m) RETURN m } RETURN n.name ORDER BY n.name',
    [['a'], ['c']],
  ],
  [
    'MATCH (n:N) RETURN n.name, COUNT { MATCH (n)-[:S]->(m) RETURN m UNION ALL MATCH (n)--(m) RETURN m } AS k ORDER BY n.name',
    [
      ['a', 3],
      ['b', 2],
      ['c', 2],
      ['d', 0],
    ],
  ],
  // Parts that only write give no rows.
  ['MATCH (n:N) CALL (n) { CREATE (n)-[:P]->(:Q) UNION ALL CREATE (n)-[:P]->(:Q) } RETURN count(*)', [[4]]],
  [
    'MATCH (n:N) CALL (n) { CREATE (n)-[:P]->(:Q) UNION CREATE (n)-[:P]->(:Q) } WITH DISTINCT n MATCH (n)-[:P]->(q) RETURN count(q)',
    [[8]],
  ],
  // Names that are computed
  ["MATCH (n:N {name: 'a'}) SET n['k' + 1] = 5, n['name'] = 'z' RETURN n.k1, n.name", [[5, 'z']]],
  ["MATCH (n:N {name: 'a'}) SET n['x'] = null REMOVE n['na' + 'me'] RETURN keys(n)", [[[]]]],
  ["MATCH (n:N {name: 'a'}) UNWIND ['u', 'v'] AS k SET n[k] = k WITH DISTINCT n RETURN n.u + n.v", [['uv']]],
  ["MATCH (n:N {name: 'a'})-[r]->() WITH r LIMIT 1 SET r['w'] = 2 RETURN r.w", [[2]]],
  ["MATCH (n:N {name: 'a'}) SET n:$('P'):R:$(['S', 'T']) REMOVE n:$(['N', 'T']) RETURN labels(n)", [[['P', 'R', 'S']]]],
  ['MATCH (n:N) WITH n WHERE n.x < 3 SET n:$(toUpper(n.name)) WITH * MATCH (b:B) RETURN count(*)', [[2]]],
  ["MATCH (n:N {name: 'a'}) FOREACH (l IN ['P', 'Q'] | SET n:$(l)) RETURN size(labels(n))", [[3]]],
  ["MATCH (n:$('N') {name: 'a'}) RETURN n.name", [['a']]],
  ["MATCH (n:B|$('M')) WITH count(*) AS some MATCH (n:!$(['M'])&N) RETURN some, count(*)", [[1, 3]]],
  ["MATCH (n:N) WHERE n:$(labels(n)) AND NOT n:$(['N', 'M']) RETURN count(*)", [[3]]],
  ["WITH 'T' AS t MATCH (:N {name: 'a'})-[r:$(t)]->(c) RETURN type(r), c.name", [['T', 'b']]],
  ["MATCH p = (:N {name: 'a'})-[:$('T')*2]->(c) RETURN c.name", [['c']]],
  ["MATCH (n:N {name: 'a'}) RETURN COUNT { (n)-[:$('T')]->(:$(labels(n))) }", [[1]]],
  [
    "UNWIND ['U', 'V', 'U'] AS l MERGE (n:$(l) {k: 1}) ON CREATE SET n.c = 1 WITH DISTINCT n RETURN labels(n), n.c",
    [
      [['U'], 1],
      [['V'], 1],
    ],
  ],
  [
    "CREATE (n:P:$(['Q', 'R']))-[r:$('S' + 'T')]->(m:$(labels(n)):M) RETURN labels(m), type(r)",
    [[['M', 'P', 'Q', 'R'], 'ST']],
  ],
  [
    "MATCH (n:N {name: 'a'}), (c:N {name: 'c'}) UNWIND [1, 2] AS i MERGE (n)-[r:$('W')]->(c) WITH DISTINCT r RETURN count(r)",
    [[1]],
  ],
  // Rows that are still to be found do not see what is made under a name that is only known then.
  ["MATCH (n:N) CREATE (:$('N')) WITH count(*) AS made MATCH (n:N) RETURN made, count(*)", [[4, 8]]],
  // What CREATE asks the graph, it asks of the graph before it; MERGE takes one row after the other.
  ['UNWIND [1, 2, 3] AS i CREATE (q:Q {c: COUNT { (p:Q) } + i}) WITH q.c AS c RETURN collect(c)', [[[1, 2, 3]]]],
  [
    'UNWIND [1, 2] AS i CREATE (:Q {c: size([(p:Q)-[:S]->() | p])})-[:S]->() WITH count(*) AS k MATCH (q:Q) RETURN k, collect(q.c)',
    [[2, [0, 0]]],
  ],
  ['UNWIND [1, 2, 3] AS i MERGE (q:Q {c: COUNT { (:Q) }}) WITH q.c AS c RETURN collect(c)', [[[0, 1, 2]]]],
  ['CREATE (a:Q {x: 1})-[:P]->(b:Q {x: COUNT { (a) }}) RETURN b.x', [[1]]],
  // Paths have the order of the lists of their elements.
  [
    'CREATE (a:Q)-[:P {i: 1}]->(:Q), (a)-[:P {i: 2}]->(a) WITH a MATCH p = (a)-->() RETURN [r IN relationships(p) | r.i] ORDER BY p',
    [[[1]], [[2]]],
  ],
  // Shortest paths as values
  [
    "MATCH (a:N {name: 'a'}), (c:N {name: 'c'}), (d:N {name: 'd'}) RETURN length(shortestPath((a)-[:T*]->(c))), shortestPath((a)-[*]-(d)) IS NULL",
    [[2, true]],
  ],
  [
    "MATCH (a:N {name: 'a'}), (c:N {name: 'c'}) WITH a, shortestPath((a)-[*]-(c)) AS p RETURN [n IN nodes(p) | n.name], size(allShortestPaths((a)-[*1..2]-(a)))",
    [[['a', 'c'], 0]],
  ],
  [
    "MATCH (a:N {name: 'a'}), (c:N) WHERE length(shortestPath((a)-[:T*]->(c))) = 2 RETURN c.name, [p IN allShortestPaths((a)-[:T*]->(c)) | length(p)]",
    [['c', [2]]],
  ],
  // exists() of a pattern, as a condition and as a value
  ['MATCH (n:N) WHERE NOT exists((n)--()) RETURN n.name', [['d']]],
  [
    'MATCH (n:N) RETURN n.name, exists((n)-->()) AS e, exists(n.nope) ORDER BY n.name',
    [
      ['a', true, false],
      ['b', true, false],
      ['c', false, false],
      ['d', false, false],
    ],
  ],
  ['MATCH (n:N) WHERE exists((n)-[:S]->()) OR n.x = 4 RETURN n.name ORDER BY n.name', [['a'], ['d']]],
  // Paths that are made
  [
    'CREATE p = (a:A)-[:R]->(b)<-[:R]-(c) RETURN length(p), size(nodes(p)), [r IN relationships(p) | startNode(r) = b]',
    [[2, 3, [false, false]]],
  ],
  ['CREATE p=(:A), q = (:B) RETURN length(p) + length(q)', [[0]]],
  // Arrows as editors and web pages draw them
  ['MATCH (a:N)–[r:S]->(b) RETURN a.name, b.name', [['a', 'c']]],
  ['MATCH (a:N {name: "b"})<—[:T]—(b), (a) ⟨ － ﹣ (c) RETURN b.name, c.name', []],
  ['MATCH (a:N {name: "b"}) ＜ — [:T] — (b) RETURN b.name', [['a']]],
  ['MATCH (b:M)〈‐‐(a)−[:S]−﹥(c) RETURN a.name, c.name', [['a', 'c']]],
  ['MATCH (d {name: "d"}) WHERE NOT (d)––() RETURN COUNT { (:M)⟨--() }, 5 -(2)', [[1, 3]]],
  // Advice to another planner
  ['CYPHER 5 runtime=slotted MATCH (n:N) RETURN count(n)', [[4]]],
  ['CYPHER 25 RETURN 1', [[1]]],
];

describe.each([
  { absent: false, optimise: true },
  { absent: true, optimise: true },
  { absent: false, optimise: false },
])('statement forms [%o]', ({ absent, optimise }) => {
  it.each(CASES)('%s', async (text, rows) => {
    expect((await runStatement(text, await filled(absent), { optimise })).rows).toEqual(rows);
  });
});

it.each([
  ['CREATE (n:A|B)', 'not a choice of them'],
  ['MERGE (n:A|!B)', 'not a choice of them'],
  ['CREATE (n:A WHERE n.x = 1)', 'what is made has no WHERE'],
  ['RETURN toUper("a")', 'there is no function `toUper`; did you mean `toUpper`?'],
  ['RETURN zzz("a")', 'there is no function `zzz` (line 1'],
  ['CALL db.lables()', 'there is no procedure `db.lables`; did you mean `db.labels`?'],
  ['CALL apoc.periodic.iterate("", "", {})', 'there is no procedure `apoc.periodic.iterate`; the procedures and'],
  ['RETURN apoc.create.uuid()', 'there is no function `apoc.create.uuid`; the procedures and functions of APOC'],
  ['CALL gds.graph.project("g", "N", "T")', 'the graph algorithms of GDS are not part'],
  ['MATCH (n) WHERE has(n.x) RETURN n', 'there is no function `has`; write `n.name IS NOT NULL`'],
  ['CALL db.indexes()', 'use SHOW INDEXES'],
  ['CALL db.schema.visualization()', 'use db.schema.nodeTypeProperties()'],
  ['CALL db.index.fulltext.queryNodes("i", "x")', 'use CONTAINS'],
  ['CREATE FULLTEXT INDEX i FOR (n:N) ON EACH [n.x]', 'full-text indexes are not offered'],
  ['CREATE LOOKUP INDEX i FOR (n) ON EACH labels(n)', 'found without an index: leave it out'],
  ['CREATE DATABASE archive', 'a graph is made by a PUT of /v1/graphs/NAME'],
  ['SHOW DATABASES', 'GET /v1/graphs lists the graphs'],
  ['USING PERIODIC COMMIT 500 LOAD CSV FROM "f" AS l RETURN l', 'import them as JSON Lines'],
  ['MATCH (n:N) CALL { WITH n DELETE n } IN TRANSACTIONS', 'repeat it for a part of the rows'],
  ['START n = node(*) RETURN n', 'write MATCH'],
  ['CREATE UNIQUE (a)-[:T]->(b)', 'MERGE makes what is missing'],
  ['MATCH (n {id: {id}}) RETURN n', 'a parameter is written `$name`'],
  ['CALL db.labels() YIELD foo RETURN foo', 'db.labels() has no result `foo`; it yields label'],
  ['RETURN size()', 'size() takes 1 argument, not 0'],
  ['MATCH (n) RETRUN n', 'did you mean RETURN?'],
  ['MATC (n) RETURN n', 'did you mean MATCH?'],
  ['MATCH (n) WHERE n.x == 1 RETURN n', 'a single `=` compares'],
  ['MATCH (n) WHERE n.x != 1 RETURN n', 'not equal is `<>`'],
  ['MATCH (n) WHERE n.x && n.y RETURN n', 'write AND'],
  ["MATCH (n) WHERE n.name LIKE 'a%' RETURN n", 'use CONTAINS'],
  ['MATCH (n) RETURN 1; MATCH (n) RETURN 2', '`statements`'],
  ['MATCH p = ANY SHORTEST (a)-->(b) RETURN p', 'shortestPath()'],
  ['MATCH (a) ((x)-->(y)){1,3} (b) RETURN 1', '`-[:T*1..3]->`'],
  ['MATCH (a)-[*1..2]->+(b) RETURN 1', '`-[:T*1..3]->`'],
  ['MATCH (a)-->{}(b) RETURN 1', '`{1,3}`'],
  ['MATCH (a)-->{-1}(b) RETURN 1', 'not negative'],
  ['CREATE (a)-[:T]->{2}(b)', 'length'],
  ['RETURN 1 IS :: INTEGR', 'expected a type: BOOLEAN'],
  ['CREATE (:$(null))', 'a label is a String, not a value of type Null'],
  ["CREATE ()-[:$(['A', 'B'])]->()", 'exactly one type, not 2'],
  ['CREATE ()-[:$(1)]->()', 'a relationship type is a String, not a value of type Integer'],
  ["CREATE (:A|$('B'))", 'not a choice of them'],
  ['MATCH (n:$(m.name)) RETURN n', 'the variable `m` is not defined here'],
])('refused: %s -> %s', async (text, message) => {
  const refusal = runStatement(text, new MemoryGraph());
  await expect(refusal).rejects.toThrow(QueryError);
  await expect(refusal).rejects.toThrow(message);
});
