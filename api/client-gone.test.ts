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

test('rows of a query that are not read for long -> the connection goes, and the query with it', async () => {
  const running = async () => (await server.call('GET', '/v1/queries')).json.queries.length;
  const body = JSON.stringify({
    statement: 'UNWIND range(1, 10000000) AS i RETURN i, "a text that fills the buffers"',
  });
  const headers = `Host: localhost\r\nAccept: application/jsonl\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  const client = send(`POST ${GRAPH}/query HTTP/1.1\r\n${headers}\r\n\r\n${body}`).pause();
  await vi.waitFor(async () => expect(await running()).toBe(1));
  await turn();
  await turn();
  server.env.advance(LIMITS.queryStallMsMax);
  await vi.waitFor(async () => expect(await running()).toBe(0));
  expect(await connections()).toBe(0);
  client.destroy();
});
