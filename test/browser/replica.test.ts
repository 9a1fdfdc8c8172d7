/**
 * Offline replicas over real WebSockets: in Node with LevelDB, and in headless Chromium with IndexedDB. Between them and the
 * server lies a proxy that can be cut.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openTestServer, type TestServer } from '../../api/server.model.ts';
import type { GraphName, NodeId } from '../../base/ids.ts';
import { Upgrades } from '../../bin/upgrades.ts';
import { WebSocketRoutes } from '../../bin/web-socket-routes.ts';
import { ambientPlatform } from '../../client/ambient.ts';
import { LevelLocalStore } from '../../client/level-local-store.ts';
import { WeftReplica } from '../../client/weft-replica.ts';
import { bundle, type Modules, modulesOf, pageBytes } from './bundle.ts';
import { CHROMIUM, Chromium, type Page } from './chromium.ts';

const FIRST_BYTES_MAX = 150_000;
const ALL_BYTES_MAX = 250_000;
const MANY = 10_000;
const TOKEN = 'secret ✓';
const { env } = ambientPlatform();
const ENTRY = fileURLToPath(new URL('../../client/replica/index.ts', import.meta.url));

let scratch = '';
let server: TestServer;
let routes: WebSocketRoutes;
let proxy: Server;
let pages: HttpServer;
const through = new Set<Socket>();
let isCut = false;

const portOf = (of: { address(): unknown }): number => (of.address() as AddressInfo).port;
const listen = (of: Server | HttpServer) => new Promise<void>((resolve) => void of.listen(0, '127.0.0.1', resolve));

function cut(): void {
  isCut = true;
  for (const socket of through) socket.destroy();
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'weft-replica-'));
  routes = new WebSocketRoutes(env);
  server = await openTestServer({ sockets: routes, token: TOKEN, env });
  const upgrades = new Upgrades();
  routes.attach(upgrades);
  upgrades.attach(server.app.server);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  proxy = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(portOf(server.app.server), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      through.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        through.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  pages = createHttpServer(({ url }, response) => {
    const path = url?.slice(1) ?? '';
    const module = modules.code.get(path);
    if (module !== undefined) {
      const isServed = servesLater || modules.first.has(path);
      response.writeHead(isServed ? 200 : 503, { 'content-type': 'text/javascript; charset=utf-8' });
      response.end(isServed ? module : '');
      return;
    }
    const isProgram = url === '/program.js';
    if (url === '/sandbox') response.setHeader('content-security-policy', 'sandbox allow-scripts');
    response.setHeader('content-type', isProgram ? 'text/javascript; charset=utf-8' : 'text/html');
    response.end(isProgram ? program : url === '/blank' ? BLANK : url === '/modules' ? pageOfModules() : PAGE);
  });
  await listen(proxy);
  await listen(pages);
  program = await bundle(sourceOfPages(), { minify: true });
  modules = await modulesOf(sourceOfPages());
});

afterAll(async () => {
  cut();
  routes.stop();
  routes.terminate();
  proxy.close();
  pages.close();
  pages.closeAllConnections();
  await server.close();
  await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
});

/** What pages run, as one script and as modules. */
let program = '';
let modules: Modules = { entry: '', code: new Map(), first: new Set() };
/** Whether the modules can be had that a page does not load at first. */
let servesLater = true;
const pageOfModules = () =>
  `<!doctype html><meta charset="utf-8"><body><script type="module" src="/${modules.entry}"></script>`;
const sourceOfPages = () => `
  import { MemoryLocalStore, openReplica } from ${JSON.stringify(ENTRY)};
  const name = decodeURIComponent(location.hash.slice(1));
  const options = { urls: ${JSON.stringify(`http://127.0.0.1:${portOf(proxy)}`)}, token: ${JSON.stringify(TOKEN)} };
  Object.assign(globalThis, { options, openReplica });
  const start = performance.now();
  const loadsAhead = name !== 'when needed';
  openReplica({ ...options, name, loadsAhead, ...(name === 'memory' && { store: new MemoryLocalStore() }) }).then((replica) => {
    globalThis.replica = replica;
    return replica.query('MATCH (n:Many) RETURN count(*) AS many');
  }).then(([{ many }]) => {
    Object.assign(globalThis, { many, firstQueryMs: performance.now() - start, isReady: true });
  }, (error) => {
    globalThis.failure = String(error?.stack ?? error);
  });
