/** The editor of docs/yjs.md: CodeMirror with its Yjs binding and the provider of y-websocket as they come, in two tabs of headless Chromium. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openYjsServer, type YjsServer } from '../../bin/yjs-clients.model.ts';
import { bundle } from './bundle.ts';
import { CHROMIUM, Chromium, type Page } from './chromium.ts';

/** Bundled from elsewhere, so by its whole path. */
const fileOf = (module: string) => JSON.stringify(fileURLToPath(import.meta.resolve(module)));
const TOKEN = 'secret-of-the-editor';
const NOTE = '/v1/graphs/small/nodes/note';

describe.skipIf(!existsSync(CHROMIUM))('a text in CodeMirror', () => {
  let scratch = '';
  let server: YjsServer;
  let pages: Server;
  let chromium: Chromium;
  const call = (method: 'GET' | 'PUT' | 'PATCH' | 'POST', path: string, body?: unknown) =>
    server.call(method, path, body, { authorization: `Bearer ${TOKEN}` });

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'weft-editor-'));
    server = await openYjsServer({ token: TOKEN });
    await call('PUT', '/v1/graphs/small', { partitions: 1 });
    await call('PUT', NOTE, { properties: { body: { $text: 'Dear all' } } });

    const { json } = await call('GET', NOTE);
    const program = await bundle(sourceOfPage(server.url, json.texts.body), { minify: false });
    pages = createServer(({ url }, response) => {
      response.setHeader('content-type', url === '/program.js' ? 'text/javascript' : 'text/html');
      response.end(url === '/program.js' ? program : '<!doctype html><body><script src="/program.js"></script>');
    });
    await new Promise<void>((resolve) => void pages.listen(0, '127.0.0.1', resolve));
    chromium = await Chromium.start(join(scratch, 'profile'));
  });

  afterAll(async () => {
    await chromium.close();
    pages.close();
    pages.closeAllConnections();
    await server.close();
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  });

  const open = () => chromium.open(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
  const type = (page: Page, at: number, text: string) =>
    page.evaluate(`editor.dispatch({ changes: { from: ${at}, insert: ${JSON.stringify(text)} } })`);
  const reads = (page: Page) => page.evaluate<string>('editor.state.doc.toString()');
  const body = async () => (await call('GET', NOTE)).json.properties.body;
  async function until(expected: string, ...looks: readonly (() => Promise<unknown>)[]): Promise<void> {
    for (const look of looks) while ((await look()) !== expected) await server.env.scheduler.yield();
  }

  test('two tabs and REST write at the same time -> all read the same, and queries see it', async () => {
    const [one, other] = [await open(), await open()];
    await until(
      'Dear all',
      () => reads(one),
      () => reads(other),
    );
    await Promise.all([type(one, 8, ', hello'), type(other, 0, 'Oh! ')]);
    await until(
      'Oh! Dear all, hello',
      () => reads(one),
      () => reads(other),
      body,
    );
    await call('PATCH', NOTE, { properties: { body: { $text: 'Oh! Dear all, hello from REST' } } });
    await until(
      'Oh! Dear all, hello from REST',
      () => reads(one),
      () => reads(other),
    );
    const statement = 'MATCH (n) WHERE n.body ENDS WITH "from REST" RETURN count(*) AS found';
    const { json } = await call('POST', '/v1/graphs/small/query', { statement });
    expect(json.data.values).toEqual([[1]]);
    await one.close();
    await other.close();
  });
});

function sourceOfPage(url: string, root: string): string {
  return `
    import { EditorView } from ${fileOf('@codemirror/view')};
    import { yCollab } from ${fileOf('y-codemirror.next')};
    import { WebsocketProvider } from ${fileOf('y-websocket')};
    import * as Y from ${fileOf('yjs')};
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(${JSON.stringify(`${url.replace('http', 'ws')}/v1/yjs/small`)}, '0', doc, {
      disableBc: true, params: { token: ${JSON.stringify(TOKEN)} },
    });
    provider.on('connection-close', (event) => { globalThis.failure = \`closed: \${event.code} \${event.reason}\`; });
    provider.once('sync', () => {
      const text = doc.getText(${JSON.stringify(root)});
      globalThis.editor = new EditorView({
        doc: text.toString(), extensions: [yCollab(text, provider.awareness)], parent: document.body,
      });
      globalThis.isReady = true;
    });
  `;
}
