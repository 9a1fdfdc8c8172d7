/** The page that tells how much was run: it must not leave out what went wrong. */
import { expect, test } from 'vitest';
import type { RunVerdict } from './judge.ts';
import { proofPage } from './proof.ts';

const run = (verdict: 'valid' | 'invalid', why?: string): RunVerdict => ({
  scenario: 'storm',
  net: 'proxies',
  startedAt: '2026-01-02T03:04:05.000Z',
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
  const page = proofPage([run('valid'), run('invalid', 'a read of x | y\n  and more')]);
  expect(page).toContain('2 runs of 1 scenarios, 0.0 hours, 26 operations, 6 fault events');
  expect(page).toContain('| 2026-01-02 | `storm` | `linearizability` | a read of x \\| y |\n');
  expect(page).not.toContain('and more');
});

test('no run broke one -> no word of such runs', () => {
  expect(proofPage([run('valid')])).not.toContain('## Runs that broke a promise');
});
