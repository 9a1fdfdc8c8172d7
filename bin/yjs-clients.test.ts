import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { AnyToken } from '../api/access/any-token.ts';
import { parseTokenFile } from '../api/access/static-tokens.ts';
import type { TestServerOptions } from '../api/server.model.ts';
import { BEARER_PROTOCOL } from '../api/socket-authorization.ts';
import { LIMITS } from '../base/limits.ts';
import { patchesOf } from '../crdt/partition-document.ts';
import { openYjsServer, type YjsServer } from './yjs-clients.model.ts';

const servers: YjsServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function opened(options?: TestServerOptions): Promise<YjsServer> {
  const server = await openYjsServer(options);
  servers.push(server);
  await server.call('PUT', '/v1/graphs/small', { partitions: 1 });
  return server;
}

const put = (server: YjsServer, id: string, properties = {}) =>
  server.call('PUT', `/v1/graphs/small/nodes/${encodeURIComponent(id)}`, { properties });
/** Ids of the nodes in a document, as a client reads them from its patches. */
const idsIn = (doc: Y.Doc): string[] =>
  patchesOf(Y.encodeStateAsUpdate(doc)).map((text) => text.slice(16).split('\t')[0] ?? '');

const tokenOf = (name: string) => `token-of-${name}-0123456789`;
const authenticator = (grants: Record<string, object[]>): TestServerOptions => {
  const tokens = Object.entries(grants).map(([name, held]) => ({ name, token: tokenOf(name), grants: held }));
  return { authenticator: new AnyToken({ listed: parseTokenFile(JSON.stringify({ tokens })), web: undefined }) };
};
const OWNER = [{ graphs: '*', rights: ['admin'] }];
const asOwner = { authorization: `Bearer ${tokenOf('owner')}` };

