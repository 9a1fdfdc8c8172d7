/** When a replica hears of what became of its batches: against a graph whose answers the test holds back. */
import { beforeEach, describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { type PartitionId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { encodeStamp } from '../crdt/patch-codec.ts';
import { decodeServerFrame, encodeReplicaFrame, type ServerFrame, SYNC_VERSION } from '../crdt/sync-frame.ts';
import type { GraphSync } from '../src/engine-port.ts';
import { testEnv } from '../src/test-env.model.ts';
import { AcceptedBatches, SyncSession, type SyncSessionOptions } from './sync-session.ts';

const REPLICA = 7;
const PARTITION = 'team!' as PartitionId;

let env: ReturnType<typeof testEnv>;
let told: ServerFrame[];
let session: SyncSession;
/** Lets go of the state that the replica waits for. */
let giveState: () => void;
let seq: number;
/** What the other server of two has of this one's stream. */
let otherHas: number;
/** Bytes that wait for the replica to read them. */
let unread: number;
let closed: unknown[];
let isThere: boolean;
/** Whether nothing is read from the replica. */
let isPaused: boolean;
/** What a batch waits for. */
let disk: Promise<void>;
/** Who listens to the graph. */
let listeners: Set<unknown>;
/** Why the graph takes no batch, and which partitions the replica's principal may read and write. */
let refusal: WeftError | undefined;
let may: (partition: PartitionId) => boolean;

const kinds = () => told.map(({ kind }) => kind);
const turn = () => new Promise((resolve) => setImmediate(resolve));

function batch(number: number, text = ''): void {
  const stamp = encodeStamp(number, replicaId(REPLICA));
  const patches = [{ partition: PARTITION, text: `N${stamp}team!${number}\t["L"]\t{"text":"${text}"}` }];
  session.message(encodeReplicaFrame({ kind: 'write', epoch: 1, number, patches }));
}

beforeEach(() => {
  env = testEnv();
  told = [];
  seq = 0;
  otherHas = Number.MAX_SAFE_INTEGER;
  unread = 0;
  closed = [];
  isThere = true;
  isPaused = false;
  disk = Promise.resolve();
  listeners = new Set();
  refusal = undefined;
  may = () => true;
  const state = new Promise<Uint8Array>((resolve) => {
    giveState = () => resolve(new Uint8Array([0, 0]));
  });
  const graph: GraphSync = {
    generation: 'g',
    get isThere() {
      return isThere;
    },
    settings: { partitions: 4, restoringTypes: [] },
    clock: 0,
    diff: () => state,
    stateVector: () => state,
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    accept: async (_patches, onDecided) => {
      onDecided?.();
      await disk;
      if (refusal !== undefined) throw refusal;
      return { origin: 1, seq: ++seq };
    },
  };
  const members = () => [{ vector: { 1: seq } }, { vector: { 1: otherHas } }];
  const cluster = () => ({ vector: {}, members: members() });
  session = new SyncSession({
    engine: { cluster } as unknown as SyncSessionOptions['engine'],
    env,
    graph,
    principal: { may: (partition) => may(partition), watch: () => () => undefined },
    socket: {
      get bufferedBytes() {
        return unread;
      },
      send: (bytes) => void told.push(decodeServerFrame(bytes)),
      pause: () => {
        isPaused = true;
      },
      resume: () => {
        isPaused = false;
      },
      close: (code, reason) => void closed.push([code, reason]),
    },
    accepted: new AcceptedBatches(),
  });
});

function greet(): void {
  const partitions = [{ partition: PARTITION, bytes: new Uint8Array([0]) }];
  const hello = { version: SYNC_VERSION, replica: REPLICA, generation: '', syncedMs: 0, partitions };
  session.message(encodeReplicaFrame({ kind: 'hello', ...hello }));
}

test('a replica sends more than the disk takes -> it is read no further, until that is durable or refused', async () => {
  greet();
  giveState();
  await turn();
  let goOn = (): void => undefined;
  disk = new Promise((resolve) => {
    goOn = resolve;
  });
  const text = 'x'.repeat(500_000);
  const fitting = Math.floor(LIMITS.syncWaitingBytesMax / 500_200);
  for (let number = 0; number < fitting; number++) batch(number, text);
  expect(isPaused).toBe(false);
  batch(fitting, text);
  await turn();
  expect(isPaused).toBe(true);
  goOn();
  await turn();
  expect([isPaused, seq]).toEqual([false, fitting + 1]);
});

test('a replica that reads too slowly to take the welcome -> closed, and the graph has forgotten it', async () => {
  unread = LIMITS.syncBufferedBytesMax + 1;
  greet();
  giveState();
  await turn();
  expect([kinds(), listeners.size]).toEqual([['welcome'], 0]);
});

test('the graph is deleted, and nothing is written to it -> the replica hears of it when it asks whether anybody is there', async () => {
  greet();
  giveState();
  await turn();
  session.message(encodeReplicaFrame({ kind: 'ping' }));
  expect([kinds().at(-1), closed]).toEqual(['pong', []]);
  isThere = false;
  session.message(encodeReplicaFrame({ kind: 'ping' }));
  expect([kinds().filter((kind) => kind === 'pong').length, listeners.size, closed]).toEqual([
    1,
    0,
    [[4503, 'the graph was deleted']],
  ]);
});

describe('what a replica of one scope is told when a batch is refused', () => {
  const constraint = (...ids: string[]) =>
    new WeftError('constraint-violated', `constraint \`one\`: node \`${ids}\` has this key`, {
      constraint: 'one',
      ids,
    });
  const full = new WeftError('quota-exceeded', 'the graph holds 17', { limit: 'elements', max: 17, used: 17 });

  test.each<[what: string, refused: WeftError, scopeOnly: boolean, detail: string]>([
    ['its own node', constraint('team!1'), true, 'constraint `one`: node `team!1` has this key'],
    ['a node of its scope', constraint('team!x'), true, 'constraint `one`: node `team!x` has this key'],
    ['a node of another', constraint('rival!x'), true, 'constraint `one`: somebody else has this key'],
    ['a node of no scope', constraint('x'), true, 'constraint `one`: somebody else has this key'],
    ['the same, to who reads all', constraint('rival!x'), false, 'constraint `one`: node `rival!x` has this key'],
    ['how much the graph holds', full, true, 'quota `elements` allows the graph no more'],
    ['the same, to who reads all', full, false, 'the graph holds 17'],
  ])('%s', async (_, refused, scopeOnly, detail) => {
    if (scopeOnly) may = (partition) => partition === PARTITION;
    refusal = refused;
    greet();
    giveState();
    await turn();
    batch(1);
    await turn();
    expect(told.at(-1)).toEqual({ kind: 'refused', epoch: 1, number: 1, code: refused.code, detail });
  });
});

describe('receipts', () => {
  beforeEach(greet);

  test('batches are taken while states are sent -> told right after these, in order, without a look at the clock', async () => {
    batch(1);
    batch(2);
    await turn();
    expect(kinds()).toEqual(['welcome']);
    giveState();
    await turn();
    expect(kinds()).toEqual(['welcome', 'state', 'live', 'receipt', 'receipt']);
    expect(told.slice(3)).toMatchObject([{ number: 1 }, { number: 2 }]);
  });

  test('another server lags -> durable on one, and on both once it was looked at again', async () => {
    giveState();
    await turn();
    otherHas = 0;
    batch(1);
    await turn();
    expect(told.at(-1)).toMatchObject({ kind: 'receipt', number: 1, durableOn: 1, of: 2 });
    otherHas = 1;
    env.advance(1_000);
    expect(told.at(-1)).toMatchObject({ kind: 'receipt', number: 1, durableOn: 2, of: 2 });
    const count = told.length;
    env.advance(10_000);
    expect(told).toHaveLength(count);
  });

  test('the connection ends before they are told -> nothing is sent', async () => {
    giveState();
    await turn();
    batch(1);
    session.closed();
    await turn();
    expect(kinds()).toEqual(['welcome', 'state', 'live']);
  });
});
