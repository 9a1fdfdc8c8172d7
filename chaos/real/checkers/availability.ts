/**
 * Who was served while things were broken, and how soon after. `eventual` must be served by every server that runs and is
 * not itself hit; `strong` by those that reach a majority once they have noticed; all of them soon after a heal.
 */
import { judge } from '../../checkers/verdict.ts';
import type { FaultSpan, Level, Operation } from '../entry.ts';
import { SERVER_NAMES } from '../real-cluster.ts';
import type { RunRecord } from '../run-record.ts';
import type { RealChecker } from './real-checker.ts';

/** Refusals that say what a client should do otherwise, not that the server cannot serve. */
const isServed = ({ completion }: Operation) =>
  completion !== undefined && completion.status > 0 && completion.status < 500 && completion.status !== 429;

/** Requests at the turn of a fault may have been sent before, or while the server came back. */
const EDGE_MS = 500;
/** Of the `eventual` requests to servers that nothing hits. */
const SERVED_PART_MIN = 0.99;
/** The time back to service after a heal; the limit is far above what is wanted, since machines are busy. */
const BACK_MS_MAX = 20_000;

const LEVELS: readonly Level[] = ['eventual', 'session', 'strong'];

export const availability: RealChecker = {
  name: 'availability',
  promise: 'a server that runs serves `eventual` whatever is cut; every level is back soon after a heal',
  isAlways: true,
  check(run) {
    const evidence: string[] = [];
    const figures: Record<string, number | string> = {};
    const asked = run.operations.filter(({ invocation: { server } }) => SERVER_NAMES.includes(server));
    const healedMs = healOf(run);
    const untouched = asked.filter(
      ({ invocation: { server, atMs } }) => atMs < healedMs && !isHit(run.faults, server, atMs),
    );
    const eventual = untouched.filter(({ invocation }) => invocation.level === 'eventual');
    const served = eventual.filter(isServed).length;
    if (eventual.length >= 100 && served / eventual.length < SERVED_PART_MIN) {
      const first = eventual.find((operation) => !isServed(operation));
      const how = `${first?.completion?.code ?? 'no answer'} from ${first?.invocation.server}`;
      evidence.push(
        `of ${eventual.length} eventual requests to servers that run, ${served} were served; first not: ${how}`,
      );
    }
    for (const [name, part] of sharesOf(run.faults, untouched)) figures[name] = part;
    const backs = backTimes(run, asked);
    for (const { level, server, ms } of backs) {
      if (ms > BACK_MS_MAX) evidence.push(`${server} served ${level} only ${(ms / 1_000).toFixed(1)} s after a heal`);
    }
    const sorted = backs.map(({ ms }) => ms).sort((a, b) => a - b);
    if (sorted.length > 0) figures['back to service, p95'] = `${quantile(sorted, 0.95)} ms of ${sorted.length} heals`;
    return { verdict: judge(evidence), judged: asked.length, figures };
  },
};

/** When faults ended for good: after that clients only wait for servers to come to hold the same. */
function healOf({ entries }: RunRecord): number {
  const heal = entries.find((entry) => entry.type === 'phase' && entry.phase === 'heal');
  return heal?.atMs ?? Number.POSITIVE_INFINITY;
}

function isHit(faults: readonly FaultSpan[], server: string, atMs: number): boolean {
  return faults.some(
    ({ begin, end }) =>
      begin.servers.includes(server) &&
      atMs >= begin.atMs - EDGE_MS &&
      atMs <= (end?.atMs ?? Number.POSITIVE_INFINITY) + EDGE_MS,
  );
}

const PLACES = ['in peace', 'larger side of a cut', 'smaller side of a cut'] as const;

/** By level: the part that was served in peace, and during cuts on the larger and on the smaller side. */
function sharesOf(faults: readonly FaultSpan[], operations: readonly Operation[]): (readonly [string, string])[] {
  const counts = new Map<string, { all: number; served: number }>();
  for (const operation of operations) {
    const { level, server, atMs } = operation.invocation;
    const key = `${level}, ${placeOf(server, sidesAt(faults, atMs))}`;
    const count = counts.get(key) ?? { all: 0, served: 0 };
    counts.set(key, count);
    count.all++;
    if (isServed(operation)) count.served++;
  }
  return LEVELS.flatMap((level) =>
    PLACES.flatMap((place) => {
      const count = counts.get(`${level}, ${place}`);
      if (count === undefined) return [];
      return [[`${level}, ${place}`, `${((100 * count.served) / count.all).toFixed(1)} % of ${count.all}`] as const];
    }),
  );
}

function placeOf(server: string, sides: Sides): (typeof PLACES)[number] {
  if (sides === undefined) return 'in peace';
  return sides.large.includes(server) ? 'larger side of a cut' : 'smaller side of a cut';
}

type Sides = { readonly large: readonly string[]; readonly small: readonly string[] } | undefined;

function sidesAt(faults: readonly FaultSpan[], atMs: number): Sides {
  const cut = faults.find(
    ({ begin, end }) =>
      begin.sides !== undefined && atMs >= begin.atMs && atMs <= (end?.atMs ?? Number.POSITIVE_INFINITY),
  );
  const sorted = [...(cut?.begin.sides ?? [])].sort((a, b) => b.length - a.length);
  const [large, ...rest] = sorted;
  return large === undefined ? undefined : { large, small: rest.flat() };
}

interface Back {
  readonly level: Level;
  readonly server: string;
  readonly ms: number;
}

/** From the end of each fault to the first request of each level that every server served, if it was sent after the end. */
function backTimes(run: RunRecord, operations: readonly Operation[]): Back[] {
  const servers = [...new Set(operations.map(({ invocation }) => invocation.server))];
  const byPlace = new Map<string, Operation[]>();
  for (const operation of operations) {
    const place = `${operation.invocation.level} ${operation.invocation.server}`;
    const known = byPlace.get(place);
    if (known === undefined) byPlace.set(place, [operation]);
    else known.push(operation);
  }
  return run.faults.flatMap(({ begin, end }, index) => {
    const healedMs = end?.atMs;
    // While the next fault is there already, nothing can be said.
    const untilMs = run.faults[index + 1]?.begin.atMs ?? Number.POSITIVE_INFINITY;
    if (healedMs === undefined || begin.atMs > healedMs) return [];
    return LEVELS.flatMap((level) =>
      servers.flatMap((server) => {
        const later = (byPlace.get(`${level} ${server}`) ?? []).filter(
          ({ invocation }) => invocation.atMs >= healedMs && invocation.atMs < untilMs,
        );
        const first = later.find(isServed);
        return first?.completion === undefined ? [] : [{ level, server, ms: first.completion.atMs - healedMs }];
      }),
    );
  });
}

function quantile(sorted: readonly number[], part: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
}
