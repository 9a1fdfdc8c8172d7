/** Offline replicas in Node: a local write, the first sync, a full outbox, and what one that idles costs its server. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import type { NodeId } from '../base/ids.ts';
import { ambientPlatform } from '../client/ambient.ts';
import { LevelLocalStore } from '../client/level-local-store.ts';
import type { LocalStore } from '../client/local-store.ts';
import { MemoryLocalStore } from '../client/memory-local-store.ts';
import { WeftReplica } from '../client/weft-replica.ts';
import { decodeServerFrame, encodeReplicaFrame, SYNC_PROTOCOL, SYNC_VERSION } from '../crdt/sync-frame.ts';
import type { Operation } from '../graph/model.ts';
import { Hocuspocus } from './hocuspocus.ts';
import { median, percentile, seconds } from './measure.ts';
import { againstLimit, type Benchmark, type Run } from './report.ts';
import { ServerProcess } from './server-process.ts';
import { temporaryDirectory } from './settings.ts';

const SCOPE = 'notes!';
const NODES = 10_000;
const BATCH = 500;
const QUEUED = 1000;
const QUEUE_WARMUPS = 3;
const IDLE = 2000;
const IDLE_QUICK = 500;

const note = (i: number): Operation => ({
  op: 'createNode',
  id: `${SCOPE}${i}` as NodeId,
  labels: ['Note'],
  properties: { text: `note ${i}`, done: i % 2 === 0, rank: i },
});

export const offlineReplica: Benchmark = {
  name: 'offline-replica',
  title: 'offline replicas in Node, over a real WebSocket to a server in a process of its own that syncs to disk',
  peers: 'Hocuspocus 3 in this process, in memory: a provider loads a document of as many Y.Maps of as many values',
  async run(run) {
    const server = await ServerProcess.weft(temporaryDirectory('data'));
    const open = (scope: string, store: LocalStore = new MemoryLocalStore()) => {
      const urls = [`http://127.0.0.1:${server.port}`];
      return WeftReplica.open({ urls, scopes: [scope], store, platform: ambientPlatform({ WebSocket }) });
    };
    await localWrites(run, await open(SCOPE, await LevelLocalStore.open(temporaryDirectory('replica'))));
    await queue(run, open);
    await firstSync(run, () => open(SCOPE));
    await idle(run, server);
    await server.stop();
  },
};

/** Until `node` shows it. */
async function localWrites(run: Run, replica: WeftReplica): Promise<void> {
  const times: number[] = [];
  const durable: Promise<unknown>[] = [];
  for (let i = 0; i < 2000; i++) {
    const start = performance.now();
    durable.push(replica.write([note(i)]));
    if (replica.node(`${SCOPE}${i}`) === undefined) throw new Error('the write is not visible');
    times.push(performance.now() - start);
  }
  await Promise.all(durable);
  await replica.close();
  const late = times.slice(times.length / 2);
  run.figure(againstLimit('local write until visible, median', median(late), 'ms', { atMost: 1 }));
  run.figure(againstLimit('the same, 99th percentile', percentile(late, 0.99), 'ms', { atMost: 1 }));
}

function inStep(replica: WeftReplica): Promise<void> {
  return new Promise((resolve) => {
    replica.onStatus(({ state, pending }) => {
      if (state === 'live' && pending === 0) resolve();
    });
  });
}

/** Batches of one patch each, written offline; every round by a new replica, into a scope of its own. */
async function queue(run: Run, open: (scope: string) => Promise<WeftReplica>): Promise<void> {
  const rates: number[] = [];
  for (let round = 0; round < (run.quick ? 5 : 15) + QUEUE_WARMUPS; round++) {
    const scope = `queue-${round}!`;
    const replica = await open(scope);
    for (let i = 0; i < QUEUED; i++) await replica.write([{ ...note(i), id: `${scope}${i}` as NodeId } as Operation]);
    const took = await seconds(async () => {
      replica.connect();
      await inStep(replica);
    });
    await replica.close();
    if (round >= QUEUE_WARMUPS) rates.push(QUEUED / took);
  }
  const what = `${QUEUED} queued writes, from connecting until all have receipts, median of ${rates.length}`;
  run.figure(againstLimit(what, median(rates), 'patches/s', { atLeast: 5000 }));
}

