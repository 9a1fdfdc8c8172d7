/** Every judge of real runs has histories that it must accept, and such that it must reject. */
import { describe, expect, test } from 'vitest';
import type { Call, Completion, Entry, FaultBegin, Level } from '../entry.ts';
import { faultsOf, operationsOf } from '../entry.ts';
import { judgeRun } from '../judge.ts';
import type { RunFacts, RunRecord } from '../run-record.ts';
import { REAL_CHECKERS } from './all.ts';

const SCENARIO = {
  name: 'a',
  about: 'b',
  servers: 2,
  flags: [],
  logScale: 1,
  seconds: 1,
  workloads: [],
  faults: [],
  overlap: false,
  healSeconds: 9,
};

interface Made {
  readonly call: Call;
  /** Before the answer. */
  readonly asked?: Call;
  readonly level?: Level;
  readonly server?: string;
  readonly isRead?: true;
  readonly type?: Completion['type'];
  readonly status?: number;
  readonly atMs?: number;
  readonly tookMs?: number;
}

/** One after the other, ten milliseconds apart, unless said otherwise. */
function history(...made: readonly Made[]): Entry[] {
  return made.flatMap(({ call, asked = call, level = 'strong', server = 'one', isRead = false, ...rest }, index) => {
    const { type = 'ok', status = 200, atMs = index * 10, tookMs = 5 } = rest;
    const invocation = {
      type: 'invoke',
      id: index,
      atMs,
      process: 'c',
      workload: 'w',
      server,
      level,
      isRead,
      call: asked,
    };
    const completion = { type, id: index, atMs: atMs + tookMs, status, ...(type === 'ok' && { answer: call }) };
    return [invocation, completion] as Entry[];
  });
}

type Rest = Partial<Pick<RunRecord, 'final' | 'samples'>> & { readonly facts?: Partial<RunFacts> };

function record(entries: readonly Entry[], { final = [], samples = [], facts = {} }: Rest = {}): RunRecord {
  return {
    facts: { scenario: SCENARIO, seed: 1, startedAt: '', seconds: 1, crashes: [], impossible: [], ...facts },
    entries,
    operations: operationsOf(entries),
    faults: faultsOf(entries),
    samples,
    final,
  };
}

function verdict(checker: string, run: RunRecord) {
  return REAL_CHECKERS.find(({ name }) => name === checker)?.check(run).verdict;
}

const node = (id: string, properties: object = {}) => JSON.stringify({ type: 'node', id, properties });
const edge = (id: string, from: string, to: string) =>
  JSON.stringify({ type: 'relationship', id, properties: {}, start: { id: from }, end: { id: to } });
const holds = (server: string, ...lines: readonly string[]) => ({ server, digest: lines.join(), lines });

const register = (operation: Extract<Call, { kind: 'register' }>['operation']): Made => ({
  call: { kind: 'register', operation },
});
const raise = (session: string, key: string, value: number, saw = { key: '', value: 0 }): Made => ({
  call: { kind: 'raise', session, key, value, saw },
  level: 'session',
});
const see = (session: string, key: string, value: number, saw = { key: '', value: 0 }): Made => ({
  call: { kind: 'see', session, key, value, saw },
  level: 'session',
  isRead: true,
});
const add = (by: number, rest: Partial<Made> = {}, key?: string): Made => ({
  call: { kind: 'increment', counter: 'n', by, ...(key !== undefined && { key }) },
  level: 'session',
  ...rest,
});
const create = (id: string, rest: Partial<Made> = {}): Made => ({
  call: { kind: 'create', elements: [id] },
  level: 'session',
  ...rest,
});
const merged = (id: string, server = 'one'): Made => ({
  call: { kind: 'merge', key: 'k', id },
  level: 'session',
  server,
});
const settled = (members: readonly string[], refused = 0, handedBack: readonly string[] = []): Made => ({
  call: { kind: 'settled', set: 's', members, refused, handedBack },
  level: 'eventual',
  isRead: true,
});
const claim = (member: string, restsOn?: string): Made => ({
  call: { kind: 'claim', set: 's', member, ...(restsOn !== undefined && { restsOn }) },
  level: 'eventual',
});
const looked = (undone: readonly string[], missing: readonly string[]): Made => ({
  call: { kind: 'look', undone, missing },
  level: 'eventual',
  isRead: true,
});
const edited = (letter: string, change: 'insert' | 'delete'): Made => ({
  call: { kind: 'letter', text: 't', letter, change },
  level: 'session',
});
const leased = (id: string, leftMs?: number, rest: Partial<Made> = {}): Made => ({
  call: { kind: 'lease', id, inMs: 20, ...(leftMs !== undefined && { leftMs }) },
  level: 'session',
  ...rest,
});
const converged = { type: 'phase', atMs: 90, phase: 'converged' } as const;
const shows = (content: string) => [holds('one', node('t', { content }))];
const empty = holds('one', node('s', { members: [] }));
const keyed = (id: string) => node(id, { key: 'k' });
const lost: FaultBegin = {
  type: 'fault',
  fault: 1,
  atMs: 0,
  kind: 'wipe',
  what: '',
  servers: ['one'],
  losing: { server: 'one', sinceMs: 0, untilMs: 30 },
};

