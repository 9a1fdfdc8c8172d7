/** Replicas against servers with real engines, over sockets in memory that the tests cut. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../api/server.model.ts';
import type { SyncAuthority } from '../api/sync-authority.ts';
import { SYNC_CLOSE } from '../api/sync-session.ts';
import { type EdgeId, type GraphName, type NodeId, type PartitionId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { Patch } from '../crdt/patch.ts';
import { encodeEdgeCreate, encodePatch, encodeStamp } from '../crdt/patch-codec.ts';
import { clockOfWallMs } from '../crdt/stamp.ts';
import {
  decodeServerFrame,
  encodeReplicaFrame,
  type ReplicaFrame,
  SYNC_PROTOCOL,
  SYNC_VERSION,
} from '../crdt/sync-frame.ts';
import type { Operation } from '../graph/model.ts';
import { Float } from '../graph/value.ts';
import { ambientPlatform } from './ambient.ts';
import { LocalMemory, MemoryLocalStore } from './memory-local-store.ts';
import { MemorySockets } from './memory-sockets.model.ts';
import type { Platform } from './platform.ts';
import { type ReplicaMeta, readReplica, rows } from './replica-rows.ts';
import { type ReplicaStatus, WeftReplica, type WeftReplicaOptions } from './weft-replica.ts';

const URL_OF_SERVER = 'http://server';
const real = ambientPlatform();
let sockets: MemorySockets;
let server: TestServer;
let opened: WeftReplica[] = [];
/** Partitions in which nobody may write, and who is told when rights end. */
let forbidden: ReadonlySet<string>;
let revoke: () => void;

const authority: SyncAuthority = {
  admit: () => ({
    may: (partition, right) => right === 'read' || !forbidden.has(partition),
    watch: (revoked) => {
      revoke = revoked;
      return () => undefined;
    },
  }),
};

beforeEach(async () => {
  sockets = new MemorySockets();
  forbidden = new Set();
  server = await openTestServer({ sockets: sockets.at(URL_OF_SERVER), syncAuthority: authority, env: real.env });
});

afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
  await server.close();
  opened = [];
});

const platform = (changes: Partial<Platform> = {}): Platform => ({ ...real, openSocket: sockets.open, ...changes });

async function open(options: Partial<WeftReplicaOptions> = {}): Promise<WeftReplica> {
  const store = new MemoryLocalStore();
  const replica = await WeftReplica.open({ urls: [URL_OF_SERVER], store, platform: platform(), ...options });
  opened.push(replica);
  return replica;
}

function until(replica: WeftReplica, holds: (status: ReplicaStatus) => boolean): Promise<ReplicaStatus> {
  return new Promise((resolve) => {
    const stop = replica.onStatus((status) => {
      if (!holds(status)) return;
      resolve(status);
      void Promise.resolve().then(() => stop());
    });
  });
}

const isInStep = ({ state, pending }: ReplicaStatus): boolean => state === 'live' && pending === 0;

async function inStep(...replicas: WeftReplica[]): Promise<void> {
  for (const replica of replicas) {
    replica.connect();
    await until(replica, isInStep);
  }
}

const graphOf = (name = 'default') => server.engine.graph(name as GraphName);
const create = (id: string, properties = {}, labels = ['L']): Operation => {
  return { op: 'createNode', id: id as NodeId, labels, properties };
};
const increment = (id: string, by = 1): Operation => {
  return { op: 'patchNode', id: id as NodeId, properties: { count: { kind: 'increment', by } } };
};
const link = (id: string, from: string, to: string): Operation => {
  return { op: 'createEdge', id: id as EdgeId, type: 'T', from: from as NodeId, to: to as NodeId, properties: {} };
};

/** Waits until what the server sends has reached everybody. */
async function sameEverywhere(...replicas: WeftReplica[]): Promise<void> {
  const { digest } = await graphOf().digest();
  for (const replica of replicas) while ((await replica.digest()) !== digest) await real.env.scheduler.yield();
}

