/** The page that tells how much was run: it must not leave out what went wrong. */
import { expect, test } from 'vitest';
import type { SweepRecord } from '../sweep-record.ts';
import type { RunVerdict } from './judge.ts';
import { NO_RUNS, proofPage, withRuns, withSweeps } from './proof.ts';

const page = (...runs: readonly RunVerdict[]) => proofPage(withRuns(NO_RUNS, runs));

const run = (verdict: 'valid' | 'invalid', why?: string): RunVerdict => ({
  scenario: 'storm',
  net: 'proxies',
  startedAt: `2026-01-02T03:04:05.${why === undefined ? '000' : '001'}Z`,
  seconds: 60,
  verdict,
  operations: { ok: 10, fail: 2, info: 1 },
  faultEvents: 3,
  guarantees: [
    {
      checker: 'linearizability',
      promise: 'as by one copy',
      verdict,
      judged: 7,
      figures: {},
      ...(why !== undefined && { why }),
    },
  ],
});

test('a run that broke a promise -> the day, the scenario, and the first line of what the checker says', () => {
  const text = page(run('valid'), run('invalid', 'a read of x | y\n  and more'));
  expect(text).toContain('2 runs of 1 scenarios, 0.0 hours, 26 operations, 6 fault events');
  expect(text).toContain('| 2026-01-02 | `storm` | `linearizability` | a read of x \\| y |\n');
  expect(text).not.toContain('and more');
});

test('no run broke one -> no word of such runs', () => {
  expect(page(run('valid'))).not.toContain('## Runs that broke a promise');
});

test('runs that are added later, one of them again -> each counts once, and nothing of the earlier ones is gone', () => {
  const [one, other] = [run('valid'), run('invalid', 'a read')];
  const kept = JSON.parse(JSON.stringify(withRuns(NO_RUNS, [one]))) as typeof NO_RUNS;
  expect(proofPage(withRuns(kept, [one, other]))).toBe(page(one, other));
});

test('a planted bug -> who found it is told, and none of its work counts', () => {
  const planted = { ...run('invalid', 'a read'), scenario: 'isolate-strong', plant: 'read-without-quorum' };
  const text = page(run('valid'), planted);
  expect(text).toContain('1 runs of 1 scenarios');
  expect(text).toContain('| `read-without-quorum` | isolate-strong | 1 | 1 | linearizability |');
});

test('a sample of mutants -> by folder, those that do not compile apart, the score with its interval', () => {
  const counts = { killed: 40, timedOut: 2, survived: 7, noCoverage: 1, notCompiled: 30, notRun: 0 };
  const shares = { score: 0.84, low: 0.7149, high: 0.9166 };
  const scores = [{ folder: 'storage', mutants: 2530, ...counts, ...shares, noticedBy: { near: 30, wide: 12 } }];
  const asked = { day: '2026-01-02', commit: '4f3ab11', count: 80, seed: 1, passes: ['near', 'wide'] };
  const text = proofPage(NO_RUNS, [{ ...asked, scores }]);
  expect(text).toContain('| `storage/` | 2530 | 80 | 30 | 0 | 42 | 8 | 84 % | 71 % to 92 % |');
  expect(text).toContain('at `4f3ab11`, `npm run mutation -- --sample=80 --seed=1`');
  expect(text).toContain('Noticed by near 30, wide 12.');
});

test('sweeps of seeds, one of them again -> by commit and kind, each once, those that failed told', () => {
  const sweep = (from: number, failed: number): SweepRecord => ({
    startedAt: '2026-01-02T03:04:05.000Z',
    commit: '4f3ab11',
    profile: 'strong',
    from,
    seeds: 250,
    failed,
    operations: 50_000,
    faults: 900,
    frames: 40_000,
    virtualMs: 1_800_000,
  });
  const once = withSweeps(NO_RUNS, [sweep(1, 0)]);
  const usual: SweepRecord = { ...sweep(1, 0), profile: 'small' };
  const text = proofPage(withSweeps(once, [sweep(1, 0), sweep(251, 1), usual]));
  const kind = 'strong operations (`--workload strong`)';
  expect(text).toContain(`| \`4f3ab11\` | ${kind} | 500 | 1 | 100000 | 1800 | 80000 | 1.0 |`);
  expect(text).toContain('| `4f3ab11` | usual | 250 | 0 | 50000 | 900 | 40000 | 0.5 |');
  expect(text).toContain('| `4f3ab11` | all | 750 | 1 | 150000 | 2700 | 120000 | 1.5 |');
});