describe('stock Yjs clients', () => {
  test('provider of y-websocket: connects -> has the partition, and each commit after it', async () => {
    const server = await opened();
    await put(server, 'before');
    const client = server.connect('0', { graph: 'small' });
    await client.synced();
    expect(idsIn(client.doc)).toEqual(['before']);
    await put(server, 'after');
    await client.until(() => idsIn(client.doc).includes('after'));
    // What it has it does not get again.
    client.provider.disconnect();
    await put(server, 'apart');
    client.provider.connect();
    await client.until(() => client.provider.synced && idsIn(client.doc).includes('apart'));
    expect(idsIn(client.doc).sort()).toEqual(['after', 'apart', 'before']);
    expect(client.denied).toEqual([]);
  });

  test('nothing happens for long -> it hears the server before it would give up', async () => {
    const server = await opened();
    const client = server.connect('0', { graph: 'small' });
    await client.synced();
    for (let beats = 0; beats < 4; beats++) {
      const longAgo = Date.now() - 20_000;
      client.provider.wsLastMessageReceived = longAgo;
      const heard = new Promise((resolve) => client.provider.ws?.addEventListener('message', resolve, { once: true }));
      server.env.advance(LIMITS.yjsBeatMs);
      await heard;
      // The answer to the server's ping is read as well.
      await server.env.scheduler.yield();
      expect(client.provider.wsLastMessageReceived).toBeGreaterThan(longAgo);
    }
    expect(client.closes).toEqual([]);
  });

  test('client writes without the right -> denied and dropped, and the connection stays', async () => {
    const server = await opened();
    await put(server, 'a');
    const [one, other] = [server.connect('0', { graph: 'small' }), server.connect('0', { graph: 'small' })];
    await Promise.all([one.synced(), other.synced()]);
    const before = (await server.call('GET', '/v1/graphs/small/digest')).json.digest;
    one.doc.getArray('log').insert(0, ['forged']);
    await one.until(() => one.denied.length > 0);
    one.doc.getArray('log').delete(1, 1);
    await one.until(() => one.denied.length > 1);
    await put(server, 'b');
    await other.until(() => idsIn(other.doc).includes('b'));
    expect(idsIn(other.doc)).toEqual(['a', 'b']);
    expect((await server.call('GET', '/metrics')).text).toContain('weft_yjs_denied_total 2');
    await server.call('DELETE', '/v1/graphs/small/nodes/b');
    expect((await server.call('GET', '/v1/graphs/small/digest')).json.digest).toBe(before);
    expect(one.closes).toEqual([]);
  });

  test('awareness -> reaches the others, and ends with the connection', async () => {
    const server = await opened();
    const [one, other] = [server.connect('0', { graph: 'small' }), server.connect('0', { graph: 'small' })];
    one.provider.awareness.setLocalState({ name: 'Ada' });
    const seen = () => other.provider.awareness.getStates().get(one.doc.clientID);
    await other.until(() => seen()?.name === 'Ada');
    const late = server.connect('0', { graph: 'small' });
    await late.until(() => late.provider.awareness.getStates().get(one.doc.clientID)?.name === 'Ada');
    one.provider.shouldConnect = false;
    (one.provider.ws as unknown as WebSocket).terminate();
    await other.until(() => seen() === undefined);
  });

  test('unknown graph or partition, foreign scope -> refused before the upgrade', async () => {
    const server = await opened(
      authenticator({
        owner: OWNER,
        all: [{ graphs: ['small'], rights: ['read'] }],
        acme: [{ graphs: ['small'], scopes: ['acme'], rights: ['read'] }],
      }),
    );
    const answerOf = async (name: string, path: string): Promise<number> => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/yjs/${path}`, {
        headers: { authorization: `Bearer ${tokenOf(name)}` },
      });
      return new Promise((resolve) => {
        socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
        socket.on('open', () => {
          socket.close();
          resolve(101);
        });
        socket.on('error', () => undefined);
      });
    };
    await server.call('PUT', '/v1/graphs/small', { partitions: 1 }, asOwner);
    expect(await answerOf('owner', 'absent/0')).toBe(404);
    expect(await answerOf('owner', 'small/1')).toBe(400);
    expect(await answerOf('owner', 'small/a!b!')).toBe(400);
    expect(await answerOf('owner', '_system/0')).toBe(409);
    expect(await answerOf('all', 'small/0')).toBe(101);
    expect(await answerOf('all', 'absent/0')).toBe(403);
    expect(await answerOf('acme', 'small/acme!')).toBe(101);
    expect(await answerOf('acme', 'small/rival!')).toBe(403);
    expect(await answerOf('acme', 'small/0')).toBe(403);
    expect(await answerOf('nobody', 'small/0')).toBe(401);
  });

  test('token as parameter or subprotocol -> admitted; withdrawn -> closed with 4403 for good', async () => {
    let grants: object[] = [{ graphs: ['small'], rights: ['read'] }];
    const served = await opened({
      authenticator: {
        authenticate: (token) => {
          const options = authenticator({ owner: OWNER, reader: grants }).authenticator;
          return options?.authenticate(token) ?? Promise.reject(new Error('no authenticator'));
        },
      },
    });
    await served.call('PUT', '/v1/graphs/small', { partitions: 1 }, asOwner);
    const byParameter = served.connect('0', { graph: 'small', params: { token: tokenOf('reader') } });
    const encoded = Buffer.from(tokenOf('reader')).toString('base64url');
    const bySubprotocol = served.connect('0', {
      graph: 'small',
      protocols: ['weft.yjs.v1', `${BEARER_PROTOCOL}${encoded}`],
    });
    await Promise.all([byParameter.synced(), bySubprotocol.synced()]);
    grants = [];
    served.env.advance(LIMITS.tokenLookMs);
    for (const client of [byParameter, bySubprotocol]) {
      await client.until(() => client.closes.length > 0);
      expect(client.closes).toEqual([4403]);
      expect(client.provider.shouldConnect).toBe(false);
    }
    expect(JSON.stringify(served.logged)).not.toContain(tokenOf('reader'));
  });

  test('graph is deleted -> clients are told, and do not come back', async () => {
    const server = await opened();
    const client = server.connect('0', { graph: 'small' });
    await client.synced();
    await server.call('DELETE', '/v1/graphs/small');
    server.env.advance(LIMITS.yjsBeatMs);
    await client.until(() => client.closes.length > 0);
    expect(client.closes).toEqual([4404]);
  });
});
