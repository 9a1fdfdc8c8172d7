/** Tabs that share a replica, in memory: each may be closed or killed at any moment. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../api/server.model.ts';
import { WeftError } from '../base/errors.ts';
import type { GraphName, NodeId } from '../base/ids.ts';
import type { Operation } from '../graph/model.ts';
import { Float, Point, Temporal } from '../graph/value.ts';
import { ResultNode } from '../query/execution/result-value.ts';
import { ambientPlatform } from './ambient.ts';
import { fromCloned, toCloned } from './cloned-values.ts';
import { LocalMemory, MemoryLocalStore } from './memory-local-store.ts';
import { MemorySockets } from './memory-sockets.model.ts';
import { MemoryBrowser, type MemoryTab } from './memory-tabs.model.ts';
import { SharedReplica, type SharedReplicaOptions } from './shared-replica.ts';
import type { ReplicaStatus } from './weft-replica.ts';

const URL_OF_SERVER = 'http://server';
const real = ambientPlatform();
let sockets: MemorySockets;
let server: TestServer;
let browser: MemoryBrowser;
let memory: LocalMemory;
let opened: SharedReplica[];
/** Stores that are open, which must never be two (TAB-1). */
let stores: Map<MemoryTab, MemoryLocalStore>;

beforeEach(async () => {
  sockets = new MemorySockets();
  server = await openTestServer({ sockets: sockets.at(URL_OF_SERVER), env: real.env });
  browser = new MemoryBrowser();
  memory = new LocalMemory();
  opened = [];
  stores = new Map();
});

afterEach(async () => {
  for (const replica of opened) await replica.close();
  await server.close();
});

async function open(tab: MemoryTab, more: Partial<SharedReplicaOptions> = {}): Promise<SharedReplica> {
  const replica = await SharedReplica.open({
    urls: [URL_OF_SERVER],
    platform: { ...real, openSocket: sockets.open },
    tabs: tab,
    name: 'shared',
    openStore: async () => {
      expect(stores.size).toBe(0);
      const store = new MemoryLocalStore(memory);
      stores.set(tab, store);
      const close = store.close.bind(store);
      store.close = async () => {
        await close();
        stores.delete(tab);
      };
      return store;
    },
    ...more,
  });
  opened.push(replica);
  return replica;
}

/** As the browser does it: nothing of the tab runs on. */
function kill(tab: MemoryTab): void {
  stores.get(tab)?.crash();
  stores.delete(tab);
  tab.kill();
  sockets.cut();
  sockets.heal();
}

function until(replica: SharedReplica, holds: (status: ReplicaStatus) => boolean): Promise<ReplicaStatus> {
  return new Promise((resolve) => {
    const stop = replica.onStatus((status) => {
      if (!holds(status)) return;
      resolve(status);
      void Promise.resolve().then(() => stop());
    });
  });
}

const isInStep = ({ state, pending }: ReplicaStatus): boolean => state === 'live' && pending === 0;
const create = (id: string, properties = {}): Operation => {
  return { op: 'createNode', id: id as NodeId, labels: ['L'], properties };
};
const COUNT = 'MATCH (n) RETURN count(*) AS nodes';
const onServer = () => server.engine.graph('default' as GraphName);

