/** The example graph in a real server, against answers that are computed here from the file alone. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from './http/wire.ts';
import { buildIfStale, canonical, killRemaining, ROOT, type ServerProcess, serve } from './server-process.ts';

const TEXT = readFileSync(join(ROOT, 'examples/night-trains.ndjson'), 'utf8');
const GRAPH = '/v1/graphs/default';
const PAGE = 'limit=10000';

interface NodeLine {
  readonly type: 'node';
  readonly id: string;
  readonly labels: readonly string[];
  readonly properties: object;
}
interface EdgeLine {
  readonly type: 'relationship';
  readonly id: string;
  readonly label: string;
  readonly start: { readonly id: string };
  readonly end: { readonly id: string };
  readonly properties: object;
}
const LINES = TEXT.trim()
  .split('\n')
  .map((line) => JSON.parse(line) as NodeLine | EdgeLine);
const NODES = LINES.filter((line) => line.type === 'node');
const EDGES = LINES.filter((line) => line.type === 'relationship');

let scratch = '';
let server: ServerProcess;

beforeAll(async () => {
  buildIfStale();
  scratch = await mkdtemp(join(tmpdir(), 'weft-example-'));
  server = await serve(join(scratch, 'data'));
}, 120_000);

afterAll(async () => {
  await killRemaining();
  await rm(scratch, { recursive: true, force: true });
});

type Direction = 'out' | 'in' | 'both';

/** The ids one step away along edges of a type, or of all. */
function stepsFrom(id: string, direction: Direction, type?: string): string[] {
  return EDGES.filter(({ label }) => type === undefined || label === type).flatMap(({ start, end }) => [
    ...(direction !== 'in' && start.id === id ? [end.id] : []),
    ...(direction !== 'out' && end.id === id ? [start.id] : []),
  ]);
}

/** Plain breadth-first search: hops to every node that is reached. */
function hopsFrom(id: string, direction: Direction, type?: string): Map<string, number> {
  const hops = new Map([[id, 0]]);
  for (const [at, distance] of hops) {
    for (const next of stepsFrom(at, direction, type)) if (!hops.has(next)) hops.set(next, distance + 1);
  }
  return hops;
}

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
async function read(path: string): Promise<any> {
  const answer = await call(server.url, 'GET', GRAPH + path);
  expect(answer.status, `${path}: ${answer.text}`).toBe(200);
  return answer.json;
}

async function importExample(): Promise<void> {
  const answer = await call(server.url, 'POST', `${GRAPH}/import`, {
    body: TEXT,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  expect(answer.json).toMatchObject({ nodes: NODES.length, edges: EDGES.length });
}

const idsOf = (elements: readonly { readonly id: string }[]): string[] => elements.map(({ id }) => id).sort();

const WALKS = (['out', 'in', 'both'] as const).flatMap((direction) =>
  [undefined, ...new Set(EDGES.map(({ label }) => label))].map((type) => ({ direction, type })),
);

function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.toString();
}

async function expectContent(): Promise<void> {
  const { nodes } = await read(`/nodes?${PAGE}`);
  const asLine = ({ id, labels, properties }: NodeLine) => canonical({ id, labels, properties });
  expect(nodes.map(asLine).sort()).toEqual(NODES.map(asLine).sort());
  for (const label of new Set(NODES.flatMap(({ labels }) => labels))) {
    const listed = await read(`/nodes?${queryOf({ label })}&${PAGE}`);
    expect(idsOf(listed.nodes), label).toEqual(idsOf(NODES.filter(({ labels }) => labels.includes(label))));
  }
  for (const { id } of NODES) {
    const { edges } = await read(`/nodes/${id}/edges?direction=both&${PAGE}`);
    expect(idsOf(edges), id).toEqual(idsOf(EDGES.filter(({ start, end }) => start.id === id || end.id === id)));
  }
  expect(await read('/integrity')).toMatchObject({ nodes: NODES.length, edges: EDGES.length, hiddenEdges: [] });
}

async function expectNeighbourhoods(): Promise<void> {
  for (const { id } of NODES.filter((_, index) => index % 5 === 0)) {
    for (const { direction, type } of WALKS) {
      for (const depth of [1, 2, 5]) {
        const query = queryOf({ direction, type, depth, limit: 10_000 });
        const { nodes } = await read(`/nodes/${id}/neighbors?${query}`);
        const near = [...hopsFrom(id, direction, type)].filter(([, hops]) => hops > 0 && hops <= depth);
        expect(idsOf(nodes), `${id} ${query}`).toEqual(near.map(([other]) => other).sort());
      }
    }
  }
}

async function expectPaths(): Promise<void> {
  let reached = 0;
  for (const [index, { id: from }] of NODES.entries()) {
    const { direction, type } = WALKS[index % WALKS.length] ?? { direction: 'both' };
    const hops = hopsFrom(from, direction, type);
    for (const { id: to } of NODES.filter((_, other) => other % 7 === index % 7)) {
      const query = queryOf({ from, to, direction, type });
      const { path, length } = await read(`/paths/shortest?${query}`);
      expect(path === null ? undefined : length, query).toBe(hops.get(to));
      if (path === null) continue;
      reached++;
      expectWalk(path, { from, to, direction, type });
      expect(path.edges, query).toHaveLength(length);
    }
  }
  expect(reached).toBeGreaterThan(NODES.length);
}

/** The path is one of the file, from end to end, in a direction in which it may be walked. */
function expectWalk(
  path: { nodes: { id: string }[]; edges: { id: string }[] },
  { from, to, direction, type }: { from: string; to: string; direction: Direction; type: string | undefined },
): void {
  expect([path.nodes[0]?.id, path.nodes.at(-1)?.id]).toEqual([from, to]);
  path.edges.forEach(({ id }, i) => {
    const edge = EDGES.find((one) => one.id === id);
    const [a, b] = [path.nodes[i]?.id, path.nodes[i + 1]?.id];
    if (type !== undefined) expect(edge?.label).toBe(type);
    const isForward = edge?.start.id === a && edge?.end.id === b;
    const isBackward = edge?.start.id === b && edge?.end.id === a;
    expect((direction !== 'in' && isForward) || (direction !== 'out' && isBackward), `${a} ${id} ${b}`).toBe(true);
  });
}

/** Versions of all elements. */
async function versions(): Promise<Map<string, string | undefined>> {
  const paths = LINES.map(
    ({ type, id }) => `${GRAPH}/${type === 'node' ? 'nodes' : 'edges'}/${encodeURIComponent(id)}`,
  );
  const answers = await Promise.all(paths.map((path) => call(server.url, 'HEAD', path)));
  return new Map(answers.map(({ headers }, index) => [paths[index] ?? '', headers.etag]));
}

test('example: imported, restarted -> content, neighbourhoods and shortest paths are those of the file', async () => {
  await importExample();
  for (const restarts of [0, 1]) {
    if (restarts > 0) {
      await server.stop();
      server = await serve(join(scratch, 'data'));
    }
    await expectContent();
    await expectNeighbourhoods();
    await expectPaths();
  }
});

test('example: imported again, and again after a restart -> no version and no digest changes', async () => {
  await importExample();
  const before = await versions();
  expect([...before.values()]).not.toContain(undefined);
  const { digest } = await read('/digest');
  await importExample();
  expect(await versions()).toEqual(before);
  await server.stop();
  server = await serve(join(scratch, 'data'));
  expect(await versions()).toEqual(before);
  await importExample();
  expect(await versions()).toEqual(before);
  expect((await read('/digest')).digest).toBe(digest);
});