`;
const PAGE = `<!doctype html><meta charset="utf-8"><body>
<script>addEventListener('error', (event) => { globalThis.failure ??= event.message; });</script>
<script src="/program.js"></script>`;

const BLANK = '<!doctype html><script>globalThis.isReady = true</script>';

async function sameAs(digestOf: () => string | Promise<string>): Promise<void> {
  for (;;) {
    const { digest } = await server.engine.graph('default' as GraphName).digest();
    if (digest !== '' && (await digestOf()) === digest) return;
    await env.scheduler.yield();
  }
}

test('replica in Node: over a real WebSocket, cut in between, opened again -> equal digests', async () => {
  isCut = false;
  const options = async () => ({
    urls: [`http://127.0.0.1:${portOf(proxy)}`],
    token: TOKEN,
    store: await LevelLocalStore.open(join(scratch, 'node')),
    platform: ambientPlatform({ WebSocket }),
  });
  const write = (replica: WeftReplica, id: string) =>
    replica.write([{ op: 'createNode', id: id as NodeId, labels: ['N'], properties: {} }]);
  let replica = await WeftReplica.open(await options());
  replica.connect();
  await write(replica, 'first');
  await sameAs(() => replica.digest());
  cut();
  await write(replica, 'while cut');
  await replica.close();
  replica = await WeftReplica.open(await options());
  expect(replica.node('while cut')).toBeDefined();
  isCut = false;
  replica.connect();
  await sameAs(() => replica.digest());
  expect((await server.engine.graph('default' as GraphName).counts()).nodes).toBe(2);
  await replica.close();
});

test('what a page loads: within its budget, at first and with all that some statements need', () => {
  const { first, all } = pageBytes(modules);
  console.log(`replica, query engine and Yjs for a browser, gzipped: ${first} bytes, ${all} with what is loaded later`);
  expect(first).toBeLessThan(FIRST_BYTES_MAX);
  expect(all).toBeLessThan(ALL_BYTES_MAX);
});

