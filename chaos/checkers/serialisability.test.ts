/** Histories of transactions that must be accepted, and each anomaly once; on small random ones a plain model agrees. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { isStrictlySerialisable } from './serialisability.model.ts';
import { checkListAppend } from './serialisability.ts';
import type { ListOperation, Transaction } from './transaction.ts';

type How = Partial<Pick<Transaction, 'outcome' | 'isEventual'>>;
type Row = readonly [from: number, to: number, what: string, how?: How];

/** `x+1` appends 1 to x, `x=1.2` reads [1 2] from it, `x=` the empty list; several are separated by blanks. */
function history(...rows: readonly Row[]): Transaction[] {
  return rows.map(([invokedMs, endedMs, what, how], i) => ({
    id: i + 1,
    process: `p${i + 1}`,
    operation: what.split(' ').map(parse),
    invokedMs,
    endedMs,
    outcome: 'ok',
    ...how,
  }));
}

function parse(text: string): ListOperation {
  const [key = '', rest = ''] = text.split(/[+=]/);
  if (text.includes('+')) return { kind: 'append', key, value: Number(rest) };
  return { kind: 'read', key, values: rest === '' ? [] : rest.split('.').map(Number) };
}

const INFO: How = { outcome: 'info' };
const FAIL: How = { outcome: 'fail' };

function verdictOf(transactions: readonly Transaction[]): string {
  const verdict = checkListAppend(transactions);
  return verdict.kind === 'invalid' ? verdict.evidence : verdict.kind;
}

describe('checkListAppend accepts', () => {
  test.each<[string, Transaction[]]>([
    ['no transactions', []],
    ['one after another', history([0, 1, 'x+1'], [2, 3, 'x=1 x+2'], [4, 5, 'x=1.2'])],
    ['concurrent ones in either order', history([0, 9, 'x+1 y+1'], [0, 9, 'x+2 y+2'], [10, 11, 'x=2.1 y=2.1'])],
    ['reads of own appends', history([0, 1, 'x+1 x=1 x+2 x=1.2'])],
    ['an unknown append that is seen late', history([0, 1, 'x+1', INFO], [2, 3, 'x='], [4, 5, 'x=1'])],
    ['an unknown append that is never seen', history([0, 1, 'x+1', INFO], [2, 3, 'x='])],
    ['an eventual append that is seen late', history([0, 1, 'x+1', { isEventual: true }], [2, 3, 'x='], [4, 5, 'x=1'])],
    ['an old eventual read', history([0, 1, 'x+1'], [2, 3, 'x=', { isEventual: true }])],
    ['a failed append that is never seen', history([0, 1, 'x+1', FAIL], [2, 3, 'x='])],
    ['a read that overlaps at one moment', history([0, 1, 'x+1'], [1, 2, 'x='])],
  ])('%s', (_, transactions) => {
    expect(verdictOf(transactions)).toBe('valid');
    expect(isStrictlySerialisable(transactions)).toBe(true);
  });
});

describe('checkListAppend rejects', () => {
  test.each<[anomaly: RegExp, Transaction[]]>([
    [/^G0 \(write cycle\): no order of T1, T2/, history([0, 9, 'x+1 y+1'], [0, 9, 'x+2 y+2'], [0, 9, 'x=1.2 y=2.1'])],
    [/^G1a \(aborted read\): T2 read x = \[1\]/, history([0, 1, 'x+1', FAIL], [2, 3, 'x=1'])],
    [/^G1b \(intermediate read\): T2 .* T1 went on to append 2/, history([0, 9, 'x+1 x+2'], [0, 9, 'x=1'])],
    [/^G1c \(circular information flow\)/, history([0, 9, 'x+1 y=1'], [0, 9, 'y+1 x=1'])],
    [/^G-single \(read skew\)/, history([0, 9, 'x+1 y+1'], [0, 9, 'x=1 y='])],
    [/^G2 \(anti-dependency cycle\)/, history([0, 9, 'x= y+1'], [0, 9, 'y= x+1'])],
    [/^lost-update: T1 and T2 both found x = \[\]/, history([0, 9, 'x= x+1'], [0, 9, 'x= x+2'], [10, 11, 'x=1.2'])],
    [/^lost-update/, history([0, 9, 'x= x+1'], [0, 9, 'x= x+2'], [10, 11, 'x=2'])],
    [/^G0-realtime/, history([0, 1, 'x+1'], [2, 3, 'x+2'], [0, 9, 'x=2.1'])],
    [/^G1c-realtime/, history([0, 1, 'x=1'], [2, 3, 'x+1'])],
    [/^G-single-realtime: no order of T1, T2/, history([0, 1, 'x+1'], [2, 3, 'x='])],
    [/^G2-realtime/, history([0, 1, 'x+1'], [2, 3, 'y='], [0, 20, 'y+1'], [0, 20, 'x= y=1'])],
    [/^G-single-realtime/, history([0, 1, 'x+1'], [2, 3, 'x+2'], [4, 5, 'x=1'])],
    [/^internal: T1 read x = \[\], .* must end with \[1\]/, history([0, 1, 'x+1 x='])],
    [/^internal: T2 read x = \[1\], .* must be \[\]/, history([0, 9, 'x+1'], [0, 9, 'x= x=1'])],
    [/^unwritten: T1 read x = \[7\]/, history([0, 1, 'x=7'])],
    [/^incompatible-order: T3/, history([0, 9, 'x+1'], [0, 9, 'x+2'], [0, 9, 'x=1'], [0, 9, 'x=2.1'])],
    [/duplicate: T2 read x = \[1 1\]/, history([0, 1, 'x+1'], [2, 3, 'x=1.1'])],
  ])('%s', (anomaly, transactions) => {
    expect(verdictOf(transactions)).toMatch(anomaly);
    expect(isStrictlySerialisable(transactions)).toBe(false);
  });

  test('a cycle -> says of each transaction why it comes before the next', () => {
    expect(verdictOf(history([0, 1, 'x+1'], [2, 3, 'x=']))).toBe(
      [
        'G-single-realtime: no order of T1, T2',
        '  T1 p1 0..1 ms appends 1 to x',
        '  T2 p2 2..3 ms reads x = []',
        '  T2 before T1 (rw): T2 read x = [], without 1, which T1 appended',
        '  T1 before T2 (rt): T1 was answered at 1 ms, before T2 was called at 2 ms',
      ].join('\n'),
    );
  });

  test('a cycle through several answers and calls in turn -> only the first and the last of them', () => {
    const evidence = verdictOf(history([0, 1, 'x+1'], [2, 3, 'z+1'], [4, 5, 'z=1'], [6, 7, 'x=']));
    expect(evidence).toMatch(/^G-single-realtime: no order of T1, T4\n/);
    expect(evidence).toMatch(/T1 before T4 \(rt\): T1 was answered at 1 ms, before T4 was called at 6 ms$/);
  });

  test('one value appended twice -> unknown, which is no pass', () => {
    expect(verdictOf(history([0, 1, 'x+1'], [2, 3, 'x+1']))).toBe('unknown');
  });
});

