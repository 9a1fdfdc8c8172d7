import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BugError } from '../base/assert.ts';
import { ERRORS, type ErrorCode } from '../base/errors.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const NODES = '/v1/graphs/default/nodes';

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer({ bodyBytesMax: 1000 });
});
afterAll(() => server.close());

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Sends raw text over a socket and resolves with all that comes back until the server closes. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('end', () => resolve(answer)).on('error', reject);
  });
}

describe('problems', () => {
  test.each<[string, string, string, string | undefined, Record<string, string>, ErrorCode]>([
    ['an unknown route', 'GET', '/v2/graphs', undefined, {}, 'route-not-found'],
    ['an unknown route with a bad body', 'POST', '/nope', '{', {}, 'route-not-found'],
    ['a wrong method', 'PUT', '/v1/graphs/default/edges/x', undefined, {}, 'method-not-allowed'],
    ['a wrong method with a body', 'POST', '/v1/graphs/default/digest', '{}', {}, 'method-not-allowed'],
    ['an empty name', 'GET', '/v1/graphs//nodes', undefined, {}, 'invalid-name'],
    ['an unknown graph', 'GET', '/v1/graphs/absent/nodes', undefined, {}, 'graph-not-found'],
    ['bad percent-encoding', 'GET', `${NODES}/%E0%A4`, undefined, {}, 'malformed-request'],
    ['malformed JSON', 'POST', NODES, '{"a":1,}', {}, 'malformed-request'],
    ['no body', 'POST', NODES, undefined, {}, 'invalid-request'],
    ['an unknown content type', 'POST', NODES, 'x', { 'content-type': 'text/csv' }, 'unsupported-media-type'],
    ['a malformed content type', 'POST', NODES, 'x', { 'content-type': 'json' }, 'unsupported-media-type'],
    [
      'another charset',
      'POST',
      NODES,
      '{}',
      { 'content-type': 'application/json; charset=latin1' },
      'unsupported-media-type',
    ],
    ['a compressed body', 'POST', NODES, 'x', { 'content-encoding': 'gzip' }, 'unsupported-media-type'],
    ['a body over the limit', 'POST', NODES, ' '.repeat(1001), {}, 'payload-too-large'],
    ['an unknown consistency level', 'GET', NODES, undefined, { 'consistency-level': 'weak' }, 'invalid-request'],
    ['a bad Idempotency-Key', 'POST', NODES, '{}', { 'idempotency-key': 'a b' }, 'invalid-request'],
    ['a long Idempotency-Key', 'POST', NODES, '{}', { 'idempotency-key': 'x'.repeat(256) }, 'invalid-request'],
    ['an empty Idempotency-Key', 'POST', NODES, '{}', { 'idempotency-key': '' }, 'invalid-request'],
  ])('problem: %s -> a problem document', async (_what, method, url, body, headers, code) => {
    const answer = await server.call(method as 'GET', url, body, headers);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.status).toBe(ERRORS[code].status);
    const { status, definite, retryable } = ERRORS[code];
    expect(answer.json).toMatchObject({ type: `urn:weft:error:${code}`, code, status, definite, retryable });
    expect(Object.keys(answer.json).slice(0, 8)).toEqual([
      'type',
      'title',
      'status',
      'detail',
      'code',
      'definite',
      'retryable',
      'traceId',
    ]);
    expect(answer.headers.traceparent).toContain(answer.json.traceId);
  });

  test('problem: wrong method -> Allow names the right ones', async () => {
    const { headers, json } = await server.call('PUT', '/v1/graphs/default/edges/x');
    expect(headers.allow).toBe('DELETE, GET, HEAD, PATCH');
    expect(json.allow).toEqual(['DELETE', 'GET', 'HEAD', 'PATCH']);
    expect((await server.call('DELETE', '/v1/graphs')).headers.allow).toBe('GET, HEAD');
    expect((await server.call('POST', '/livez')).headers.allow).toBe('GET, HEAD');
  });

  test('problem: invalid UTF-8 in a JSON body -> malformed-request', async () => {
    const { json } = await server.call('POST', NODES, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]));
    expect(json).toMatchObject({ code: 'malformed-request', detail: expect.stringContaining('UTF-8') });
  });

  test('bug: a failed assertion in a handler -> 500 without internals, logged, handed on', async () => {
    const broken = await openTestServer();
    Object.defineProperty(broken.engine, 'graph', {
      value: () => {
        throw new BugError('secret invariant');
      },
    });
    const answer = await broken.call('GET', `${NODES}/x`);
    expect(answer).toMatchObject({ status: 500 });
    expect(answer.json).toMatchObject({ code: 'internal', definite: false });
    expect(answer.text).not.toContain('secret');
    expect(broken.bugs.map(({ message }) => message)).toEqual(['secret invariant']);
    const [level, , fields] = broken.logged.at(-1) ?? [];
    expect([level, fields?.traceId]).toEqual(['error', answer.json.traceId]);
    expect(String(fields?.error)).toContain('secret invariant');
    await broken.close();
  });
});

