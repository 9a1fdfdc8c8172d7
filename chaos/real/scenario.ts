/** A scenario is data: which servers, what clients do, what breaks, for how long, and what is then judged. */
import { readFileSync } from 'node:fs';
import type { WorkloadOptions } from './arena.ts';
import { SERVER_NAMES } from './real-cluster.ts';

export interface WorkloadChoice extends WorkloadOptions {
  readonly kind: string;
}

export interface FaultChoice {
  readonly kind: string;
  /** From the beginning of one to the beginning of the next. */
  readonly everySeconds: number;
  readonly lastsSeconds: number;
  /** Of the server that it hits; any of them if absent. */
  readonly target?: string;
  /** What the fault itself understands, such as `delayMs`. */
  readonly options?: Readonly<Record<string, number>>;
}

export interface Scenario {
  readonly name: string;
  /** One or two sentences for people. */
  readonly about: string;
  readonly servers: number;
  /** Flags of every server beyond those of a cluster. */
  readonly flags: readonly string[];
  /** The log of every server counts for so many times its bytes, and is cut as early: who comes back empty takes over a state. */
  readonly logScale: number;
  /** How long clients work. */
  readonly seconds: number;
  readonly workloads: readonly WorkloadChoice[];
  readonly faults: readonly FaultChoice[];
  /** Whether faults of different entries may be in place at the same time. */
  readonly overlap: boolean;
  /** What is judged; by default all that the workloads bear on, and the cluster as a whole. */
  readonly checkers?: readonly string[];
  /** After the last fault, until all servers hold the same. */
  readonly healSeconds: number;
}

const DEFAULTS = { servers: 3, flags: [], logScale: 1, faults: [], overlap: false, healSeconds: 60 };

export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

export interface KnownNames {
  readonly workloads: readonly string[];
  readonly faults: readonly string[];
  readonly checkers: readonly string[];
}

/** @throws ScenarioError that says what is wrong and what would be right */
export function readScenario(file: string, known: KnownNames): Scenario {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ScenarioError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return checkScenario(file, parsed, known);
}

export function checkScenario(file: string, parsed: unknown, known: KnownNames): Scenario {
  const wrong = (what: string) => new ScenarioError(`${file}: ${what}`);
  if (typeof parsed !== 'object' || parsed === null) throw wrong('must be an object');
  const scenario = { ...DEFAULTS, ...(parsed as Partial<Scenario>) };
  const { name, about, servers, logScale, seconds, workloads, faults, checkers = [] } = scenario;
  const unknown = Object.keys(parsed).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw wrong(`unknown field ${unknown}; there are ${[...FIELDS].join(', ')}`);
  if (typeof name !== 'string' || typeof about !== 'string') throw wrong('`name` and `about` must be text');
  if (!Number.isInteger(servers) || servers < 1 || servers > SERVER_NAMES.length) {
    throw wrong(`\`servers\` must be from 1 to ${SERVER_NAMES.length}`);
  }
  if (!Number.isInteger(logScale) || logScale < 1) throw wrong('`logScale` must be a whole number from 1 on');
  if (typeof seconds !== 'number' || !(seconds > 0)) throw wrong('`seconds` must be a number above 0');
  if (!Array.isArray(workloads) || workloads.length === 0) throw wrong('`workloads` must be a list, not empty');
  const oneOf = (what: string, kind: string, all: readonly string[]) => {
    if (!all.includes(kind)) throw wrong(`there is no ${what} ${kind}; there are ${all.join(', ')}`);
  };
  for (const { kind } of workloads) oneOf('workload', kind, known.workloads);
  for (const { kind, everySeconds, lastsSeconds, target } of faults) {
    oneOf('fault', kind, known.faults);
    if (!(everySeconds > 0) || !(lastsSeconds >= 0)) throw wrong(`${kind}: \`everySeconds\`, \`lastsSeconds\``);
    if (target !== undefined) oneOf('server', target, SERVER_NAMES.slice(0, servers));
  }
  for (const checker of checkers) oneOf('checker', checker, known.checkers);
  return { ...scenario, name, about, seconds, workloads };
}

const FIELDS: ReadonlySet<string> = new Set([
  'name',
  'about',
  'servers',
  'flags',
  'logScale',
  'seconds',
  'workloads',
  'faults',
  'overlap',
  'checkers',
  'healSeconds',
]);
