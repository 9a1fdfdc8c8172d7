/** Every checker with histories, written by hand, that it must accept and that it must reject. */
import { describe, expect, test } from 'vitest';
import {
  type CommitRecord,
  EMPTY_HISTORY,
  type FinalState,
  type History,
  type LogEntry,
  type OfflineBatch,
  type OfflineHistory,
  type OperationRecord,
  type SessionEvent,
  type WrittenValue,
} from '../history.ts';
import { CHECKERS } from './all.ts';
import { atomicity } from './atomicity.ts';
import { bank } from './bank.ts';
import { bounds } from './bounds.ts';
import { causality } from './causality.ts';
import { convergence } from './convergence.ts';
import { counters } from './counters.ts';
import { dangling } from './dangling.ts';
import { durability } from './durability.ts';
import { expiry } from './expiry.ts';
import { linearizability } from './linearizability.ts';
import { liveness } from './liveness.ts';
import { offline } from './offline.ts';
import { repetitions } from './repetitions.ts';
import { serialisability } from './serialisability.ts';
import { sessions } from './sessions.ts';
import { sets } from './sets.ts';
import { soundness } from './soundness.ts';
import { streams } from './streams.ts';
import { strongLiveness } from './strong-liveness.ts';
import { uniqueness } from './uniqueness.ts';
import type { Checker } from './verdict.ts';

function verdictOf(checker: Checker, history: Partial<History>): string {
  const verdict = checker.check({ ...EMPTY_HISTORY, ...history });
  return verdict.kind === 'invalid' ? verdict.evidence : verdict.kind;
}

const place = { server: 'a', atMs: 1 };

function operation(id: number, more: Partial<OperationRecord> = {}): OperationRecord {
  const times = { invokedMs: 0, endedMs: 1, stalledMs: 0 };
  return { id, workload: 'w', kind: 'write', what: 'writes', server: 'a', outcome: 'ok', ...times, ...more };
}

function finalState(server: string, more: Partial<FinalState> = {}): FinalState {
  return { server, vector: new Map(), graphs: new Map(), counters: new Map(), sets: new Map(), broken: [], ...more };
}

test('checkers: every one has a name of its own and a promise', () => {
  expect(new Set(CHECKERS.map(({ name }) => name)).size).toBe(CHECKERS.length);
  expect(CHECKERS.every(({ promise }) => promise.length > 0)).toBe(true);
});

describe('offline', () => {
  const commit = { origin: 1, seq: 2, server: 'a' };
  const batch = (member: string, more: Partial<OfflineBatch> = {}): OfflineBatch => {
    return {
      device: 'd',
      member,
      isBad: false,
      outcome: 'ok',
      repeats: false,
      commits: [commit],
      receipts: 1,
      ...more,
    };
  };
  const end = { device: 'd', state: 'live', pending: 0, refused: [], digest: 'x', expected: 'x' };
  const run = (more: Partial<OfflineHistory>) => ({
    offline: { batches: [], evidence: [], ends: [end], disksAreLost: false, members: [], count: 0, ...more },
    final: [finalState('a')],
  });

  test.each([
    ['a batch that is there once', run({ batches: [batch('m')], members: ['m'], count: 1 })],
    [
      'one that was refused as it had to',
      run({ batches: [batch('m', { isBad: true })], ends: [{ ...end, refused: ['m'] }] }),
    ],
    ['one of which a crash left nothing', run({ batches: [batch('m', { outcome: 'unknown' })] })],
    ['one that all disks lost', { ...run({ batches: [batch('m')] }), destroyed: new Set(['1/2']) }],
    [
      'one whose node all disks lost',
      { ...run({ batches: [batch('m')], members: undefined }), destroyed: new Set(['3/4']) },
    ],
    ['one made anew that counts twice', run({ batches: [batch('m', { repeats: true })], members: ['m'], count: 2 })],
  ])('%s -> valid', (_, history) => {
    expect(verdictOf(offline, history)).toBe('valid');
  });

  test.each([
    ['lost', run({ batches: [batch('m')] }), 'm is lost'],
    ['lost with its node, and no disk was', run({ batches: [batch('m')], members: undefined }), 'm is lost'],
    [
      'lost, as other commits with all disks',
      { ...run({ batches: [batch('m')] }), destroyed: new Set(['3/4']) },
      'm is lost',
    ],
    ['counted twice', run({ batches: [batch('m')], members: ['m'], count: 2 }), 'counted 2 times'],
    ['not counted', run({ batches: [batch('m')], members: ['m'], count: 0 }), 'counted 0 times'],
    [
      'forbidden, and there',
      run({ batches: [batch('m', { isBad: true })], members: ['m'], count: 1 }),
      'must be refused',
    ],
    ['failed, and there', run({ batches: [batch('m', { outcome: 'failed' })], members: ['m'], count: 1 }), 'm failed'],
    [
      'handed back, and there',
      run({ batches: [batch('m')], members: ['m'], count: 1, ends: [{ ...end, refused: ['m'] }] }),
      'm was refused and is there',
    ],
    ['handed back for nothing', run({ batches: [batch('m')], ends: [{ ...end, refused: ['m'] }] }), 'for nothing'],
    ['still waiting', run({ ends: [{ ...end, pending: 1 }] }), 'still has 1'],
    ['a device that shows something else', run({ ends: [{ ...end, digest: 'y' }] }), 'd shows y'],
    ['a device that does not come back', run({ ends: [{ ...end, state: 'connecting' }] }), 'd is connecting'],
    ['seen on the way', run({ evidence: ['a false receipt'] }), 'a false receipt'],
  ])('%s -> invalid', (_, history, evidence) => {
    expect(verdictOf(offline, history)).toContain(evidence);
  });
});

