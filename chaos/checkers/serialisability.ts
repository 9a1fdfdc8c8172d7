/**
 * Strict serialisability of transactions over several lists: there is one order of all of them that keeps to
 * real time and explains every answer. For lists the order in which they were written can be read off, so that a history
 * is wrong exactly if transactions depend on each other in a circle (Adya, 1999; Elle, 2020); time is linear.
 */
import { type Cycle, findCycles } from './cycles.ts';
import { dependenciesOf } from './dependencies.ts';
import { readLists } from './list-anomalies.ts';
import { describeTransaction, nameOf, type Transaction } from './transaction.ts';
import { type Checker, judge, type Verdict } from './verdict.ts';

/** Judges transactions that append to lists and read them. */
export function checkListAppend(transactions: readonly Transaction[]): Verdict {
  const history = readLists(transactions);
  if (history.ambiguous !== undefined) return { kind: 'unknown', reason: history.ambiguous };
  return judge([...history.anomalies, ...findCycles(dependenciesOf(history)).map(describeCycle)]);
}

function describeCycle({ anomaly, dependencies }: Cycle): string {
  const members = [...new Set(dependencies.map(({ from }) => from))].sort((a, b) => a.invokedMs - b.invokedMs);
  return [
    `${anomaly}: no order of ${members.map(nameOf).join(', ')}`,
    ...members.map((transaction) => `  ${describeTransaction(transaction)}`),
    ...dependencies.map(({ kind, from, to, why }) => `  ${nameOf(from)} before ${nameOf(to)} (${kind}): ${why()}`),
  ].join('\n');
}

export const serialisability: Checker = {
  name: 'serialisability',
  promise: 'strong batches over several lists happen one after the other, in the order of real time',
  check: ({ lists }) => checkListAppend(lists),
};
