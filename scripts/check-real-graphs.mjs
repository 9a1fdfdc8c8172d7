#!/usr/bin/env node
/**
 * Puts real graphs through a real server and compares with results that were computed elsewhere.
 *
 *     npm run build && node scripts/check-real-graphs.mjs FOLDER
 *
 * FOLDER holds a folder for each graph, with `graph.ndjson` (the import form) and `truth.json` (breadth-first levels and
 * lengths of shortest paths). For each: import, export and compare element by element, walk and compare, stop, start
 * again and compare digests. The data is not part of the project.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';

explained(import.meta.url);

const PROGRAM = fileURLToPath(new URL('../dist/bin/weft.js', import.meta.url));
const PAGE_ITEMS = 10_000;
/** Levels of a breadth-first search that are compared: deeper ones only repeat the work. */
const LEVELS_MAX = 6;

const folder = resolve(process.argv[2] ?? '.');
const scratch = mkdtempSync(join(tmpdir(), 'real-'));
const failures = [];
let checks = 0;

function check(name, actual, expected) {
  checks++;
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) failures.push(`${name}: got ${a?.slice(0, 200)}, expected ${b?.slice(0, 200)}`);
}

async function start() {
  const flags = ['serve', '--port', '0', '--data', join(scratch, 'data'), '--log-level', 'warn'];
  const child = spawn(process.execPath, [PROGRAM, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.once('exit', (code, signal) => done(code ?? signal)));
  const ready = new Promise((done) => createInterface({ input: child.stdout }).once('line', done));
  const line = await Promise.race([
    ready,
    ended.then((code) => Promise.reject(new Error(`the server ended: ${code}`))),
  ]);
  return { url: line.replace('weft listening on ', ''), child, ended };
}

async function stop(server) {
  server.child.kill('SIGTERM');
  check('exit code after SIGTERM', await server.ended, 0);
}

async function get(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** One text for each element, whatever the order of lines and members. */
function elements(text) {
  const ordered = (_key, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const element = JSON.parse(line);
      element.labels?.sort();
      return JSON.stringify(element, ordered);
    })
    .sort();
}

async function neighborCount(url, graph, node, query, depth) {
  let found = 0;
  let cursor = '';
  do {
    const path = `${url}/v1/graphs/${graph}/nodes/${encodeURIComponent(node)}/neighbors`;
    const page = await get(`${path}?${query}&depth=${depth}&limit=${PAGE_ITEMS}${cursor}`);
    found += page.nodes.length;
    cursor = page.cursor === undefined ? '' : `&cursor=${encodeURIComponent(page.cursor)}`;
  } while (cursor !== '');
  return found;
}

async function checkWalks(url, graph, truth) {
  // A walk follows one type of edge or all of them; a truth over two types cannot be asked for.
  if (truth.types !== null && truth.types.length !== 1) return;
  const type = truth.types === null ? '' : `type=${encodeURIComponent(truth.types[0])}&`;
  const query = `${type}direction=${truth.directed ? 'out' : 'both'}`;
  for (const { source, levels } of truth.bfsLevels) {
    for (let depth = 1; depth < Math.min(levels.length, LEVELS_MAX); depth++) {
      const expected = levels.slice(1, depth + 1).reduce((sum, count) => sum + count, 0);
      check(
        `${graph}: nodes within ${depth} of ${source}`,
        await neighborCount(url, graph, source, query, depth),
        expected,
      );
    }
  }
  for (const { from, to, hops } of truth.shortestPaths) {
    const ends = `from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
    const { length } = await get(`${url}/v1/graphs/${graph}/paths/shortest?${ends}&${query}`);
    check(`${graph}: shortest path from ${from} to ${to}`, length, hops);
  }
}

const graphs = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'graph.ndjson')));
const digests = new Map();
try {
  const server = await start();
  const options = { env: { ...process.env, WEFT_URL: server.url }, encoding: 'utf8', maxBuffer: 2 ** 30 };
  for (const graph of graphs) {
    const file = join(folder, graph, 'graph.ndjson');
    await fetch(`${server.url}/v1/graphs/${graph}`, { method: 'PUT' });
    console.log(execFileSync(process.execPath, [PROGRAM, 'import', file, '--graph', graph], options).trim());
    const exported = execFileSync(process.execPath, [PROGRAM, 'export', '--graph', graph], options);
    check(`${graph}: export`, elements(exported), elements(readFileSync(file, 'utf8')));
    await checkWalks(server.url, graph, JSON.parse(readFileSync(join(folder, graph, 'truth.json'), 'utf8')));
    digests.set(graph, await get(`${server.url}/v1/graphs/${graph}/digest`));
  }
  await stop(server);
  const again = await start();
  for (const [graph, digest] of digests) {
    check(`${graph}: digest after a restart`, await get(`${again.url}/v1/graphs/${graph}/digest`), digest);
  }
  await stop(again);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const failure of failures) console.error(failure);
console.log(`real graphs: ${graphs.length} graphs, ${checks} checks, ${failures.length} failures`);
process.exitCode = failures.length === 0 && graphs.length > 0 ? 0 : 1;
