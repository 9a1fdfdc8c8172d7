#!/usr/bin/env node
/**
 * Runs the LDBC SNB interactive queries, unchanged and with the parameters that they state, on a real server that holds the
 * LDBC graph, and asks in openCypher what was computed elsewhere: degrees, neighbourhoods, shortest paths and their number.
 *
 *     npm run build && node scripts/check-ldbc-queries.mjs FOLDER
 *
 * FOLDER holds `graph.ndjson`, `truth.json` and `queries/*.cypher`. The data is not part of the project.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';

explained(import.meta.url);

const PROGRAM = fileURLToPath(new URL('../dist/bin/weft.js', import.meta.url));
/** Hops of neighbourhoods that are compared: patterns of a variable length list every path. */
const HOPS_MAX = 3;
/** Elements that are in the graph, for the parameters of the updates, which state none. */
const KNOWN = {
  cityId: 'MATCH (n:City)',
  personId: 'MATCH (n:Person)',
  person1Id: 'MATCH (n:Person)',
  person2Id: 'MATCH (n:Person)',
  authorPersonId: 'MATCH (n:Person)',
  moderatorPersonId: 'MATCH (n:Person)',
  countryId: 'MATCH (n:Country)',
  forumId: 'MATCH (n:Forum)',
  postId: 'MATCH (n:Post)',
  commentId: 'MATCH (n:Comment)',
  replyToPostId: 'MATCH (n:Post)',
};
const GIVEN = {
  personFirstName: 'Ada',
  personLastName: 'Byron',
  gender: 'female',
  birthday: 0,
  creationDate: 1,
  locationIP: '::1',
  browserUsed: 'none',
  languages: ['en'],
  emails: [],
  studyAt: [],
  workAt: [],
  forumTitle: 'new',
  joinDate: 1,
  language: 'en',
  content: 'new',
  imageFile: '',
  length: 3,
  replyToCommentId: -1,
};

const folder = resolve(process.argv[2] ?? '.');
const scratch = mkdtempSync(join(tmpdir(), 'ldbc-'));
const failures = [];
let checks = 0;

function check(name, actual, expected) {
  checks++;
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) failures.push(`${name}: got ${a?.slice(0, 300)}, expected ${b?.slice(0, 300)}`);
}

const child = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--data', scratch, '--log-level', 'warn'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = new Promise((done) => child.once('exit', done));
try {
  const line = await new Promise((done) => createInterface({ input: child.stdout }).once('line', done));
  const url = line.replace('weft listening on ', '');
  const file = join(folder, 'graph.ndjson');
  execFileSync(process.execPath, [PROGRAM, 'import', file], { env: { ...process.env, WEFT_URL: url }, stdio: 'pipe' });

  const ask = async (statement, parameters = {}) => {
    const answer = await fetch(`${url}/v1/graphs/default/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ statement, parameters }),
    });
    const document = await answer.json();
    if (answer.status !== 200) throw new Error(document.detail);
    return document;
  };
  const one = async (statement, parameters) => (await ask(statement, parameters)).data.values[0]?.[0];

  /** What the comment of a query states, as \`:param name: value\` or as a \`RETURN\`; and elements for the rest. */
  const parametersOf = async (text) => {
    const parameters = {};
    const block = /:param\s+\[\{[^}]*\}\]\s*=>\s*\{\s*(RETURN[\s\S]*?)\}\s*\*\//.exec(text)?.[1];
    if (block !== undefined) {
      const { data } = await ask(block);
      data.fields.forEach((field, i) => {
        parameters[field] = data.values[0][i];
      });
    }
    for (const [, name, value] of text.matchAll(/:param\s+(\w+):\s*(.+)/g)) {
      parameters[name] = await one(`RETURN ${value}`);
    }
    for (const [, name] of text.replace(/\/\*[\s\S]*?\*\//g, '').matchAll(/\$(\w+)/g)) {
      if (Object.hasOwn(parameters, name)) continue;
      if (name === 'tagIds') parameters[name] = [await one('MATCH (n:Tag) RETURN n.id ORDER BY n.id LIMIT 1')];
      else if (Object.hasOwn(KNOWN, name))
        parameters[name] = await one(`${KNOWN[name]} RETURN n.id ORDER BY n.id LIMIT 1`);
      else parameters[name] = GIVEN[name];
    }
    return parameters;
  };

  // First, because the updates below change the graph.
  const truth = JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8'));
  const [type] = truth.types;
  for (const [id, degree] of truth.outDegreeTop) {
    check(
      `degree of ${id}`,
      await one(`MATCH (n)-[:${type}]->() WHERE elementId(n) = $id RETURN count(*)`, { id }),
      degree,
    );
  }
  for (const { source: id, levels } of truth.bfsLevels) {
    for (let hops = 1; hops < Math.min(levels.length, HOPS_MAX + 1); hops++) {
      const within = `MATCH (s)-[:${type}*1..${hops}]-(n) WHERE elementId(s) = $id AND n <> s RETURN count(DISTINCT n)`;
      check(
        `nodes within ${hops} of ${id}`,
        await one(within, { id }),
        levels.slice(1, hops + 1).reduce((a, b) => a + b, 0),
      );
    }
  }
  for (const { from, to, hops, numberOfShortestPaths: paths } of truth.shortestPaths) {
    const ends = 'WHERE elementId(a) = $from AND elementId(b) = $to';
    const length = `MATCH (a), (b) ${ends} MATCH p = shortestPath((a)-[:${type}*]-(b)) RETURN length(p)`;
    check(`shortest path from ${from} to ${to}`, (await one(length, { from, to })) ?? null, hops);
    const all = `MATCH (a), (b) ${ends} MATCH p = allShortestPaths((a)-[:${type}*]-(b)) RETURN count(p)`;
    check(`shortest paths from ${from} to ${to}`, await one(all, { from, to }), paths);
  }

  let rows = 0;
  for (const name of readdirSync(join(folder, 'queries')).filter((query) => query.endsWith('.cypher'))) {
    const text = readFileSync(join(folder, 'queries', name), 'utf8');
    try {
      const { data, counters } = await ask(text, await parametersOf(text));
      rows += data.values.length;
      const isUpdate = name.includes('update');
      check(
        `${name}: it ${isUpdate ? 'writes' : 'has rows'}`,
        isUpdate ? counters.containsUpdates : data.values.length > 0,
        true,
      );
    } catch (error) {
      check(name, error.message, 'no error');
    }
  }

  console.log(`queries: ${rows} rows`);
} finally {
  child.kill('SIGTERM');
  await ended;
  rmSync(scratch, { recursive: true, force: true });
}
for (const failure of failures) console.error(failure);
console.log(`ldbc queries: ${checks} checks, ${failures.length} failures`);
process.exitCode = failures.length === 0 && checks > 0 ? 0 : 1;
