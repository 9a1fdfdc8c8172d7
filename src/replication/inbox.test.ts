import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { covers, joined, seqOf, type VersionVector } from '../commits/version-vector.ts';
import { testEnv } from '../test-env.model.ts';
import { Inbox } from './inbox.ts';
import { commit, replica } from './link-harness.ts';
import type { Replica } from './replica.ts';

const PATIENCE_MS = 1_000;

/** A server that applies at once what it receives, and counts how often it asks the others to begin again. */
function setup() {
  let have: VersionVector = new Map();
  let asked = 0;
  let isPaused = false;
  let decoding = 0;
  let synced = Promise.resolve();
  const receive: Replica['receive'] = async (commits) => {
    await synced;
    for (const { origin, seq, after } of commits) {
      expect([seq, covers(have, after)]).toEqual([seqOf(have, origin) + 1, true]);
      have = joined(have, [[origin, seq]]);
    }
  };
  const inbox = new Inbox({
    env: testEnv(),
    replica: { receive } as Replica,
    have: () => have,
    patienceMs: PATIENCE_MS,
    bugs: undefined,
    guard: (work) => void work.catch((error: unknown) => expect.fail(String(error))),
    isPaused: () => isPaused,
    distrust: () => expect.fail('all commits are honest'),
    ask: () => {
      asked++;
    },
    decodeMore: () => {
      decoding++;
    },
  });
  return {
    inbox,
    asked: () => asked,
    have: () => Array.from(have),
    pause: (paused: boolean) => {
      isPaused = paused;
    },
    /** How often links were told to decode more. */
    decoding: () => decoding,
    /** From now on nothing is applied before the answer is called. */
    holdDisk: (): (() => void) => {
      let sync: () => void = () => undefined;
      synced = new Promise((resolve) => {
        sync = resolve;
      });
      return sync;
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('inbox: a commit never came, and another waits for it -> all are asked once for each time that it may wait', async () => {
  const { inbox, asked, have } = setup();
  inbox.take(1, [commit(1, 2)], 10);
  inbox.tick(0);
  inbox.tick(PATIENCE_MS - 1);
  expect(asked()).toBe(0);
  inbox.tick(PATIENCE_MS);
  inbox.tick(2 * PATIENCE_MS - 1);
  expect(asked()).toBe(1);
  inbox.tick(2 * PATIENCE_MS);
  expect(asked()).toBe(2);

  inbox.take(2, [commit(1, 1)], 10);
  await turn();
  await turn();
  inbox.tick(9 * PATIENCE_MS);
  inbox.tick(19 * PATIENCE_MS);
  expect([asked(), have()]).toEqual([2, [[1, 2]]]);
});

test('inbox: what was missing came in time -> nobody is asked, and what is missing later is waited for anew', async () => {
  const { inbox, asked } = setup();
  inbox.take(1, [commit(1, 2)], 10);
  inbox.tick(0);
  inbox.take(1, [commit(1, 1)], 10);
  await turn();
  await turn();
  inbox.take(1, [commit(1, 4)], 10);
  inbox.tick(PATIENCE_MS);
  expect(asked()).toBe(0);
  inbox.tick(2 * PATIENCE_MS);
  expect(asked()).toBe(1);
});

test('inbox: streams are about to jump -> nothing is handed on and nobody is asked; later both', async () => {
  const { inbox, asked, have, pause } = setup();
  pause(true);
  inbox.take(1, [commit(1, 1), commit(2, 2)], 20);
  inbox.tick(0);
  inbox.tick(5 * PATIENCE_MS);
  await turn();
  expect([asked(), have()]).toEqual([0, []]);
  pause(false);
  inbox.pump();
  await turn();
  expect(have()).toEqual([[1, 1]]);
  inbox.tick(6 * PATIENCE_MS);
  inbox.tick(7 * PATIENCE_MS);
  expect(asked()).toBe(1);
});

test('inbox: the same commits over two links -> counted as duplicates, received once', async () => {
  const { inbox, have } = setup();
  inbox.take(1, [commit(1, 1), commit(1, 2)], 20);
  await turn();
  await turn();
  inbox.take(2, [commit(1, 1), commit(1, 2), commit(1, 3)], 30);
  await turn();
  expect([inbox.received, inbox.duplicates, have()]).toEqual([3, 2, [[1, 3]]]);
});

test('inbox: commits come while a batch is on its way -> enough are ahead at some point, and more are asked for after it', async () => {
  const { inbox, decoding, have, holdDisk } = setup();
  expect(inbox.hasAhead).toBe(false);
  const sync = holdDisk();
  // However much comes at once, the first batch is not ahead of anything.
  inbox.take(1, [commit(1, 1)], 1_000_000);
  expect(inbox.hasAhead).toBe(false);
  inbox.take(1, [commit(1, 2)], 200 * 1024);
  expect(inbox.hasAhead).toBe(false);
  inbox.take(1, [commit(1, 3)], 56 * 1024);
  expect([inbox.hasAhead, decoding()]).toEqual([true, 0]);
  sync();
  await turn();
  await turn();
  expect([inbox.hasAhead, decoding(), have()]).toEqual([false, 2, [[1, 3]]]);
});

test('inbox: what is held waits for what may not be decoded yet -> there is never enough ahead', async () => {
  const { inbox, have } = setup();
  inbox.take(1, [commit(1, 2)], 1_000_000);
  expect(inbox.hasAhead).toBe(false);
  inbox.take(1, [commit(1, 1)], 1_000_000);
  await turn();
  expect([inbox.hasAhead, have()]).toEqual([false, [[1, 2]]]);
});

describe('traces of commits that were announced', () => {
  /** What was begun when, and with what each span ended. */
  function traced(receive: Replica['receive'] = async () => undefined) {
    const begun: unknown[] = [];
    const ended: unknown[] = [];
    const env = {
      ...testEnv(),
      tracer: {
        begin: (name: string, { parent, attributes }: { parent: string; attributes: object }) => {
          begun.push([name, parent, attributes]);
          return { end: (error?: unknown) => void ended.push([parent, error]) };
        },
      } as never,
    };
    const failures: unknown[] = [];
    const distrusted: unknown[] = [];
    const inbox = new Inbox({
      env,
      replica: { receive } as Replica,
      have: () => new Map(),
      patienceMs: PATIENCE_MS,
      bugs: undefined,
      guard: (work) => void work.catch((error: unknown) => failures.push(error)),
      isPaused: () => false,
      distrust: (...told) => void distrusted.push(told),
      ask: () => undefined,
      decodeMore: () => undefined,
    });
    return { inbox, begun, ended, failures, distrusted };
  }
  const trace = (origin: number, seq: number) => ({ origin: replica(origin), seq, trace: `trace of ${origin}/${seq}` });

  test('applied -> a span for each that was announced, once, which ends when it is durable', async () => {
    const { inbox, begun, ended } = traced();
    inbox.expect([trace(1, 2), trace(7, 1)]);
    inbox.take(1, [commit(1, 1), commit(1, 2)], 20);
    await turn();
    expect(begun).toEqual([['replication.apply', 'trace of 1/2', { 'weft.origin': 1, 'weft.seq': 2 }]]);
    expect(ended).toEqual([['trace of 1/2', undefined]]);
    inbox.take(1, [commit(1, 1), commit(1, 2)], 20);
    await turn();
    expect(begun).toHaveLength(1);
  });

  test('more are announced than are remembered -> the oldest are forgotten', async () => {
    const { inbox, begun } = traced();
    const count = LIMITS.tracesExpectedMax + 1;
    inbox.expect(Array.from({ length: count }, (_, i) => trace(1, i + 1)));
    inbox.take(1, [commit(1, 1), commit(1, 2)], 20);
    await turn();
    expect(begun).toEqual([['replication.apply', 'trace of 1/2', { 'weft.origin': 1, 'weft.seq': 2 }]]);
  });

  test('what came is no commit of ours -> its span ends with why, and each link that brought some of it is distrusted; any other failure is none of theirs', async () => {
    for (const code of ['malformed-request', 'storage-failed'] as const) {
      const error = new WeftError(code, 'damaged');
      const { inbox, ended, failures, distrusted } = traced(async () => {
        throw error;
      });
      inbox.expect([trace(2, 1)]);
      inbox.take(4, [commit(1, 2)], 10);
      inbox.take(5, [commit(2, 2), commit(2, 1)], 20);
      inbox.take(6, [commit(3, 1)], 10);
      await turn();
      expect(ended).toEqual([['trace of 2/1', error]]);
      const isTheirs = code === 'malformed-request';
      expect(failures).toEqual(isTheirs ? [] : [error]);
      expect(distrusted).toEqual(
        isTheirs
          ? [
              [5, 'damaged'],
              [6, 'damaged'],
            ]
          : [],
      );
      // What waits of others stays. Where nothing can be made durable any more, nothing more is handed on.
      expect(inbox.gate.heldCommits).toBe(isTheirs ? 1 : 2);
      expect(inbox.received).toBe(0);
    }
  });
});
