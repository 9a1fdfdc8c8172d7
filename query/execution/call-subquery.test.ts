/** `CALL { }`: each row of the outer query keeps what it has, whatever the inner one makes of it. */
import { describe, expect, it } from 'vitest';
import { MemoryGraph } from '../memory-graph.model.ts';
import { runStatement } from '../run-statement.model.ts';

/** a -> b, a -> c, b -> c; d alone. */
async function filled(absent: boolean): Promise<MemoryGraph> {
  const graph = new MemoryGraph({ absent });
  await runStatement(
    `CREATE (a:N {name: 'a', x: 1}), (b:N {name: 'b', x: 2}), (c:N {name: 'c', x: 3}), (:N {name: 'd', x: 4}),
       (a)-[:T {w: 1}]->(b), (a)-[:T {w: 2}]->(c), (b)-[:T {w: 3}]->(c)`,
    graph,
  );
  return graph;
}

const CASES: [text: string, rows: unknown[][]][] = [
  [
    'MATCH (n:N) CALL (n) { MATCH (n)--(m) RETURN count(m) AS k } RETURN n.name, k ORDER BY n.name',
    [
      ['a', 2],
      ['b', 2],
      ['c', 2],
      ['d', 0],
    ],
  ],
  [
    'MATCH (n:N) CALL { WITH n MATCH (n)-[r]->(m) RETURN sum(r.w) AS s, collect(m.name) AS l } RETURN n.name, s, size(l) ORDER BY n.name',
    [
      ['a', 3, 2],
      ['b', 3, 1],
      ['c', 0, 0],
      ['d', 0, 0],
    ],
  ],
  // What is imported in brackets stays, whatever a WITH leaves out.
  [
    'MATCH (n:N) CALL (n) { WITH 10 AS ten RETURN n.x * ten AS k } RETURN n.name, k ORDER BY n.name',
    [
      ['a', 10],
      ['b', 20],
      ['c', 30],
      ['d', 40],
    ],
  ],
  [
    'MATCH (n:N) CALL (*) { MATCH (n)-->(m) WITH count(m) AS c WHERE c < n.x RETURN c * n.x AS k } RETURN n.name, k ORDER BY n.name',
    [
      ['b', 2],
      ['c', 0],
      ['d', 0],
    ],
  ],
  [
    'UNWIND [2, 3] AS i CALL (i) { MATCH (m:N) WITH DISTINCT m.x % 2 AS odd ORDER BY odd * i RETURN collect(odd + i) AS l } RETURN i, l',
    [
      [2, [2, 3]],
      [3, [3, 4]],
    ],
  ],
  [
    'UNWIND [2, 3] AS i CALL { WITH i WITH i + 1 AS i RETURN i AS k } RETURN i, k',
    [
      [2, 3],
      [3, 4],
    ],
  ],
  // A sub-query in an expression sees all that is around it, after a WITH, too.
  [
    "MATCH (n:N) WHERE EXISTS { WITH 'c' AS name MATCH (n)-->(m {name: name}) } RETURN n.name ORDER BY n.name",
    [['a'], ['b']],
  ],
  [
    'MATCH (n:N) RETURN n.name, COUNT { MATCH (n)-->(m) WITH count(m) AS c MATCH (n)--(o) WHERE o.x > c } AS k ORDER BY n.name',
    [
      ['a', 1],
      ['b', 1],
      ['c', 2],
      ['d', 0],
    ],
  ],
  [
    'MATCH (n:N) RETURN n.name, COLLECT { UNWIND [1, 2] AS i WITH i WHERE i < 2 RETURN n.x + i } AS l ORDER BY n.name LIMIT 2',
    [
      ['a', [2]],
      ['b', [3]],
    ],
  ],
  // Conditions on each relationship of a path wait for what they read.
  ['MATCH (n:N)-[r:T*1..2 {w: m.x}]->(m:N) RETURN n.name, m.name, size(r) ORDER BY n.name', [['b', 'c', 1]]],
  [
    'MATCH (n:N)-[r:T*1..2 WHERE r.w < m.x]->(m:N) RETURN n.name, m.name, size(r) ORDER BY n.name, m.name',
    [
      ['a', 'b', 1],
      ['a', 'c', 1],
    ],
  ],
  [
    'MATCH (k:N) MATCH (n:N)-[:T* {w: k.x}]->(m:N) RETURN k.name, n.name, m.name ORDER BY k.name',
    [
      ['a', 'a', 'b'],
      ['b', 'a', 'c'],
      ['c', 'b', 'c'],
    ],
  ],
  // Keys that are not those of the outer row.
  [
    'MATCH (n:N) CALL (n) { MATCH (n)-[r]-(m) RETURN m.name AS other, max(r.w) AS w } RETURN n.name, other, w ORDER BY n.name, other',
    [
      ['a', 'b', 1],
      ['a', 'c', 2],
      ['b', 'a', 1],
      ['b', 'c', 3],
      ['c', 'a', 2],
      ['c', 'b', 3],
    ],
  ],
  [
    'MATCH (n:N)-[r]->(m:N) CALL (*) { MATCH (k) RETURN count(k) AS k } RETURN n.name, r.w, m.name, k ORDER BY r.w',
    [
      ['a', 1, 'b', 4],
      ['a', 2, 'c', 4],
      ['b', 3, 'c', 4],
    ],
  ],
  [
    'UNWIND [3, 1] AS i WITH i, [i, i] AS list CALL { MATCH (k:N) RETURN count(k) AS k } RETURN i, list, k',
    [
      [3, [3, 3], 4],
      [1, [1, 1], 4],
    ],
  ],
  // One branch aggregates, the other does not.
  [
    `MATCH (n:N) CALL (n) { MATCH (n)-->(m) RETURN count(m) AS v UNION ALL MATCH (n)-->(m) RETURN m.x AS v }
     RETURN n.name, v ORDER BY n.name, v`,
    [
      ['a', 2],
      ['a', 2],
      ['a', 3],
      ['b', 1],
      ['b', 3],
      ['c', 0],
      ['d', 0],
    ],
  ],
  [
    'MATCH (n:N) CALL (n) { MATCH (n)--(m) RETURN DISTINCT m ORDER BY m.x DESC LIMIT 1 } RETURN n.name, m.name ORDER BY n.name',
    [
      ['a', 'c'],
      ['b', 'c'],
      ['c', 'b'],
    ],
  ],
  [
    `MATCH (n:N) CALL (n) { MATCH (n)--(m) CALL (m) { MATCH (m)--(k) RETURN count(k) AS c } RETURN sum(c) AS s }
     RETURN n.name, s ORDER BY n.name`,
    [
      ['a', 4],
      ['b', 4],
      ['c', 4],
      ['d', 0],
    ],
  ],
  [
    `MATCH (n:N) CALL (n) { MATCH (n)--(m) WITH n, count(m) AS c WHERE c > 1 RETURN n.x * c AS v } RETURN n.name, v ORDER BY n.name`,
    [
      ['a', 2],
      ['b', 4],
      ['c', 6],
    ],
  ],
  [
    `MATCH (n:N) OPTIONAL CALL (n) { MATCH (n)-->(m) WITH count(m) AS c WHERE c > 0 RETURN c } RETURN n.name, c ORDER BY n.name`,
    [
      ['a', 2],
      ['b', 1],
      ['c', null],
      ['d', null],
    ],
  ],
  [
    'MATCH (n:N) CALL (n) { MATCH (n)--(m) RETURN count(m) AS k } WITH n, k WHERE k = 2 RETURN count(n), sum(k), collect(n.x)',
    [[3, 6, [1, 2, 3]]],
  ],
  [
    'MATCH p = (n:N)-->(m) CALL (n, m) { RETURN count(*) AS one } RETURN [k IN nodes(p) | k.name] AS names, one ORDER BY names',
    [
      [['a', 'b'], 1],
      [['a', 'c'], 1],
      [['b', 'c'], 1],
    ],
  ],
  [
    'MATCH (n:N) OPTIONAL MATCH (n)-[r]->(m) CALL (m) { MATCH (m)--(k) RETURN count(k) AS k } RETURN n.name, r.w, k ORDER BY n.name, r.w',
    [
      ['a', 1, 2],
      ['a', 2, 2],
      ['b', 3, 2],
      ['c', null, 0],
      ['d', null, 0],
    ],
  ],
  // What it writes is seen after it, and rows stay.
  [
    'MATCH (n:N) CALL (n) { CREATE (n)-[:NEW]->(:M) } WITH n MATCH (n)-[:NEW]->(m) RETURN n.name, count(m) ORDER BY n.name',
    [
      ['a', 1],
      ['b', 1],
      ['c', 1],
      ['d', 1],
    ],
  ],
  [
    'MATCH (n:N) WHERE COUNT { CALL (n) { MATCH (n)-->(m) RETURN count(m) AS c } WITH c WHERE c > 1 RETURN c } = 1 RETURN n.name',
    [['a']],
  ],
  [
    'MATCH (n:N) RETURN n.name, COLLECT { CALL (n) { MATCH (n)-->(m) RETURN count(m) AS c } RETURN n.x + c } AS l ORDER BY n.name',
    [
      ['a', [3]],
      ['b', [3]],
      ['c', [3]],
      ['d', [4]],
    ],
  ],
];

describe.each([
  { absent: false, optimise: true },
  { absent: true, optimise: true },
  { absent: false, optimise: false },
])('call [%o]', ({ absent, optimise }) => {
  it.each(CASES)('%s', async (text, rows) => {
    expect((await runStatement(text, await filled(absent), { optimise })).rows).toEqual(rows);
  });

  it('more outer rows than a batch has, each with some of its own -> each with its own count', async () => {
    const text = `UNWIND range(1, 3000) AS i CALL (i) { UNWIND range(1, i % 3) AS j RETURN count(j) AS k, max(j) AS most }
       RETURN count(i) AS n, sum(CASE WHEN k = i % 3 THEN 1 ELSE 0 END) AS right, sum(i) AS s`;
    const { rows } = await runStatement(text, await filled(absent), { optimise });
    expect(rows).toEqual([[3000, 3000, 4_501_500]]);
  });
});
