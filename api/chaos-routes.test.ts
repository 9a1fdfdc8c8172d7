import { afterEach, describe, expect, test } from 'vitest';
import { FaultyTransport } from '../src/replication/faulty-transport.ts';
import { memoryNetwork } from '../src/replication/memory-network.model.ts';
import { openTestServer, type TestServer } from './server.model.ts';

const PEERS = ['http://127.0.0.1:7402', 'http://127.0.0.1:7403'];
const LINK = `/v1/chaos/links/${encodeURIComponent(PEERS[0] as string)}`;

let server: TestServer;
afterEach(() => server.close());

async function begin(): Promise<FaultyTransport> {
  const { env, transport } = memoryNetwork();
  const linkFaults = new FaultyTransport(transport('http://127.0.0.1:7401'), { env, peers: PEERS });
  server = await openTestServer({ linkFaults });
  return linkFaults;
}

describe('chaos: links', () => {
  test('cut, changed, healed -> each is answered, listed, and in place', async () => {
    const faults = await begin();
    const cut = { peer: PEERS[0], cut: true, direction: 'both', delayMs: 0, dropRate: 0 };
    const slow = { ...cut, cut: false, direction: 'in', delayMs: 250, dropRate: 0.25 };
    expect((await server.call('GET', '/v1/chaos/links')).json).toEqual({ links: [] });
    expect((await server.call('PUT', LINK, { cut: true })).json).toEqual(cut);
    expect((await server.call('GET', '/v1/chaos/links')).json).toEqual({ links: [cut] });
    expect((await server.call('PUT', LINK, { direction: 'in', delayMs: 250, dropRate: 0.25 })).json).toEqual(slow);
    expect(faults.list()).toMatchObject([{ peer: PEERS[0], fault: { cut: false, delayMs: 250 } }]);
    expect((await server.call('DELETE', LINK)).status).toBe(204);
    expect((await server.call('DELETE', LINK)).status).toBe(204);
    expect(faults.list()).toEqual([]);
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing wrong with it', {}, /`cut` or `delayMs` or `dropRate` must say.*DELETE heals/],
    ['a direction alone', { direction: 'in' }, /`cut`/],
    ['no object', '[]', /must be an object/],
    ['unknown field', { cut: true, delay: 5 }, /`delay` is unknown; known are cut, direction, delayMs, dropRate/],
    ['unknown direction', { cut: true, direction: 'up' }, /`direction` must be "in", "out" or "both"/],
    ['negative delay', { delayMs: -1 }, /`delayMs` must be a number from 0 to 60000, not -1/],
    ['delay beyond the limit', { delayMs: 60_001 }, /`delayMs`/],
    ['part of a millisecond', { delayMs: 0.5 }, /whole number/],
    ['delay as text', { delayMs: '5' }, /`delayMs` must be a number from 0 to 60000, not text/],
    ['rate above one', { dropRate: 1.5 }, /`dropRate` must be a number from 0 to 1, not 1.5/],
    ['cut as a number', { cut: 1 }, /`cut` must be true or false/],
  ])('%s -> refused with what is wrong', async (_what, body, expected) => {
    const faults = await begin();
    const answer = await server.call('PUT', LINK, body);
    expect([answer.status, answer.json.code]).toEqual([400, 'invalid-request']);
    expect(answer.json.detail).toMatch(expected);
    expect(faults.list()).toEqual([]);
  });

  test('nobody of this name -> 404 with those that there are', async () => {
    await begin();
    for (const method of ['PUT', 'DELETE'] as const) {
      const answer = await server.call(method, '/v1/chaos/links/c', method === 'PUT' ? { cut: true } : undefined);
      expect([answer.status, answer.json.code]).toEqual([404, 'peer-not-found']);
      expect(answer.json.peers).toEqual(PEERS.map((url) => ({ name: null, url })));
    }
  });

  test('server without --chaos -> there are no such routes', async () => {
    server = await openTestServer();
    for (const [method, url] of [
      ['GET', '/v1/chaos/links'],
      ['PUT', LINK],
    ] as const) {
      expect((await server.call(method, url)).json.code).toBe('route-not-found');
    }
  });

  test('server with a token -> asks for it', async () => {
    const { env, transport } = memoryNetwork();
    const linkFaults = new FaultyTransport(transport('http://a'), { env, peers: PEERS });
    server = await openTestServer({ linkFaults, token: 'secret' });
    expect((await server.call('PUT', LINK, { cut: true })).status).toBe(401);
    expect(linkFaults.list()).toEqual([]);
  });
});
