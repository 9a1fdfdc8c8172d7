/**
 * How everything here is measured. Machines are noisy and shared, so contestants take turns within one run, each round
 * starts from a collected heap, and what counts is the median of the ratios of neighbouring rounds.
 */

import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { settings } from './settings.ts';

/** One measurement of some amount of work. */
export interface Sample {
  readonly count: number;
  readonly wallMs: number;
  /** Time on a processor, of all threads of this process: what others do on the machine hardly changes it. */
  readonly cpuMs: number;
}

export type Contestant = () => Promise<Sample>;

export interface Rounds {
  readonly rounds: number;
  readonly warmups: number;
}

export function median(numbers: readonly number[]): number {
  const sorted = Array.from(numbers).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which `share` of the numbers lie. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = Array.from(numbers).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The median of what one contestant did relative to another in the same round. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/** Operations a second of processor time, by round. */
export function cpuRates(samples: readonly Sample[]): number[] {
  return samples.map(({ count, cpuMs }) => (1000 * count) / cpuMs);
}

/** Operations a second of real time, by round. */
export function wallRates(samples: readonly Sample[]): number[] {
  return samples.map(({ count, wallMs }) => (1000 * count) / wallMs);
}

/** Runs `work` once, from a collected heap. @param lead runs in between, before the clock does */
export async function measured(count: number, work: () => unknown, lead?: () => unknown): Promise<Sample> {
  await collectByAllocating();
  await lead?.();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { count, wallMs, cpuMs: (user + system) / 1000 };
}

/**
 * Lets the contestants take turns. Each call measures once and returns its sample; warm-up rounds are thrown away. The
 * order is reversed from round to round, so that a machine that slows down or speeds up favours nobody.
 */
export async function takeTurns<Name extends string>(
  contestants: Readonly<Record<Name, Contestant>>,
  { rounds, warmups }: Rounds,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(contestants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>;
  const profiling = settings().profiles !== undefined;
  const firsts = new Map<Name, Sample>();
  for (let round = -warmups; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      // A profile is of the first contestant, which is us: the others run once, and that stands for all rounds.
      const held = profiling && name !== names[0] ? firsts.get(name) : undefined;
      const sample = held ?? (await contestants[name]());
      firsts.set(name, sample);
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** Seconds that `work` takes. */
export async function seconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** How many repetitions take about `roundMs` by the clock `nowMs`, once what is repeated is warm. */
export async function repetitionsIn(
  roundMs: number,
  nowMs: () => number,
  repeat: (times: number) => unknown,
  first = 1,
): Promise<number> {
  for (let times = first; ; times *= 2) {
    const start = nowMs();
    await repeat(times);
    const tookMs = nowMs() - start;
    if (tookMs > roundMs / 2) return Math.max(1, Math.round((times * roundMs) / tookMs));
  }
}

/** Processor time of this process so far, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A megabyte. */
const GARBAGE_LENGTH = 2 ** 17;
const HELD = 64;
let collections = 0;
let observer: PerformanceObserver | undefined;

/**
 * Makes garbage until V8 collects the whole heap of its own accord, as it does in a server. A collection that is asked for by
 * `gc()` throws compiled code away, too, wherever that knows a kind of object of which none is alive at the moment; compiling it
 * again took up to a third of the processor time of what was measured next, of every contestant and most of those with most code.
 */
async function collectByAllocating(): Promise<void> {
  if (observer === undefined) {
    observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } };
        if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections++;
      }
    });
    observer.observe({ entryTypes: ['gc'] });
  }
  // What is still to be told is of earlier collections.
  await turn();
  const before = collections;
  // Held until it is old: what dies young goes without a collection of the whole heap.
  const held: unknown[] = [];
  for (let round = 0; collections === before; round++) {
    held[round % HELD] = new Array(GARBAGE_LENGTH).fill(round);
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Collects garbage; the runner starts every benchmark with `--expose-gc`. */
export function collect(): void {
  if (globalThis.gc === undefined) throw new Error('run with node --expose-gc');
  globalThis.gc();
}

/** Bytes that are alive: JavaScript objects and the memory of typed arrays. */
export async function liveBytes(): Promise<number> {
  // What finalizers and settled promises hold goes with the second collection.
  for (let i = 0; i < 3; i++) {
    collect();
    await turn();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Milliseconds that a fixed amount of work takes now: how fast the machine is at the moment. */
export function calibrationMs(): number {
  const start = performance.now();
  const counts = new Map<string, number>();
  let hash = 1;
  for (let i = 0; i < 400_000; i++) {
    hash = (Math.imul(hash, 1_664_525) + 1_013_904_223) >>> 0;
    const key = `k${hash & 1023}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts.size > 0 ? performance.now() - start : Number.NaN;
}