interface Mistakes {
  /** How likely a transaction takes effect outside of its call, and a read shows an older state. */
  readonly late: number;
  readonly stale: number;
}

/** Transactions that run one after another on real lists, each at one moment of its call; with mistakes. */
function play(
  random: SeededRandom,
  count: number,
  keys: number,
  clients: number,
  { late, stale }: Mistakes,
): Transaction[] {
  const free = Array.from({ length: clients }, () => 0);
  let made = 0;
  const planned = Array.from({ length: count }, (_, i) => {
    const client = free.indexOf(Math.min(...free));
    const invokedMs = (free[client] ?? 0) + 1 + random.below(4);
    const endedMs = invokedMs + 2 + random.below(12);
    free[client] = endedMs;
    const outcome = random.chance(0.1) ? ('info' as const) : ('ok' as const);
    const isLate = outcome === 'info' || random.chance(late);
    const atMs = invokedMs + 1 + random.below(endedMs - invokedMs - 1) + (isLate ? random.below(30) : 0);
    const operation = Array.from({ length: 1 + random.below(3) }, (): ListOperation => {
      const key = `k${random.below(keys)}`;
      return random.chance(0.5) ? { kind: 'append', key, value: ++made } : { kind: 'read', key };
    });
    return { transaction: { id: i + 1, process: `c${client}`, operation, invokedMs, endedMs, outcome }, atMs };
  });
  const lists = new Map<string, readonly number[]>();
  const run = (transaction: Transaction): Transaction => {
    const operation = transaction.operation.map((one): ListOperation => {
      const values = lists.get(one.key) ?? [];
      if (one.kind === 'append') lists.set(one.key, [...values, one.value]);
      if (one.kind === 'append' || transaction.outcome === 'info') return one;
      return { ...one, values: random.chance(stale) ? values.slice(0, random.below(values.length + 1)) : values };
    });
    return { ...transaction, operation };
  };
  const took = planned
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ transaction }) => (transaction.outcome === 'info' && random.chance(0.5) ? transaction : run(transaction)));
  const endMs = Math.max(...planned.map(({ atMs, transaction }) => Math.max(atMs, transaction.endedMs))) + 1;
  // All is read in the end, so that every order of writes is known.
  const operation = Array.from({ length: keys }, (_, i): ListOperation => ({ kind: 'read', key: `k${i}` }));
  const end = {
    id: count + 1,
    process: 'end',
    operation,
    invokedMs: endMs,
    endedMs: endMs + 1,
    outcome: 'ok' as const,
  };
  return [...took, run({ ...end })].toSorted((a, b) => a.id - b.id);
}

test('checkListAppend: any small history whose end was read -> the verdict of the plain model', () => {
  const verdicts = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 5 }), fc.constantFrom(0, 0.2), (seed, count, mistakes) => {
      const transactions = play(new SeededRandom(seed), count, 2, 3, { late: mistakes, stale: mistakes / 2 });
      const verdict = checkListAppend(transactions);
      expect(verdict.kind).toBe(isStrictlySerialisable(transactions) ? 'valid' : 'invalid');
      verdicts[verdict.kind as 'valid' | 'invalid']++;
    }),
    { numRuns: 3_000, seed: 1 },
  );
  // A test that sees one verdict only shows nothing.
  expect(Math.min(verdicts.valid, verdicts.invalid)).toBeGreaterThan(200);
});

test('checkListAppend: the end was not read -> nothing is called invalid that the plain model allows', () => {
  let invalid = 0;
  for (let seed = 1; seed <= 1_000; seed++) {
    const transactions = play(new SeededRandom(seed), 5, 2, 3, { late: 0.2, stale: 0.1 }).slice(0, -1);
    if (checkListAppend(transactions).kind === 'valid') continue;
    invalid++;
    expect(isStrictlySerialisable(transactions)).toBe(false);
  }
  expect(invalid).toBeGreaterThan(50);
});

test('checkListAppend: thousands of transactions -> valid; with some that took effect too late -> invalid', () => {
  const many = (late: number) => play(new SeededRandom(3), 3_000, 50, 10, { late, stale: 0 });
  expect(verdictOf(many(0))).toBe('valid');
  expect(verdictOf(many(0.01))).toMatch(/-realtime/);
});
