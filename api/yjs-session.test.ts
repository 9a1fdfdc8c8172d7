import { afterEach, expect, test } from 'vitest';
import * as Y from 'yjs';
import * as LIMITS from '../base/limits.ts';
import { parseTextRoot } from '../crdt/text-root.ts';
import { openTestServer, type TestServer } from './server.model.ts';
import type { AcceptSocket, Socket, SocketEvents, SocketRoute } from './web-sockets.ts';
import { YjsAwareness } from './yjs-awareness.ts';
import { type AwarenessEntry, decodeYjsFrame, encodeStateVector, encodeYjsFrame } from './yjs-frames.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** The client's end. */
class Client implements Socket {
  bufferedBytes = 0;
  closing: readonly [code: number, reason: string] | undefined;
  readonly frames: Uint8Array[] = [];
  readonly #events: SocketEvents;
  constructor(accept: AcceptSocket) {
    this.#events = accept(this);
  }
  send(frame: Uint8Array): void {
    this.frames.push(frame);
  }
  pause(): void {}
  resume(): void {}
  close(code: number, reason: string): void {
    this.closing = [code, reason];
    this.#events.closed();
  }
  says(bytes: Uint8Array): void {
    this.#events.message(bytes);
  }
  awareness(...entries: AwarenessEntry[]): void {
    this.says(encodeYjsFrame({ kind: 'awareness', entries }));
  }
  /** Awareness that arrived since the last look. */
  heard(): readonly AwarenessEntry[] {
    return this.frames.splice(0).flatMap((bytes) => {
      const frame = decodeYjsFrame(bytes);
      return frame.kind === 'awareness' ? frame.entries : [];
    });
  }
}

async function opened(): Promise<{ readonly server: TestServer; readonly join: () => Promise<Client> }> {
  const routes: SocketRoute[] = [];
  const server = await openTestServer({ sockets: { add: (route) => void routes.push(route) } });
  servers.push(server);
  await server.call('PUT', '/v1/graphs/small', { partitions: 1 });
  const route = routes.find(({ path }) => path.startsWith('/v1/yjs/')) as SocketRoute;
  const request = { parameters: { graph: 'small', partition: '0' }, query: new URLSearchParams(), headers: {} };
  const join = async () => {
    const client = new Client(route.admit(request) as AcceptSocket);
    while (client.frames.length === 0) await server.env.scheduler.yield();
    return client;
  };
  return { server, join };
}

test('awareness: others repeat a state or declare it gone -> it stays whose it is', async () => {
  const { join } = await opened();
  const [ada, bob, eve] = [await join(), await join(), await join()];
  ada.awareness({ client: 1, clock: 5, state: '{"name":"Ada"}' });
  expect(bob.heard()).toEqual([{ client: 1, clock: 5, state: '{"name":"Ada"}' }]);
  bob.awareness({ client: 1, clock: 5, state: '{"name":"Ada"}' }, { client: 1, clock: 6, state: 'null' });
  bob.awareness({ client: 2, clock: 0, state: 'null' });
  expect(eve.heard()).toEqual([{ client: 1, clock: 5, state: '{"name":"Ada"}' }]);
  ada.close(1000, '');
  expect(eve.heard()).toEqual([{ client: 1, clock: 6, state: 'null' }]);
  bob.awareness({ client: 1, clock: 5, state: '{"name":"Ada"}' });
  expect(eve.heard()).toEqual([]);
});

test('awareness: too large, no JSON, too many of one connection -> closed, or left out', async () => {
  const { join } = await opened();
  const [large, broken, many, other] = [await join(), await join(), await join(), await join()];
  large.awareness({ client: 1, clock: 1, state: `"${'x'.repeat(LIMITS.yjsAwarenessCharsMax)}"` });
  expect(large.closing?.[0]).toBe(4400);
  broken.awareness({ client: 1, clock: 1, state: '{' });
  expect(broken.closing?.[0]).toBe(4400);
  for (let client = 1; client < 100; client++) many.awareness({ client, clock: 1, state: '{}' });
  expect(other.heard()).toHaveLength(LIMITS.yjsAwarenessStatesMax);
});