describe.skipIf(!existsSync(CHROMIUM))('in Chromium', () => {
  let chromium: Chromium;
  beforeAll(async () => {
    chromium = await Chromium.start(join(scratch, 'profile'));
  });
  afterAll(() => chromium.close());

  const open = (name: string) => chromium.open(`http://127.0.0.1:${portOf(pages)}/#${name}`);
  const namesOf = (page: Page) =>
    page.evaluate<string[]>(
      `replica.query('MATCH (p:Page) RETURN p.name AS name ORDER BY name').then((rows) => rows.map(({ name }) => name))`,
    );
  const run = (page: Page, statement: string) =>
    page.evaluate<string>(`replica.query(${JSON.stringify(statement)}).then(() => 'done', ({ code }) => code)`);

  /** The first, as Chromium looks at how much there is only when pages begin to keep something. */
  test('no space left -> the write is rejected and shown no more, reads go on; with space again it is written', async () => {
    isCut = true;
    const blank = await chromium.open(`http://127.0.0.1:${portOf(pages)}/blank`);
    await blank.limitStorage(100_000);
    const page = await open('quota');
    await run(page, "CREATE (:Page {name: 'kept'})");
    // Browsers pack what they keep, so it must be noise.
    const large = `(() => {
      const text = Array.from(crypto.getRandomValues(new Uint32Array(16_000)), (n) => n.toString(36)).join('');
      return replica.query("CREATE (:Page {name: 'large', text: $text})", { text }).then(() => 'done', ({ code }) => code);
    })()`;
    expect(await page.evaluate(large)).toBe('disk-full');
    expect(await namesOf(page)).toEqual(['kept']);
    await run(page, "CREATE (:Page {name: 'small'})");
    await blank.limitStorage(100_000_000);
    expect(await page.evaluate(large)).toBe('done');
    await page.reload();
    expect(await namesOf(page)).toEqual(['kept', 'large', 'small']);
    await run(page, 'MATCH (p:Page) DELETE p');
    await Promise.all([blank.close(), page.close()]);
  });

  test('two pages, cut, written on both, one reloaded while offline -> equal digests after the heal', async () => {
    const [one, two] = [await open('one'), await open('two')];
    const digestOf = (page: Page) => () => page.evaluate<string>('replica.digest()');
    isCut = false;
    await run(one, "CREATE (:Page {name: 'shared', count: 0})");
    while ((await namesOf(two)).length === 0) await env.scheduler.yield();
    await sameAs(digestOf(two));
    cut();
    await run(one, "MATCH (p:Page) SET p.one = true CREATE (:Page {name: 'one'})");
    await run(two, "MATCH (p:Page) SET p.two = true CREATE (:Page {name: 'two'})");
    await one.reload();
    expect(await namesOf(one)).toEqual(['one', 'shared']);
    expect(await namesOf(two)).toEqual(['shared', 'two']);
    isCut = false;
    await sameAs(digestOf(one));
    await sameAs(digestOf(two));
    expect(await namesOf(one)).toEqual(['one', 'shared', 'two']);
    const rows = `replica.query("MATCH (p:Page {name: 'shared'}) RETURN p.one AS one, p.two AS two")`;
    expect(await two.evaluate(rows)).toEqual([{ one: true, two: true }]);
    await run(one, 'MATCH (p:Page) DELETE p');
    await Promise.all([one.close(), two.close()]);
  });

  test('two tabs of one replica, offline; the one that has the store is closed -> the other goes on, nothing is lost', async () => {
    cut();
    const first = await open('tabs');
    const second = await open('tabs');
    await second.evaluate(`replica.observe('MATCH (p:Page) RETURN count(*) AS pages', {},
      ([{ pages }]) => (globalThis.pages = pages), (error) => (globalThis.failure = error.message)), 1`);
    await run(first, "CREATE (:Page {name: 'a'})");
    await run(second, "CREATE (:Page {name: 'b'})");
    expect(await namesOf(first)).toEqual(['a', 'b']);
    while ((await second.evaluate('globalThis.pages')) !== 2) await env.scheduler.yield();
    await first.close();
    const outcome = await run(second, "CREATE (:Page {name: 'c'})");
    if (outcome !== 'done') {
      expect(outcome).toBe('answer-lost');
      await run(second, "MERGE (:Page {name: 'c'})");
    }
    expect(await namesOf(second)).toEqual(['a', 'b', 'c']);
    while ((await second.evaluate('globalThis.pages')) !== 3) await env.scheduler.yield();
    const third = await open('tabs');
    expect(await namesOf(third)).toEqual(['a', 'b', 'c']);
    isCut = false;
    await sameAs(() => third.evaluate('replica.digest()'));
    while ((await third.evaluate('replica.status.pending')) !== 0) await env.scheduler.yield();
    await Promise.all([second.close(), third.close()]);
  });

  test('a browser that keeps nothing -> storage-unavailable; with a store in memory it works', async () => {
    const opened = `openReplica({ ...options, name: 'none' }).then(() => 'opened', ({ code }) => code)`;
    isCut = false;
    const page = await open('usual');
    await page.evaluate(`Object.defineProperty(globalThis, 'indexedDB', { value: undefined }), 1`);
    expect(await page.evaluate(opened)).toBe('storage-unavailable');
    await page.close();
    // A page in a sandbox has an origin of its own, which may keep nothing, and lock nothing.
    const sandboxed = await chromium.open(`http://127.0.0.1:${portOf(pages)}/sandbox#memory`);
    expect(await sandboxed.evaluate(opened)).toBe('storage-unavailable');
    expect(await run(sandboxed, "CREATE (:Page {name: 'memory'})")).toBe('done');
    await sandboxed.close();
  });

  test('10,000 nodes that are cached, offline -> all are there at the first query', async () => {
    isCut = false;
    const graph = server.engine.graph('default' as GraphName);
    for (let from = 0; from < MANY; from += 1000) {
      await graph.write(
        Array.from({ length: 1000 }, (_, i) => ({
          op: 'createNode',
          id: `many${from + i}` as NodeId,
          labels: ['Many'],
          properties: { rank: from + i, text: `number ${from + i}` },
        })),
      );
    }
    const page = await open('many');
    await sameAs(() => page.evaluate('replica.digest()'));
    // When this is durable, so is what came before.
    await run(page, "CREATE (:Page {name: 'last'})");
    cut();
    await page.reload();
    expect(await page.evaluate('many')).toBe(MANY);
    console.log(`opening ${MANY} cached nodes, to the first query: ${await page.evaluate('firstQueryMs')} ms`);
    await page.close();
  });

  const NEEDS_PARTS = {
    "CREATE (n:Part {at: date('2020-02-29')}) RETURN n.at.year AS answer": 2020,
    'MATCH (n:Part) RETURN point({x: 3, y: 4}).crs AS answer': 'cartesian',
    "MATCH p = shortestPath((a:Part)-[*0..1]-(a)) RETURN 'a.b' =~ 'a[.]b' AS answer": true,
    'SHOW INDEXES YIELD name RETURN count(*) AS answer': 0,
  };
  const answersOf = (page: Page) =>
    page.evaluate<unknown[]>(`(async () => {
      const answers = [];
      for (const statement of ${JSON.stringify(Object.keys(NEEDS_PARTS))}) {
        answers.push(await replica.query(statement).then(([row]) => row?.answer ?? 0, (error) => error.code + ': ' + error.message));
      }
      return answers;
    })()`);
  const openModules = (name: string) =>
    chromium.open(`http://127.0.0.1:${portOf(pages)}/modules#${encodeURIComponent(name)}`);

  test('a statement needs a script that cannot be had -> it says so and has done nothing; reloaded with it, it runs', async () => {
    servesLater = false;
    const page = await openModules('when needed');
    const refused = await answersOf(page);
    expect(refused).toHaveLength(4);
    const writes = [
      "UNWIND ['a', 'b'] AS name MERGE (n:First {name: name}) SET n.seen = true",
      "MATCH (a:First {name: 'a'}), (b:First {name: 'b'}) CREATE (a)-[:KNOWS]->(b) FOREACH (n IN [b] | REMOVE n.seen)",
      "MATCH (a:First {name: 'a'}) DETACH DELETE a",
    ];
    for (const statement of writes) await page.evaluate(`replica.query(${JSON.stringify(statement)})`);
    const left = "replica.query('MATCH (n:First) RETURN n.name AS name, n.seen AS seen')";
    expect(await page.evaluate(left)).toEqual([{ name: 'b', seen: null }]);
    for (const each of refused) expect(each).toMatch(/^unreachable: .* could not be loaded/);
    servesLater = true;
    // Browsers remember for the life of a page that a module could not be had.
    await page.reload();
    expect(await answersOf(page)).toEqual(Object.values(NEEDS_PARTS));
    expect(await page.evaluate(`replica.query('MATCH (n:Part) RETURN count(*) AS n').then(([{ n }]) => n)`)).toBe(1);
    await page.close();
  });

  test('by default: all that statements may need is loaded ahead, so it is there when nothing can be had', async () => {
    const page = await openModules('ahead');
    // Unique keys are named when a replica is opened; this Chromium may have time zones of its own.
    const later = Array.from(modules.code.keys()).filter((path) => !/replica-constraints|temporal-polyfill/.test(path));
    const loaded = `performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.slice(1))`;
    for (let seen: readonly string[] = []; !later.every((path) => seen.includes(path)); await env.scheduler.yield())
      seen = await page.evaluate<string[]>(loaded);
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 100))');
    servesLater = false;
    expect(await answersOf(page)).toEqual(Object.values(NEEDS_PARTS));
    servesLater = true;
    await page.close();
  });
});