describe('convergence', () => {
  const graph = (contents: string, digest = contents) => new Map([['default', { contents, digest }]]);
  const expected = new Map([['default', 'x']]);
  const state = (server: string, contents: string, digest?: string) =>
    finalState(server, { vector: new Map([[1, 5]]), graphs: graph(contents, digest) });

  test.each([
    ['equal states that the model gives', [state('a', 'x'), state('b', 'x')], expected, /^valid$/],
    ['nobody answered', [], expected, /^unknown$/],
    ['different contents', [state('a', 'x'), state('b', 'y')], expected, /lines of a alone: 1 \[x\]/],
    ['different digests', [state('a', 'x'), state('b', 'x', 'y')], expected, /digests x and y/],
    ['equal, but not what the model gives', [state('a', 'y'), state('b', 'y')], expected, /the model alone: 1 \[x\]/],
    [
      'different vectors',
      [state('a', 'x'), { ...state('b', 'x'), vector: new Map([[1, 4]]) }],
      expected,
      /vectors differ: a {1:5}, b {1:4}/,
    ],
    ['graph on one server only', [state('a', 'x'), finalState('b', { vector: new Map([[1, 5]]) })], expected, /on one/],
    ['graph that should not be', [state('a', 'x'), state('b', 'x')], new Map(), /should not exist/],
    ['graph that should be', [state('a', 'x')], new Map([...expected, ['more', '']]), /should exist/],
  ])('%s', (_, final, model, verdict) => {
    expect(verdictOf(convergence, { final, expected: model })).toMatch(verdict);
  });
});

describe('durability', () => {
  const operations = [operation(1, { commit: { origin: 7, seq: 3 } })];
  const final = (seq: number) => [finalState('a', { vector: new Map([[7, seq]]) })];

  test.each([
    ['write is there', operations, 3, [], /^valid$/],
    ['write is missing', operations, 2, [], /operation 1 .* is missing on a/],
    ['write is missing with every disk that held it', operations, 2, ['7/3'], /^valid$/],
    ['another commit was lost', operations, 2, ['7/2'], /is missing/],
    ['write of unknown outcome is missing', [operation(1, { outcome: 'unknown' })], 0, [], /^valid$/],
  ])('%s', (_, made, seq, destroyed, verdict) => {
    expect(verdictOf(durability, { operations: made, final: final(seq), destroyed: new Set(destroyed) })).toMatch(
      verdict,
    );
  });
});

/** Commits by name; each `after` as `origin/seq`. */
function commitsOf(...names: (readonly [name: string, ...after: string[]])[]): Map<string, CommitRecord> {
  const parse = (name: string) => name.split('/').map(Number) as [number, number];
  return new Map(
    names.map(([name, ...after]) => {
      const [origin, seq] = parse(name);
      return [name, { origin, seq, after: after.map(parse) }];
    }),
  );
}

