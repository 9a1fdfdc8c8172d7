/** How the console is served: policy, caching, compression, what is missing, and paths that lead out of its folder. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer, type TestServer } from './server.model.ts';

let scratch = '';
let server: TestServer;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'weft-console-'));
  await mkdir(join(scratch, 'console/assets'), { recursive: true });
  await writeFile(join(scratch, 'secret.js'), 'not for pages');
  await writeFile(join(scratch, 'console/index.html'), '<!doctype html>');
  await writeFile(join(scratch, 'console/assets/page-4f2a.js'), 'globalThis.isReady = true');
  server = await openTestServer({ consoleFolder: join(scratch, 'console'), token: 'secret' });
});

afterAll(async () => {
  await server.close();
  await rm(scratch, { recursive: true });
});

test('console: page without a token -> served under a policy that allows only this server', async () => {
  const moved = await server.call('GET', '/console');
  expect([moved.status, moved.headers.location]).toEqual([308, '/console/']);
  const root = await server.call('GET', '/');
  expect([root.status, root.headers.location]).toEqual([302, '/console/']);
  const { status, text, headers } = await server.call('GET', '/console/');
  expect([status, text]).toEqual([200, '<!doctype html>']);
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  expect(headers['content-security-policy']).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
  expect(headers['content-security-policy']).not.toContain('unsafe');
  expect(headers['x-content-type-options']).toBe('nosniff');
});

test('console: files -> what has its hash in its name is kept, the page is asked for again', async () => {
  const script = await server.call('GET', '/console/assets/page-4f2a.js', undefined, { 'accept-encoding': 'br, gzip' });
  expect(script.headers['cache-control']).toContain('immutable');
  expect(gunzipSync(script.bytes).toString()).toBe('globalThis.isReady = true');
  const page = await server.call('GET', '/console/');
  expect(page.headers['cache-control']).toBe('no-cache');
  const again = await server.call('GET', '/console/', undefined, { 'if-none-match': String(page.headers.etag) });
  expect([again.status, again.text]).toEqual([304, '']);
});

test('console: paths that are no file of it -> not found', async () => {
  for (const path of ['absent.js', '../secret.js', '%2e%2e/secret.js', '..%2fsecret.js', 'assets', '__proto__']) {
    const { status, json } = await server.call('GET', `/console/${path}`);
    expect([path, status, json.code]).toEqual([path, 404, 'route-not-found']);
  }
});

test('console: it was not built -> a problem that says how', async () => {
  const bare = await openTestServer({ consoleFolder: join(scratch, 'nowhere') });
  const { status, json } = await bare.call('GET', '/console/');
  expect([status, json.code]).toEqual([404, 'route-not-found']);
  expect(json.detail).toContain('npm run build');
  await bare.close();
});
