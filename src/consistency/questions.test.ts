/** How long who is asked may take, who asks waits, and what is answered too late. */
import { beforeEach, expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { type TestEnv, testEnv } from '../test-env.model.ts';
import type { Ask, Message } from './message.ts';
import { Questions } from './questions.ts';

let env: TestEnv;
let sent: Ask[];
let questions: Questions;

beforeEach(() => {
  env = testEnv();
  sent = [];
  questions = new Questions({
    env,
    channel: { ended: () => new Map() },
    whenCovered: async () => true,
    send: (_to, message: Message) => {
      if (message.kind === 'ask') sent.push(message);
    },
  });
});

function ask(deadlineMs: number) {
  const request = { kind: 'write', operations: '[]' } as const;
  return questions.ask('b', { graph: 'g', request, trace: '', deadlineMs });
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
