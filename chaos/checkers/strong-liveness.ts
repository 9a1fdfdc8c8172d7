/** Strong operations come back when their majority does. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const strongLiveness: Checker = {
  name: 'strong liveness',
  promise: 'after the last fault, if a majority of voters kept its memory, all vote and each takes strong writes',
  check({ strongEnd }) {
    if (strongEnd === undefined) return judge([]);
    const { voters, stuck } = strongEnd;
    const silent = voters.filter(({ votes }) => !votes).map(({ server }) => server);
    if (silent.length >= voters.length / 2) return judge([]);
    return judge([
      ...silent.map((server) => `${server} does not vote, though a majority does`),
      ...stuck.map((server) => `no strong write succeeded on ${server}`),
    ]);
  },
};
