import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import * as LIMITS from '../base/limits.ts';
import { transportConformance } from '../src/replication/transport.conformance.ts';
import type { Connection, ConnectionEvents } from '../src/replication/transport.ts';
import { buildEnv } from './env.ts';
import { Upgrades } from './upgrades.ts';
import { shortened } from './web-socket-connection.ts';
import { type LinkLimits, linkUrl, REPLICATION_PATH, WebSocketTransport } from './web-socket-transport.ts';

const env = buildEnv('error');
const UNTIL_MS = 10_000;

async function until(condition: () => boolean): Promise<void> {
  const begunMs = env.clock.monotonicMs();
  while (!condition()) {
    if (env.clock.monotonicMs() - begunMs > UNTIL_MS) throw new Error(`not within ${UNTIL_MS} ms`);
    await env.scheduler.yield();
  }
}

/** Enough turns for whatever is on its way within one machine. */
async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await env.scheduler.yield();
}

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listening(server: { listen(port: number, host: string): unknown; address(): unknown }): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server as Server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port of this machine where nobody listens. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listening(server);
  await new Promise((closed) => server.close(closed));
  return port;
}

interface Linked {
  readonly transport: WebSocketTransport;
  readonly url: string;
  readonly port: number;
  readonly accepted: Recorded[];
}

interface Recorded extends ConnectionEvents {
  readonly connection: Connection;
  readonly frames: Uint8Array[];
  readonly closings: string[];
}

function record(connection: Connection): Recorded {
  const frames: Uint8Array[] = [];
  const closings: string[] = [];
  return {
    connection,
    frames,
    closings,
    frame: (bytes) => void frames.push(bytes),
    closed: (reason) => void closings.push(reason),
  };
}

/** An HTTP server that answers what it was asked, with links. */
async function linked(limits: Partial<LinkLimits> = {}): Promise<Linked> {
  const transport = new WebSocketTransport(env, { ...LIMITS, ...limits });
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => response.end(`${request.method} ${request.url} ${body}`));
  });
  const upgrades = new Upgrades();
  transport.attach(upgrades);
  upgrades.attach(server);
  const accepted: Recorded[] = [];
  transport.listen((connection) => {
    const recorded = record(connection);
    accepted.push(recorded);
    return recorded;
  });
  const port = await listening(server);
  closers.push(() => {
    transport.close();
    server.closeAllConnections();
    server.close();
  });
  return { transport, url: `http://127.0.0.1:${port}`, port, accepted };
}

async function dialed(transport: WebSocketTransport, url: string): Promise<Recorded | string> {
  return new Promise((resolve) => {
    transport.dial(url, {
      opened: (connection) => {
        const recorded = record(connection);
        resolve(recorded);
        return recorded;
      },
      failed: resolve,
    });
  });
}

async function dialedOpen(transport: WebSocketTransport, url: string): Promise<Recorded> {
  const outcome = await dialed(transport, url);
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome;
}

/** A client of our own, to send what no server would. */
async function stranger(url: string): Promise<WebSocket & { readonly closing: Promise<readonly [number, string]> }> {
  const socket = new WebSocket(linkUrl(url));
  const closing = new Promise<readonly [number, string]>((resolve) =>
    socket.on('close', (code, reason) => resolve([code, reason.toString()])),
  );
  socket.on('error', () => undefined);
  closers.push(() => socket.terminate());
  await once(socket, 'open');
  return Object.assign(socket, { closing });
}

transportConformance('WebSockets', async () => {
  const a = await linked();
  const b = await linked();
  const nowhere = `http://127.0.0.1:${await freePort()}`;
  return {
    a: a.transport,
    b: b.transport,
    urlOfB: b.url,
    nowhere,
    until,
    settle,
    close: async () => {
      a.transport.close();
      b.transport.close();
      await settle();
    },
  };
});

describe('web sockets: dialing', () => {
  test.each([
    ['http://10.0.0.5:7400', 'ws://10.0.0.5:7400/v1/replicate'],
    ['https://graph.example.org', 'wss://graph.example.org/v1/replicate'],
    ['https://example.org/east/weft/', 'wss://example.org/east/weft/v1/replicate'],
  ])('%s -> %s', (url, link) => {
    expect(linkUrl(url)).toBe(link);
  });

  test('nobody there -> words for people', async () => {
    const { transport } = await linked();
    expect(await dialed(transport, `http://127.0.0.1:${await freePort()}`)).toBe('nothing listens there');
  });

  test('an HTTP server without links -> says that it takes none', async () => {
    const { transport } = await linked();
    const server = createServer((_request, response) => response.writeHead(404).end());
    const port = await listening(server);
    closers.push(() => void server.close());
    expect(await dialed(transport, `http://127.0.0.1:${port}`)).toMatch(/takes no links \(404\)/);
  });

  test('a port that accepts and says nothing -> given up in time', async () => {
    const { transport } = await linked({ dialMsMax: 20 });
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => void sockets.push(socket));
    const port = await listening(server);
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    expect(await dialed(transport, `http://127.0.0.1:${port}`)).toBe('it does not answer');
  });

  test('something else than HTTP -> fails', async () => {
    const { transport } = await linked();
    const server = createTcpServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    const port = await listening(server);
    closers.push(() => void server.close());
    expect(await dialed(transport, `http://127.0.0.1:${port}`)).toMatch(/Parse Error|Expected HTTP/);
  });
});