describe('request context', () => {
  test('trace: a valid traceparent -> continued with a span of our own', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const { headers } = await server.call('GET', '/v1/graphs', undefined, { traceparent });
    expect(headers.traceparent).toMatch(new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
    const problem = await server.call('GET', '/v1/graphs/absent', undefined, { traceparent });
    expect(problem.json.traceId).toBe(traceId);
  });

  test.each([
    undefined,
    'nonsense',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more',
    '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01',
  ])('trace: traceparent %s -> a new trace', async (traceparent) => {
    const { headers } = await server.call('GET', '/v1/graphs', undefined, traceparent ? { traceparent } : {});
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(headers.traceparent).not.toContain('4bf92f3577b34da6a3ce929d0e0e4736');
  });

  test('trace: a later version with more fields -> continued', async () => {
    const traceparent = '01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more';
    const { headers } = await server.call('GET', '/v1/graphs', undefined, { traceparent });
    expect(headers.traceparent).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
  });

  test('consistency: each level by header or parameter -> said back; session if not asked', async () => {
    const effective = async (url: string, headers = {}) =>
      (await server.call('GET', url, undefined, headers)).headers['consistency-effective'];
    expect(await effective('/v1/graphs')).toBe('session');
    for (const level of ['eventual', 'session', 'strong']) {
      expect(await effective('/v1/graphs', { 'consistency-level': level })).toBe(level);
      expect(await effective(`${NODES}?consistency=${level}&limit=1`)).toBe(level);
    }
    expect(await effective('/v1/graphs?consistency=strong', { 'consistency-level': 'strong' })).toBe('strong');
    const clash = await server.call('GET', '/v1/graphs?consistency=strong', undefined, {
      'consistency-level': 'session',
    });
    expect(clash.status).toBe(400);
  });

  test('replica: any answer -> says which replica gave it', async () => {
    const { headers } = await server.call('GET', '/nope');
    expect(headers['replica-id']).toBe(String(server.engine.replicaId));
  });
});

describe('authorization', () => {
  test('token: set -> everything but health needs it', async () => {
    const guarded = await openTestServer({ token: 'secret' });
    const bearer = { authorization: 'Bearer secret' };
    for (const url of [
      '/v1/graphs',
      '/v1/cluster',
      `${NODES}/x`,
      '/%76%31/graphs',
      '/metrics',
      '/openapi.json',
      '/docs',
    ]) {
      const refused = await guarded.call('GET', url);
      expect([url, refused.status, refused.json.code]).toEqual([url, 401, 'unauthorized']);
      expect(refused.headers['www-authenticate']).toContain('Bearer');
      expect((await guarded.call('GET', url, undefined, bearer)).status).not.toBe(401);
    }
    for (const url of ['/livez', '/readyz', '/readyz/read', '/readyz/write-quorum']) {
      expect((await guarded.call('GET', url)).status).toBe(200);
    }
    for (const authorization of ['Bearer wrong', 'Bearer ', 'secret', 'Basic secret', 'Bearer secret2']) {
      expect((await guarded.call('GET', '/v1/graphs', undefined, { authorization })).status).toBe(401);
    }
    const write = await guarded.call('POST', NODES, '{', {});
    expect(write.status).toBe(401);
    await guarded.close();
  });
});