describe('in step', () => {
  test('two replicas: written offline on both, and on the server -> equal digests, increments added up', async () => {
    await graphOf().write([create('shared', { count: 1 })]);
    const [one, two] = [await open(), await open()];
    await inStep(one, two);
    expect(one.node('shared')?.properties).toEqual({ count: 1 });
    one.disconnect();
    two.disconnect();
    await one.write([increment('shared', 2), create('a'), link('e', 'a', 'shared')]);
    await two.write([increment('shared', 4), create('b', { x: [1, 'y'] })]);
    await graphOf().write([increment('shared', 8)]);
    expect(one.node('shared')?.properties).toEqual({ count: 3 });
    await inStep(one, two);
    await sameEverywhere(one, two);
    expect(two.node('shared')?.properties).toEqual({ count: 15 });
    expect(two.edge('e')).toMatchObject({ from: 'a', to: 'shared' });
    expect((await graphOf().integrity()).orphanStubs).toEqual([]);
  });

  test('live: a write on the server -> is there, and observers hear of it; a write here -> seen by others at once', async () => {
    const [one, two] = [await open(), await open()];
    await inStep(one, two);
    const seen: unknown[] = [];
    const heard = new Promise<void>((resolve) => {
      two.observe(
        'MATCH (n:L) RETURN n.k AS k ORDER BY k',
        {},
        (rows) => {
          seen.push(rows.map(({ k }) => k));
          if (rows.length === 3) resolve();
        },
        (error) => expect.unreachable(error.message),
      );
    });
    await graphOf().write([create('s', { k: 1 })]);
    await sameEverywhere(two);
    await one.write([create('o', { k: 2 })]);
    await until(one, isInStep);
    await sameEverywhere(two);
    await two.write([create('t', { k: 3 })]);
    await heard;
    expect(seen[0]).toEqual([]);
    expect(seen.at(-1)).toEqual([1, 2, 3]);
    expect((await until(one, isInStep)).lastReceipt).toMatchObject({ durableOn: 1, of: 1 });
  });

  test('observation: a value becomes another one that JSON does not tell from it -> told of each', async () => {
    const values = [null, Number.NaN, Infinity, -Infinity, '-Infinity', [0, new Float(0)], [0, new Float(-0)]];
    const more = [2n ** 60n, `${2n ** 60n}n`, new Uint8Array([7, 8]), { 0: 7, 1: 8 }, 7, '7', true, 'true'];
    const replica = await open();
    await replica.write([create('n')]);
    const told: unknown[] = [];
    replica.observe(
      'MATCH (n) RETURN n.k AS k',
      {},
      ([row]) => told.push(row?.k),
      (error) => expect.unreachable(error.message),
    );
    const looked = async () => {
      const before = told.length;
      for (let i = 0; i < 5 && told.length === before; i++) await real.env.scheduler.yield();
    };
    await looked();
    for (const value of [...values, ...more].slice(1)) {
      await replica.write([{ op: 'patchNode', id: 'n' as NodeId, properties: { k: { kind: 'set', value } } }]);
      await looked();
    }
    expect(told).toEqual([...values, ...more]);
  });

  test('scopes: of two, one opened -> its nodes alone, and writes elsewhere are refused here', async () => {
    await graphOf().write([create('a!1'), create('a!2'), create('b!1'), create('plain')]);
    await graphOf().write([link('in', 'a!1', 'a!2'), link('out', 'a!1', 'b!1')]);
    const replica = await open({ scopes: ['a!'] });
    await inStep(replica);
    expect(await replica.query('MATCH (n) RETURN n.missing AS m, count(*) AS nodes')).toEqual([{ m: null, nodes: 2 }]);
    expect(await replica.query('MATCH ()-[r]->() RETURN count(r) AS edges')).toEqual([{ edges: 1 }]);
    await expect(replica.write([create('b!2')])).rejects.toMatchObject({ code: 'outside-scope' });
    await expect(replica.write([link('x', 'a!1', 'b!1')])).rejects.toMatchObject({ code: 'endpoint-missing' });
    await replica.write([create('a!3')]);
    await until(replica, isInStep);
    expect((await graphOf().node('a!3' as NodeId)).element.labels).toEqual(['L']);
  });

  test('Cypher: MERGE, SET, DELETE and a read of its own writes, offline -> as on a server', async () => {
    const replica = await open();
    await replica.query('MERGE (a:P {name: $name}) SET a.age = 1 RETURN a', { name: 'Ada' });
    await replica.query("MERGE (a:P {name: 'Ada'}) CREATE (a)-[:KNOWS]->(:P {name: 'Bo'})");
    expect(await replica.query('MATCH (a:P)-[:KNOWS]->(b) RETURN a.name AS a, a.age AS age, b.name AS b')).toEqual([
      { a: 'Ada', age: 1, b: 'Bo' },
    ]);
    await replica.query("MATCH (b:P {name: 'Bo'}) DETACH DELETE b");
    await expect(replica.query('CREATE INDEX FOR (p:P) ON (p.name)')).rejects.toMatchObject({
      code: 'invalid-request',
    });
    await inStep(replica);
    await sameEverywhere(replica);
    expect(await graphOf().counts()).toEqual({ nodes: 1, edges: 0 });
  });
});

