/** A strong read shows all of a strong batch or nothing, and every bound is kept. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const bank: Checker = {
  name: 'bank',
  promise: 'strong transfers keep the total, and no account falls below zero',
  check({ bank: observations }) {
    const evidence: string[] = [];
    for (const { balances, total, server, atMs } of observations) {
      const sum = balances.reduce((all, balance) => all + balance, 0);
      if (sum === total && Math.min(...balances) >= 0) continue;
      evidence.push(`${server} showed ${balances} at ${atMs.toFixed(0)} ms: ${sum} in all, not ${total}`);
    }
    return judge(evidence);
  },
};
