/**
 * Transactions over lists: each reads whole lists and appends numbers that no other ever appends, so that a list tells
 * in which order it was written (Kingsbury and Alvaro, Elle, 2020).
 */
import { type Call, describeTimes, forceOf } from './call.ts';

export type ListOperation =
  | { readonly kind: 'append'; readonly key: string; readonly value: number }
  /** `values` is missing if there was no answer. */
  | { readonly kind: 'read'; readonly key: string; readonly values?: readonly number[] };

export type Transaction = Call<readonly ListOperation[]>;

/** Its reads, if it was answered at the level that promises something. */
export function readsOf(transaction: Transaction): { readonly key: string; readonly values: readonly number[] }[] {
  if (forceOf(transaction) !== 'must') return [];
  return transaction.operation.flatMap((operation) =>
    operation.kind === 'read' && operation.values !== undefined
      ? [{ key: operation.key, values: operation.values }]
      : [],
  );
}

export function appendsOf({ operation }: Transaction): { readonly key: string; readonly value: number }[] {
  return operation.flatMap((one) => (one.kind === 'append' ? [one] : []));
}

/** What it found of each list, without what it had appended itself. */
export function foundBy(transaction: Transaction): Map<string, readonly number[]> {
  const own = new Set(appendsOf(transaction).map(({ key, value }) => `${key} ${value}`));
  const found = new Map<string, readonly number[]>();
  for (const { key, values } of readsOf(transaction)) {
    if (!found.has(key))
      found.set(
        key,
        withoutOwn(values, (value) => own.has(`${key} ${value}`)),
      );
  }
  return found;
}

function withoutOwn(values: readonly number[], isOwn: (value: number) => boolean): readonly number[] {
  let end = values.length;
  while (end > 0 && isOwn(values[end - 1] as number)) end--;
  return values.slice(0, end);
}

export const nameOf = ({ id }: Transaction) => `T${id}`;

export function describeTransaction(transaction: Transaction): string {
  const what = transaction.operation.map((operation) =>
    operation.kind === 'append'
      ? `appends ${operation.value} to ${operation.key}`
      : `reads ${operation.key}${operation.values === undefined ? '' : ` = ${describeList(operation.values)}`}`,
  );
  const doubt = forceOf(transaction) === 'must' ? '' : ' (outcome unknown)';
  return `${nameOf(transaction)} ${transaction.process} ${describeTimes(transaction)} ${what.join(', ')}${doubt}`;
}

/** Long lists by their end, which is what matters. */
export function describeList(values: readonly number[]): string {
  const shown = 8;
  const rest = values.length > shown ? `... ` : '';
  return `[${rest}${values.slice(-shown).join(' ')}]`;
}
