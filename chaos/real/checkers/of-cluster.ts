/** Judges of the servers as processes: that they stay alive, agree in the end, answer in time, and keep within bounds. */
import * as LIMITS from '../../../base/limits.ts';
import { judge } from '../../checkers/verdict.ts';
import type { FinalGraph, RunRecord } from '../run-record.ts';
import type { Sample } from '../sampler.ts';
import type { RealChecker } from './real-checker.ts';

export const convergence: RealChecker = {
  name: 'convergence',
  promise: 'once links are whole and clients are quiet, all servers hold the same graph',
  isAlways: true,
  check({ final, entries, facts }) {
    const late = entries.find((entry) => entry.type === 'phase' && entry.phase === 'not-converged');
    const [first, ...others] = final;
    if (first === undefined) {
      return { verdict: { kind: 'unknown', reason: 'no server told what it held' }, judged: 0 };
    }
    const evidence = others.flatMap((other) => differences(first, other));
    if (late?.type === 'phase') {
      evidence.push(`not within ${facts.scenario.healSeconds} s after the last fault: ${late.why ?? ''}`);
    }
    const healed = entries.find((entry) => entry.type === 'phase' && entry.phase === 'heal');
    const converged = entries.find((entry) => entry.type === 'phase' && entry.phase === 'converged');
    const figures = {
      'elements in the end': first.lines.filter((line) => line !== '').length,
      ...(healed !== undefined &&
        converged !== undefined && { 'seconds to converge': ((converged.atMs - healed.atMs) / 1_000).toFixed(1) }),
    };
    return { verdict: judge(evidence), judged: final.length, figures };
  },
};

function differences(a: FinalGraph, b: FinalGraph): string[] {
  const [ofA, ofB] = [new Set(a.lines), new Set(b.lines)];
  const onlyA = a.lines.filter((line) => !ofB.has(line));
  const onlyB = b.lines.filter((line) => !ofA.has(line));
  const some = (lines: readonly string[]) => `${lines.length} [${lines.slice(0, 2).join(' | ')}]`;
  if (onlyA.length + onlyB.length > 0) {
    return [`lines of ${a.server} alone: ${some(onlyA)}; of ${b.server} alone: ${some(onlyB)}`];
  }
  return a.digest === b.digest ? [] : [`equal exports, but digests ${a.digest} and ${b.digest}`];
}

export const processes: RealChecker = {
  name: 'processes',
  promise: 'no server ends by itself, whatever its links, disks and peers do',
  isAlways: true,
  check({ facts, samples }) {
    const evidence = facts.crashes.map(
      ({ server, atMs, how }) =>
        `${server} ended by itself (${how}) at ${atMs.toFixed(0)} ms; logs/${server}.log says why`,
    );
    return { verdict: judge(evidence), judged: new Set(samples.map(({ server }) => server)).size };
  },
};

/** Beyond the budget for graph data: Node itself, requests, Yjs documents that are written, and what is not collected yet. */
const MEMORY_BEYOND_BUDGET_BYTES = 700 * 1024 * 1024;
const OPEN_FILES_MAX = 1_000;

export const bounds: RealChecker = {
  name: 'bounds',
  promise: 'memory, open files and what waits for a slow disk or peer stay bounded',
  isAlways: true,
  check({ samples }) {
    const evidence: string[] = [];
    const check = (what: string, limit: number, of: (sample: Sample) => number | undefined) => {
      const peak = peakOf(samples, of);
      if (peak !== undefined && peak.value > limit) {
        evidence.push(
          `${what} of ${peak.server} reached ${peak.value} at ${peak.atMs.toFixed(0)} ms; its limit is ${limit}`,
        );
      }
    };
    const budget = peakOf(samples, ({ metrics }) => metrics?.weft_memory_budget_bytes)?.value ?? 0;
    check('held commits, in bytes,', LIMITS.heldBytesMax, ({ metrics }) => metrics?.weft_remote_held_bytes);
    check('patches that wait for the store', 2 * LIMITS.pendingBytesMax, ({ metrics }) => metrics?.weft_pending_bytes);
    check('memory', budget + MEMORY_BEYOND_BUDGET_BYTES, ({ memoryBytes }) => memoryBytes);
    check('open files', OPEN_FILES_MAX, ({ openFiles }) => openFiles);
    const [memory, files, disk] = [
      peakOf(samples, ({ memoryBytes }) => memoryBytes),
      peakOf(samples, ({ openFiles }) => openFiles),
      peakOf(samples, ({ diskBytes }) => diskBytes),
    ];
    const waited = partWaited(samples);
    const figures = {
      ...(memory && { 'peak memory, MB': Math.round(memory.value / 1e6) }),
      ...(files && { 'peak open files': files.value }),
      ...(disk && { 'peak disk, MB': Math.round(disk.value / 1e6) }),
      ...(waited !== undefined && { 'ready but without a processor, %': Math.round(100 * waited) }),
    };
    return { verdict: judge(evidence), judged: samples.length, figures };
  },
};

/** Of the time in which servers could have run, the part in which others had the processors. Times begin anew with a process. */
function partWaited(samples: readonly Sample[]): number | undefined {
  let [ran, waited] = [0, 0];
  const before = new Map<string, { readonly ranMs: number; readonly waitedMs: number }>();
  for (const { server, ranMs, waitedMs } of samples) {
    if (ranMs === undefined || waitedMs === undefined) continue;
    const last = before.get(server);
    const since = last === undefined || last.ranMs > ranMs ? { ranMs: 0, waitedMs: 0 } : last;
    ran += ranMs - since.ranMs;
    waited += waitedMs - since.waitedMs;
    before.set(server, { ranMs, waitedMs });
  }
  return ran + waited === 0 ? undefined : waited / (ran + waited);
}

function peakOf(
  samples: readonly Sample[],
  of: (sample: Sample) => number | undefined,
): { readonly value: number; readonly server: string; readonly atMs: number } | undefined {
  let peak: { readonly value: number; readonly server: string; readonly atMs: number } | undefined;
  for (const sample of samples) {
    const value = of(sample);
    if (value !== undefined && value > (peak?.value ?? Number.NEGATIVE_INFINITY)) {
      peak = { value, server: sample.server, atMs: sample.atMs };
    }
  }
  return peak;
}

/** Whether each fault of the scenario did something: a run whose faults did not happen proves nothing. */
export const faultsFired: RealChecker = {
  name: 'faults',
  promise: 'every fault of the scenario was seen to happen',
  isAlways: true,
  check({ facts, faults }: RunRecord) {
    const fired = (kind: string) =>
      faults.filter(({ begin, end }) => begin.kind === kind && end?.evidence !== undefined).length;
    const missing = facts.scenario.faults.map(({ kind }) => kind).filter((kind) => fired(kind) === 0);
    const reason = [...new Set(missing)].map(
      (kind) =>
        `${kind} did not happen${facts.impossible.find((why) => why.startsWith(kind))?.slice(kind.length) ?? ''}`,
    );
    const figures = { 'fault events': faults.filter(({ end }) => end?.evidence !== undefined).length };
    return {
      verdict: reason.length === 0 ? { kind: 'valid' } : { kind: 'unknown', reason: reason.join('; ') },
      judged: faults.length + (facts.scenario.faults.length === 0 ? 1 : 0),
      figures,
    };
  },
};