test('two tabs: written in both -> both read all of it, hear of it, and it reaches the server once', async () => {
  const [first, second] = [browser.tab(), browser.tab()];
  const [one, two] = await Promise.all([open(first), open(second)]);
  const counts: unknown[] = [];
  const nodes: unknown[] = [];
  const fail = (error: Error) => expect.unreachable(error.message);
  two.observe(COUNT, {}, ([row]) => counts.push(row?.nodes), fail);
  const stop = two.observeNode('b', (node) => nodes.push(node?.properties));
  await one.write([create('a', { at: new Temporal('Date', '2026-11-26'), size: new Float(2) })]);
  expect(await two.write([create('b', { where: new Point(7203, [1, 2]) })])).toMatchObject([{ created: true }]);
  expect(await two.node('a')).toEqual(await one.node('a'));
  expect((await two.node('a'))?.properties).toEqual({
    at: new Temporal('Date', '2026-11-26'),
    size: new Float(2),
  });
  expect(await one.query('MATCH (n) RETURN n ORDER BY n.size')).toEqual(
    await two.query('MATCH (n) RETURN n ORDER BY n.size'),
  );
  await expect(two.write([create('b')])).rejects.toMatchObject({ code: 'node-exists' });
  await expect(two.query('RETURN 1 +')).rejects.toMatchObject({ name: 'QueryError', errorType: 'SyntaxError' });
  await Promise.all([until(one, isInStep), until(two, isInStep)]);
  expect((await onServer().counts()).nodes).toBe(2);
  expect(await two.digest()).toBe((await onServer().digest()).digest);
  const seen = nodes.length;
  stop();
  await one.write([{ op: 'deleteNode', id: 'b' as NodeId, detach: false }]);
  while (counts.at(-1) !== 1) await real.env.scheduler.yield();
  expect(nodes.length).toBe(seen);
  expect(nodes).toEqual([undefined, { where: new Point(7203, [1, 2]) }]);
});

test('the leader is killed: what was acknowledged to either tab -> is there for the other one, and is sent', async () => {
  const [first, second] = [browser.tab(), browser.tab()];
  sockets.cut();
  const one = await open(first);
  const two = await open(second);
  const seen: unknown[] = [];
  two.observe(
    COUNT,
    {},
    ([row]) => seen.push(row?.nodes),
    (error) => expect.unreachable(error.message),
  );
  await one.write([create('a')]);
  await two.write([create('b')]);
  while (seen.at(-1) !== 2) await real.env.scheduler.yield();
  kill(first);
  const next = two.write([create('c')]);
  expect(await two.query(COUNT).catch(({ code }) => code)).toBeDefined();
  // It was sent to a tab that is gone: nobody knows, and it was not done.
  await expect(next).rejects.toMatchObject({ code: 'answer-lost', kind: { definite: false } });
  await two.write([create('d')]);
  expect(await two.query(COUNT)).toEqual([{ nodes: 3 }]);
  await until(two, isInStep);
  expect((await onServer().counts()).nodes).toBe(3);
  // What it saw before was not told again.
  while (seen.at(-1) !== 3) await real.env.scheduler.yield();
  expect(seen).toEqual([0, 1, 2, 3].slice(-seen.length));
});

test('the leader is killed after writes, before it answers -> answer-lost, done once; reads are repeated', async () => {
  const [first, second] = [browser.tab(), browser.tab()];
  await open(first);
  const two = await open(second);
  const [[name, hear] = ['', () => undefined]] = second.listeners;
  let outcomes = 0;
  second.listeners.set(name, (message) => {
    if ((message as { kind: string }).kind !== 'outcome') hear(message);
    else if (++outcomes === 3) kill(first);
  });
  const codeOf = ({ code }: WeftError) => code;
  const written = two.write([create('a')]).catch(codeOf);
  const changed = two.query('CREATE (:L)').catch(codeOf);
  const counted = two.query(COUNT);
  expect(await written).toBe('answer-lost');
  expect(await changed).toBe('answer-lost');
  expect(await counted).toEqual([{ nodes: 2 }]);
  await until(two, isInStep);
  expect((await onServer().counts()).nodes).toBe(2);
});

test('the leader closes: calls in flight -> answered or done by the next tab, none lost', async () => {
  const [first, second, third] = [browser.tab(), browser.tab(), browser.tab()];
  const one = await open(first);
  const [two, three] = [await open(second), await open(third)];
  const writes = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? two : three).write([create(`n${i}`)]));
  await writes[0];
  await one.close();
  await Promise.all(writes);
  await expect(one.write([create('x')])).rejects.toMatchObject({ code: 'invalid-request' });
  expect(await three.query(COUNT)).toEqual([{ nodes: 40 }]);
  await until(three, isInStep);
  expect((await onServer().counts()).nodes).toBe(40);
});