describe('streams', () => {
  const commits = commitsOf(['1/1'], ['1/2', '1/1'], ['2/1', '1/2']);
  const log = (base: [number, number][], ...names: [number, number][]) => ({
    server: 'a',
    incarnation: 1,
    base: new Map(base),
    entries: names.map(([origin, seq]): LogEntry => ({ kind: 'commit', commit: { origin, seq } })),
  });
  const adoption = (...vector: [number, number][]): LogEntry => ({ kind: 'adoption', vector: new Map(vector) });
  const adopting = (entry: LogEntry) => [{ ...log([]), entries: [entry, ...log([], [2, 1]).entries] }];

  test.each([
    ['causes first', [log([], [1, 1], [1, 2], [2, 1])], [], /^valid$/],
    ['cause was there at the start', [log([[1, 2]], [2, 1])], [], /^valid$/],
    ['cause came with a state', adopting(adoption([1, 2])), [], /^valid$/],
    ['cause did not come with the state', adopting(adoption([1, 1])), [], /with 1 of it/],
    ['effect first', [log([], [1, 1], [2, 1], [1, 2])], [], /2\/1, which builds on 1\/2, with 1 of it/],
    ['gap', [log([], [1, 2])], [], /appended 1\/2 after 1\/0/],
    ['twice', [log([], [1, 1], [1, 1])], [], /appended 1\/1 after 1\/1/],
    ['two commits of one name', [], ['two commits are called 1/1'], /two commits/],
  ])('%s', (_, logs, conflicts, verdict) => {
    expect(verdictOf(streams, { commits, logs, conflicts })).toMatch(verdict);
  });

  test('commit that a server says it has -> some store was given it', () => {
    const says = (seq: number) =>
      verdictOf(streams, { commits, final: [finalState('a', { vector: new Map([[1, seq]]) })] });
    expect(says(2)).toBe('valid');
    expect(says(3)).toMatch(/1\/3, which no store was given/);
  });
});

describe('sessions', () => {
  const commits = commitsOf(['1/1'], ['1/2'], ['2/1'], ['2/2', '1/1']);
  const written = (origin: number, seq: number, clock: number): WrittenValue => ({
    origin,
    seq,
    clock,
    replica: origin,
  });
  const values = new Map([
    ['old', written(1, 1, 10)],
    ['new', written(1, 2, 20)],
    ['other', written(2, 1, 15)],
    ['informed', written(2, 2, 30)],
  ]);
  const event = (
    kind: 'read' | 'write',
    value: string | undefined,
    more: Partial<SessionEvent> = {},
  ): SessionEvent => ({
    session: 's',
    kind,
    key: 'k',
    value,
    outcome: 'ok',
    ...place,
    ...more,
  });

  test.each([
    ['reads own write', [event('write', 'old'), event('read', 'old')], /^valid$/],
    ['reads something later than its write', [event('write', 'old'), event('read', 'new')], /^valid$/],
    ['reads something older than its write', [event('write', 'new'), event('read', 'old')], /^read your writes/],
    ['reads nothing after its write', [event('write', 'new'), event('read', undefined)], /^read your writes/],
    ['reads something older than it read', [event('read', 'new'), event('read', 'old')], /^monotonic reads/],
    ['other session reads older', [event('read', 'new'), event('read', 'old', { session: 't' })], /^valid$/],
    ['other register is older', [event('read', 'new'), event('read', 'old', { key: 'l' })], /^valid$/],
    ['write that failed is not read', [event('write', 'new', { outcome: 'unknown' }), event('read', 'old')], /^valid$/],
    ['own write is older than the one before', [event('write', 'new'), event('write', 'old')], /^monotonic writes/],
    ['write is older than what was read', [event('read', 'new'), event('write', 'other')], /^writes follow reads/],
    ['value from nowhere', [event('read', 'none')], /^phantom/],
    ['write builds on what was read', [event('read', 'old'), event('write', 'informed', { key: 'l' })], /^valid$/],
    [
      'write does not build on what was read',
      [event('read', 'new'), event('write', 'informed', { key: 'l' })],
      /^writes follow reads \(visibility\)/,
    ],
    [
      'write does not build on the one before',
      [event('write', 'other'), event('write', 'new', { key: 'l' })],
      /^monotonic writes \(visibility\)/,
    ],
  ])('%s', (_, events, verdict) => {
    expect(verdictOf(sessions, { sessions: events, values, commits })).toMatch(verdict);
  });
});