describe('operations', () => {
  test('health and cluster: a server that runs -> alive, ready, described', async () => {
    expect((await server.call('GET', '/livez')).json).toEqual({ alive: true });
    const ready = { ready: true, canRead: true, canWrite: true, reasons: [] };
    for (const url of ['/readyz', '/readyz/read', '/readyz/write-quorum']) {
      expect(await server.call('GET', url)).toMatchObject({ status: 200, json: ready });
    }
    const cluster = await server.call('GET', '/v1/cluster');
    expect(cluster.json).toMatchObject({
      self: { name: 'test', replicaId: server.engine.replicaId },
      members: [{ name: 'test', self: true, state: 'alive' }],
    });
  });

  test('health: the engine was closed -> not ready, with reasons', async () => {
    const closing = await openTestServer();
    await closing.engine.close();
    const answer = await closing.call('GET', '/readyz');
    expect(answer).toMatchObject({ status: 503, json: { ready: false, canWrite: false } });
    expect(answer.json.reasons).not.toEqual([]);
    await closing.app.close();
  });

  test('metrics: requests were answered -> counted by route and status, histogram adds up', async () => {
    const own = await openTestServer();
    await own.call('PUT', `${NODES}/m`, {});
    await own.call('GET', `${NODES}/m`);
    await own.call('GET', `${NODES}/absent`);
    await own.call('GET', '/nope');
    const { text, headers } = await own.call('GET', '/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const route = 'route="/v1/graphs/:graph/nodes/:id"';
    expect(text).toContain(`weft_http_requests_total{method="GET",${route},status="200"} 1`);
    expect(text).toContain(`weft_http_requests_total{method="GET",${route},status="404"} 1`);
    expect(text).toContain('weft_http_requests_total{method="ANY",route="none",status="404"} 1');
    expect(text).toContain(`weft_http_request_duration_seconds_count{method="GET",${route}} 2`);
    expect(text).toContain(`weft_http_request_duration_seconds_bucket{method="GET",${route},le="+Inf"} 2`);
    expect(text).toContain('weft_http_requests_in_flight 1');
    expect(text).toMatch(/^weft_commits_total [1-9]/m);
    await own.close();
  });
});

describe('sockets', () => {
  test('socket: what is no HTTP, or has too many headers -> a problem document', async () => {
    const own = await openTestServer();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = own.app.server.address() as AddressInfo;
    expect(await exchange(port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"malformed-request"/);
    const long = `GET /${'x'.repeat(40_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    expect(await exchange(port, long)).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"payload-too-large"/);
    await own.close();
  });

  test('socket: HTTP/1.1 without Host, or with two -> malformed-request; expectations nobody knows -> passed over', async () => {
    const own = await openTestServer();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = own.app.server.address() as AddressInfo;
    const close = 'Connection: close\r\n';
    const without = await exchange(port, `GET /livez HTTP/1.1\r\n${close}\r\n`);
    expect(without).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"malformed-request"/);
    const twice = await exchange(port, `GET /livez HTTP/1.1\r\nHost: localhost\r\n${close}host: evil.example\r\n\r\n`);
    expect(twice).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"malformed-request"/);
    expect(await exchange(port, 'GET /livez HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    const expecting = `GET /livez HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\n${close}\r\n`;
    expect(await exchange(port, expecting)).toMatch(/^HTTP\/1\.1 200 /);
    await own.close();
  });

  test('socket: what is no HTTP behind requests -> these are answered first, each with what became of it', async () => {
    const own = await openTestServer();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = own.app.server.address() as AddressInfo;
    const post = (id: string, headers = '') =>
      `POST ${NODES} HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Type: application/json\r\n` +
      `Content-Length: 10\r\n\r\n{"id":"${id}"}`;
    const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
    const answered = await exchange(port, `${post('a')}${post('a')}nonsense\r\n\r\nmore nonsense\r\n\r\n`);
    expect(statuses(answered)).toEqual([201, 409, 400]);
    expect(statuses(await exchange(port, `${post('b', 'Connection: close\r\n')}${post('c')}`))).toEqual([201]);
    expect((await own.call('GET', `${NODES}/c`)).status).toBe(404);
    const chunks = post('d', 'Transfer-Encoding: chunked\r\n').replace('Content-Length: 10\r\n', '');
    expect(statuses(await exchange(port, `${post('e')}${chunks}`))).toEqual([201, 400]);
    await own.close();
  });

  test('socket: a body far over the limit -> the client gets to read 413, and the connection stays good', async () => {
    const own = await openTestServer({ bodyBytesMax: 100_000 });
    const url = await own.app.listen({ port: 0, host: '127.0.0.1' });
    for (let i = 0; i < 3; i++) {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(url + NODES, { method: 'POST', headers, body: ' '.repeat(5_000_000) });
      expect(answer.status).toBe(413);
      expect(await answer.json()).toMatchObject({ code: 'payload-too-large' });
    }
    await own.close();
  });

  test('socket: a body in pieces, of which no header tells the length -> read whole, refused once it is over the limit', async () => {
    const own = await openTestServer({ bodyBytesMax: 100_000 });
    const url = await own.app.listen({ port: 0, host: '127.0.0.1' });
    const send = async (pieces: readonly string[]) => {
      const body = new ReadableStream({
        async pull(to) {
          const [piece, ...others] = pieces;
          pieces = others;
          if (piece === undefined) to.close();
          else to.enqueue(Buffer.from(piece));
          await own.env.scheduler.yield();
        },
      });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(url + NODES, { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
      return [answer.status, await answer.json()];
    };
    const [status, node] = await send(['{"properties": {"te', 'xt": "', 'ab'.repeat(40_000), 'é"}}']);
    expect([status, (node as { properties: { text: string } }).properties.text.length]).toEqual([201, 80_001]);
    expect(await send(Array.from({ length: 20 }, () => ' '.repeat(10_000)))).toMatchObject([
      413,
      { code: 'payload-too-large' },
    ]);
    await own.close();
  });

  test('the server was told to stop -> what comes gets shutting-down, as the last on its connection', async () => {
    let isLeaving = false;
    const own = await openTestServer({ isLeaving: () => isLeaving });
    const before = await own.call('POST', NODES, { id: 'a' });
    expect([before.status, before.headers.connection]).toEqual([201, 'keep-alive']);
    isLeaving = true;
    for (const answer of [await own.call('POST', NODES, { id: 'b' }), await own.call('GET', '/readyz')]) {
      expect([answer.status, answer.json.code, answer.headers.connection]).toEqual([503, 'shutting-down', 'close']);
    }
    await own.close();
  });

  test('socket: the server is stopping -> what is under way is answered, what comes then gets shutting-down', async () => {
    const own = await openTestServer();
    await own.app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = own.app.server.address() as AddressInfo;
    const held = deferred();
    const entered = deferred();
    const digest = async () => {
      entered.resolve();
      await held.promise;
      return { digest: 'd', partitions: {} };
    };
    Object.defineProperty(own.engine, 'graph', { value: () => ({ digest }) });
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.write('GET /v1/graphs/default/digest HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await entered.promise;
    const closed = own.app.close();
    // The hooks of `close` run in turns of their own.
    for (let i = 0; i < 10; i++) await own.env.scheduler.yield();
    socket.write('GET /v1/graphs HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (let i = 0; i < 10; i++) await own.env.scheduler.yield();
    held.resolve();
    await closed;
    await ended;
    const [first, second] = text.split(/(?=HTTP\/1\.1 )/);
    expect(first).toMatch(/^HTTP\/1\.1 200 [\s\S]*"digest":"d"/);
    expect(second).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1[\s\S]*"code":"shutting-down"/);
    await own.engine.close();
  });
});
