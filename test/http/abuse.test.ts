/** Requests that mean harm, against the built program: each is refused, bounded or harmless, and the server goes on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openTestServer } from '../../api/server.model.ts';
import * as LIMITS from '../../base/limits.ts';
import { buildIfStale, killRemaining, type ServerProcess, serve } from '../server-process.ts';
import { call, RawConnection } from './wire.ts';

const NODES = '/v1/graphs/default/nodes';

let scratch = '';
let server: ServerProcess;
beforeAll(async () => {
  buildIfStale();
  scratch = await mkdtemp(join(tmpdir(), 'weft-abuse-'));
  server = await serve(join(scratch, 'data'));
}, 120_000);
afterEach(async () => {
  expect((await call(server.url, 'GET', '/livez')).status).toBe(200);
});
afterAll(async () => {
  await killRemaining();
  await rm(scratch, { recursive: true, force: true });
});

describe('paths', () => {
  test.each([
    '/docs/../../package.json',
    '/docs/static/..%2f..%2f..%2fpackage.json',
    '/docs/static/%2e%2e/%2e%2e/%2e%2e/package.json',
    '/docs/static/....//....//package.json',
    '/docs/static//etc/passwd',
    '/docs/static/..%5c..%5cpackage.json',
    '/docs/static/swagger-ui.css%00.png',
    '//etc/passwd',
  ])('%s -> no file of the machine', async (path) => {
    const answer = await call(server.url, 'GET', path);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toMatch(/"dependencies"|root:/);
  });

  test('graph whose name climbs -> a name like any other, nothing outside of the data folder', async () => {
    for (const name of ['../../escape', '..', '/etc', 'a\u0000b']) {
      const path = `/v1/graphs/${encodeURIComponent(name)}`;
      expect((await call(server.url, 'PUT', path)).status).toBe(201);
      expect((await call(server.url, 'GET', path)).json.name).toBe(name);
      expect((await call(server.url, 'DELETE', path)).status).toBe(204);
    }
  });
});

describe('prototypes', () => {
  test('__proto__, constructor and prototype as properties, parameters and fields -> data or refused, never more', async () => {
    const properties =
      '{"__proto__": {"isAdmin": true}, "constructor": {"prototype": {"isAdmin": true}}, "toString": 1}';
    const body = `{"id": "p", "properties": ${properties}}`;
    const headers = { 'content-type': 'application/json' };
    expect((await call(server.url, 'POST', NODES, { body, headers })).status).toBe(201);
    expect((await call(server.url, 'GET', `${NODES}/p`)).text).toContain('"__proto__":{"isAdmin":true}');
    const polluting = '{"statement": "RETURN $isAdmin AS a", "parameters": {"__proto__": {"isAdmin": true}}}';
    const answer = await call(server.url, 'POST', '/v1/graphs/default/query', { body: polluting, headers });
    expect(answer.json).toMatchObject({ code: 'query-error', errorType: 'ParameterMissing' });
    const field = await call(server.url, 'POST', NODES, {
      body: '{"id": "q", "__proto__": {"labels": ["L"]}}',
      headers,
    });
    expect(field.json).toMatchObject({ code: 'invalid-request' });
    const fresh = await call(server.url, 'POST', NODES, { body: { id: 'fresh' } });
    expect(fresh.text).not.toContain('isAdmin');
  });
});

describe('sizes', () => {
  test('headers beyond the limit -> 413, connection closed', async () => {
    const connection = new RawConnection(server.url);
    await connection.write(
      `GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(LIMITS.headerBytesMax)}\r\n\r\n`,
    );
    expect(await connection.closed).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('compressed body, a thousand times larger inside -> refused unread', async () => {
    const body = gzipSync(Buffer.alloc(8 * 1024 * 1024, 0x20));
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    for (const path of [NODES, '/v1/graphs/default/import']) {
      expect((await call(server.url, 'POST', path, { body, headers })).json.code).toBe('unsupported-media-type');
    }
  });

  test('WebSocket that offers compression -> it is not agreed on', async () => {
    const headers = {
      ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
      ...{ 'sec-websocket-key': Buffer.alloc(16).toString('base64') },
      'sec-websocket-extensions': 'permessage-deflate',
    };
    const extensions = await new Promise((resolve, reject) => {
      const url = new URL('/v1/graphs/default/session', server.url);
      const asked = request(url, { headers });
      asked.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response.headers['sec-websocket-extensions']);
      });
      asked
        .on('response', () => resolve(undefined))
        .on('error', reject)
        .end();
    });
    expect(extensions).toBeUndefined();
  });

  test('numbers, keys and nesting made to be slow -> refused or read in bounded time', async () => {
    const headers = { 'content-type': 'application/json' };
    const deep = `{"id": "d", "properties": {"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
    expect((await call(server.url, 'POST', NODES, { body: deep, headers })).status).toBe(413);
    const digits = `{"id": "n", "properties": {"a": ${'9'.repeat(1_000_000)}}}`;
    expect((await call(server.url, 'POST', NODES, { body: digits, headers })).status).toBe(400);
    const pattern = await call(server.url, 'POST', '/v1/graphs/default/query', {
      body: { statement: "RETURN $text =~ '(a+)+b' AS m", parameters: { text: 'a'.repeat(10_000) } },
    });
    expect(pattern.json.data.values).toEqual([[false]]);
  });
});

describe('slow and odd clients', () => {
  test('headers that never end -> refused after the limit, connection closed', async () => {
    const slow = await openTestServer({ headersMsMax: 100 });
    await slow.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = slow.app.server.address() as AddressInfo;
    const connection = new RawConnection(`http://127.0.0.1:${port}`);
    await connection.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
    expect(await connection.closed).toMatch(/^HTTP\/1\.1 400 /);
    await slow.close();
  });

  test('two lengths, a length and chunks, a line break in a header -> refused, nothing smuggled', async () => {
    for (const headers of [
      'Content-Length: 5\r\nContent-Length: 6',
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked, identity',
      'X-Odd: a\rb: c',
    ]) {
      const connection = new RawConnection(server.url);
      await connection.write(
        `POST ${NODES} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n`,
      );
      const answer = await connection.closed;
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    }
  });
});

describe('web pages', () => {
  const importLine = { body: '{"type":"node","id":"planted"}\n' };

  test('page of another origin, or a name that points here -> may not speak to a server without tokens', async () => {
    const strangers: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { host: 'evil.example' },
      { host: 'evil.example:80', origin: 'http://evil.example:80' },
    ];
    for (const headers of strangers) {
      const answer = await call(server.url, 'POST', '/v1/graphs/default/import', { ...importLine, headers });
      expect(answer.json, JSON.stringify(headers)).toMatchObject({ code: 'unauthorized' });
    }
    expect((await call(server.url, 'GET', `${NODES}/planted`)).status).toBe(404);
    const { host } = new URL(server.url);
    const own = { origin: server.url, host };
    expect((await call(server.url, 'GET', '/v1/graphs', { headers: own })).status).toBe(200);
  });
});