describe('observations', () => {
  const edge = { edge: 'e', from: 'x', to: 'y', fromExists: true, toExists: true, ...place };

  test('causality', () => {
    const seen = (effect: number, cause: number) =>
      verdictOf(causality, { causal: [{ chain: 'c', effect, cause, ...place }] });
    expect(seen(2, 2)).toBe('valid');
    expect(seen(2, 3)).toBe('valid');
    expect(seen(3, 2)).toMatch(/effect 3 of c with cause 2/);
  });

  test('atomicity', () => {
    const seen = (...values: (number | undefined)[]) =>
      verdictOf(atomicity, { atomic: [{ group: 'g', values, ...place }] });
    expect(seen(1, 1, 1)).toBe('valid');
    expect(seen(undefined, undefined)).toBe('valid');
    expect(seen(1, 2, 1)).toMatch(/showed g as 1,2,1/);
    expect(seen(1, undefined)).toMatch(/showed g/);
  });

  test('dangling', () => {
    expect(verdictOf(dangling, { edges: [edge] })).toBe('valid');
    expect(verdictOf(dangling, { edges: [{ ...edge, toExists: false }] })).toMatch(/without y/);
    expect(verdictOf(dangling, { edges: [{ ...edge, fromExists: false }] })).toMatch(/without x/);
  });

  test('expiry', () => {
    const lease = { id: 'l', server: 'a', nowMs: 100 };
    const shown = (expiresAt: unknown) => verdictOf(expiry, { leases: [{ ...lease, expiresAt }] });
    expect([shown(101), shown(undefined), shown('then')]).toEqual(['valid', 'valid', 'valid']);
    expect(shown(100)).toMatch(/a showed l at 100, which expired at 100/);
    const deletion = { id: 'l', commit: { origin: 1, seq: 2 }, atMs: 100, graceMs: 10 };
    const deleted = (expiresAt: unknown) => verdictOf(expiry, { deletions: [{ ...deletion, expiresAt }] });
    expect(deleted(90)).toBe('valid');
    expect(deleted(91)).toMatch(/1\/2 deleted l at 100, though its expiry was 91/);
    expect(deleted(undefined)).toMatch(/its expiry was never/);
  });

  test('bounds', () => {
    const seen = (peak: number) => verdictOf(bounds, { queues: [{ queue: 'q', peak, limit: 10 }] });
    expect(seen(10)).toBe('valid');
    expect(seen(11)).toMatch(/q reached 11/);
    expect(seen(Number.NaN)).toMatch(/q reached NaN/);
  });

  test('soundness', () => {
    expect(verdictOf(soundness, { bugs: [] })).toBe('valid');
    expect(verdictOf(soundness, { bugs: ['DOC-3'] })).toBe('DOC-3');
  });

  test('liveness', () => {
    const waited = (endedMs: number, stalledMs = 0) =>
      verdictOf(liveness, { operations: [operation(1, { endedMs, stalledMs })] });
    expect(waited(9_000)).toBe('valid');
    expect(waited(11_000)).toMatch(/operation 1 \(writes\) waited 11000 ms/);
    expect(waited(30_000, 25_000)).toBe('valid');
    expect(verdictOf(liveness, { convergedAfterMs: undefined })).toMatch(/no convergence/);
  });
});

describe('sums', () => {
  const ok = operation(1, { commit: { origin: 1, seq: 1 } });
  const maybe = operation(2, { outcome: 'unknown' });
  const refused = operation(3, { outcome: 'failed' });
  const operations = [ok, maybe, refused];

  test.each([
    ['only what was acknowledged', 1, [], /^valid$/],
    ['what is unknown as well', 3, [], /^valid$/],
    ['less than what was acknowledged', 0, [], /c is 0 on a, not in \[1, 3\]/],
    ['what was refused as well', 7, [], /c is 7/],
    ['less, but the disk was lost', 0, ['1/1'], /^valid$/],
  ])('counters: %s', (_, value, destroyed, verdict) => {
    const events = [1, 2, 3].map((id) => ({ counter: 'c', by: 2 ** (id - 1), operation: id }));
    const final = [finalState('a', { counters: new Map([['c', value]]) })];
    expect(verdictOf(counters, { counters: events, operations, final, destroyed: new Set(destroyed) })).toMatch(
      verdict,
    );
  });

  test.each([
    ['acknowledged add is there', [[1, 'add']], ['m'], /^valid$/],
    ['acknowledged add is not there', [[1, 'add']], [], /s m is missing on a/],
    ['unknown add', [[2, 'add']], [], /^valid$/],
    ['refused add is there', [[3, 'add']], ['m'], /never added/],
    [
      'removed member is there',
      [
        [1, 'add'],
        [1, 'remove'],
      ],
      ['m'],
      /was removed/,
    ],
    [
      'removed member is gone',
      [
        [1, 'add'],
        [1, 'remove'],
      ],
      [],
      /^valid$/,
    ],
    [
      'unknown removal',
      [
        [1, 'add'],
        [2, 'remove'],
      ],
      [],
      /^valid$/,
    ],
    [
      'refused removal',
      [
        [1, 'add'],
        [3, 'remove'],
      ],
      [],
      /is missing/,
    ],
    ['member from nowhere', [], ['m'], /comes from nowhere/],
  ] as const)('sets: %s', (_, changes, held, verdict) => {
    const members = changes.map(([id, change]) => ({ set: 's', member: 'm', change, operation: id }));
    const final = [finalState('a', { sets: new Map([['s', held]]) })];
    expect(verdictOf(sets, { members, operations, final })).toMatch(verdict);
  });
});

