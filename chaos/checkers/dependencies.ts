/**
 * Which transaction must come before which, and why. `ww`: it wrote what the other wrote over; `wr`: the other read what
 * it wrote; `rw`: it read what the other wrote over (Adya, 1999); `rt`: it was answered before the other was called.
 */
import { describeMs, latestMs } from './call.ts';
import { type ListHistory, writerKey } from './list-anomalies.ts';
import { appendsOf, describeList, foundBy, nameOf, type Transaction } from './transaction.ts';

export type DependencyKind = 'ww' | 'wr' | 'rw' | 'rt';

export interface Dependency {
  readonly kind: DependencyKind;
  readonly from: Transaction;
  readonly to: Transaction;
  /** Why `from` comes before `to`. */
  why(): string;
}

export function dependenciesOf(history: ListHistory): Dependency[] {
  const { committed } = history;
  const unseen = unseenOf(history);
  const ofReads = committed.flatMap((reader) => readOrder(reader, history, unseen));
  return [...writeOrder(history, unseen), ...ofReads, ...realTime(committed)].filter(({ from, to }) => from !== to);
}

interface Append {
  readonly writer: Transaction;
  readonly value: number;
}
type Unseen = ReadonlyMap<string, readonly Append[]>;

/** Values that were acknowledged, but are in no state that was read: they come after all of these. */
function unseenOf({ committed, orders }: ListHistory): Unseen {
  const seen = new Set([...orders].flatMap(([key, values]) => values.map((value) => writerKey(key, value))));
  const unseen = new Map<string, Append[]>();
  for (const writer of committed) {
    for (const { key, value } of appendsOf(writer)) {
      if (seen.has(writerKey(key, value))) continue;
      const ofKey = unseen.get(key);
      if (ofKey === undefined) unseen.set(key, [{ writer, value }]);
      else ofKey.push({ writer, value });
    }
  }
  return unseen;
}

function writeOrder({ orders, writers }: ListHistory, unseen: Unseen): Dependency[] {
  const dependencies: Dependency[] = [];
  for (const [key, values] of orders) {
    const add = (value: number, next: number, to: Transaction) => {
      const from = writers.get(writerKey(key, value));
      if (from === undefined) return;
      const why = () => `${nameOf(from)} appended ${value} to ${key}, and ${nameOf(to)} appended ${next} after it`;
      dependencies.push({ kind: 'ww', from, to, why });
    };
    values.forEach((value, i) => {
      const next = values[i + 1];
      const to = next === undefined ? undefined : writers.get(writerKey(key, next));
      if (next !== undefined && to !== undefined) add(value, next, to);
      if (next === undefined) for (const late of unseen.get(key) ?? []) add(value, late.value, late.writer);
    });
  }
  return dependencies;
}

function readOrder(reader: Transaction, { orders, writers }: ListHistory, unseen: Unseen): Dependency[] {
  const dependencies: Dependency[] = [];
  for (const [key, values] of foundBy(reader)) {
    const last = values.at(-1);
    const writer = last === undefined ? undefined : writers.get(writerKey(key, last));
    const read = `${nameOf(reader)} read ${key} = ${describeList(values)}`;
    if (writer !== undefined) {
      const why = () => `${read}, and ${nameOf(writer)} had appended ${last}`;
      dependencies.push({ kind: 'wr', from: writer, to: reader, why });
    }
    const next = orders.get(key)?.[values.length];
    const nextWriter = next === undefined ? undefined : writers.get(writerKey(key, next));
    const later = nextWriter === undefined ? (unseen.get(key) ?? []) : [{ writer: nextWriter, value: next }];
    for (const { writer: to, value } of later) {
      const why = () => `${read}, without ${value}, which ${nameOf(to)} appended`;
      dependencies.push({ kind: 'rw', from: reader, to, why });
    }
  }
  return dependencies;
}

/** Only from those that nothing else of the kind lies between: the others follow. */
function realTime(committed: readonly Transaction[]): Dependency[] {
  const moments = committed.flatMap((one) => [
    { atMs: one.invokedMs, isEnd: 0, one },
    ...(Number.isFinite(latestMs(one)) ? [{ atMs: latestMs(one), isEnd: 1, one }] : []),
  ]);
  // At one moment calls come before answers: they overlap.
  moments.sort((a, b) => a.atMs - b.atMs || a.isEnd - b.isEnd);
  const dependencies: Dependency[] = [];
  const before = new Map<Transaction, readonly Transaction[]>();
  const ended = new Set<Transaction>();
  for (const { one, isEnd } of moments) {
    if (isEnd === 0) {
      before.set(one, [...ended]);
      for (const from of ended) dependencies.push(answeredBefore(from, one));
    } else {
      for (const earlier of before.get(one) ?? []) ended.delete(earlier);
      ended.add(one);
    }
  }
  return dependencies;
}

export function answeredBefore(from: Transaction, to: Transaction): Dependency {
  const why = () =>
    `${nameOf(from)} was answered at ${describeMs(latestMs(from))}, before ${nameOf(to)} was called at ${describeMs(to.invokedMs)}`;
  return { kind: 'rt', from, to, why };
}
