/** What the page of proofs tells of seeds of the simulator: by commit and kind, those that failed included. */
import type { SweepRecord } from '../sweep-record.ts';
import { type Row, table } from './markdown-table.ts';

type SeedSums = Pick<SweepRecord, 'seeds' | 'failed' | 'operations' | 'faults' | 'frames' | 'virtualMs'>;

/** By commit, then by profile. */
export type SeedTally = Readonly<Record<string, Readonly<Record<string, SeedSums>>>>;

const KINDS: Readonly<Record<SweepRecord['profile'], string>> = {
  small: 'usual',
  heavy: 'large clusters (`--profile heavy`)',
  strong: 'strong operations (`--workload strong`)',
  aimed: 'strong operations under aimed faults (`--workload aimed`)',
  offline: 'offline replicas (`--workload offline`)',
};

const HEAD = ['code', 'kind', 'seeds', 'failed', 'operations', 'faults', 'frames', 'simulated hours'];
const NONE: SeedSums = { seeds: 0, failed: 0, operations: 0, faults: 0, frames: 0, virtualMs: 0 };

export const sweepName = ({ startedAt, profile, from }: SweepRecord): string => `${startedAt} seeds ${profile} ${from}`;

export function withSweep(tally: SeedTally, sweep: SweepRecord): SeedTally {
  const ofCommit = tally[sweep.commit] ?? {};
  return { ...tally, [sweep.commit]: { ...ofCommit, [sweep.profile]: sumOf(ofCommit[sweep.profile] ?? NONE, sweep) } };
}

function sumOf(a: SeedSums, b: SeedSums): SeedSums {
  return {
    seeds: a.seeds + b.seeds,
    failed: a.failed + b.failed,
    operations: a.operations + b.operations,
    faults: a.faults + b.faults,
    frames: a.frames + b.frames,
    virtualMs: a.virtualMs + b.virtualMs,
  };
}

/** Undefined if none were recorded. */
export function seedSection(tally: SeedTally): string | undefined {
  const rows = Object.entries(tally).flatMap(([commit, ofCommit]) => [
    ...Object.entries(ofCommit).map(([profile, sums]) =>
      rowOf(commit, KINDS[profile as SweepRecord['profile']] ?? profile, sums),
    ),
    rowOf(commit, 'all', Object.values(ofCommit).reduce(sumOf, NONE)),
  ]);
  if (rows.length === 0) return undefined;
  const what =
    'Seeds that were recorded (`npm run sim -- --record FILE`, then `npm run chaos -- proof --seeds FILE`); of those before there\nis a summary in [gaps.md](gaps.md#proof-with-real-processes).\n';
  return [what, table(HEAD, rows)].join('\n');
}

function rowOf(commit: string, kind: string, sums: SeedSums): Row {
  const { seeds, failed, operations, faults, frames, virtualMs } = sums;
  return [`\`${commit}\``, kind, seeds, failed, operations, faults, frames, (virtualMs / 3_600_000).toFixed(1)];
}