describe('web sockets: who is let in', () => {
  /** The status line that an upgrade gets, or 101. */
  async function upgradeStatus(port: number, path: string, headers: Record<string, string> = {}): Promise<number> {
    const sent = httpRequest({
      port,
      path,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    sent.end();
    return new Promise((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', (response: IncomingMessage) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      });
      sent.on('upgrade', (_response, socket: Socket) => {
        socket.destroy();
        resolve(101);
      });
    });
  }

  test.each<[string, string, Record<string, string>, number]>([
    ['the path of links', REPLICATION_PATH, {}, 101],
    ['another path', '/v1/graphs', {}, 404],
    ['a path below', `${REPLICATION_PATH}/x`, {}, 404],
    ['a page in a browser', REPLICATION_PATH, { origin: 'https://evil.example' }, 403],
    ['a key that is none', REPLICATION_PATH, { 'sec-websocket-key': 'short' }, 400],
    ['another version', REPLICATION_PATH, { 'sec-websocket-version': '7' }, 400],
  ])('%s -> %s %j %i', async (_what, path, headers, status) => {
    const { port } = await linked();
    expect(await upgradeStatus(port, path, headers)).toBe(status);
  });

  test('more strangers than the limit -> refused until one of them is known or gone', async () => {
    const { url, port, accepted } = await linked({ unidentifiedLinksMax: 2 });
    const first = await stranger(url);
    await stranger(url);
    expect(await upgradeStatus(port, REPLICATION_PATH)).toBe(503);
    first.close();
    await first.closing;
    await until(() => accepted[0]?.closings.length === 1);
    await stranger(url);
    expect(await upgradeStatus(port, REPLICATION_PATH)).toBe(503);
    accepted[1]?.connection.identify({ name: 'b' });
    expect(await upgradeStatus(port, REPLICATION_PATH)).toBe(101);
  });

  test('a stranger that never says who it is -> closed with the reason; one that does stays', async () => {
    const { url, accepted, transport } = await linked({ identifyMsMax: 20 });
    const known = await stranger(url);
    accepted[0]?.connection.identify({ name: 'b' });
    const unknown = await stranger(url);
    expect(await unknown.closing).toEqual([1008, 'no server identified itself within 20 ms']);
    await until(() => accepted[1]?.closings.length === 1);
    expect(accepted[1]?.closings).toEqual(['no server identified itself within 20 ms']);
    expect([known.readyState, transport.acceptedCount]).toEqual([WebSocket.OPEN, 1]);
  });

  test('text, or more than a frame may hold -> closed with a reason, and nothing is delivered', async () => {
    const { url, accepted } = await linked();
    const talker = await stranger(url);
    talker.send('hello');
    expect(await talker.closing).toEqual([1003, 'a link carries binary frames only']);
    const shouter = await stranger(url);
    shouter.send(new Uint8Array(LIMITS.frameBytesMax + 1));
    expect((await shouter.closing)[0]).toBe(1009);
    await until(() => accepted[1]?.closings.length === 1);
    expect(accepted[1]?.closings[0]).toContain(`more than ${LIMITS.frameBytesMax} bytes`);
    expect(accepted.flatMap(({ frames }) => frames)).toEqual([]);
  });

  test('bytes that are no WebSocket frame -> closed, told once', async () => {
    const { port, accepted } = await linked();
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    closers.push(() => void socket.destroy());
    socket.write(
      `GET ${REPLICATION_PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await once(socket, 'data');
    socket.write(Buffer.alloc(64, 0xff));
    await until(() => accepted[0]?.closings.length === 1);
  });

  test('a socket that is torn down -> told once', async () => {
    const { url, accepted } = await linked();
    (await stranger(url)).terminate();
    await until(() => accepted[0]?.closings.length === 1);
    expect(accepted[0]?.closings).toEqual(['the connection broke']);
  });
});

describe('web sockets: a peer that does not read', () => {
  test('frames pile up -> bufferedBytes says how many, and closing does not wait for the peer', async () => {
    const { url, accepted } = await linked();
    const deaf = await stranger(url);
    deaf.pause();
    const connection = (accepted[0] as Recorded).connection;
    for (let i = 0; i < 8; i++) connection.send(new Uint8Array(LIMITS.frameBytesMax));
    await settle();
    expect(connection.bufferedBytes).toBeGreaterThan(LIMITS.frameBytesMax);
    connection.close('it does not read');
    await until(() => accepted[0]?.closings.length === 1);
    expect(accepted[0]?.closings).toEqual(['it does not read']);
  });
});

describe('web sockets: other requests', () => {
  test('a request that would rather speak HTTP/2 -> answered as if it had not asked, with its body', async () => {
    const { port } = await linked();
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    const sent = httpRequest({ port, path: '/v1/x?y=1', method: 'POST', headers });
    sent.end('the body');
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += chunk;
    expect([response.statusCode, text]).toEqual([200, 'POST /v1/x?y=1 the body']);
  });

  test('stopping transport -> both ends are told who stops', async () => {
    const a = await linked();
    const b = await linked();
    const here = await dialedOpen(a.transport, b.url);
    b.transport.close();
    await until(() => here.closings.length === 1);
    expect(here.closings).toEqual(['the server is stopping']);
    expect(await dialed(a.transport, b.url)).toMatch(/503/);
  });
});

test.each([
  ['short', 10, 'short'],
  ['äöüäöü', 9, 'äöü…'],
  ['aäöüäöü', 9, 'aäö…'],
])('reason %s in %i bytes -> %s', (text, bytesMax, expected) => {
  expect(shortened(text, bytesMax)).toBe(expected);
});
