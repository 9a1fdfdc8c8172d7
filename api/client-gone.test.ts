/** Clients that go away before they are answered: nothing of theirs is kept. */
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { GraphName } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const GRAPH = '/v1/graphs/default';
let server: TestServer;

beforeEach(async () => {
  server = await openTestServer();
  await server.app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => server.close());

function send(text: string): Socket {
  const { port } = server.app.server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1').resume();
  client.on('error', () => undefined);
  client.write(text);
  return client;
}

/** Sends requests on one connection; their answers come one after the other. */
const ask = (paths: readonly string[]) =>
  send(paths.map((path) => `GET ${GRAPH}${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));

const connections = () =>
  new Promise<number>((resolve) => server.app.server.getConnections((_, count) => resolve(count)));

async function gone(client: Socket): Promise<void> {
  client.destroy();
  await vi.waitFor(async () => expect(await connections()).toBe(0));
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 100));
const times = (count: number, path: string) => Array.from({ length: count }, () => path);

const LONG_POLL = '/changes?feed=longpoll&since=now&timeoutMs=30000';

/** Answers to readers that wait a millisecond for changes. */
async function reading(readers: number): Promise<number[]> {
  const answers = times(readers, '/changes?feed=longpoll&since=now&timeoutMs=1').map((path) =>
    server.call('GET', GRAPH + path),
  );
  await turn();
  server.env.advance(1);
  return (await Promise.all(answers)).map(({ status }) => status);
}

test('changes: readers that go before there is something to wait for -> others may read', async () => {
  const graph = server.engine.graph('default' as GraphName);
  const changes = graph.changes.bind(graph);
  let read = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    read = resolve;
  });
  graph.changes = async (...asked) => {
    await held;
    return changes(...asked);
  };
  const client = ask(times(LIMITS.changeReadersMax, LONG_POLL));
  await turn();
  await gone(client);
  read();
  await turn();
  expect(await reading(3)).toEqual([200, 200, 200]);
});

/** Holds calls of a function of the engine, until it is told to let them go. */
function holding<F extends (...given: never[]) => Promise<unknown>>(work: F): { readonly held: F; letGo(): void } {
  let letGo = (): void => undefined;
  const until = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  return { held: (async (...given: never[]) => until.then(() => work(...given))) as F, letGo: () => letGo() };
}

const post = (path: string, body: object, headers: readonly string[] = []): string => {
  const text = JSON.stringify(body);
  const all = ['Host: localhost', 'Content-Type: application/json', `Content-Length: ${text.length}`, ...headers];
  return `POST ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${text}`;
};

const running = async (): Promise<number> => (await server.call('GET', '/v1/queries')).json.queries.length;

const ROWS = post(`${GRAPH}/query`, { statement: 'UNWIND range(1, 10000000) AS i RETURN i' }, [
  'Accept: application/jsonl',
]);

test('rows of a query, of which the client goes while the first ones are on their way -> nothing runs on', async () => {
  const graph = server.engine.graph('default' as GraphName);
  const query = graph.query.bind(graph);
  let letGo = (): void => undefined;
  graph.query = async (...asked) => {
    const answer = await query(...asked);
    const next = answer.next.bind(answer);
    const late = holding(async (first: Awaited<ReturnType<typeof next>>) => first);
    letGo = late.letGo;
    // They were read, and nobody looks again whether they are wanted.
    answer.next = async () => late.held(await next());
    return answer;
  };
  const client = send(ROWS);
  await turn();
  await gone(client);
  letGo();
  await turn();
  await vi.waitFor(async () => expect(await running()).toBe(0));
});

test('a query that is answered whole, of which the client goes while its bookmarks are waited for -> not begun', async () => {
  const token = (await server.call('POST', `${GRAPH}/nodes`, {})).headers['session-token'] as string;
  const { held, letGo } = holding(async () => undefined);
  server.engine.reachSession = held;
  const client = send(post(`${GRAPH}/query`, { statement: 'CREATE ()', bookmarks: [token] }));
  await turn();
  await gone(client);
  letGo();
  await turn();
  expect((await server.engine.graph('default' as GraphName).counts()).nodes).toBe(1);
});

test('a query with a key, sent again before its client goes -> who waits for it then gets an answer, and it is done once', async () => {
  const graph = server.engine.graph('default' as GraphName);
  const { held, letGo } = holding(graph.transactionOnce.bind(graph));
  graph.transactionOnce = held;
  const asked = { statement: 'CREATE () WITH 1 AS one UNWIND range(1, 100000) AS i RETURN count(i) AS count' };
  const client = send(post(`${GRAPH}/query`, asked, ['Idempotency-Key: k']));
  await turn();
  const again = server.call('POST', `${GRAPH}/query`, asked, { 'idempotency-key': 'k' });
  await turn();
  await gone(client);
  // Whether it is wanted is looked at as time goes by.
  let nowMs = server.env.clock.monotonicMs();
  vi.spyOn(server.env.clock, 'monotonicMs').mockImplementation(() => ++nowMs);
  letGo();
  const { status, json } = await again;
  expect([status, json.data?.values, json.code]).toEqual([200, [[100_000]], undefined]);
  expect((await graph.counts()).nodes).toBe(1);
});

/** With the key `k`; its end never comes. */
function beginImport(lines: string): ReturnType<typeof send> {
  const headers = [
    'Host: localhost',
    'Content-Type: application/x-ndjson',
    'Idempotency-Key: k',
    'Transfer-Encoding: chunked',
  ];
  const chunk = `${lines.length.toString(16)}\r\n${lines}\r\n`;
  return send(`POST ${GRAPH}/import HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${chunk}`);
}

test('an import with a key, sent again before its client goes -> who waits for it is not told that nothing happened', async () => {
  const lines = Array.from({ length: 9000 }, (_, i) => `{"type":"node","id":"n${i}"}\n`).join('');
  const client = beginImport(lines);
  const graph = server.engine.graph('default' as GraphName);
  await vi.waitFor(async () => expect((await graph.counts()).nodes).toBeGreaterThan(0), 20_000);
  const again = server.call('POST', `${GRAPH}/import`, lines, {
    'content-type': 'application/x-ndjson',
    'idempotency-key': 'k',
  });
  await turn();
  await gone(client);
  const { status, json } = await again;
  expect([status, json.code, json.definite]).toEqual([503, 'answer-lost', false]);
  expect(json.applied.nodes).toBe((await graph.counts()).nodes);
});

test.each([
  ['edges without ids', '', 503],
  ['edges with ids', '"id":"e",', 200],
])(
  'an import with a key, of %s, whose client goes, and that is sent again -> nothing is there twice',
  async (_, id, expected) => {
    const relationship = `{"type":"relationship",${id}"label":"T","start":{"id":"n0"},"end":{"id":"n1"}}\n`;
    const nodes = Array.from({ length: 9000 }, (_node, i) => `{"type":"node","id":"n${i}"}\n`).join('');
    const lines = `{"type":"node","id":"n0"}\n{"type":"node","id":"n1"}\n${relationship}${nodes}`;
    const client = beginImport(lines);
    const graph = server.engine.graph('default' as GraphName);
    await vi.waitFor(async () => expect((await graph.counts()).edges).toBe(1), 20_000);
    await gone(client);
    const again = () =>
      server.call('POST', `${GRAPH}/import`, lines, { 'content-type': 'application/x-ndjson', 'idempotency-key': 'k' });
    // The first one to arrive may have waited for the end of that.
    await again();
    const { status, json } = await again();
    expect(status).toBe(expected);
    if (expected === 503) expect(json).toMatchObject({ code: 'answer-lost', applied: { edges: 1 } });
    expect((await graph.counts()).edges).toBe(1);
  },
);

test('a backup, of which the client goes before its first byte -> its moment is let go of', async () => {
  const { replica } = server.engine;
  const open = replica.openCut.bind(replica);
  const moments = { opened: 0, released: 0 };
  const { held, letGo } = holding(async () => {
    const cut = await open();
    const release = cut.release.bind(cut);
    moments.opened++;
    cut.release = async () => {
      moments.released++;
      return release();
    };
    return cut;
  });
  replica.openCut = held;
  const client = send(post('/v1/backup', {}));
  await turn();
  await gone(client);
  letGo();
  await vi.waitFor(() => expect(moments).toEqual({ opened: 1, released: 1 }));
});

test('many requests at once that wait, and the client goes -> all of them hear it, not only the one in front', async () => {
  const client = ask(times(LIMITS.changeReadersMax, LONG_POLL));
  const inFlight = async () => {
    const metrics = (await server.call('GET', '/metrics')).text;
    return Number(/^weft_http_requests_in_flight (.*)$/m.exec(metrics)?.[1]);
  };
  await vi.waitFor(async () => expect(await inFlight()).toBe(LIMITS.changeReadersMax + 1), 20_000);
  await turn();
  expect(await reading(1)).toEqual([429]);
  await gone(client);
  expect(await reading(3)).toEqual([200, 200, 200]);
  expect(await inFlight()).toBe(1);
});

const EVENTS = `GET ${GRAPH}/changes?feed=sse&heartbeat=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** A query runs for this client, until its rows have not been read for too long. */
async function goesUnread(client: ReturnType<typeof send>): Promise<void> {
  await vi.waitFor(async () => expect(await running()).toBe(1));
  await turn();
  await turn();
  server.env.advance(LIMITS.queryStallMsMax);
  await vi.waitFor(async () => expect(await running()).toBe(0));
  expect(await connections()).toBe(0);
  client.destroy();
}

test('rows of a query behind a stream without an end, and the client goes -> the query ends', async () => {
  const client = send(EVENTS + ROWS);
  await vi.waitFor(async () => expect(await running()).toBe(1));
  client.destroy();
  // What lies behind is more than a connection may hold, which is no longer read from: it is noticed when it is written to.
  await vi.waitFor(async () => {
    server.env.advance(1000);
    expect(await connections()).toBe(0);
  });
  await vi.waitFor(async () => expect(await running()).toBe(0));
});

test('rows of a query behind a stream without an end, not read for long -> the connection goes, and the query with it', async () => {
  const client = send(EVENTS + ROWS);
  await goesUnread(client);
});

test('rows of a query that are not read for long -> the connection goes, and the query with it', async () => {
  const body = JSON.stringify({
    statement: 'UNWIND range(1, 10000000) AS i RETURN i, "a text that fills the buffers"',
  });
  const headers = `Host: localhost\r\nAccept: application/jsonl\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  const client = send(`POST ${GRAPH}/query HTTP/1.1\r\n${headers}\r\n\r\n${body}`).pause();
  await goesUnread(client);
});
