/** What is kept of a sweep of seeds, so that docs/proof.md can say how much was run: one line of JSON each. */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import type { Profile } from './scenario.ts';

/** Of the seeds from `from` on. */
export interface SweepRecord {
  readonly startedAt: string;
  /** Of the code that ran. */
  readonly commit: string;
  readonly profile: Profile;
  readonly from: number;
  readonly seeds: number;
  readonly failed: number;
  /** Acknowledged, refused and unknown ones. */
  readonly operations: number;
  readonly faults: number;
  readonly frames: number;
  /** Simulated, in milliseconds. */
  readonly virtualMs: number;
}

export function appendRecord(file: string, record: Omit<SweepRecord, 'commit'>): void {
  const { stdout } = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  const commit = stdout?.trim() || 'unknown';
  appendFileSync(file, `${JSON.stringify({ ...record, commit } satisfies SweepRecord)}\n`);
}