const allLost: FaultBegin = {
  ...lost,
  kind: 'lost-disks',
  losing: { server: 'one', sinceMs: 0, untilMs: 30, isEverywhere: true },
};

const write = register({ key: 'x', kind: 'write', value: 'a' });
const readOf = (value: string | number | undefined): Made => ({
  ...register({ key: 'x', kind: 'read', value }),
  isRead: true,
});
/** To a number in the same place. */
const addAt = (level: Level, by: number, result?: number): Made => ({
  call: {
    kind: 'register',
    operation: { key: 'x', kind: 'increment', by, ...(result !== undefined && { result }) },
    ...(level !== 'strong' && { isEventual: true }),
  },
  level,
});

describe('accepted', () => {
  test.each<[string, RunRecord]>([
    ['linearizability', record(history(write, readOf('a')))],
    [
      'linearizability',
      record(
        JSON.parse(
          JSON.stringify(
            history(
              register({
                key: 'x',
                kind: 'compare-and-set',
                expected: { value: undefined },
                value: 'a',
                applied: true,
              }),
              readOf('a'),
            ),
          ),
        ),
      ),
    ],
    ['linearizability', record(history({ ...write, type: 'info' }, readOf(undefined), readOf('a')))],
    ['linearizability', record(history(addAt('session', 1), readOf(undefined), addAt('strong', 9, 9), readOf(10)))],
    ['bank', record(history({ call: { kind: 'balances', balances: [3, 7], total: 10 }, isRead: true }))],
    ['session-guarantees', record(history(raise('s', 'x', 1), see('s', 'x', 1), see('t', 'x', 0), see('t', 'x', 1)))],
    ['causality', record(history({ call: { kind: 'observe', chain: 'c', effect: 1, cause: 2 }, isRead: true }))],
    ['atomicity', record(history({ call: { kind: 'glance', group: 'g', values: [1, 1] }, isRead: true }))],
    ['counters', record(history(add(2), add(3, { type: 'info' })), { final: [holds('one', node('n', { count: 2 }))] })],
    [
      'counters',
      record(history(add(2), add(-1, { type: 'info' })), { final: [holds('one', node('n', { count: 2 }))] }),
    ],
    [
      'counters',
      record(history(add(1, { type: 'info' }, 'k'), add(1, { type: 'info' }, 'k'), add(1, {}, 'k')), {
        final: [holds('one', node('n', { count: 1 }))],
      }),
    ],
    ['elements', record(history(create('a')), { final: [holds('one', node('a'))] })],
    ['elements', record([lost, ...history(create('a'))], { final: [holds('two')] })],
    [
      'elements',
      record([allLost, ...history(create('a', { level: 'strong', server: 'two' }))], { final: [holds('two')] }),
    ],
    ['uniqueness', record(history(merged('a'), merged('a', 'two')), { final: [holds('one', keyed('a'))] })],
    ['devices', record(history(settled(['m'])), { final: [holds('one', node('s', { members: ['m'] }))] })],
    [
      'texts',
      record(history(edited('a', 'insert'), edited('b', 'insert'), edited('a', 'delete')), { final: shows('b') }),
    ],
    ['texts', record(history({ ...edited('a', 'insert'), type: 'info' }), { final: shows('a') })],
    [
      'expiry',
      record([...history(leased('a'), leased('b'), leased('b', 9)), converged], { final: [holds('one', node('b'))] }),
    ],
    ['expiry', record([...history(leased('a'), leased('a', 4)), converged], { final: [holds('one')] })],
    [
      'expiry',
      record([...history(leased('a'), leased('a', 9, { type: 'info' })), converged], { final: [holds('one')] }),
    ],
    ['expiry', record(history(leased('a')), { final: [holds('one', node('a'))] })],
    ['devices', record(history(claim('m'), claim('n', 'm'), settled([], 0, ['m', 'n'])), { final: [empty] })],
    ['devices', record(history({ ...claim('m'), type: 'info' }, looked([], []), settled([])), { final: [empty] })],
    ['convergence', record([], { final: [holds('one', node('a')), holds('two', node('a'))] })],
    ['processes', record([])],
    ['faults', record([])],
  ])('%s', (checker, run) => {
    expect(verdict(checker, run)).toEqual({ kind: 'valid' });
  });
});

