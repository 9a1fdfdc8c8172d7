/** The shared editor of the examples, as it stands, in Chromium: two tabs of one replica, and a second replica. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../../api/server.model.ts';
import { Upgrades } from '../../bin/upgrades.ts';
import { WebSocketRoutes } from '../../bin/web-socket-routes.ts';
import { ambientPlatform } from '../../client/ambient.ts';
import { ROOT } from '../server-process.ts';
import { CHROMIUM, Chromium, type Page } from './chromium.ts';

const { env } = ambientPlatform();
const portOf = (of: { address(): unknown }): number => (of.address() as AddressInfo).port;
let scratch = '';
let server: TestServer;
let routes: WebSocketRoutes;
const files = new Map<string, { readonly type: string; readonly body: string }>();
const pages = createServer(({ url }, response) => {
  const file = files.get(new URL(url ?? '', 'http://page').pathname);
  response.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' });
  response.end(file?.body);
});

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'weft-editor-'));
  routes = new WebSocketRoutes(env);
  server = await openTestServer({ sockets: routes, token: 'secret', env });
  const upgrades = new Upgrades();
  routes.attach(upgrades);
  upgrades.attach(server.app.server);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  await new Promise<void>((resolve) => void pages.listen(0, '127.0.0.1', resolve));
  const { build } = await import('vite');
  const root = join(ROOT, 'examples/shared-editor');
  const built = await build({ configFile: false, root, logLevel: 'error', build: { write: false } });
  const [first] = Array.isArray(built) ? built : [built];
  if (first === undefined || !('output' in first)) throw new Error('there is no page');
  for (const file of first.output) {
    const isPage = file.fileName.endsWith('.html');
    const body = file.type === 'chunk' ? file.code : String(file.source);
    files.set(`/${isPage ? '' : file.fileName}`, { type: isPage ? 'text/html' : 'text/javascript', body });
  }
});

afterAll(async () => {
  routes.stop();
  routes.terminate();
  pages.close();
  pages.closeAllConnections();
  await server.close();
  await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
});

test.skipIf(!existsSync(CHROMIUM))(
  'shared editor: edited offline in two tabs and online elsewhere, a tab closed -> all show the same',
  async () => {
    const chromium = await Chromium.start(join(scratch, 'profile'));
    try {
      const open = (name: string) =>
        chromium.open(
          `http://127.0.0.1:${portOf(pages)}/?name=${name}&token=secret&url=http://127.0.0.1:${portOf(server.app.server)}`,
        );
      const click = (page: Page, id: string) => page.evaluate(`document.getElementById('${id}').click()`);
      const look = (page: Page) =>
        page.evaluate<string>(
          `document.getElementById('status').textContent + ' ' + document.querySelectorAll('circle').length + ' notes ' + document.querySelectorAll('line').length + ' lines'`,
        );
      const shows = async (page: Page, wanted: string) => {
        for (let seen = ''; seen !== wanted; seen = await look(page)) await env.scheduler.yield();
      };
      /** Presses and lets go of the note at this place in the picture. */
      const choose = (page: Page, at: number) =>
        page.evaluate(`(() => {
        document.querySelectorAll('g')[${at}].dispatchEvent(new PointerEvent('pointerdown'));
        document.getElementById('canvas').dispatchEvent(new PointerEvent('pointerup'));
      })()`);

      const [one, two] = [await open('mine'), await open('mine')];
      const other = await open('other');
      await click(one, 'add');
      for (const page of [one, two, other]) await shows(page, 'live 1 notes 0 lines');
      await click(two, 'online');
      await shows(one, 'offline 1 notes 0 lines');
      await click(one, 'add');
      await click(other, 'add');
      await shows(two, 'offline, 1 not sent yet 2 notes 0 lines');
      await choose(two, 0);
      await choose(two, 1);
      await shows(one, 'offline, 2 not sent yet 2 notes 1 lines');
      await shows(other, 'live 2 notes 0 lines');
      await two.reload();
      await shows(two, 'offline, 2 not sent yet 2 notes 1 lines');
      await one.close();
      await two.evaluate('replica.query("RETURN 1").then(() => 1)');
      await click(two, 'online');
      for (const page of [two, other]) await shows(page, 'live 3 notes 1 lines');
      // Loaded when they are needed.
      const needing = "RETURN 'abc' =~ 'a.c' AS is, datetime('2026-07-01T00:00[Europe/Berlin]').offset AS offset";
      expect(await two.evaluate(`replica.query(${JSON.stringify(needing)})`)).toEqual([{ is: true, offset: '+02:00' }]);
      expect(await other.evaluate(`replica.digest()`)).toBe(await two.evaluate(`replica.digest()`));
    } finally {
      await chromium.close();
    }
  },
);
