/**
 * Strict serialisability as it is defined, for a few transactions over lists: tries every order that keeps to real time, of
 * all that must have taken effect and any choice of what may have. `serialisability.ts` must agree with it.
 */
import type { Transaction } from './transaction.ts';

type Lists = Readonly<Record<string, readonly number[]>>;

export function isStrictlySerialisable(transactions: readonly Transaction[], lists: Lists = {}): boolean {
  if (transactions.every((transaction) => !isSure(transaction))) return true;
  return transactions.some((transaction) => {
    if (transaction.outcome === 'fail') return false;
    const rest = transactions.filter((other) => other !== transaction);
    if (rest.some((other) => isSure(other) && (other.endedMs ?? 0) < transaction.invokedMs)) return false;
    const after = run(transaction, lists);
    return after !== undefined && isStrictlySerialisable(rest, after);
  });
}

const isSure = ({ outcome, isEventual }: Transaction) => outcome === 'ok' && !isEventual;

function run(transaction: Transaction, before: Lists): Lists | undefined {
  let lists = before;
  for (const operation of transaction.operation) {
    const { key } = operation;
    const values = lists[key] ?? [];
    if (operation.kind === 'append') lists = { ...lists, [key]: [...values, operation.value] };
    else if (isSure(transaction) && operation.values?.join() !== values.join()) return undefined;
  }
  return lists;
}
