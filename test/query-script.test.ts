/** `weft query` as a process: scripts in the form of tutorials, and numbers that must not change on their way. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildIfStale, killRemaining, ROOT, type ServerProcess, serve } from './server-process.ts';

let scratch = '';
let server: ServerProcess;

beforeAll(async () => {
  buildIfStale();
  scratch = await mkdtemp(join(tmpdir(), 'weft-query-script-'));
  server = await serve(join(scratch, 'data'));
  for (const name of ['archive', 'large', 'harbour', 'depot'])
    await fetch(`${server.url}/v1/graphs/${name}`, { method: 'PUT' });
}, 120_000);

afterAll(async () => {
  await killRemaining();
  await rm(scratch, { recursive: true, force: true });
});

/** What `weft query` prints. @throws with what it says if it fails */
function query(input: string, ...flags: string[]): Promise<string> {
  const program = join(ROOT, 'dist/bin/weft.js');
  const child = spawn(process.execPath, [program, 'query', '--url', server.url, ...flags], {
    env: { PATH: process.env.PATH },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${code}: ${errors}`))));
  });
}

interface Answered {
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}

const rowsOf = (line: string) => (JSON.parse(line) as Answered).data.values;

test('script: the film archive of the examples, twice as JSON and as tables -> every statement answers', async () => {
  const script = readFileSync(join(ROOT, 'examples/film-archive.cypher'), 'utf8');
  const lines = (await query(script, '--graph', 'archive', '--json')).trim().split('\n');
  expect(lines).toHaveLength(11);
  const [made = '', , born, titles, coActors, related, steps, near, recommended, labels, types] = lines.map(rowsOf);
  expect(made).toHaveLength(2);
  expect(born).toEqual([[1950]]);
  expect(titles).toEqual([['Nine Kilometres of Tunnel'], ['Return of the Lantern']]);
  expect(coActors).toEqual([['Anton Velić'], ['Milena Horvat']]);
  expect(related).toEqual([
    ['A. Critic', 'REVIEWED', null],
    ['Ilse Niederglimm', 'PRODUCED', null],
    ['Milena Horvat', 'ACTED_IN', ['The Conductor']],
    ['Otto Brenn', 'DIRECTED', null],
    ['Otto Brenn', 'WROTE', null],
    ['Tor Skarbakk', 'ACTED_IN', ['Passenger', 'Ghost of a passenger']],
  ]);
  expect(steps).toEqual([[4]]);
  expect(near).toEqual([['A. Critic'], ['A. Reader'], ['Anton Velić'], ["Petra O'Hara"]]);
  expect(recommended).toEqual([['Anton Velić', 1]]);
  expect(labels).toEqual([
    ['Movie', 4],
    ['Person', 9],
  ]);
  expect(types).toEqual([
    ['ACTED_IN', 8],
    ['DIRECTED', 4],
    ['FOLLOWS', 1],
    ['PRODUCED', 1],
    ['REVIEWED', 3],
    ['WROTE', 2],
  ]);
  const tables = await query(script.slice(script.indexOf('// Find')), '--graph', 'archive');
  expect(tables).toContain('| "Tor Skarbakk"     | "ACTED_IN" | ["Passenger", "Ghost of a passenger"] |');
});

test('script: one statement with 38 films, 133 people and 253 relationships in 424 CREATE clauses -> all are there', async () => {
  const films = Array.from(
    { length: 38 },
    (_, i) => `CREATE (Film${i}:Movie {title:'Film ${i}', released:${1970 + i}})`,
  );
  const people = Array.from(
    { length: 133 },
    (_, i) => `CREATE (Person${i}:Person {name:'Person ${i}', born:${1920 + i}})`,
  );
  const types = Array.from({ length: 253 }, (_, i) => (i < 172 ? 'ACTED_IN' : i < 216 ? 'DIRECTED' : 'PRODUCED'));
  const edges = types.map((type, i) => `CREATE (Person${i % 133})-[:${type} {number:${i}}]->(Film${i % 38})`);
  const script = `${[...films, ...people, ...edges].join('\n')}
    WITH Person0 AS a MATCH (a)-[:ACTED_IN]->(m) RETURN count(m);
    MATCH (n) RETURN labels(n)[0] AS label, count(*) AS count ORDER BY label;
    MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS count ORDER BY type;`;
  const [made, labels, counts] = (await query(script, '--graph', 'large', '--json')).trim().split('\n').map(rowsOf);
  expect(made).toEqual([[2]]);
  expect(labels).toEqual([
    ['Movie', 38],
    ['Person', 133],
  ]);
  expect(counts).toEqual([
    ['ACTED_IN', 172],
    ['DIRECTED', 44],
    ['PRODUCED', 37],
  ]);
});

/** As an export of another database writes it, and as a shell would take it. */
const HARBOUR = `
:begin
CREATE CONSTRAINT ship_name IF NOT EXISTS FOR (s:Ship) REQUIRE (s.name) IS UNIQUE;
CREATE INDEX ship_tons IF NOT EXISTS FOR (s:Ship) ON (s.tons);
:commit
CALL db.awaitIndexes(300);
:param ships:
[
  {"name": "Tern", "tons": 9007199254740993},
  {"name": "Skua; the second", "tons": 2.0}
]
:params {built: date('1987-05-04'), names: [x IN range(1, 2) | 'pier ' + x]}
:begin
UNWIND $ships AS ship CREATE (:Ship {name: ship.name, tons: ship.tons, built: $built});
UNWIND $names AS name MATCH (s:Ship) CREATE (s)–[:AT]–>(:Pier {name: name});
:commit
:begin
MATCH (s:Ship) DETACH DELETE s;
:rollback
:auto MATCH (s:Ship)-[:AT]->(p) RETURN s.name, s.tons, s.built, count(p) ORDER BY s.name;
:use depot
MATCH (n) RETURN count(n);
:exit
this is never read`;

test('script: transactions, parameters and other commands -> as in a shell, values exact', async () => {
  const lines = (await query(HARBOUR, '--graph', 'harbour', '--json')).trim().split('\n');
  expect(lines).toHaveLength(6);
  const [constraint, index, awaited, made, ships, depot] = lines;
  expect(constraint).toContain('"constraintsAdded":1');
  expect(index).toContain('"indexesAdded":1');
  expect(awaited).toContain('"fields":[]');
  expect((JSON.parse(made as string) as { results: unknown[] }).results).toHaveLength(2);
  expect(ships).toContain('[["Skua; the second",2.0,"1987-05-04",2],["Tern",9007199254740993,"1987-05-04",2]]');
  expect(rowsOf(depot as string)).toEqual([[0]]);
  const table = await query(
    ':begin\nCREATE (:Buoy);\nMATCH (b:Buoy) RETURN count(b) AS buoys;\n:commit',
    '--graph',
    'depot',
  );
  expect(table).toMatch(/nodes created: 1, labels added: 1\n[\s\S]*\| 1 {5}\|/);
});

test.each([
  [':begin\nCREATE (:Wreck);\nRETURN 1 / 0;\n:commit', 'query-error'],
  [':begin\nCREATE (:Wreck);', 'there is no `:commit`'],
  [':begin\nCREATE (:Wreck);\n:begin', '`:commit` ends it'],
  [':begin\nCREATE (:Wreck);\n:use archive', 'which is of one graph'],
  [':begin\nCREATE (:Wreck);\n:rollback\n:commit', '`:commit` without `:begin`'],
  [':source more.cypher', '`:source` is a command of another program'],
  [':param x => 1 +', 'query-error'],
])('script: %j -> fails, and nothing of it happened', async (script, message) => {
  await expect(query(script, '--graph', 'depot')).rejects.toThrow(message);
  expect(rowsOf(await query('MATCH (w:Wreck) RETURN count(w)', '--graph', 'depot', '--json'))).toEqual([[0]]);
});

test('numbers: 2.0, integers of 64 bits, in and out -> as they are, in the table and as JSON', async () => {
  const text = 'RETURN 2.0 AS f, 2 AS i, 9007199254740993 AS big, $min AS min, [1.0, 1] AS list';
  const table = await query(text, '--param', 'min=-9223372036854775808');
  expect(table).toContain('| 2.0 | 2 | 9007199254740993 | -9223372036854775808 | [1.0, 1] |');
  const json = await query(text, '--json', '--param', 'min=-9223372036854775808');
  expect(json).toContain('"values":[[2.0,2,9007199254740993,-9223372036854775808,[1.0,1]]]');
});

test('script: `-` in place of a statement -> standard input', async () => {
  expect(rowsOf(await query('RETURN 1 + 1;', '-', '--json'))).toEqual([[2]]);
});
