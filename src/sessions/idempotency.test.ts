import { expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { IdempotentRequests } from './idempotency.ts';

const at = { ms: 0 };
const clock = { wallMs: () => at.ms, monotonicMs: () => at.ms };

/** A request that runs until it is told to end. */
function slow(ran: string[], name: string) {
  let end = (): void => undefined;
  const outcome = new Promise<string>((resolve) => {
    end = () => resolve(name);
  });
  const run = () => {
    ran.push(name);
    return outcome;
  };
  return { end, run };
}

test.each<[string, (requests: IdempotentRequests) => Promise<void>]>([
  [
    'as many other keys came as are kept',
    async (requests) => {
      for (let i = 0; i <= LIMITS.idempotencyKeysMax; i++) await requests.once(`other ${i}`, '', async () => i);
    },
  ],
  [
    'outcomes of its age are dropped',
    async () => {
      at.ms += LIMITS.idempotencyTtlMs + 1;
    },
  ],
])(
  'a key is repeated while its request is under way, after %s -> runs once, both get its outcome',
  async (_what, meanwhile) => {
    const requests = new IdempotentRequests(clock);
    const ran: string[] = [];
    const [first, again] = [slow(ran, 'first'), slow(ran, 'again')];
    const one = requests.once('k', '', first.run);
    await meanwhile(requests);
    const two = requests.once('k', '', again.run);
    first.end();
    again.end();
    expect([await one, await two]).toEqual([
      { replayed: false, outcome: 'first' },
      { replayed: true, outcome: 'first' },
    ]);
    expect(ran).toEqual(['first']);
  },
);
