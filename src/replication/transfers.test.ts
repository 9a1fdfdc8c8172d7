/** State transfers of one server, with links and a replica that the test plays: when one is taken, given up and begun again. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { testEnv } from '../test-env.model.ts';
import { vector } from './link-harness.ts';
import { Transfers } from './transfers.ts';

const PATIENCE_MS = 1_000;
/** Unanswered requests, or times the patience, after which it does not go on waiting. */
const ATTEMPTS_MAX = 10;
const MOMENT = { vector: vector({ 2: 5 }), retired: vector({ 3: 1 }), clock: 9 };

interface Asked {
  readonly kind: string;
  readonly request: number;
}

/** A link to a peer that has this. */
function link(name: string, peerVector: VersionVector | undefined = new Map()) {
  const sent: Asked[] = [];
  const answered: unknown[] = [];
  const session = {
    link: { peer: { name }, peerVector },
    send: (frame: Asked) => void sent.push(frame),
    answer: (frame: unknown) => void answered.push(frame),
  };
  return { session: session as never, of: session, sent, answered };
}

function setup(over: object = {}) {
  const env = testEnv();
  const logged: unknown[] = [];
  const done: string[] = [];
  const failures: unknown[] = [];
  const here = {
    have: vector({ 1: 3 }),
    adoption: Promise.resolve(),
    begin: Promise.resolve(),
    opened: 0,
    released: 0,
  };
  const transfers = new Transfers({
    env: { ...env, log: { write: (...line) => void logged.push(line) } },
    replica: {
      beginAdoption: () => here.begin,
      cancelAdoption: () => void done.push('cancelled'),
      adoptState: (moment: unknown) => {
        expect(moment).toMatchObject(MOMENT);
        done.push('adopted');
        return here.adoption;
      },
      openCut: async () => {
        here.opened++;
        return { ...MOMENT, partitions: [], release: async () => void here.released++ };
      },
      ...over,
    } as never,
    have: () => here.have,
    patienceMs: PATIENCE_MS,
    guard: (work) => void work.catch((error: unknown) => failures.push(error)),
    onEnd: () => void done.push('ended'),
    onStuck: (error) => void done.push(`stuck: ${error.code}`),
    bugs: undefined,
  });
  const turns = () => new Promise<void>((resolve) => setImmediate(resolve));
  const pass = async (ms: number): Promise<void> => {
    env.advance(ms);
    transfers.tick();
    await turns();
  };
  /** The peer has no partition at all. */
  const answer = async ({ session, sent }: ReturnType<typeof link>): Promise<void> => {
    const { request } = sent.at(-1) as Asked;
    transfers.hear(session, { kind: 'state-list', request, after: undefined, partitions: [], more: false, ...MOMENT });
    await turns();
  };
  return { env, transfers, here, done, logged, failures, turns, pass, answer };
}

const CUT_OFF = (reason: string) => ['warn', 'replication: taking over state was cut off', { reason }];

test.each([
  [3, 0],
  [4, 2],
])('a peer of version %d asks again for a state that is being made -> told so %d times', async (version, told) => {
  const { transfers, turns } = setup({ stateDiff: () => new Promise(() => undefined) });
  const b = link('b');
  const session = { ...b.of, version } as never;
  const key = { graphKey: 'g', partition: '0' as never };
  for (let i = 0; i < 3; i++) {
    transfers.hear(session, { kind: 'get-state', request: 7, key, stateVector: new Uint8Array([0]), offset: 0 });
    await turns();
  }
  expect(b.sent).toEqual(new Array(told).fill({ kind: 'state-pending', request: 7, key }));
});

