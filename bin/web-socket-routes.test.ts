import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { adminToken, StaticTokens } from '../api/access/static-tokens.ts';
import { socketAuthorization } from '../api/socket-authorization.ts';
import type { Socket, SocketRequest, SocketRoute } from '../api/web-sockets.ts';
import { testEnv } from '../src/test-env.model.ts';
import { Upgrades } from './upgrades.ts';
import { WebSocketRoutes } from './web-socket-routes.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

interface Served {
  readonly url: string;
  readonly env: ReturnType<typeof testEnv>;
  readonly routes: WebSocketRoutes;
  readonly requests: SocketRequest[];
  readonly events: string[];
  readonly sockets: Socket[];
}

/** A route that answers what it hears. */
async function served(options: { readonly token?: string; readonly socketsMax?: number } = {}): Promise<Served> {
  const env = testEnv();
  const { token, socketsMax = 10 } = options;
  const routes = new WebSocketRoutes(env, { socketsMax, socketBeatMs: 1000 });
  const requests: SocketRequest[] = [];
  const events: string[] = [];
  const sockets: Socket[] = [];
  const authorise = socketAuthorization(token === undefined ? undefined : new StaticTokens([adminToken(token)]));
  const route: SocketRoute = {
    path: '/v1/echo/:name/open',
    protocol: 'echo.v1',
    messageBytesMax: 1000,
    admit: async (request) => {
      await authorise(request);
      requests.push(request);
      return (socket) => {
        sockets.push(socket);
        return {
          message: (bytes) => socket.send(bytes),
          drained: () => void events.push('drained'),
          stopping: () => socket.close(1001, 'stopping'),
          closed: () => void events.push('closed'),
        };
      };
    },
  };
  routes.add(route);
  const server = createServer((request, response) => {
    if (request.url === '/late') void env.scheduler.yield().then(() => response.end('late'));
    else response.end('plain');
  });
  const upgrades = new Upgrades();
  routes.attach(upgrades);
  upgrades.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    routes.stop();
    routes.terminate();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}`, env, routes, requests, events, sockets };
}

type ClientOptions = ConstructorParameters<typeof WebSocket>[2];

async function opened(url: string, protocols: string[] = [], options: ClientOptions = {}): Promise<WebSocket> {
  const client = new WebSocket(url, protocols, options);
  closers.push(() => client.terminate());
  await once(client, 'open');
  return client;
}

/** The answer to an upgrade that was refused. */
async function refusal(url: string, protocols: string[] = [], options: ClientOptions = {}) {
  const client = new WebSocket(url, protocols, options);
  client.on('error', () => undefined);
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, type: response.headers['content-type'], text };
}

async function closing(client: WebSocket): Promise<readonly [number, string]> {
  const [code, reason] = (await once(client, 'close')) as [number, Buffer];
  return [code, reason.toString()];
}

describe('WebSocket routes', () => {
  test('route: its path, parameters and protocol -> admitted with the decoded names, messages pass both ways', async () => {
    const { url, requests } = await served();
    const client = await opened(`${url}/v1/echo/a%2Fb/open?x=1`, ['echo.v1']);
    expect(client.protocol).toBe('echo.v1');
    expect(requests[0]?.parameters).toEqual({ name: 'a/b' });
    expect(requests[0]?.query.get('x')).toBe('1');
    client.send(Buffer.from([1, 2, 3]));
    const [bytes] = (await once(client, 'message')) as [Buffer];
    expect([...bytes]).toEqual([1, 2, 3]);
  });

  test('route: another path, a broken name, a foreign protocol -> refused with a problem document', async () => {
    const { url } = await served();
    expect((await refusal(`${url}/v1/echo/open`)).status).toBe(404);
    const broken = await refusal(`${url}/v1/echo/%ff/open`);
    expect(broken).toMatchObject({ status: 400, type: 'application/problem+json' });
    expect(JSON.parse(broken.text)).toMatchObject({ code: 'malformed-request', definite: true });
    const foreign = await refusal(`${url}/v1/echo/a/open`, ['echo.v2']);
    expect(JSON.parse(foreign.text).code).toBe('invalid-request');
  });

  test('authorization: a token is asked for -> header or subprotocol, and nothing else, opens', async () => {
    const { url } = await served({ token: 'se/cret+' });
    const path = `${url}/v1/echo/a/open`;
    await opened(path, [], { headers: { authorization: 'Bearer se/cret+' } });
    const encoded = `weft.bearer.${Buffer.from('se/cret+').toString('base64url')}`;
    const client = await opened(path, ['echo.v1', encoded], { origin: 'https://app.example' });
    expect(client.protocol).toBe('echo.v1');
    expect((await refusal(path)).status).toBe(401);
    expect((await refusal(path, [], { headers: { authorization: 'Bearer other' } })).status).toBe(401);
    expect((await refusal(path, ['echo.v1', 'weft.bearer.b3RoZXI'])).status).toBe(401);
    expect((await refusal(`${path}?token=se%2Fcret%2B`)).status).toBe(401);
  });

  test('authorization: no token is asked for -> pages of other origins are refused, those of this host are not', async () => {
    const { url } = await served();
    const path = `${url}/v1/echo/a/open`;
    await opened(path, [], { origin: url.replace('ws:', 'http:') });
    expect((await refusal(path, [], { origin: 'https://evil.example' })).status).toBe(401);
    expect((await refusal(path, [], { origin: 'null' })).status).toBe(401);
  });

  test('upgrade behind requests under way -> these are answered first, then the protocol changes', async () => {
    const { url } = await served();
    const { port, pathname } = new URL(`${url}/v1/echo/a/open`);
    const head = (path: string, more: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    for (const [more, last] of [
      [`Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: echo.v1\r\n${key}`, '101'],
      ['Connection: Upgrade, close\r\nUpgrade: h2c\r\n', '200'],
    ] as const) {
      const socket = connect(Number(port), '127.0.0.1');
      closers.push(() => socket.destroy());
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.write(head('/late', '') + head('/late', '') + head(pathname, more));
      await vi.waitFor(() => expect(text.match(/HTTP\/1\.1 \d+/g)).toHaveLength(3), { timeout: 20_000 });
      expect(Array.from(text.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status)).toEqual(['200', '200', last]);
    }
  });

  test('limits: more sockets than may be, a message too long, text -> refused, closed 1009, closed 1003', async () => {
    const { url } = await served({ socketsMax: 2 });
    const path = `${url}/v1/echo/a/open`;
    const first = await opened(path);
    const second = await opened(path);
    expect((await refusal(path)).status).toBe(429);
    first.send(Buffer.alloc(1001));
    expect((await closing(first))[0]).toBe(1009);
    second.send('text');
    expect((await closing(second))[0]).toBe(1003);
    await opened(path);
  });

  test('heartbeat: two beats without a sign of life -> dropped; one that answers stays', async () => {
    const { url, env, events, routes } = await served();
    const alive = await opened(`${url}/v1/echo/a/open`);
    const silent = await opened(`${url}/v1/echo/a/open`, [], { autoPong: false });
    const gone = closing(silent);
    env.advance(1000);
    await once(alive, 'ping');
    // What it answers arrives before its next message does.
    alive.send(Buffer.from([1]));
    await once(alive, 'message');
    env.advance(1000);
    await gone;
    while (routes.openCount > 1) await env.scheduler.yield();
    expect(events).toEqual(['closed']);
    expect(alive.readyState).toBe(WebSocket.OPEN);
  });

  test('stop: open sockets -> told to end; new ones get 503', async () => {
    const { url, routes } = await served();
    const client = await opened(`${url}/v1/echo/a/open`);
    const end = closing(client);
    routes.stop();
    expect(await end).toEqual([1001, 'stopping']);
    expect((await refusal(`${url}/v1/echo/a/open`)).status).toBe(503);
  });
});
