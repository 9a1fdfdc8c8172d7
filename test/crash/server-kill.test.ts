/**
 * A real server is killed with SIGKILL in the middle of concurrent writes over HTTP, again and again on one data folder,
 * sometimes while it still recovers from the kill before. After every restart all that it shows is compared with what its
 * clients know (`server-kill.history.ts`). A seed replays the choices, not the kernel's timing.
 */
import { randomInt } from 'node:crypto';
import { watch } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { buildIfStale, killRemaining, ServerProcess, serve } from '../server-process.ts';
import { Client } from './server-kill.client.ts';
import { Counter, History, prefixFaults } from './server-kill.history.ts';

const KILLS = 30;
const SEED = Number(process.env.WEFT_SEED ?? randomInt(2 ** 31));
const ANSWERS_MAX = 300;
const TIMEOUT_MS = 240_000;

let scratch = '';

beforeAll(async () => {
  buildIfStale();
  scratch = await mkdtemp(join(tmpdir(), 'weft-server-kill-'));
}, 120_000);

afterAll(async () => {
  await killRemaining();
  await rm(scratch, { recursive: true, force: true });
});

/** Starts a server and kills it at a change of its files, or at last when it listens. */
async function killWhileOpening(data: string, changes: number): Promise<void> {
  const files = watch(join(data, 'level'));
  let seen = 0;
  const server = new ServerProcess(data);
  const changed = new Promise<void>((resolve) => files.on('change', () => ++seen === changes && resolve()));
  await Promise.race([changed, server.ready]);
  files.close();
  await server.kill();
}

/** Starts a server and looks at everything. */
async function reopen(data: string, client: Client, replicas: Set<number>): Promise<ServerProcess> {
  const server = await serve(data);
  client.connect(server.url);
  const { replicaId } = await identity(server);
  expect([...replicas], 'a killed server must not go on under its replica id').not.toContain(replicaId);
  replicas.add(replicaId);
  return server;
}

async function identity({ url }: ServerProcess): Promise<{ replicaId: number; digest: string }> {
  const { self } = (await (await fetch(`${url}/v1/cluster`)).json()) as { self: { replicaId: number } };
  const { digest } = (await (await fetch(`${url}/v1/graphs/default/digest`)).json()) as { digest: string };
  return { replicaId: self.replicaId, digest };
}

test(
  `server: concurrent writes [${KILLS} times SIGKILL, seed ${SEED}] -> what was acknowledged is there, nothing is half there`,
  async () => {
    const random = new SeededRandom(SEED);
    const client = new Client(random);
    const data = join(scratch, 'data');
    const replicas = new Set<number>();
    let server = await reopen(data, client, replicas);
    await client.prepare();
    let opening = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      if (random.chance(0.15)) {
        await server.kill();
        await killWhileOpening(data, 1 + random.below(8));
        opening++;
      } else {
        await client.writeUntilKilled(1 + random.below(ANSWERS_MAX), random.below(4), () => server.kill());
      }
      await client.disconnect();
      server = await reopen(data, client, replicas);
      await client.retry();
      const wrong = await client.check();
      expect(wrong, `WEFT_SEED=${SEED}, after kill ${kill}`).toEqual([]);
    }

    // No writes since the last check: neither a kill nor a clean stop changes anything.
    const { digest } = await identity(server);
    await server.kill();
    await client.disconnect();
    server = await reopen(data, client, replicas);
    const before = await identity(server);
    expect(before.digest).toBe(digest);
    await client.disconnect();
    await server.stop();
    server = await serve(data);
    expect(await identity(server)).toEqual(before);
    client.connect(server.url);
    expect(await client.check()).toEqual([]);
    await client.disconnect();
    await server.stop();

    console.log(`seed ${SEED}: ${JSON.stringify({ ...client.seen, opening })}`);
    // A run in which nothing was under way when the server died would prove nothing.
    expect(client.seen.acknowledged).toBeGreaterThan(KILLS);
    expect(client.seen.unanswered).toBeGreaterThan(KILLS);
    expect(client.seen.importsCut).toBeGreaterThan(0);
    expect(client.seen.retried).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

describe('the checker rejects', () => {
  const one = new Map([['node a', 'A']]);
  const two = new Map([
    ['node a', 'A'],
    ['node b', 'B'],
  ]);
  const none = new Map<string, string>();

  function acknowledged(elements: ReadonlyMap<string, string>): { history: History; change: { deleted: string } } {
    const history = new History();
    const change = history.begin(elements);
    change.created = 'yes';
    return { history, change };
  }

  test('history: an acknowledged create is gone, or has other content -> KILL-1', () => {
    expect(acknowledged(one).history.settle(none)).toEqual([expect.stringContaining('KILL-1: lost')]);
    expect(acknowledged(one).history.settle(new Map([['node a', 'Z']]))).toEqual([expect.stringContaining('KILL-1')]);
    expect(acknowledged(one).history.settle(one)).toEqual([]);
  });

  test('history: an acknowledged delete is back -> KILL-1; one without answer -> either, and it stays', () => {
    const { history, change } = acknowledged(one);
    change.deleted = 'unknown';
    expect(history.settle(none)).toEqual([]);
    expect(history.settle(one)).toEqual([expect.stringContaining('KILL-1: deleted')]);
  });

  test('history: half a request -> KILL-2, acknowledged or not', () => {
    const history = new History();
    history.begin(two);
    expect(history.settle(one)).toEqual([expect.stringContaining('KILL-2')]);
    expect(acknowledged(two).history.settle(one)).toEqual([expect.stringContaining('KILL-2')]);
  });

  test('history: an element of nobody -> KILL-3; one that comes or goes between restarts -> KILL-4, KILL-1', () => {
    expect(new History().settle(one)).toEqual([expect.stringContaining('KILL-3')]);
    const late = new History();
    late.begin(one);
    expect(late.settle(none)).toEqual([]);
    expect(late.settle(one)).toEqual([expect.stringContaining('KILL-4')]);
    const lost = new History();
    lost.begin(one);
    expect(lost.settle(one)).toEqual([]);
    expect(lost.settle(none)).toEqual([expect.stringContaining('KILL-1')]);
  });

  test('counter: below what was acknowledged, or above what was asked for -> KILL-1', () => {
    const counter = (): Counter => {
      const made = new Counter();
      made.begin(5);
      made.acknowledge(5);
      made.begin(2);
      return made;
    };
    for (const shown of [5, 7]) expect(counter().settle(shown)).toEqual([]);
    for (const shown of [4, 8, Number.NaN]) expect(counter().settle(shown)).toHaveLength(1);
  });

  test('stream: a gap -> KILL-5; a prefix -> nothing', () => {
    expect(prefixFaults(['a', 'b', 'c'], new Set(['a', 'c']))).toEqual([expect.stringContaining('KILL-5')]);
    for (const shown of [[], ['a'], ['a', 'b', 'c']]) expect(prefixFaults(['a', 'b', 'c'], new Set(shown))).toEqual([]);
  });
});
