/** What a key did once it does not do again; that it did nothing twice shows in the registers. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const repetitions: Checker = {
  name: 'repetitions',
  promise: 'a repeated Idempotency-Key gets the first answer on every server',
  check({ repetitions: observations }) {
    const differing = observations.filter(({ first, again }) => first !== again);
    return judge(
      differing.map(
        ({ key, first, again, server, atMs }) =>
          `${key} answered ${first}, and on ${server} at ${atMs.toFixed(0)} ms ${again}`,
      ),
    );
  },
};