async function firstSync(run: Run, open: () => Promise<WeftReplica>): Promise<void> {
  const writer = await open();
  for (let i = 0; i < NODES; i += BATCH) await writer.write(Array.from({ length: BATCH }, (_, j) => note(i + j)));
  writer.connect();
  await inStep(writer);
  const peer = await hocuspocus();
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < (run.quick ? 3 : 7) + 1; round++) {
    const fresh = await open();
    const took = await seconds(async () => {
      fresh.connect();
      await inStep(fresh);
      if (fresh.node(`${SCOPE}${NODES - 1}`) === undefined) throw new Error('not all came');
    });
    await fresh.close();
    const other = await seconds(() => peer.load());
    if (round === 0) continue;
    ours.push(took * 1000);
    theirs.push(other * 1000);
  }
  const ratio = median(ours.map((one, i) => one / (theirs[i] ?? Number.NaN)));
  run.figure({
    what: `first sync of a scope of ${NODES} nodes, until all can be read`,
    ours: median(ours),
    unit: 'ms',
    reference: { what: 'Hocuspocus', value: median(theirs) },
    ratio,
    target: { atMost: 0.7 },
  });
  await Promise.all([writer.close(), peer.stop()]);
}

async function hocuspocus() {
  const server = await Hocuspocus.start();
  const writer = await server.provider();
  writer.document.transact(() => {
    const nodes = writer.document.getMap<Y.Map<unknown>>('nodes');
    for (let i = 0; i < NODES; i++) {
      nodes.set(`${SCOPE}${i}`, new Y.Map<unknown>(Object.entries({ text: `note ${i}`, done: i % 2 === 0, rank: i })));
    }
  });
  return {
    async load(): Promise<void> {
      for (;;) {
        const { document, stop } = await server.provider();
        const isWhole = document.getMap('nodes').size === NODES;
        stop();
        if (isWhole) return;
      }
    },
    async stop(): Promise<void> {
      writer.stop();
      await server.stop();
    },
  };
}

/** Sockets that said hello, got what they lacked, and wait: each opens a scope of its own. */
async function idle(run: Run, server: ServerProcess): Promise<void> {
  const count = run.quick ? IDLE_QUICK : IDLE;
  const sockets: WebSocket[] = [];
  const connect = async (i: number): Promise<void> => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/graphs/default/sync`, [SYNC_PROTOCOL], {
      perMessageDeflate: false,
    });
    await once(socket, 'open');
    sockets.push(socket);
    const live = new Promise<void>((resolve) => {
      socket.on('message', (bytes: Buffer) => {
        if (decodeServerFrame(new Uint8Array(bytes)).kind === 'live') resolve();
      });
    });
    const partitions = [{ partition: `idle${i}!` as never, bytes: new Uint8Array([0]) }];
    const frame = {
      kind: 'hello',
      version: SYNC_VERSION,
      replica: 1000 + i,
      generation: '',
      syncedMs: 0,
      partitions,
    } as const;
    socket.send(encodeReplicaFrame(frame));
    await live;
  };
  for (let i = 0; i < 100; i++) await connect(i);
  const before = { live: await server.liveBytes(), resident: server.residentBytes().now };
  for (let i = 100; i < 100 + count; i++) await connect(i);
  const [live, resident] = [await server.liveBytes(), server.residentBytes().now];
  const each = (bytes: number) => bytes / count / 1000;
  const kilobytes = each(live - before.live);
  run.figure(againstLimit(`each of ${count} idle replicas, live memory`, kilobytes, 'kB', { atMost: 20 }));
  run.remark(`resident memory of the server grew by ${each(resident - before.resident).toFixed(1)} kB for each`);
  for (const socket of sockets) socket.terminate();
}