test('awareness: very many states in one message, when many have come and gone -> the first few count, and nobody waits', () => {
  const awareness = new YjsAwareness();
  let client = 0;
  const states = (count: number) => Array.from({ length: count }, () => ({ client: client++, clock: 1, state: '1' }));
  while (client < LIMITS.yjsAwarenessKnownMax) {
    const gone = {};
    expect(awareness.take(gone, states(LIMITS.yjsAwarenessStatesMax))).toHaveLength(LIMITS.yjsAwarenessStatesMax);
    awareness.leave(gone);
  }
  const many = {};
  expect(awareness.take(many, states(3))).toHaveLength(3);
  expect(awareness.take(many, states(300_000))).toHaveLength(LIMITS.yjsAwarenessStatesMax - 3);
  expect(awareness.take(many, states(1))).toEqual([]);
});

test('a client types before it is asked what it has, while another one writes -> what comes twice is there once', async () => {
  const { server, join } = await opened();
  const path = '/v1/graphs/small/nodes/n';
  await server.call('PUT', path, { properties: { t: { $text: '1' } } });
  const [ada, bob] = [await join(), await join()];
  const doc = new Y.Doc();
  ada.says(encodeYjsFrame({ kind: 'have', stateVector: encodeStateVector(new Map()) }));
  while (doc.share.size === 0) {
    await server.env.scheduler.yield();
    for (const bytes of ada.frames.splice(0)) {
      const frame = decodeYjsFrame(bytes);
      if (frame.kind === 'update' || frame.kind === 'difference') Y.applyUpdate(doc, frame.update);
    }
  }
  const root = Array.from(doc.share.keys()).find((name) => parseTextRoot(name) !== undefined) as string;
  const typed = (text: string) => {
    const own = new Y.Doc();
    Y.applyUpdate(own, Y.encodeStateAsUpdate(doc));
    const before = Y.encodeStateVector(own);
    own.getText(root).insert(1, text);
    return Y.encodeStateAsUpdate(own, before);
  };
  ada.says(encodeYjsFrame({ kind: 'update', update: typed('a') }));
  const update = typed('b');
  bob.says(encodeYjsFrame({ kind: 'update', update }));
  bob.says(encodeYjsFrame({ kind: 'difference', update }));
  const read = async () => (await server.call('GET', path)).json.properties.t;
  while ((await read()).length < 3) await server.env.scheduler.yield();
  for (let i = 0; i < 50; i++) await server.env.scheduler.yield();
  expect(Array.from(await read()).sort()).toEqual(['1', 'a', 'b']);
});

test('client does not read -> cut off, and the others go on', async () => {
  const { server, join } = await opened();
  const [slow, other] = [await join(), await join()];
  for (const client of [slow, other]) {
    client.says(encodeYjsFrame({ kind: 'have', stateVector: encodeStateVector(new Map()) }));
  }
  slow.bufferedBytes = LIMITS.yjsBufferedBytesMax + 1;
  await server.call('PUT', '/v1/graphs/small/nodes/a', {});
  expect(slow.closing).toEqual([1013, 'the client reads too slowly']);
  expect(other.closing).toBeUndefined();
});

test.each([
  ['of an unknown kind', [9]],
  ['cut short', [0, 0, 5, 1]],
  ['with more behind it', [3, 0]],
  ['with a number that is too long', [0x80, 0x00]],
  ['with a state vector that cannot be read', [0, 0, 2, 1, 7]],
])('message %s -> closed as a bad frame', async (_what, bytes) => {
  const { server, join } = await opened();
  const client = await join();
  client.says(Uint8Array.from(bytes));
  while (client.closing === undefined) await server.env.scheduler.yield();
  expect(client.closing[0]).toBe(4400);
});

test('partition is full -> the next client is refused before the upgrade', async () => {
  const { join } = await opened();
  for (let i = 0; i < LIMITS.yjsClientsMax; i++) await join();
  await expect(join()).rejects.toMatchObject({ code: 'too-many-requests' });
});