describe('strong operations', () => {
  test.each([
    ['the whole sum', [3, 7], /^valid$/],
    ['half of a transfer', [3, 10], /13 in all, not 10/],
    ['an account less', [3], /3 in all/],
    ['an overdrawn account', [-1, 11], /a showed -1,11/],
  ])('bank: %s', (_, balances, verdict) => {
    expect(verdictOf(bank, { bank: [{ balances, total: 10, ...place }] })).toMatch(verdict);
  });

  test.each([
    ['the first answer', 'ok 3', /^valid$/],
    ['another answer', 'ok 4', /k answered ok 3, and on a at 1 ms ok 4/],
  ])('repetitions: %s', (_, again, verdict) => {
    expect(verdictOf(repetitions, { repetitions: [{ key: 'k', first: 'ok 3', again, ...place }] })).toMatch(verdict);
  });

  test.each([
    ['no strong operations', undefined, [], /^valid$/],
    ['all vote and write', [true, true, true], [], /^valid$/],
    ['a majority votes, one does not', [true, true, false], [], /s2 does not vote/],
    ['no majority kept its memory', [true, false, false], [], /^valid$/],
    ['half is no majority', [true, true, false, false], [], /^valid$/],
    ['a server takes no writes', [true, true, true], ['s1'], /no strong write succeeded on s1/],
  ])('liveness: %s', (_, votes, stuck, verdict) => {
    const voters = votes?.map((one, i) => ({ server: `s${i}`, votes: one }));
    expect(verdictOf(strongLiveness, voters === undefined ? {} : { strongEnd: { voters, stuck } })).toMatch(verdict);
  });

  test('lists: two batches that each rest on what the other changes -> named by the checker of serialisability', () => {
    const batch = (id: number, read: string, append: string) => ({
      id,
      process: 'p',
      operation: [
        { kind: 'read' as const, key: read, values: [] },
        { kind: 'append' as const, key: append, value: id },
      ],
      invokedMs: 0,
      endedMs: 9,
      outcome: 'ok' as const,
    });
    const lists = [batch(1, 'x', 'y'), batch(2, 'y', 'x')];
    expect(verdictOf(serialisability, { lists })).toMatch(/^G2 /);
    expect(verdictOf(serialisability, { lists: lists.slice(1) })).toBe('valid');
  });

  test('registers: stale read -> named by the checker of linearizability', () => {
    const call = (id: number, value: string, kind: 'write' | 'read') => ({
      id,
      process: 'p',
      operation: { key: 'k', kind, value },
      invokedMs: id,
      endedMs: id + 0.5,
      outcome: 'ok' as const,
    });
    const registers = [call(1, 'x', 'write'), call(2, 'y', 'write'), call(3, 'x', 'read')];
    expect(verdictOf(linearizability, { registers })).toMatch(/^k: no order/);
    expect(verdictOf(linearizability, { registers: registers.slice(0, 2) })).toBe('valid');
  });
});

describe('uniqueness', () => {
  test('uniqueness: no constraint is broken -> valid; one is, on one server -> names both', () => {
    const good = finalState('a');
    expect(verdictOf(uniqueness, { final: [good] })).toBe('valid');
    const bad = finalState('b', { broken: ['claimed: [["n1","n2"]]'] });
    expect(verdictOf(uniqueness, { final: [good, bad] })).toMatch(/b holds what breaks claimed: .*n1.*n2/);
  });
});