describe('rejected', () => {
  const edgeMade: Made = { call: { kind: 'create', elements: ['e'], ends: ['a', 'b'] }, level: 'session' };
  const gone: Made = { call: { kind: 'delete', element: 'a' }, level: 'session' };
  const member: Made = { call: { kind: 'member', set: 's', member: 'm', change: 'add' }, level: 'session' };
  test.each<[string, RunRecord, RegExp]>([
    ['linearizability', record(history(write, readOf(undefined))), /no order/],
    ['linearizability', record(history(addAt('session', 1), readOf(1), addAt('strong', 9, 9))), /no order/],
    ['linearizability', record(history(addAt('strong', 1), readOf(undefined))), /no order/],
    [
      'serialisability',
      record(
        history(
          { call: { kind: 'lists', operations: [{ kind: 'append', key: 'l', value: 1 }] } },
          { call: { kind: 'lists', operations: [{ kind: 'read', key: 'l', values: [] }] }, isRead: true },
        ),
      ),
      /no order/,
    ],
    ['bank', record(history({ call: { kind: 'balances', balances: [3, 8], total: 10 }, isRead: true })), /11 in all/],
    ['session-guarantees', record(history(raise('s', 'x', 2), see('s', 'x', 1))), /^read your writes/],
    ['session-guarantees', record(history(see('s', 'x', 2), see('s', 'x', 1))), /^monotonic reads/],
    [
      'session-guarantees',
      record(history(see('s', 'y', 1, { key: 'x', value: 4 }), see('s', 'x', 3))),
      /^writes follow reads/,
    ],
    ['causality', record(history({ call: { kind: 'observe', chain: 'c', effect: 2, cause: 1 } })), /effect 2/],
    ['atomicity', record(history({ call: { kind: 'glance', group: 'g', values: [1, null] } })), /showed g/],
    ['dangling', record(history({ call: { kind: 'export', edges: 1, dangling: ['e (a -> b)'] } })), /showed e/],
    ['counters', record(history(add(2)), { final: [holds('one', node('n', { count: 1 }))] }), /n is 1 on one/],
    [
      'counters',
      record(history(add(1, { type: 'info' }, 'k'), add(1, {}, 'k')), {
        final: [holds('one', node('n', { count: 2 }))],
      }),
      /n is 2 on one/,
    ],
    ['sets', record(history(member), { final: [holds('one', node('s', { members: [] }))] }), /s m is missing/],
    ['texts', record(history(edited('a', 'insert'), edited('b', 'insert')), { final: shows('b') }), /t a is missing/],
    ['texts', record(history(edited('a', 'insert'), edited('a', 'delete')), { final: shows('a') }), /t a was removed/],
    ['texts', record(history(edited('a', 'insert')), { final: shows('aa') }), /t a again on one comes from nowhere/],
    [
      'texts',
      record(history({ call: { kind: 'text', text: 't', letters: 2, twice: ['a'] }, isRead: true }), {
        final: shows('a'),
      }),
      /one showed a of t twice/,
    ],
    [
      'expiry',
      record([...history(leased('a'), leased('a', 9)), converged], { final: [holds('one')] }),
      /a was extended in time and is missing on one/,
    ],
    [
      'expiry',
      record([...history(leased('a')), converged], { final: [holds('one', node('a'))] }),
      /a has expired and is there on one/,
    ],
    [
      'expiry',
      record(history({ call: { kind: 'leases', shown: 1, expired: ['a'] }, isRead: true }), { final: [holds('one')] }),
      /one showed a at 0 ms, which had expired/,
    ],
    ['elements', record(history(create('a')), { final: [holds('one')] }), /a is missing on one/],
    ['elements', record([lost, ...history(create('a', { atMs: 31 }))], { final: [holds('two')] }), /a is missing/],
    [
      'elements',
      record([lost, ...history(create('a', { level: 'strong' }))], { final: [holds('two')] }),
      /a is missing/,
    ],
    ['elements', record([lost, ...history(create('a', { server: 'two' }))], { final: [holds('two')] }), /a is missing/],
    ['elements', record([allLost, ...history(create('a', { atMs: 31 }))], { final: [holds('two')] }), /a is missing/],
    ['elements', record(history(create('a'), gone), { final: [holds('one', node('a'))] }), /a was deleted/],
    [
      'elements',
      record(history(create('a'), create('b'), edgeMade), { final: [holds('one', node('a'), node('b'))] }),
      /e is missing/,
    ],
    ['elements', record([], { final: [holds('one', node('a'), edge('edge-1', 'a', 'b'))] }), /leads to b/],
    [
      'uniqueness',
      record(history(merged('a'), merged('b', 'two')), { final: [holds('one', keyed('a'), node('b'))] }),
      /k is a \(one, 0 ms\) and b \(two, 10 ms\)/,
    ],
    ['uniqueness', record([], { final: [holds('one', keyed('a'), keyed('b'))] }), /one holds k in a and b/],
    ['uniqueness', record(history(merged('a')), { final: [holds('one')] }), /a, which holds k, is missing on one/],
    [
      'devices',
      record(history(settled(['m'])), { final: [holds('one', node('s', { members: [] }))] }),
      /shows m, which/,
    ],
    ['devices', record(history(settled([])), { final: [holds('one', node('s', { members: ['m'] }))] }), /not show m/],
    ['devices', record(history(settled([], 1)), { final: [holds('one', node('s'))] }), /1 batches of c were refused/],
    ['devices', record(history(looked(['m'], [])), { final: [empty] }), /c at 0 ms: shows m, which was refused/],
    ['devices', record(history(looked([], ['m'])), { final: [empty] }), /does not show m, which it had kept/],
    ['devices', record(history(claim('m'), settled([])), { final: [empty] }), /c was not told that m is refused/],
    [
      'devices',
      record(history(claim('m'), claim('n', 'm'), settled(['n'], 0, ['m', 'n'])), {
        final: [holds('one', node('s', { members: ['n'] }))],
      }),
      /one holds n, which rests on m, though it must be refused/,
    ],
    ['devices', record(history({ ...settled([]), type: 'fail' }), { final: [holds('one')] }), /did not come to send/],
    ['convergence', record([], { final: [holds('one', node('a')), holds('two', node('b'))] }), /lines of one alone/],
    [
      'convergence',
      record([{ type: 'phase', atMs: 1, phase: 'not-converged' }], { final: [holds('one'), holds('two')] }),
      /not within/,
    ],
    ['processes', record([], { facts: { crashes: [{ server: 'one', atMs: 1, how: '70' }] } }), /one ended by itself/],
    ['bounds', record([], { samples: [{ atMs: 1, server: 'one', openFiles: 5_000 }] }), /open files of one/],
  ])('%s', (checker, run, evidence) => {
    const found = verdict(checker, run);
    expect(found?.kind).toBe('invalid');
    expect(found?.kind === 'invalid' && found.evidence).toMatch(evidence);
  });

  test('bounds: others have the processors, a server is started again in between -> the part of the time is told', () => {
    const of = (server: string, ranMs: number, waitedMs: number) => ({ atMs: 1, server, ranMs, waitedMs });
    const samples = [
      of('one', 100, 50),
      of('two', 50, 50),
      of('one', 200, 150),
      of('one', 50, 150),
      { atMs: 1, server: 'two' },
    ];
    const told = judgeRun(record([], { samples })).guarantees.find(({ checker }) => checker === 'bounds');
    expect(told?.figures).toMatchObject({ 'ready but without a processor, %': 54 });
  });

  test('availability: a server that runs does not serve eventual -> invalid', () => {
    const asked = Array.from(
      { length: 100 },
      (_, i): Made => ({ ...see('s', 'x', 1), level: 'eventual', status: i < 50 ? 200 : 503 }),
    );
    expect(verdict('availability', record(history(...asked)))).toMatchObject({ kind: 'invalid' });
  });

  test('availability: back to service only after a minute -> invalid', () => {
    const begin = { ...lost, kind: 'kill' };
    const end = { type: 'mended', fault: 1, atMs: 1_000, evidence: 'x' } as const;
    const asked = { ...see('s', 'x', 1), atMs: 2_000 };
    const served = record([begin, end, ...history({ ...asked, tookMs: 50_000 })]);
    expect(verdict('availability', served)).toMatchObject({ kind: 'invalid' });
    expect(verdict('availability', record([begin, end, ...history(asked)]))).toEqual({ kind: 'valid' });
  });
});

describe('unknown', () => {
  const planned = { ...SCENARIO, faults: [{ kind: 'kill', everySeconds: 1, lastsSeconds: 1 }] };

  test('faults: one of the scenario was not seen to happen -> unknown', () => {
    const run = record([lost], { facts: { scenario: planned } });
    expect(verdict('faults', run)).toEqual({ kind: 'unknown', reason: 'kill did not happen' });
  });

  test('run: nothing to judge, or interrupted -> unknown, though nothing is wrong', () => {
    const workloads = [{ kind: 'strong-registers' }];
    const empty = judgeRun(
      record([], { facts: { scenario: { ...SCENARIO, workloads, checkers: ['linearizability'] } } }),
    );
    expect(empty.guarantees[0]).toMatchObject({ verdict: 'unknown', why: 'there was nothing to judge' });
    const cut = record([...history(write), { type: 'phase', atMs: 99, phase: 'interrupted' }], {
      facts: { scenario: { ...SCENARIO, workloads, checkers: ['linearizability'] } },
      samples: [{ atMs: 1, server: 'one' }],
    });
    expect([judgeRun(cut).guarantees[0]?.verdict, judgeRun(cut).verdict]).toEqual(['valid', 'unknown']);
  });
});
