/** Replicas that were away for longer than tombstones are kept, and the servers that they come back to: one that they knew, one that lags. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestServer, type TestServer } from '../api/server.model.ts';
import type { SyncAuthority } from '../api/sync-authority.ts';
import type { GraphName, NodeId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { Operation } from '../graph/model.ts';
import { ambientPlatform } from './ambient.ts';
import { LocalMemory, MemoryLocalStore } from './memory-local-store.ts';
import { MemorySockets } from './memory-sockets.model.ts';
import { readReplica, rows } from './replica-rows.ts';
import { type ReplicaStatus, WeftReplica } from './weft-replica.ts';

const KNOWN = 'http://known';
const LAGS = 'http://lags';
const LAGGING = 'the server lags behind what this replica knew';
const real = ambientPlatform();

let sockets: MemorySockets;
let known: TestServer;
let lags: TestServer;
let memory: LocalMemory;
let replica: WeftReplica | undefined;
/** Added to the clock of timeouts. */
let laterMs: number;

beforeEach(async () => {
  sockets = new MemorySockets();
  memory = new LocalMemory();
  laterMs = 0;
  const syncAuthority: SyncAuthority = { admit: () => ({ may: () => true, watch: () => () => undefined }) };
  known = await openTestServer({ sockets: sockets.at(KNOWN), syncAuthority, env: real.env });
  lags = await openTestServer({ sockets: sockets.at(LAGS), syncAuthority, env: real.env });
  await known.engine.graph('default' as GraphName).write([create('n', { count: 1 })]);
});

afterEach(async () => {
  await replica?.close();
  await known.close();
  await lags.close();
  replica = undefined;
});

const create = (id: string, properties = {}): Operation => {
  return { op: 'createNode', id: id as NodeId, labels: ['L'], properties };
};
const increment: Operation = {
  op: 'patchNode',
  id: 'n' as NodeId,
  properties: { count: { kind: 'increment', by: 1 } },
};

/** The same device with what it kept. */
async function open(...urls: string[]): Promise<WeftReplica> {
  await replica?.close();
  const { env } = real;
  const clock = { ...env.clock, monotonicMs: () => env.clock.monotonicMs() + laterMs };
  const platform = { ...real, env: { ...env, clock }, openSocket: sockets.open };
  replica = await WeftReplica.open({ urls, store: new MemoryLocalStore(memory), platform });
  replica.connect();
  return replica;
}

function until(opened: WeftReplica, holds: (status: ReplicaStatus) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = opened.onStatus((status) => {
      if (!holds(status)) return;
      resolve();
      void Promise.resolve().then(() => stop());
    });
  });
}

const isInStep = ({ state, pending }: ReplicaStatus): boolean => state === 'live' && pending === 0;
const isLagging = ({ reason }: ReplicaStatus): boolean => reason === LAGGING;

/** In step with the server that it knows, it goes away with a batch that nobody has, for longer than tombstones are kept. */
async function away(): Promise<void> {
  const device = await open(KNOWN);
  await until(device, isInStep);
  device.disconnect();
  await device.write([increment]);
  await device.close();
  replica = undefined;
  const store = new MemoryLocalStore(memory);
  const { meta } = await readReplica(store);
  if (meta === undefined) throw new Error('the replica keeps what it knows of itself');
  await store.write([rows.meta({ ...meta, syncedMs: meta.syncedMs - LIMITS.tombstoneRetentionMs - 1_000 })]);
}

test('away for long: the server lags -> shows what it knew, its batch waits; then one that has all -> begins anew there, the batch counts once', async () => {
  await away();
  let device = await open(LAGS);
  await until(device, isLagging);
  expect(device.node('n')?.properties).toEqual({ count: 2 });
  await device.write([increment]);
  expect(device.status).toMatchObject({ pending: 2, refusals: [] });
  device = await open(LAGS, KNOWN);
  await until(device, isInStep);
  expect(device.status.refusals).toEqual([]);
  const { element } = await known.engine.graph('default' as GraphName).node('n' as NodeId);
  expect(element.properties).toEqual({ count: 3 });
  expect(device.node('n')?.properties).toEqual({ count: 3 });
  const { meta } = await readReplica(new MemoryLocalStore(memory));
  expect(meta).toMatchObject({ successor: 0, known: [], replays: false });
});

test('away for long: the connection breaks while states come, then a server that lags -> waits all the same', async () => {
  await away();
  const device = await open(KNOWN);
  // Welcome, and before any state is here.
  await until(device, ({ state }) => {
    if (state === 'syncing') sockets.cut();
    return state === 'syncing';
  });
  expect(device.node('n')).toBeUndefined();
  sockets.heal();
  const lagging = await open(LAGS);
  await until(lagging, isLagging);
  expect(lagging.status).toMatchObject({ pending: 1, refusals: [] });
  await until(await open(KNOWN), isInStep);
  const { element } = await known.engine.graph('default' as GraphName).node('n' as NodeId);
  expect(element.properties).toEqual({ count: 2 });
});

test('away for long: nobody has what it knew for minutes -> begins anew on what there is, and hands back what cannot be done', async () => {
  await away();
  const device = await open(LAGS);
  await until(device, isLagging);
  laterMs = LIMITS.refetchPatienceMs;
  await until(device, isInStep);
  expect(device.node('n')).toBeUndefined();
  expect(device.status.refusals).toMatchObject([{ operations: [increment], code: 'node-not-found' }]);
});
