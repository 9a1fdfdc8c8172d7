/**
 * What is wrong with lists by themselves, before any dependency between transactions is looked at; and the order in which
 * each list was written. Names are those of Adya (1999) and Elle.
 */
import { forceOf } from './call.ts';
import { appendsOf, describeList, foundBy, nameOf, readsOf, type Transaction } from './transaction.ts';

export interface ListHistory {
  /** What took effect: acknowledged, or of unknown outcome but seen. */
  readonly committed: readonly Transaction[];
  /** The longest state of each list that was read: all others are beginnings of it. */
  readonly orders: ReadonlyMap<string, readonly number[]>;
  /** By `writerKey`. */
  readonly writers: ReadonlyMap<string, Transaction>;
  readonly anomalies: readonly string[];
  /** Two appends of one value: such a history says nothing. */
  readonly ambiguous: string | undefined;
}

export function writerKey(key: string, value: number): string {
  return `${key} ${value}`;
}

export function readLists(transactions: readonly Transaction[]): ListHistory {
  const writers = new Map<string, Transaction>();
  let ambiguous: string | undefined;
  for (const transaction of transactions) {
    for (const { key, value } of appendsOf(transaction)) {
      if (writers.has(writerKey(key, value))) ambiguous ??= `${value} is appended to ${key} twice`;
      writers.set(writerKey(key, value), transaction);
    }
  }
  const orders = new Map<string, readonly number[]>();
  for (const { key, values } of transactions.flatMap(readsOf)) {
    if (values.length > (orders.get(key)?.length ?? -1)) orders.set(key, values);
  }
  const seen = new Set(
    [...orders].flatMap(([key, values]) => values.map((value) => writers.get(writerKey(key, value)))),
  );
  const committed = transactions.filter((one) => forceOf(one) === 'must' || (forceOf(one) === 'may' && seen.has(one)));
  const anomalies = transactions.flatMap((transaction) => [
    ...internal(transaction),
    ...readsOf(transaction).flatMap((read) => wrongValues(transaction, read, { orders, writers })),
    ...intermediate(transaction, writers),
  ]);
  return { committed, orders, writers, anomalies: [...anomalies, ...lostUpdates(committed)], ambiguous };
}

/** A transaction sees what it did itself, and nothing of others comes in between. */
function internal(transaction: Transaction): string[] {
  if (forceOf(transaction) !== 'must') return [];
  const anomalies: string[] = [];
  const known = new Map<string, { readonly values: readonly number[]; readonly isWhole: boolean }>();
  for (const operation of transaction.operation) {
    const { key } = operation;
    const before = known.get(key) ?? { values: [], isWhole: false };
    if (operation.kind === 'append') {
      known.set(key, { ...before, values: [...before.values, operation.value] });
    } else if (operation.values !== undefined) {
      const { values } = operation;
      const expected = before.isWhole ? values : values.slice(values.length - before.values.length);
      if (!isEqual(expected, before.values) && (before.isWhole || before.values.length > 0)) {
        anomalies.push(
          `internal: ${nameOf(transaction)} read ${key} = ${describeList(values)}, ` +
            `which by what it did before must ${before.isWhole ? 'be' : 'end with'} ${describeList(before.values)}`,
        );
      }
      known.set(key, { values, isWhole: true });
    }
  }
  return anomalies;
}

function wrongValues(
  transaction: Transaction,
  { key, values }: { readonly key: string; readonly values: readonly number[] },
  { orders, writers }: Pick<ListHistory, 'orders' | 'writers'>,
): string[] {
  const reader = `${nameOf(transaction)} read ${key} = ${describeList(values)}`;
  const anomalies: string[] = [];
  for (const value of values) {
    const writer = writers.get(writerKey(key, value));
    if (writer === undefined) anomalies.push(`unwritten: ${reader}, but nobody appended ${value}`);
    else if (forceOf(writer) === 'never') {
      anomalies.push(`G1a (aborted read): ${reader}, but ${nameOf(writer)}, which appended ${value}, failed`);
    }
  }
  if (new Set(values).size < values.length) anomalies.push(`duplicate: ${reader}, which has a value twice`);
  const longest = orders.get(key) ?? [];
  if (!isEqual(longest.slice(0, values.length), values)) {
    anomalies.push(`incompatible-order: ${reader}, which is no beginning of ${describeList(longest)}, read by another`);
  }
  return anomalies;
}

/** G1b: a list was read that ends in the middle of what one transaction appended to it. */
function intermediate(transaction: Transaction, writers: ListHistory['writers']): string[] {
  const anomalies: string[] = [];
  for (const [key, values] of foundBy(transaction)) {
    const last = values.at(-1);
    const writer = last === undefined ? undefined : writers.get(writerKey(key, last));
    if (writer === undefined || writer === transaction) continue;
    const final = appendsOf(writer).findLast((append) => append.key === key)?.value;
    if (final === last) continue;
    anomalies.push(
      `G1b (intermediate read): ${nameOf(transaction)} read ${key} = ${describeList(values)}, ` +
        `but ${nameOf(writer)} went on to append ${final}`,
    );
  }
  return anomalies;
}

/** Two transactions found the same state of a list, and both appended to it: the later one did not see the other. */
function lostUpdates(committed: readonly Transaction[]): string[] {
  const anomalies: string[] = [];
  const first = new Map<string, Transaction>();
  for (const transaction of committed) {
    const appended = new Set(appendsOf(transaction).map(({ key }) => key));
    for (const [key, values] of foundBy(transaction)) {
      if (!appended.has(key)) continue;
      const version = `${key} ${values.length} ${values.at(-1)}`;
      const other = first.get(version);
      if (other === undefined) first.set(version, transaction);
      else {
        anomalies.push(
          `lost-update: ${nameOf(other)} and ${nameOf(transaction)} both found ${key} = ${describeList(values)} ` +
            'and appended to it',
        );
      }
    }
  }
  return anomalies;
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
