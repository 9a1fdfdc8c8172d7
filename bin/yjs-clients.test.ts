import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { AnyToken } from '../api/access/any-token.ts';
import { parseTokenFile } from '../api/access/static-tokens.ts';
import type { TestServerOptions } from '../api/server.model.ts';
import { BEARER_PROTOCOL } from '../api/socket-authorization.ts';
import { encodeYjsFrame } from '../api/yjs-frames.ts';
import * as LIMITS from '../base/limits.ts';
import { patchesOf } from '../crdt/partition-document.ts';
import { openYjsServer, type YjsClient, type YjsServer } from './yjs-clients.model.ts';

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
/** Roots of the texts of a document. */
const textsIn = (doc: Y.Doc): string[] => Array.from(doc.share.keys()).filter((root) => root !== 'log');
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
    const server = await opened(
      authenticator({ owner: OWNER, reader: [{ graphs: ['small'], rights: ['read', 'write'] }] }),
    );
    const as = (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
      server.call(method, `/v1/graphs/small${path}`, body, asOwner);
    await as('PUT', '', { partitions: 1 });
    await as('PUT', '/nodes/a', { properties: { body: { $text: 'mine' } } });
    const reader = { graph: 'small', params: { token: tokenOf('reader') } };
    const [one, other] = [server.connect('0', reader), server.connect('0', reader)];
    await Promise.all([one.synced(), other.synced()]);
    const before = (await as('GET', '/digest')).json.digest;
    one.doc.getArray('log').insert(0, ['forged']);
    await one.until(() => one.denied.length > 0);
    one.doc.getArray('log').delete(1, 1);
    await one.until(() => one.denied.length > 1);
    const [root] = textsIn(one.doc);
    one.doc.getText(root).insert(0, 'not ');
    await one.until(() => one.denied.length > 2);
    await as('PUT', '/nodes/b', {});
    await other.until(() => idsIn(other.doc).includes('b'));
    expect(idsIn(other.doc)).toEqual(['a', 'b']);
    expect(other.doc.getText(root).toString()).toBe('mine');
    expect((await server.call('GET', '/metrics', undefined, asOwner)).text).toContain('weft_yjs_denied_total 3');
    await as('DELETE', '/nodes/b');
    expect((await as('GET', '/digest')).json.digest).toBe(before);
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

  describe('texts', () => {
    const note = async (server: YjsServer) => (await server.call('GET', '/v1/graphs/small/nodes/note')).json;
    const patch = (server: YjsServer, body: unknown) =>
      server.call('PATCH', '/v1/graphs/small/nodes/note', { properties: { body } });
    async function edited(): Promise<{
      server: YjsServer;
      root: string;
      join: () => Promise<YjsClient & { text: Y.Text }>;
    }> {
      const server = await opened();
      await put(server, 'note', { body: { $text: 'Dear all' } });
      const root = (await note(server)).texts.body as string;
      const join = async () => {
        const client = server.connect('0', { graph: 'small' });
        await client.synced();
        return { ...client, text: client.doc.getText(root) };
      };
      return { server, root, join };
    }

    test('two clients and REST edit one text -> all see one text, and so do queries and the change feed', async () => {
      const { server, join } = await edited();
      const [one, other] = [await join(), await join()];
      expect(one.text.toString()).toBe('Dear all');
      one.text.insert(8, ', hello');
      one.text.insert(15, '!');
      other.text.delete(0, 4);
      other.text.insert(0, 'Hi');
      const wanted = 'Hi all, hello!';
      for (const { text, until } of [one, other]) await until(() => text.toString() === wanted);
      expect((await note(server)).properties.body).toBe(wanted);
      await patch(server, { $text: 'Hi all, hello 🚲!' });
      for (const { text, until } of [one, other]) await until(() => text.toString() === 'Hi all, hello 🚲!');
      const statement = "MATCH (n) WHERE n.body CONTAINS '🚲' RETURN n.body";
      const found = await server.call('POST', '/v1/graphs/small/query', { statement });
      expect(found.json.data.values).toEqual([['Hi all, hello 🚲!']]);
      const { changes } = (await server.call('GET', '/v1/graphs/small/changes')).json;
      expect(changes.at(-1)).toMatchObject({ id: 'note', change: 'update', merged: ['body'] });
      // Somebody who comes later has the same.
      expect((await join()).text.toString()).toBe('Hi all, hello 🚲!');
      expect([...one.closes, ...other.closes]).toEqual([]);
    });

    test('two texts are edited apart from the server -> both arrive when the client comes back', async () => {
      const { server, join } = await edited();
      await put(server, 'second', { body: { $text: '' } });
      const second = (await server.call('GET', '/v1/graphs/small/nodes/second')).json.texts.body;
      const client = await join();
      client.provider.disconnect();
      await patch(server, { $text: 'Dear all of you' });
      for (const character of 'abc') {
        client.text.insert(0, character);
        client.doc.getText(second).insert(0, character);
      }
      client.text.delete(3, 5);
      client.provider.connect();
      const watcher = await join();
      const shown = () => [watcher.text.toString(), watcher.doc.getText(second).toString()];
      await watcher.until(() => shown()[1] === 'cba' && shown()[0] === client.text.toString());
      expect((await note(server)).properties.body).toBe(client.text.toString());
      expect(client.text.toString()).toBe('cbaall of you');
    });

    test.each<[string, (doc: Y.Doc, root: string) => void]>([
      ['into the log', (doc) => doc.getArray('log').insert(0, ['forged'])],
      ['a deletion in the log', (doc) => doc.getArray('log').delete(0, 1)],
      ['into a root that is no text', (doc) => doc.getText('other').insert(0, 'x')],
      ['into a text that there is not', (doc, root) => doc.getText(root.replace('body', 'absent')).insert(0, 'x')],
      ['another type into a text', (doc, root) => doc.getText(root).insertEmbed(0, new Y.Text('x'))],
      [
        'both a text and the log',
        (doc, root) =>
          doc.transact(() => {
            doc.getText(root).insert(0, 'x');
            doc.getArray('log').insert(0, ['forged']);
          }),
      ],
      ['more than a patch holds', (doc, root) => doc.getText(root).insert(0, 'x'.repeat(LIMITS.yjsUpdateBytesMax))],
    ])('with the right, %s -> dropped whole, and closed for good', async (_what, write) => {
      const { server, root, join } = await edited();
      const client = await join();
      const before = (await server.call('GET', '/v1/graphs/small/digest')).json.digest;
      write(client.doc, root);
      await client.until(() => client.closes.length > 0);
      expect(client.closes).toEqual([4422]);
      expect(client.provider.shouldConnect).toBe(false);
      expect((await server.call('GET', '/v1/graphs/small/digest')).json.digest).toBe(before);
      expect((await join()).text.toString()).toBe('Dear all');
    });

    test('ids of a server, of the form that REST uses, with a hole before them -> nothing of it counts', async () => {
      const { server, root, join } = await edited();
      for (const [clientID, clock, code] of [
        [server.engine.replicaId, 1000, 4422],
        [2 ** 40, 0, 1013],
        [5, 3, 1013],
      ] as const) {
        const client = await join();
        client.provider.shouldConnect = false;
        const forged = new Y.Doc();
        forged.clientID = clientID;
        forged.getText(root).insert(0, 'x'.repeat(clock + 1));
        const update = Y.encodeStateAsUpdate(forged, Y.encodeStateVector(withClock(root, clientID, clock)));
        client.provider.ws?.send(encodeYjsFrame({ kind: 'update', update }) as Uint8Array<ArrayBuffer>);
        await client.until(() => client.closes.length > 0);
        expect(client.closes).toEqual([code]);
      }
      expect((await note(server)).properties.body).toBe('Dear all');
    });

    test('text of an edge -> is edited in the partition of its source', async () => {
      const { server, join } = await edited();
      const edges = '/v1/graphs/small/edges';
      await server.call('POST', edges, {
        id: 'e',
        type: 'T',
        from: 'note',
        to: 'note',
        properties: { why: { $text: '?' } },
      });
      const edge = async () => (await server.call('GET', `${edges}/e`)).json;
      const [one, other] = [await join(), await join()];
      const root = (await edge()).texts.why;
      one.doc.getText(root).insert(0, 'why');
      await other.until(() => other.doc.getText(root).toString() === 'why?');
      expect((await edge()).properties.why).toBe('why?');
    });

    test('text is replaced -> a client that still types into it is closed, and the new one is untouched', async () => {
      const { server, join } = await edited();
      const client = await join();
      await patch(server, null);
      await patch(server, { $text: 'anew' });
      client.text.insert(0, 'late ');
      await client.until(() => client.closes.length > 0);
      expect(client.closes).toEqual([4422]);
      expect((await note(server)).properties.body).toBe('anew');
    });
  });
});

function withClock(root: string, clientID: number, clock: number): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = clientID;
  doc.getText(root).insert(0, 'x'.repeat(clock));
  return doc;
}
