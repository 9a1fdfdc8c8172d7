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
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openTestServer, type TestServer } from '../../api/server.model.ts';
import type { GraphName, NodeId } from '../../base/ids.ts';
import { Upgrades } from '../../bin/upgrades.ts';
import { WebSocketRoutes } from '../../bin/web-socket-routes.ts';
import { ambientPlatform } from '../../client/ambient.ts';
import { LevelLocalStore } from '../../client/level-local-store.ts';
import { WeftReplica } from '../../client/weft-replica.ts';
import { bundle } from './bundle.ts';
import { CHROMIUM, Chromium } from './chromium.ts';

/** Wanted are 150,000: see docs/gaps.md. Beyond this it has grown again. */
const BUNDLE_BYTES_MAX = 235_000;
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
    const isProgram = url === '/program.js';
    response.setHeader('content-type', isProgram ? 'text/javascript; charset=utf-8' : 'text/html');
    response.end(isProgram ? program : PAGE);
  });
  await listen(proxy);
  await listen(pages);
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

/** What pages run. */
let program = '';
const PAGE = `<!doctype html><meta charset="utf-8"><body>
<script>addEventListener('error', (event) => { globalThis.failure ??= event.message; });</script>
<script src="/program.js"></script>`;

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

test('browser: two pages, cut, written on both, one reloaded while offline -> equal digests after the heal', async ({
  skip,
}) => {
  const source = `
    import { openReplica } from ${JSON.stringify(ENTRY)};
    const name = location.hash.slice(1);
    const options = { urls: ${JSON.stringify(`http://127.0.0.1:${portOf(proxy)}`)}, token: ${JSON.stringify(TOKEN)}, name };
    openReplica(options).then((replica) => {
      globalThis.replica = replica;
      globalThis.isReady = true;
    }, (error) => {
      globalThis.failure = String(error?.stack ?? error);
    });
  `;
  const script = await bundle(source, { minify: true });
  const bytes = gzipSync(script).length;
  console.log(`replica, query engine and Yjs for a browser: ${bytes} bytes gzipped (${BUNDLE_BYTES_MAX} allowed)`);
  expect(bytes).toBeLessThan(BUNDLE_BYTES_MAX);
  if (!existsSync(CHROMIUM)) skip(`${CHROMIUM} is absent: replicas were not run in a browser`);
  program = script;
  isCut = false;
  const chromium = await Chromium.start(join(scratch, 'profile'));
  try {
    const url = `http://127.0.0.1:${portOf(pages)}/`;
    const [one, two] = [await chromium.open(`${url}#one`), await chromium.open(`${url}#two`)];
    const digest = 'replica.digest()';
    await one.evaluate(`replica.query("CREATE (:Page {name: 'shared', count: 0})").then(() => 1)`);
    await sameAs(() => two.evaluate(digest));
    cut();
    await one.evaluate(`replica.query("MATCH (p:Page) SET p.one = true CREATE (:Page {name: 'one'})").then(() => 1)`);
    await two.evaluate(`replica.query("MATCH (p:Page) SET p.two = true CREATE (:Page {name: 'two'})").then(() => 1)`);
    await one.reload();
    const names = `replica.query('MATCH (p:Page) RETURN p.name AS name ORDER BY name').then((rows) => rows.map(({ name }) => name))`;
    expect(await one.evaluate(names)).toEqual(['one', 'shared']);
    expect(await two.evaluate(names)).toEqual(['shared', 'two']);
    isCut = false;
    await sameAs(() => one.evaluate(digest));
    await sameAs(() => two.evaluate(digest));
    expect(await one.evaluate(names)).toEqual(['one', 'shared', 'two']);
    expect(
      await two.evaluate(`replica.query("MATCH (p:Page {name: 'shared'}) RETURN p.one AS one, p.two AS two")`),
    ).toEqual([{ one: true, two: true }]);
  } finally {
    await chromium.close();
  }
});
