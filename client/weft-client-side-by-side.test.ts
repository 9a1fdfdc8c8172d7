/** What calls of one client that run side by side do to each other, over a network that the tests break. */
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../api/server.model.ts';
import { ambientPlatform } from './ambient.ts';
import type { Fetch } from './platform.ts';
import { WeftClient } from './weft-client.ts';

const real = ambientPlatform();
/** Two servers of a cluster, for which one stands that is real. */
const URLS = ['http://one', 'http://two'];
let server: TestServer;
let answer: Fetch;

beforeAll(async () => {
  server = await openTestServer();
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  answer = (url, init) => real.fetch(url.replace(/^http:\/\/\w+/, `http://127.0.0.1:${port}`), init);
});

afterAll(() => server.close());

const serverOf = (url: string) => url.split('/v1')[0];
const refused = () => {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
};

function client(network: Fetch) {
  return new WeftClient({ urls: URLS, triesMax: 2, platform: { ...real, fetch: network } }).graph();
}

test('a write whose answer is lost while another call moves on -> repeated at the server that knows its key', async () => {
  const asked: unknown[] = [];
  let movedOn = (): void => undefined;
  const untilMovedOn = new Promise<void>((resolve) => {
    movedOn = resolve;
  });
  const graph = client(async (url, init) => {
    const isFirst = serverOf(url) === URLS[0];
    if (init.method === 'GET') {
      if (isFirst) throw refused();
      movedOn();
    } else {
      asked.push(serverOf(url));
      if (asked.length === 1) {
        await (await answer(url, init)).text();
        await untilMovedOn;
        throw new TypeError('the connection broke');
      }
    }
    return answer(url, init);
  });
  const writing = graph.createNode();
  expect(await graph.getNode('nobody')).toBeUndefined();
  await writing;
  expect(asked).toEqual([URLS[0], URLS[0]]);
});

test('two calls that fail at one server at the same time -> both go to the next one', async () => {
  const asked: unknown[] = [];
  let bothAreOnTheirWay = (): void => undefined;
  const untilBoth = new Promise<void>((resolve) => {
    bothAreOnTheirWay = resolve;
  });
  const graph = client(async (url, init) => {
    asked.push(serverOf(url));
    if (serverOf(url) !== URLS[0]) return answer(url, init);
    if (asked.length === 2) bothAreOnTheirWay();
    await untilBoth;
    throw refused();
  });
  expect(await Promise.all([graph.getNode('a'), graph.getNode('b')])).toEqual([undefined, undefined]);
  expect(asked).toEqual([URLS[0], URLS[0], URLS[1], URLS[1]]);
});