describe('what goes wrong', () => {
  test('listeners: of the application, throw each time -> that is thrown by itself, and the replica writes, syncs and tells on', async () => {
    const thrown: unknown[] = [];
    const { scheduler } = real.env;
    const catching = (task: () => void) => () => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    };
    const after: typeof scheduler.after = (ms, task) => scheduler.after(ms, catching(task));
    const replica = await open({ platform: platform({ env: { ...real.env, scheduler: { ...scheduler, after } } }) });
    let calls = 0;
    const fail = (): never => {
      calls++;
      throw new TypeError('a fault of the application');
    };
    replica.onStatus(fail);
    replica.observeNode('a', fail);
    replica.observe('MATCH (n) RETURN count(*) AS n', {}, fail, fail);
    replica.observe('RETURN 1 +', {}, fail, fail);
    await replica.write([create('a')]);
    await inStep(replica);
    await graphOf().write([create('b')]);
    await sameEverywhere(replica);
    await replica.write([increment('a')]);
    await inStep(replica);
    expect((await graphOf().node('a' as NodeId)).element.properties).toEqual({ count: 1 });
    for (let i = 0; i < 5; i++) await scheduler.yield();
    expect(calls).toBeGreaterThan(10);
    expect(thrown).toEqual(Array(calls).fill(new TypeError('a fault of the application')));
  });

  test('crash: after writes that were acknowledged here -> they are there again, and reach the server', async () => {
    const memory = new LocalMemory();
    const store = new MemoryLocalStore(memory);
    const replica = await open({ store });
    await replica.write([create('kept', { count: 0 })]);
    await replica.write([increment('kept')]);
    memory.beforeWrite = () => new Promise(() => undefined);
    replica.write([create('lost')]).catch(() => undefined);
    expect(replica.node('lost')).toBeDefined();
    store.crash();
    replica.disconnect();
    memory.beforeWrite = () => Promise.resolve();
    const again = await open({ store: new MemoryLocalStore(memory) });
    expect(again.node('kept')?.properties).toEqual({ count: 1 });
    expect(again.node('lost')).toBeUndefined();
    await again.write([increment('kept')]);
    await inStep(again);
    expect((await graphOf().node('kept' as NodeId)).element.properties).toEqual({ count: 2 });
    await expect(graphOf().node('lost' as NodeId)).rejects.toMatchObject({ code: 'node-not-found' });
  });

  test('network: receipts get lost again and again, restarts in between -> everything is done once', async () => {
    const memory = new LocalMemory();
    let replica = await open({ store: new MemoryLocalStore(memory) });
    await replica.write([create('n', { count: 0 })]);
    for (let i = 0; i < 20; i++) await replica.write([increment('n')]);
    let left = 6;
    sockets.loses = (frame) => decodeServerFrame(frame).kind === 'receipt' && left-- > 0;
    for (let restarts = 0; restarts < 3; restarts++) {
      replica.connect();
      await until(replica, ({ reason }) => reason === 'lost');
      await replica.close();
      replica = await open({ store: new MemoryLocalStore(memory) });
    }
    await inStep(replica);
    await sameEverywhere(replica);
    expect((await graphOf().node('n' as NodeId)).element.properties).toEqual({ count: 20 });
  });

  test('refusal: no right to write in a scope -> rolled back, handed over, and only what rests on it goes with it', async () => {
    forbidden = new Set(['no!']);
    const replica = await open({ scopes: ['yes!', 'no!'] });
    await replica.write([create('yes!n', { count: 0 })]);
    await replica.write([create('yes!both'), create('no!bad')]);
    await replica.write([increment('yes!n')]);
    await replica.write([link('e', 'yes!n', 'no!bad')]);
    await replica.write([increment('yes!n', 2)]);
    expect(replica.edge('e')).toBeDefined();
    await inStep(replica);
    expect(replica.status.refusals.map(({ code, operations }) => [code, operations.length])).toEqual([
      ['forbidden', 2],
      ['endpoint-missing', 1],
    ]);
    expect(['yes!both', 'no!bad'].map((id) => replica.node(id))).toEqual([undefined, undefined]);
    expect(replica.edge('e')).toBeUndefined();
    const served = server.engine.graph('default' as GraphName);
    expect((await served.node('yes!n' as NodeId)).element.properties).toEqual({ count: 3 });
    await expect(served.node('yes!both' as NodeId)).rejects.toMatchObject({ code: 'node-not-found' });
    for (const { number } of replica.status.refusals) await replica.dismiss(number);
    expect(replica.status.refusals).toEqual([]);
  });

  test('limits: as many labels and counters as may be, replaced by as many others -> taken, as by HTTP', async () => {
    const many = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}${i}`);
    const counters = many(LIMITS.propertiesMax, 'k').map((name) => [name, { kind: 'increment', by: 1 }] as const);
    const replica = await open();
    await replica.write([create('n', {}, many(LIMITS.labelsMax, 'L'))]);
    await replica.write([{ op: 'patchNode', id: 'n' as NodeId, properties: Object.fromEntries(counters) }]);
    const labels = { kind: 'replace', labels: many(LIMITS.labelsMax, 'M') } as const;
    await replica.write([{ op: 'patchNode', id: 'n' as NodeId, labels }]);
    await replica.write([{ op: 'putNode', id: 'n' as NodeId, labels: ['N'], properties: { left: 1 } }]);
    await inStep(replica);
    expect(replica.status.refusals).toEqual([]);
    const { element } = await graphOf().node('n' as NodeId);
    expect(element).toMatchObject({ labels: ['N'], properties: { left: 1 } });
  });

  test('limits: a batch that no frame can carry -> refused at once, so that it does not hold up those behind it; one that it can -> sent', async () => {
    let largest = 0;
    const openSocket: Platform['openSocket'] = (...given) => {
      const socket = sockets.open(...given);
      const send = (bytes: Uint8Array) => {
        largest = Math.max(largest, bytes.length);
        socket.send(bytes);
      };
      return { bufferedBytes: 0, send, close: (code, reason) => socket.close(code, reason) };
    };
    const replica = await open({ platform: platform({ openSocket }) });
    // Three bytes each in UTF-8.
    const text = '\u20ac'.repeat(300_000);
    const batch = (count: number) => Array.from({ length: count }, (_, i) => create(`n${i}`, { text }));
    await expect(replica.write(batch(19))).rejects.toMatchObject({ code: 'payload-too-large' });
    expect(replica.node('n0')).toBeUndefined();
    await replica.write(batch(18));
    await inStep(replica);
    expect(largest).toBeGreaterThan(16_000_000);
    expect(largest).toBeLessThanOrEqual(LIMITS.bodyBytesMax);
    expect((await graphOf().counts()).nodes).toBe(18);
  });

  test('refusal: a change of an edge into a scope that may only be read -> handed over, and the edge is as it was', async () => {
    const served = graphOf();
    await served.write([create('yes!a'), create('no!b'), link('e', 'yes!a', 'no!b'), link('f', 'no!b', 'yes!a')]);
    forbidden = new Set(['no!']);
    const EMPTY = { properties: {} };
    const replica = await open({ scopes: ['yes!', 'no!'] });
    await inStep(replica);
    const change: Operation = {
      op: 'patchEdge',
      id: 'e' as EdgeId,
      properties: { weight: { kind: 'set', value: 1 } },
    };
    await replica.write([change]);
    await replica.write([{ op: 'deleteEdge', id: 'e' as EdgeId }]);
    await replica.write([{ op: 'deleteEdge', id: 'f' as EdgeId }]);
    await until(replica, isInStep);
    expect(replica.status.refusals.map(({ code }) => code)).toEqual(['forbidden', 'forbidden', 'forbidden']);
    expect([(await served.edge('e' as EdgeId)).element, replica.edge('e')]).toMatchObject([EMPTY, EMPTY]);
    expect([(await served.edge('f' as EdgeId)).element, replica.edge('f')]).toMatchObject([EMPTY, EMPTY]);
  });

  test('clock: a day ahead while offline -> corrected, and nothing is lost or in the future', async () => {
    const clock = { ...real.env.clock, wallMs: () => real.env.clock.wallMs() + 24 * 3600 * 1000 };
    const replica = await open({ platform: platform({ env: { ...real.env, clock } }) });
    await replica.write([create('n', { count: 1 })]);
    await replica.write([increment('n')]);
    await inStep(replica);
    await graphOf().write([{ op: 'patchNode', id: 'n' as NodeId, properties: { count: { kind: 'set', value: 7 } } }]);
    await sameEverywhere(replica);
    expect(replica.node('n')?.properties).toEqual({ count: 7 });
    await replica.write([increment('n')]);
    await until(replica, isInStep);
    expect((await graphOf().node('n' as NodeId)).element.properties).toEqual({ count: 8 });
  });

  test.each([
    ['a welcome asks for', 24 * 3600 * 1000, false],
    ['the end of the states asks for', 0, true],
  ])(
    'disconnect: while a statement holds up what %s -> it is offline, and stays so',
    async (_what, aheadMs, replays) => {
      const clock = { ...real.env.clock, wallMs: () => real.env.clock.wallMs() + aheadMs };
      let goOn = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const scheduler = { after: real.env.scheduler.after, yield: () => held };
      const store = new MemoryLocalStore();
      await (await open({ store })).write([create('n')]);
      const { meta } = await readReplica(store);
      await store.write([rows.meta({ ...(meta as ReplicaMeta), replays })]);
      const replica = await open({ store, platform: platform({ env: { ...real.env, clock, scheduler } }) });
      await replica.write([increment('n')]);
      const reading = replica.query('UNWIND range(1, 2000000) AS i RETURN count(*) AS n');
      let isLive = false;
      sockets.loses = (frame) => {
        isLive ||= decodeServerFrame(frame).kind === 'live';
        return false;
      };
      replica.connect();
      while (!isLive) await real.env.scheduler.yield();
      for (let i = 0; i < 5; i++) await real.env.scheduler.yield();
      expect(replica.status.state).not.toBe('live');
      replica.disconnect();
      goOn();
      await reading;
      for (let i = 0; i < 5; i++) await real.env.scheduler.yield();
      expect(replica.status).toMatchObject({ state: 'offline', reason: 'asked to be offline' });
      await inStep(replica);
      expect((await graphOf().counts()).nodes).toBe(1);
    },
  );

  test('graph: deleted and made again with other settings -> begins anew, and the unsent batches are new writes', async () => {
    const name = 'again' as GraphName;
    await server.engine.createGraph(name, { partitions: 4 });
    const replica = await open({ graph: name });
    replica.connect();
    await until(replica, isInStep);
    await replica.write([create('old')]);
    await until(replica, isInStep);
    replica.disconnect();
    await replica.write([create('new')]);
    await server.engine.deleteGraph(name);
    await server.engine.createGraph(name, { partitions: 8 });
    await inStep(replica);
    expect([replica.node('old'), replica.node('new')?.id]).toEqual([undefined, 'new']);
    expect(await graphOf(name).counts()).toEqual({ nodes: 1, edges: 0 });
  });

  test('graph: deleted and made again while the replica is connected and only reads -> it hears of that, and begins anew', async () => {
    const name = 'again' as GraphName;
    await server.engine.createGraph(name, {});
    let beat = (): void => undefined;
    const after: typeof real.env.scheduler.after = (ms, task) => {
      if (ms < 10_000) return real.env.scheduler.after(ms, task);
      beat = task;
      return { cancel: () => undefined };
    };
    const scheduler = { ...real.env.scheduler, after, yield: () => real.env.scheduler.yield() };
    const replica = await open({ graph: name, platform: platform({ env: { ...real.env, scheduler } }) });
    await graphOf(name).write([create('old')]);
    replica.connect();
    await until(replica, isInStep);
    expect(replica.node('old')?.id).toBe('old');
    await server.engine.deleteGraph(name);
    await server.engine.createGraph(name, {});
    await graphOf(name).write([create('new')]);
    beat();
    await until(replica, () => replica.node('new') !== undefined);
    expect(replica.node('old')).toBeUndefined();
  });

  test('right: revoked -> the live connection is closed with 4403', async () => {
    const replica = await open();
    await inStep(replica);
    revoke();
    const { reason } = await until(replica, ({ state }) => state !== 'live');
    expect(reason).toBe('the right to sync was revoked');
  });

  test('store: full -> writes are rejected whole and shown no more, reads go on; once there is space nothing is missing', async () => {
    const memory = new LocalMemory();
    let replica = await open({ store: new MemoryLocalStore(memory) });
    await replica.write([create('a', { count: 0 })]);
    await inStep(replica);
    memory.isFull = true;
    const writes = [replica.write([increment('a'), create('b')]), replica.write([increment('b')])];
    expect(replica.node('b')?.properties).toEqual({ count: 1 });
    for (const written of writes) await expect(written).rejects.toMatchObject({ code: 'disk-full' });
    await expect(replica.query('MATCH (n:L) SET n.count = 7 CREATE (:L)')).rejects.toMatchObject({ code: 'disk-full' });
    await graphOf().write([create('c')]);
    while (replica.node('c') === undefined) await real.env.scheduler.yield();
    expect(await replica.query('MATCH (n) RETURN n.count AS count ORDER BY count')).toEqual([
      { count: 0 },
      { count: null },
    ]);
    expect(replica.status).toMatchObject({ state: 'live', pending: 0, reason: 'the store is full' });
    memory.isFull = false;
    await replica.write([increment('a', 2)]);
    await inStep(replica);
    expect(replica.status.reason).toBe('');
    await replica.close();
    // What the server said meanwhile was owed to the store, and came with the next write.
    replica = await open({ store: new MemoryLocalStore(memory) });
    expect(replica.node('c')).toBeDefined();
    expect(replica.node('a')?.properties).toEqual({ count: 2 });
    await inStep(replica);
    await sameEverywhere(replica);
    expect((await graphOf().counts()).nodes).toBe(2);
  });

  test('store: full for two batches, then a crash while that is being put right -> neither of them is there again', async () => {
    const memory = new LocalMemory();
    const store = new MemoryLocalStore(memory);
    const replica = await open({ store });
    await replica.write([create('a')]);
    // Of what comes now the first finds no space, the next does, and nothing after it is written.
    let writesBefore = 0;
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    memory.beforeWrite = async () => {
      memory.isFull = ++writesBefore === 1;
      if (writesBefore > 2) await held;
    };
    const writes = [replica.write([create('b')]), replica.write([create('c')])];
    for (const written of writes) await expect(written).rejects.toMatchObject({ code: 'disk-full' });
    for (let i = 0; i < 3; i++) await real.env.scheduler.yield();
    store.crash();
    goOn();
    memory.beforeWrite = () => Promise.resolve();
    const again = await open({ store: new MemoryLocalStore(memory) });
    expect(['a', 'b', 'c'].map((id) => again.node(id)?.id)).toEqual(['a', undefined, undefined]);
    expect(again.status.pending).toBe(1);
  });

  test('store: broken -> the write fails, later ones too, the status says why, and reads go on', async () => {
    const memory = new LocalMemory();
    const replica = await open({ store: new MemoryLocalStore(memory) });
    await replica.write([create('a')]);
    memory.isBroken = true;
    await expect(replica.write([create('b')])).rejects.toMatchObject({ code: 'storage-failed' });
    await expect(replica.write([create('c')])).rejects.toMatchObject({ code: 'storage-failed' });
    expect(replica.status).toMatchObject({ state: 'offline', reason: 'the store is broken', pending: 1 });
    expect(await replica.query('MATCH (n) RETURN count(*) AS nodes')).toEqual([{ nodes: 1 }]);
  });
});

describe('the server believes nothing', () => {
  const patch = (replica: number, clock = 1, id = 'a!n', kind = 'N') =>
    `${kind}${encodeStamp(clock, replicaId(replica))}${id}\t["L"]\t{}`;
  const helloWith = (changes: Partial<Extract<ReplicaFrame, { kind: 'hello' }>>) =>
    encodeReplicaFrame({
      kind: 'hello',
      version: SYNC_VERSION,
      replica: 77,
      generation: '',
      syncedMs: 0,
      partitions: [],
      ...changes,
    });
  const ofNothing = (partition: string) => [{ partition: partition as PartitionId, bytes: new Uint8Array([0]) }];
  const hello = helloWith({ partitions: ofNothing('a!') });
  const edgePatches = (from: string, to: string) => {
    const { edge, stub } = encodeEdgeCreate({
      kind: 'edge-create',
      id: 'e' as EdgeId,
      clock: 1,
      replica: replicaId(77),
      type: 'T',
      from: from as NodeId,
      to: to as NodeId,
      properties: {},
    });
    return [edge, stub];
  };
  const write = (patches: readonly string[], partitions = ['a!'], epoch = 1) =>
    encodeReplicaFrame({
      kind: 'write',
      epoch,
      number: 1,
      patches: patches.map((text, i) => ({ partition: partitions[i] as PartitionId, text })),
    });

  /** What the server says to these frames, until it has said so many or closed. */
  function said(frames: readonly Uint8Array[], count: number): Promise<unknown[]> {
    return new Promise((resolve) => {
      const heard: unknown[] = [];
      const socket = sockets.open(`ws://server/v1/graphs/default/sync`, [SYNC_PROTOCOL], {
        opened: () => frames.forEach((frame) => void socket.send(frame)),
        message: (bytes) => {
          const frame = decodeServerFrame(bytes);
          heard.push(frame.kind === 'refused' ? frame.code : frame.kind);
          if (heard.length === count) resolve(heard);
        },
        closed: (code) => resolve([...heard, code]),
      });
    });
  }

  test.each([
    ['no MessagePack', [new Uint8Array([0xc1])], [4400]],
    ['a write before the hello', [write([])], [4400]],
    ['a second hello', [hello, hello], ['welcome', 'state', 'live', 4400]],
    ['another version', [helloWith({ version: 9 })], [4400]],
    ['a generation that is gone', [helloWith({ generation: 'x' })], ['must-refetch', SYNC_CLOSE.mustRefetch]],
    [
      'away for longer than tombstones are kept',
      [helloWith({ syncedMs: 1 })],
      ['must-refetch', SYNC_CLOSE.mustRefetch],
    ],
    ['what it knew of a partition that it does not open', [helloWith({ known: ofNothing('a!') })], [4400]],
    ['no such partition', [helloWith({ partitions: ofNothing('a!b!') })], [4400]],
  ])('frame: %s -> the connection is closed', async (_what, frames, expected) => {
    expect(await said(frames, 9)).toEqual(expected);
  });

  test.each([
    ['no patch', 'nonsense', 'a!', 'invalid-value'],
    ['the stamp of another replica', patch(78), 'a!', 'invalid-request'],
    ['a time in the future', patch(77, 2 ** 52), 'a!', 'clock-ahead'],
    ['another partition than that of its node', patch(77, 1, 'b!n'), 'a!', 'invalid-request'],
    ['an edge without its stub', patch(77, 1, 'e', 'E').replace('["L"]', 'T\ta!n\ta!m'), 'a!', 'invalid-request'],
    ['an edge into a scope that is not open', edgePatches('a!n', 'b!m'), ['a!', 'b!'], 'forbidden'],
    ['an edge whose stub lies elsewhere', edgePatches('a!n', 'b!m'), ['a!', 'a!'], 'invalid-request'],
    ['a partition that is not open', patch(77), 'b!', 'forbidden'],
  ])('patch: %s -> refused', async (_what, text, partition, code) => {
    const [texts, partitions] = [[text].flat(), [partition].flat()];
    expect((await said([hello, write(texts, partitions)], 4)).filter((kind) => kind === code)).toEqual([code]);
  });

  test.each([
    ['its stub where it does not lie', 'e', 'a!n'],
    ['the stub of an edge that comes from there', 'f', 'b!m'],
  ])('the end of an edge between an own scope and another one, with %s -> refused', async (_what, id, from) => {
    const served = graphOf();
    await served.write([create('a!n'), create('b!m'), link('e', 'a!n', 'b!m'), link('f', 'b!m', 'a!n')]);
    forbidden = new Set(['b!']);
    const stamp = { clock: clockOfWallMs(real.env.clock.wallMs()), replica: replicaId(77) };
    const ends: Patch[] = [
      { kind: 'edge-delete', id, ...stamp },
      { kind: 'stub-delete', id, ...stamp, from },
    ];
    const heard = await said([hello, write(ends.map(encodePatch), ['a!', 'a!'])], 4);
    expect(heard.filter((kind) => kind === 'forbidden' || kind === 'invalid-request')).toHaveLength(1);
    const { items } = await served.edgesOf('a!n' as NodeId, { direction: 'both' }, { limit: 9 });
    expect(items.map((edge) => edge.id).sort()).toEqual(['e', 'f']);
    expect((await served.integrity()).orphanStubs).toEqual([]);
  });
});

