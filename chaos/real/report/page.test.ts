/** The report is one page that needs nothing else, and shows the operations of a violation. */
import { describe, expect, test } from 'vitest';
import type { Entry } from '../entry.ts';
import { faultsOf, operationsOf } from '../entry.ts';
import { judgeRun } from '../judge.ts';
import type { RunRecord } from '../run-record.ts';
import { reportPage } from './page.ts';

const scenario = {
  name: 'a <b>',
  about: 'c & d',
  servers: 1,
  flags: [],
  logScale: 1,
  seconds: 1,
  workloads: [{ kind: 'strong-registers' }],
  faults: [{ kind: 'kill', everySeconds: 1, lastsSeconds: 1 }],
  overlap: false,
  healSeconds: 1,
};
const invoke = { type: 'invoke', process: 'client-7', workload: 'w', server: 'one', level: 'strong' } as const;
const write = { kind: 'register', operation: { key: 'x', kind: 'write', value: '<script>' } } as const;
const read = { kind: 'register', operation: { key: 'x', kind: 'read', value: undefined } } as const;
const entries: Entry[] = [
  { type: 'phase', atMs: 0, phase: 'work' },
  { ...invoke, id: 1, atMs: 5, isRead: false, call: write },
  { type: 'ok', id: 1, atMs: 9, status: 200, answer: write },
  { type: 'fault', fault: 1, atMs: 9, kind: 'kill', what: 'one: kill', servers: ['one'] },
  { ...invoke, id: 2, atMs: 15, isRead: true, call: read },
  { type: 'ok', id: 2, atMs: 19, status: 404, answer: read },
  { type: 'mended', fault: 1, atMs: 25, evidence: 'ended with SIGKILL' },
];
const run: RunRecord = {
  facts: { scenario, seed: 1, startedAt: 'then', seconds: 1, crashes: [], impossible: [] },
  entries,
  operations: operationsOf(entries),
  faults: faultsOf(entries),
  samples: [{ atMs: 20, server: 'one', memoryBytes: 1e8 }],
  final: [],
};

describe('report', () => {
  const page = reportPage(run, judgeRun(run));

  test('text of a run -> escaped; nothing is fetched, nothing runs', () => {
    expect(page).toContain('a &lt;b&gt;');
    expect(page).not.toMatch(/<script|src=|href=|url\(|@import/);
  });

  test('a violation -> its operations are drawn in rows of their own', () => {
    const drawn = /Operations that cannot all be right(.*?)<\/svg>/s.exec(page)?.[1];
    expect(drawn).toContain('#1 client-7');
    expect(drawn).toContain('#2 client-7');
  });

  test('faults -> a band with what shows that they happened', () => {
    expect(page).toContain('<title>kill: one: kill; ended with SIGKILL</title>');
  });
});