describe('a state that is taken over', () => {
  test('all of it came -> adopted as of its moment, logged with how long it took, and commits are applied again', async () => {
    const { transfers, turns, answer, pass, done, logged } = setup();
    const b = link('b', vector({ 1: 3 }));
    expect(transfers.isTaking).toBe(false);
    transfers.begin(b.session);
    transfers.begin(link('c').session);
    await turns();
    expect([transfers.isTaking, b.sent]).toMatchObject([true, [{ kind: 'list-state', after: undefined }]]);
    await pass(700);
    await answer(b);
    expect([done, transfers.isTaking, transfers.completed]).toEqual([['adopted', 'ended'], false, 1]);
    expect(logged).toEqual([
      ['info', 'replication: taking over state', { peer: 'b' }],
      ['info', 'replication: took over state', { tookMs: 700 }],
    ]);
  });

  test('answers of somebody else -> not taken', async () => {
    const { transfers, turns, answer, done } = setup();
    const [b, c] = [link('b', vector({ 1: 3 })), link('c')];
    transfers.begin(b.session);
    await turns();
    c.sent.push(...b.sent);
    await answer(c);
    expect(done).toEqual([]);
  });

  test('no answer -> asked again, in the end given up; others may be asked at once, the same one after a pause', async () => {
    const { transfers, pass, turns, done, logged } = setup();
    const [b, c] = [link('b'), link('c')];
    transfers.begin(b.session);
    await turns();
    for (let i = 1; i < ATTEMPTS_MAX; i++) await pass(PATIENCE_MS);
    expect([b.sent.length, transfers.isTaking]).toEqual([ATTEMPTS_MAX, true]);
    await pass(PATIENCE_MS);
    expect([done, transfers.isTaking, transfers.completed]).toEqual([['cancelled', 'ended'], false, 0]);
    expect(logged.at(-1)).toEqual(CUT_OFF('the peer does not answer'));
    await pass(PATIENCE_MS - 1);
    transfers.begin(b.session);
    expect(transfers.isTaking).toBe(false);
    await pass(1);
    transfers.begin(b.session);
    expect(transfers.isTaking).toBe(true);
    transfers.lose(b.session);
    transfers.begin(b.session);
    expect(transfers.isTaking).toBe(false);
    transfers.begin(c.session);
    await turns();
    expect(c.sent).toHaveLength(1);
    expect(new Set([...b.sent, ...c.sent].map(({ request }) => request)).size).toBe(2);
  });

  test('its link ends -> given up; that of somebody else -> it goes on', async () => {
    const { transfers, turns, done, logged } = setup();
    const b = link('b');
    transfers.begin(b.session);
    await turns();
    transfers.lose(link('c').session);
    expect(done).toEqual([]);
    transfers.lose(b.session);
    expect([done, logged.at(-1)]).toEqual([['cancelled', 'ended'], CUT_OFF('the link ended')]);
  });

  test('this server cannot begin it -> given up, and the failure is told', async () => {
    const { transfers, turns, here, done, logged, failures } = setup();
    const error = new WeftError('storage-failed', 'the disk is gone');
    here.begin = Promise.reject(error);
    transfers.begin(link('b').session);
    await turns();
    expect([done, failures]).toEqual([['cancelled', 'ended'], [error]]);
    expect(logged.at(-1)).toEqual(CUT_OFF('WeftError: the disk is gone'));
  });

  test('its link ends while it is taken in -> there is no way back: it is taken in', async () => {
    const { transfers, turns, here, done, answer } = setup();
    let finish = (): void => undefined;
    here.adoption = new Promise((resolve) => {
      finish = resolve;
    });
    const b = link('b', vector({ 1: 3 }));
    transfers.begin(b.session);
    await turns();
    await answer(b);
    transfers.lose(b.session);
    expect([done, transfers.isTaking]).toEqual([['adopted'], true]);
    finish();
    await turns();
    await turns();
    expect([done, transfers.isTaking, transfers.completed]).toEqual([['adopted', 'ended'], false, 1]);
  });

  test('it cannot be taken in -> there is no way back: the server must be started again', async () => {
    const { transfers, turns, here, done, answer, failures, pass } = setup();
    const error = new WeftError('partition-recovering', 'a partition went bad');
    here.adoption = Promise.reject(error);
    here.adoption.catch(() => undefined);
    const b = link('b', vector({ 1: 3 }));
    transfers.begin(b.session);
    await turns();
    await answer(b);
    await pass(100 * PATIENCE_MS);
    expect([done, failures, transfers.isTaking]).toEqual([['adopted', 'stuck: partition-recovering'], [error], true]);
  });

  test('the server stops while it is taken in -> the next start goes on with it: nothing is damaged', async () => {
    const { transfers, turns, here, done, answer, failures } = setup();
    const error = new WeftError('shutting-down', 'the store is closed');
    here.adoption = Promise.reject(error);
    here.adoption.catch(() => undefined);
    const b = link('b', vector({ 1: 3 }));
    transfers.begin(b.session);
    await turns();
    await answer(b);
    await turns();
    expect([done, failures]).toEqual([['adopted'], [error]]);
  });
});

describe('what only this server has (its log goes with the adoption)', () => {
  /** It lacks the last three commits of this server when all of the state has come. */
  async function waiting() {
    const all = setup();
    const b = link('b');
    all.transfers.begin(b.session);
    await all.turns();
    await all.answer(b);
    expect(all.done).toEqual([]);
    const has = (seq: number): void => {
      b.of.link.peerVector = vector({ 1: seq });
    };
    return { ...all, b, has };
  }

  test('the peer gets it -> adopted as soon as it has all of it', async () => {
    const { pass, has, done } = await waiting();
    for (const seq of [1, 2]) {
      has(seq);
      await pass(2 * PATIENCE_MS - 1);
      expect(done).toEqual([]);
    }
    has(3);
    await pass(1);
    expect(done).toEqual(['adopted', 'ended']);
  });

  test('the peer gets nothing of it for twice the patience -> adopted all the same', async () => {
    const { pass, has, done } = await waiting();
    await pass(2 * PATIENCE_MS - 1);
    has(1);
    await pass(0);
    await pass(2 * PATIENCE_MS - 1);
    expect(done).toEqual([]);
    await pass(1);
    expect(done).toEqual(['adopted', 'ended']);
  });

  test('the peer gets more, but this server writes on and on -> not longer than ten times the patience', async () => {
    const { pass, has, here, done } = await waiting();
    here.have = vector({ 1: 100 });
    for (let i = 1; i < ATTEMPTS_MAX; i++) {
      has(i);
      await pass(PATIENCE_MS);
    }
    has(ATTEMPTS_MAX);
    await pass(PATIENCE_MS - 1);
    expect(done).toEqual([]);
    await pass(1);
    expect(done).toEqual(['adopted', 'ended']);
  });

  test('the link ends meanwhile -> given up', async () => {
    const { transfers, b, done } = await waiting();
    transfers.lose(b.session);
    expect([done, transfers.isTaking]).toEqual([['cancelled', 'ended'], false]);
  });
});

test('a state that others take -> answered from one moment for each link, let go of when the link ends', async () => {
  const { transfers, turns, here } = setup();
  const [b, c] = [link('b'), link('c')];
  const list = { kind: 'list-state', request: 4, after: undefined } as const;
  for (const one of [b, b, c]) transfers.hear(one.session, list);
  await turns();
  const answer = { kind: 'state-list', request: 4, after: undefined, partitions: [], more: false, ...MOMENT };
  expect([b.answered, c.answered, here.opened]).toEqual([[answer, answer], [answer], 2]);
  // Of a moment that is not held.
  transfers.hear(c.session, { ...list, request: 5, after: { graphKey: 'g', partition: '0' as never } });
  await turns();
  expect(c.answered).toHaveLength(1);
  transfers.lose(b.session);
  await turns();
  expect(here.released).toBe(1);
});
