/** All that a run leaves for its judges: read back from its folder, so that it can be judged again, or elsewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Entry, type FaultSpan, faultsOf, type Operation, operationsOf } from './entry.ts';
import type { NetKind } from './net/net.ts';
import type { Sample } from './sampler.ts';
import type { Scenario } from './scenario.ts';
import type { Crash } from './server-process.ts';

/** What a server held in the end, as it exports it. */
export interface FinalGraph {
  readonly server: string;
  readonly digest: string;
  /** Lines of the export, sorted. */
  readonly lines: readonly string[];
}

export interface FinalElements {
  readonly nodes: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly edges: ReadonlyMap<string, { readonly from: string; readonly to: string }>;
}

/** About the run itself. */
export interface RunFacts {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly plant?: string;
  /** What was between servers; absent in records from before there was a choice, which is proxies. */
  readonly net?: { readonly kind: NetKind; readonly has: readonly string[] };
  readonly startedAt: string;
  readonly seconds: number;
  readonly crashes: readonly Crash[];
  /** Kinds of faults that this machine cannot bring about, and why. */
  readonly impossible: readonly string[];
}

export interface RunRecord {
  readonly facts: RunFacts;
  readonly entries: readonly Entry[];
  readonly operations: readonly Operation[];
  readonly faults: readonly FaultSpan[];
  readonly samples: readonly Sample[];
  readonly final: readonly FinalGraph[];
}

export function readRun(folder: string): RunRecord {
  const entries = readLines<Entry>(join(folder, 'history.jsonl'));
  const finals = join(folder, 'final');
  const final = existsSync(finals)
    ? readdirSync(finals)
        .filter((file) => file.endsWith('.ndjson'))
        .map((file) => {
          const server = file.replace('.ndjson', '');
          const digest = readFileSync(join(finals, `${server}.digest`), 'utf8');
          return { server, digest, lines: readFileSync(join(finals, file), 'utf8').split('\n') };
        })
    : [];
  return {
    facts: JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunFacts,
    entries,
    operations: operationsOf(entries),
    faults: faultsOf(entries),
    samples: readLines<Sample>(join(folder, 'samples.jsonl')),
    final,
  };
}

/** None if the run ended before there was such a file. */
function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

interface ExportLine {
  readonly type: 'node' | 'relationship';
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly start: { readonly id: string };
  readonly end: { readonly id: string };
}

export function elementsOf({ lines }: FinalGraph): FinalElements {
  const nodes = new Map<string, Readonly<Record<string, unknown>>>();
  const edges = new Map<string, { readonly from: string; readonly to: string }>();
  for (const line of lines) {
    if (line === '') continue;
    const { type, id, properties, start, end } = JSON.parse(line) as ExportLine;
    if (type === 'node') nodes.set(id, properties ?? {});
    else edges.set(id, { from: start.id, to: end.id });
  }
  return { nodes, edges };
}

/** Whether the operation must have, may have or cannot have taken effect in the end. */
export function effectOf(
  { invocation, completion }: Operation,
  faults: readonly FaultSpan[],
): 'sure' | 'possible' | 'none' {
  if (completion?.type === 'fail') return 'none';
  if (completion?.type !== 'ok') return 'possible';
  const isLost = faults.some(({ begin: { losing } }) => {
    if (losing === undefined) return false;
    const isOfOne = losing.isEverywhere !== true;
    if (isOfOne && (invocation.level === 'strong' || losing.server !== invocation.server)) return false;
    return completion.atMs >= losing.sinceMs && invocation.atMs <= losing.untilMs;
  });
  return isLost ? 'possible' : 'sure';
}