test('offline switch: asked for in one tab -> all are offline, also after the leader is gone', async () => {
  const [first, second, third] = [browser.tab(), browser.tab(), browser.tab()];
  const one = await open(first);
  const [two, three] = [await open(second), await open(third)];
  await until(two, isInStep);
  await two.disconnect();
  await Promise.all([one, three].map((replica) => until(replica, ({ state }) => state === 'offline')));
  kill(first);
  expect(await two.query(COUNT)).toEqual([{ nodes: 0 }]);
  await two.write([create('a')]);
  expect(two.status.state).toBe('offline');
  await three.connect();
  await until(two, isInStep);
});

test('the store of the leader fails, and it is closed -> the next tab connects, as nobody asked to be offline', async () => {
  const [first, second] = [browser.tab(), browser.tab()];
  const one = await open(first);
  const two = await open(second);
  await until(two, isInStep);
  memory.isBroken = true;
  await expect(two.write([create('a')])).rejects.toMatchObject({ code: 'storage-failed' });
  await until(two, ({ state, reason }) => state === 'offline' && reason === 'the store is broken');
  memory.isBroken = false;
  await one.close();
  await two.write([create('b')]);
  for (let i = 0; i < 50; i++) await real.env.scheduler.yield();
  expect(two.status).toMatchObject({ state: 'live', pending: 0 });
});

test('listeners of the leader and of a follower throw -> all tabs hear of the status, and go on', async () => {
  const thrown: unknown[] = [];
  const { scheduler } = real.env;
  const after: typeof scheduler.after = (ms, task) =>
    scheduler.after(ms, () => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    });
  const env = { ...real.env, scheduler: { ...scheduler, after } };
  const more = { platform: { ...real, env, openSocket: sockets.open } };
  const fail = (): never => {
    throw new TypeError('a fault of the application');
  };
  const one = await open(browser.tab(), more);
  one.onStatus(fail);
  const two = await open(browser.tab(), more);
  two.onStatus(fail);
  const three = await open(browser.tab(), more);
  await two.write([create('a')]);
  for (let i = 0; i < 50; i++) await scheduler.yield();
  expect([two, three].map((tab) => tab.status)).toMatchObject(Array(2).fill({ state: 'live', pending: 0 }));
  await one.close();
  await two.write([create('b')]);
  for (let i = 0; i < 100; i++) await scheduler.yield();
  expect((await onServer().counts()).nodes).toBe(2);
  expect(three.status).toMatchObject({ state: 'live', pending: 0 });
  expect(new Set(thrown.map(String))).toEqual(new Set(['TypeError: a fault of the application']));
});

test('a follower is gone -> the leader forgets what it watched', async () => {
  const [first, second] = [browser.tab(), browser.tab()];
  const one = await open(first);
  const two = await open(second);
  let told = 0;
  const post = first.listeners;
  expect(post.size).toBe(1);
  two.observe(
    COUNT,
    {},
    () => told++,
    (error) => expect.unreachable(error.message),
  );
  while (told === 0) await real.env.scheduler.yield();
  let sent = 0;
  for (const [name] of second.listeners) second.listeners.set(name, () => sent++);
  await one.write([create('a')]);
  while (sent === 0) await real.env.scheduler.yield();
  kill(second);
  // Were it still watched, the leader would post to whoever listens.
  const third = browser.tab();
  const outcomes: unknown[] = [];
  for (const [name] of second.listeners) third.channel(name, (message) => outcomes.push(message));
  for (let i = 0; i < 5; i++) await real.env.scheduler.yield();
  outcomes.length = 0;
  await one.write([create('b')]);
  for (let i = 0; i < 20; i++) await real.env.scheduler.yield();
  expect(outcomes.filter((message) => (message as { kind: string }).kind === 'outcome')).toEqual([]);
});