describe('unique keys', () => {
  const UNIQUE = 'CREATE CONSTRAINT FOR (u:User) REQUIRE u.email IS UNIQUE';
  const uniqueKeys = [{ label: 'User', properties: ['email'] }];
  const onServer = async (text: string) =>
    graphOf().queryRows({ text, parameters: {} }, { accessMode: 'write', isCancelled: () => false });

  test('unique keys: two replicas and the server merge one key apart -> one node with what all of them wrote', async () => {
    await onServer(UNIQUE);
    const [one, two] = [await open({ uniqueKeys }), await open({ uniqueKeys })];
    await one.query("MERGE (u:User {email: 'x'}) SET u.one = 1");
    await two.query("MERGE (u:User {email: 'x'}) SET u.two = 2 CREATE (u)-[:HAS]->(:Thing)");
    await onServer("MERGE (u:User {email: 'x'}) SET u.three = 3");
    await inStep(one, two);
    await sameEverywhere(one, two);
    expect(await one.query('MATCH (u:User) RETURN u.one AS a, u.two AS b, u.three AS c')).toEqual([
      { a: 1, b: 2, c: 3 },
    ]);
    expect((await graphOf().integrity()).constraintViolations).toEqual([]);
  });

  test('a quota is full -> the batch comes back with its code and no later one is taken; deletes pass', async () => {
    await server.engine.changePolicy('default' as GraphName, { quota: { elements: 2 } });
    await graphOf().write([create('a'), create('b')]);
    const replica = await open();
    await inStep(replica);
    replica.disconnect();
    await replica.write([create('c')]);
    await replica.write([increment('c')]);
    await inStep(replica);
    expect(replica.status.refusals.map(({ code }) => code)).toContain('quota-exceeded');
    expect(replica.node('c')).toBeUndefined();
    await replica.write([{ op: 'deleteNode', id: 'a' as NodeId, detach: false }]);
    await until(replica, isInStep);
    await replica.write([create('d')]);
    await until(replica, isInStep);
    await sameEverywhere(replica);
    expect((await graphOf().nodes({}, { limit: 9 })).items.map(({ id }) => id).sort()).toEqual(['b', 'd']);
  });

  test('unique keys: a key is there, or the id does not follow from it -> refused, nothing written', async () => {
    const replica = await open({ uniqueKeys });
    await replica.query("CREATE (:User {email: 'x'})");
    await expect(replica.query("CREATE (:User {email: 'x'})")).rejects.toMatchObject({ code: 'constraint-violated' });
    const chosen = async () => replica.write([create('mine', { email: 'y' }, ['User'])]);
    await expect(chosen()).rejects.toMatchObject({ code: 'constraint-violated' });
    expect(await replica.query('MATCH (n) RETURN count(*) AS n')).toEqual([{ n: 1 }]);
  });
});
