/** How long who is asked may take, who asks waits, and what is answered too late. */
import { beforeEach, expect, test } from 'vitest';
import type { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { type TestEnv, testEnv } from '../test-env.model.ts';
import type { Ask, Message, Reply } from './message.ts';
import { Questions } from './questions.ts';

let env: TestEnv;
let sent: Ask[];
let questions: Questions;
/** What ended at the server that is asked, and for how long it was waited for. */
let ended: VersionVector;
let waitedMs: number[];
let isHere: boolean;

beforeEach(() => {
  ended = new Map();
  waitedMs = [];
  isHere = true;
  env = testEnv();
  sent = [];
  questions = new Questions({
    env,
    channel: { ended: () => ended },
    whenCovered: async (_wanted, patienceMs) => {
      waitedMs.push(patienceMs);
      return isHere;
    },
    send: (_to, message: Message) => {
      if (message.kind === 'ask') sent.push(message);
    },
  });
});

function ask(deadlineMs: number, to = 'b') {
  const request = { kind: 'write', operations: '[]' } as const;
  return questions.ask(to, { graph: 'g', request, trace: '', deadlineMs });
}

test.each([
  ['much', 10_000, 10_000 - LIMITS.strongResendMs],
  ['little', 100, 90],
  ['none', 0, 0],
])('a question with %s time left -> who is asked gives up early enough to say so', async (_, deadlineMs, theirsMs) => {
  const answer = ask(deadlineMs);
  expect(sent.map(({ patienceMs }) => patienceMs)).toEqual([theirsMs]);
  env.advance(deadlineMs);
  expect(await answer).toBe('lost');
});

test('an answer before the time is over -> it; one that comes again, or later, changes nothing', async () => {
  const answer = ask(100);
  env.advance(99);
  const id = sent[0]?.id as number;
  questions.answered(id, { kind: 'stale' });
  questions.answered(id, { kind: 'confirmed', holds: true });
  env.advance(1);
  expect(await answer).toEqual({ kind: 'stale' });
});

test('a server cannot be reached any more -> what it was asked is lost, what others were asked is not', async () => {
  const [lost, open] = [ask(100, 'b'), ask(100, 'c')];
  questions.loseAllBut(new Set(['c']));
  expect(await lost).toBe('lost');
  questions.answered(sent[1]?.id as number, { kind: 'stale' });
  expect(await open).toEqual({ kind: 'stale' });
});

test('a question comes again -> it is answered once; another one, or the same of another server, by itself', () => {
  const question = (id: number) => ({ id }) as Ask;
  expect(['b', 'b', 'c', 'b'].map((from) => questions.isFirst(from, question(1)))).toEqual([true, false, true, false]);
  expect([2, 2, 1].map((id) => questions.isFirst('b', question(id)))).toEqual([true, false, false]);
  // As many as can be open at one server are remembered.
  for (let id = 3; id <= LIMITS.strongQueueMax; id++) questions.isFirst('b', question(id));
  expect(questions.isFirst('b', question(1))).toBe(false);
  expect(questions.isFirst('b', question(LIMITS.strongQueueMax + 1))).toBe(true);
  expect(questions.isFirst('b', question(LIMITS.strongQueueMax))).toBe(false);
});

test('ids of questions -> never the same, also after a restart', async () => {
  for (let i = 0; i < 3; i++) void ask(100);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(3);
  const other = new Questions({
    env: testEnv(2),
    channel: { ended: () => ended },
    whenCovered: async () => true,
    send: (_to, message: Message) => void sent.push(message as Ask),
  });
  void other.ask('b', { graph: 'g', request: { kind: 'position' }, trace: '', deadlineMs: 100 });
  expect(new Set(sent.map(({ id }) => id)).size).toBe(4);
});

test.each([
  ['a position', { kind: 'position', place: { era: 1, changes: 0 }, vector: new Map() }, 'quorum-unavailable'],
  ['a write', { kind: 'written', results: '[]', replayed: false, vector: new Map() }, undefined],
  ['no', { kind: 'stale' }, undefined],
] as const)(
  '%s is answered by who saw streams end that did not end here -> waited for it for as long as is left',
  async (_, reply: Reply, code) => {
    for (const held of [true, false]) {
      waitedMs = [];
      isHere = held;
      const startMs = env.clock.monotonicMs();
      const answer = ask(startMs + 100).catch((error: WeftError) => error.code);
      env.advance(30);
      questions.answered(sent.at(-1)?.id as number, reply);
      // What was not written is nothing that a later read could miss.
      expect(await answer).toEqual(held || code === undefined ? reply : code);
      expect(waitedMs).toEqual(reply.kind === 'stale' ? [] : [70]);
      ended = new Map();
    }
  },
);