test('the store: refused to the first tab, and later to one that takes over -> told, and the next tab tries', async () => {
  const [first, second, third] = [browser.tab(), browser.tab(), browser.tab()];
  const refused = () => Promise.reject(new WeftError('storage-failed', 'no space'));
  await expect(open(first, { openStore: refused })).rejects.toMatchObject({ code: 'storage-failed' });
  const one = await open(second);
  const two = await open(first, { openStore: refused });
  const three = await open(third);
  await one.write([create('a')]);
  await one.close();
  const called = await two.query(COUNT).catch((error: Error) => error.message);
  expect(['no space', [{ nodes: 1 }]]).toContainEqual(called);
  expect(await three.query(COUNT)).toEqual([{ nodes: 1 }]);
  await until(two, ({ reason }) => reason !== 'no space');
  expect(await two.query(COUNT)).toEqual([{ nodes: 1 }]);
});

test.each([
  ['cannot be opened', () => Promise.reject(new TypeError('no such thing'))],
  [
    'cannot be read',
    async () => Object.assign(new MemoryLocalStore(), { read: () => Promise.reject(new RangeError('no such thing')) }),
  ],
])(
  'the store: %s, with an error of the runtime -> told as storage-failed, and the next tab tries',
  async (_what, openStore) => {
    const opening = open(browser.tab(), { openStore });
    let outcome: unknown = 'waits';
    void opening.catch((error: unknown) => {
      outcome = error;
    });
    for (let i = 0; i < 20; i++) await real.env.scheduler.yield();
    expect(outcome).toMatchObject({ code: 'storage-failed', message: expect.stringContaining('no such thing') });
    expect(await (await open(browser.tab())).query(COUNT)).toEqual([{ nodes: 0 }]);
  },
);

test('the store: refused to a tab that takes over, and free once the next leader is gone -> it asks again', async () => {
  const [first, second, third] = [browser.tab(), browser.tab(), browser.tab()];
  let isFull = true;
  const openStore = async () => {
    if (isFull) throw new WeftError('storage-failed', 'no space');
    return new MemoryLocalStore(memory);
  };
  const one = await open(second);
  const two = await open(first, { openStore });
  const three = await open(third);
  await one.write([create('a')]);
  await one.close();
  await until(two, ({ reason }) => reason === 'no space');
  await until(two, ({ reason }) => reason !== 'no space');
  isFull = false;
  await three.close();
  let counted: unknown;
  void two.query(COUNT).then((rows) => {
    counted = rows;
  });
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(counted).toEqual([{ nodes: 1 }]);
});

test('two tabs that open other parts of a graph under one name -> the second one is refused', async () => {
  await open(browser.tab(), { scopes: ['a!', 'b!'] });
  await open(browser.tab(), { scopes: ['b!', 'a!'] });
  await expect(open(browser.tab(), { scopes: ['a!'] })).rejects.toMatchObject({ code: 'invalid-request' });
});

test('values: through a structured clone and back -> the same, classes and hostile keys included', () => {
  const node = new ResultNode('n' as NodeId, ['L'], { p: new Float(-0) });
  const hostile = JSON.parse('{"__proto__": {"a": 1}, "constructor": "c", "class": "Float"}');
  const values = [
    node,
    hostile,
    1n << 60n,
    Number.NaN,
    new Uint8Array([1, 2]),
    null,
    { deep: [new Point(4326, [1, 2])] },
  ];
  const back = fromCloned(structuredClone(toCloned(values))) as typeof values;
  expect(back).toEqual(values);
  expect(back[0]).toBeInstanceOf(ResultNode);
  expect(Object.keys(back[1] as object)).toEqual(Object.keys(hostile));
});
