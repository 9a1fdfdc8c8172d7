/** `docs/proof.md`: what is claimed, who looks for the opposite, and how much was run; written from verdicts of runs. */
import { compareText } from '../../base/order.ts';
import type { SweepRecord } from '../sweep-record.ts';
import { REAL_CHECKERS } from './checkers/all.ts';
import type { RunVerdict } from './judge.ts';
import { type Row, table } from './markdown-table.ts';
import { type MutationReport, type MutationSample, mutationSection } from './mutation-proof.ts';
import { PLANTS } from './plants.ts';
import { type SeedTally, seedSection, sweepName, withSweep } from './seed-proof.ts';

const HEAD = `# Proof

What weft claims, which checker looks for the opposite, which planted bugs show that it would be found, and how much was run
with real processes. Written by \`npm run chaos -- proof FOLDER...\`, which adds the verdicts of runs to those before
([proof.json](proof.json)), so that it says no more than what was run; the simulator's part is below. [consistency.md](consistency.md) has the promises in full,
[chaos/real/README.md](../chaos/real/README.md) how a run is made and judged.
`;

const BROKEN =
  'None of these is left out, whatever was mended since: [CHANGELOG.md](../CHANGELOG.md) tells of bugs, [gaps.md](gaps.md#proof-with-real-processes)\nof what remains.\n';

const SIMULATOR = `## In the simulator
\`npm run sim\` runs the production code of several servers in one process from one seed, with simulated time, network and disks:
power cuts, torn and lost writes, clock jumps, loss, reordering. Its checkers are the same where they can be, and stricter where only
it can look: streams, vectors and the fold of all commits. \`chaos/planted-bugs.ts\` lists the bugs that it must find, with
the seeds within which it must; \`chaos/planted-bugs.test.ts\` runs them. \`npm run sim -- --workload offline\` adds devices with
offline replicas (\`chaos/checkers/offline.ts\` says what they must keep); \`client/replica-differential.test.ts\` compares them with a server, rows and refusals. \`npm run model\` explores strong operations exhaustively
for small cases.
`;

const TAIL = `## Not covered
- Loss of power of real machines: power is cut of file systems in files (\`chaos/real/disks/\`), which keep what reached them
  before; a disk may also lose or tear what was written and not synced. The simulator has that.
- Real networks between machines: links are proxies on one machine, or network namespaces of one kernel. What needs \`tc netem\` was run
  only where [gaps.md](gaps.md#proof-with-real-processes) says so.
- A disk that lies about \`fsync\`; memory that flips bits.
- Latency and speed: runs share a machine with their servers. \`npm run bench\` measures these.
`;

/** One row of sums over the runs of a scenario. */
interface ScenarioSums {
  readonly runs: number;
  readonly operations: number;
  readonly faultEvents: number;
  readonly valid: number;
  readonly unknown: number;
  readonly broken: number;
}

/** What the page tells of runs. It is kept (`docs/proof.json`), and later runs are added to it; the runs themselves, which are large, need not be. */
export interface Tally {
  /** Day of the last run. */
  readonly last: string;
  readonly seconds: number;
  /** Runs that did not come to their work. */
  readonly idle: number;
  /** Runs in network namespaces. */
  readonly inNamespaces: number;
  readonly scenarios: Readonly<Record<string, ScenarioSums>>;
  /** By checker. */
  readonly promises: Readonly<
    Record<
      string,
      { readonly runs: number; readonly judged: number; readonly broken: number; readonly bugs: readonly string[] }
    >
  >;
  readonly brokenRuns: readonly {
    readonly day: string;
    readonly scenario: string;
    readonly checker: string;
    readonly why: string;
  }[];
  /** By planted bug, in the scenario that is meant for it. */
  readonly planted: Readonly<
    Record<string, { readonly runs: number; readonly found: number; readonly by: readonly string[] }>
  >;
  readonly seeds: SeedTally;
  /** Names of the runs and sweeps that are in it, so that none counts twice. */
  readonly counted: readonly string[];
}

export const NO_RUNS: Tally = {
  last: '',
  seconds: 0,
  idle: 0,
  inNamespaces: 0,
  scenarios: {},
  promises: {},
  brokenRuns: [],
  planted: {},
  seeds: {},
  counted: [],
};

export function withSweeps(tally: Tally, sweeps: readonly SweepRecord[]): Tally {
  return sweeps.reduce(withOneSweep, tally);
}

function withOneSweep(tally: Tally, sweep: SweepRecord): Tally {
  const name = sweepName(sweep);
  if (tally.counted.includes(name)) return tally;
  const counted = [...tally.counted, name].sort();
  return { ...tally, counted, seeds: withSweep(tally.seeds, sweep) };
}

export function withRuns(tally: Tally, runs: readonly RunVerdict[]): Tally {
  return runs.reduce(withRun, tally);
}

function withRun(tally: Tally, run: RunVerdict): Tally {
  const name = `${run.startedAt} ${run.scenario}${run.plant === undefined ? '' : ` ${run.plant}`}`;
  if (tally.counted.includes(name)) return tally;
  const counted = [...tally.counted, name].sort();
  const { ok, fail, info } = run.operations;
  // A run that did not come to its work neither shows nor breaks anything; it is counted apart.
  if (ok + fail + info === 0) return { ...tally, counted, idle: tally.idle + 1 };
  const day = run.startedAt.slice(0, 10);
  const next = { ...tally, counted, last: day > tally.last ? day : tally.last };
  return run.plant === undefined ? withPlain(next, run, day) : withPlanted(next, run, run.plant);
}

function withPlain(tally: Tally, run: RunVerdict, day: string): Tally {
  const { scenario, verdict, seconds, net, faultEvents, operations, guarantees } = run;
  const sums = tally.scenarios[scenario] ?? { runs: 0, operations: 0, faultEvents: 0, valid: 0, unknown: 0, broken: 0 };
  const promises = { ...tally.promises };
  for (const { checker, judged, verdict: kind } of guarantees) {
    const held = promises[checker] ?? NOT_JUDGED;
    const broken = held.broken + Number(kind === 'invalid');
    promises[checker] = { ...held, runs: held.runs + 1, judged: held.judged + judged, broken };
  }
  const brokenRuns = guarantees
    .filter(({ verdict: kind }) => kind === 'invalid')
    .map(({ checker, why = '' }) => ({ day, scenario, checker, why: why.split('\n')[0] ?? '' }));
  return {
    ...tally,
    seconds: tally.seconds + seconds,
    inNamespaces: tally.inNamespaces + Number(net === 'netns'),
    scenarios: {
      ...tally.scenarios,
      [scenario]: {
        runs: sums.runs + 1,
        operations: sums.operations + operations.ok + operations.fail + operations.info,
        faultEvents: sums.faultEvents + faultEvents,
        valid: sums.valid + Number(verdict === 'valid'),
        unknown: sums.unknown + Number(verdict === 'unknown'),
        broken: sums.broken + Number(verdict === 'invalid'),
      },
    },
    promises,
    brokenRuns: [...tally.brokenRuns, ...brokenRuns],
  };
}

const NOT_JUDGED = { runs: 0, judged: 0, broken: 0, bugs: [] } as const;

function withPlanted(tally: Tally, { scenario, guarantees }: RunVerdict, bug: string): Tally {
  const found = guarantees.filter(({ verdict }) => verdict === 'invalid').map(({ checker }) => checker);
  const promises = { ...tally.promises };
  for (const checker of found) {
    const held = promises[checker] ?? NOT_JUDGED;
    promises[checker] = { ...held, bugs: union(held.bugs, [bug]) };
  }
  const plant = Object.hasOwn(PLANTS, bug) ? PLANTS[bug as keyof typeof PLANTS] : undefined;
  // Tries in other scenarios than the one that is meant for it say little.
  if (plant === undefined || !('scenario' in plant) || plant.scenario !== scenario) return { ...tally, promises };
  const held = tally.planted[bug] ?? { runs: 0, found: 0, by: [] };
  const row = { runs: held.runs + 1, found: held.found + Number(found.length > 0), by: union(held.by, found) };
  return { ...tally, promises, planted: { ...tally.planted, [bug]: row } };
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}

export function proofPage(tally: Tally, mutation?: MutationReport | readonly MutationSample[]): string {
  const { last, seconds, idle, inNamespaces, brokenRuns } = tally;
  const seeds = seedSection(tally.seeds);
  const rows = Object.values(tally.scenarios);
  const sum = (of: (row: ScenarioSums) => number) => rows.reduce((all, row) => all + of(row), 0);
  const much = `${sum(({ runs }) => runs)} runs of ${rows.length} scenarios, ${(seconds / 3_600).toFixed(1)} hours, ${sum(({ operations }) => operations)} operations, ${sum(({ faultEvents }) => faultEvents)} fault events that were seen to happen`;
  const verdicts = `${sum(({ broken }) => broken)} runs broke a promise; in ${sum(({ unknown }) => unknown)} something could not be judged`;
  return [
    HEAD,
    `Until ${last}: ${much}. ${inNamespaces} of the runs were in network namespaces (\`--net netns\`), where the kernel loses packets. ${verdicts}. ${idle} more did not come to start all servers, and are not counted.\n`,
    '## Promises\n',
    table(['promise', 'checker', 'runs', 'judged', 'broken in', 'planted bugs that it found'], promiseRows(tally)),
    ...(brokenRuns.length === 0
      ? []
      : [
          '## Runs that broke a promise\n',
          BROKEN,
          table(['day', 'scenario', 'checker', 'first of what it says'], brokenRows(tally)),
        ]),
    '## Planted bugs\n',
    'Each is switched on in all servers; `npm run chaos -- self-test` runs them again. The same scenario without the bug is valid\n(next table), so it is the bug that was found. Not every bug shows in real processes; for those the last column says why, and\nwhat finds it.\n',
    table(['bug', 'scenario', 'runs', 'found in', 'by'], plantRows(tally)),
    '## Scenarios\n',
    table(['scenario', 'runs', 'operations', 'fault events', 'valid', 'unknown', 'broken'], scenarioRows(tally)),
    ...(mutation === undefined ? [] : [mutationSection(mutation)]),
    SIMULATOR,
    ...(seeds === undefined ? [] : [seeds]),
    TAIL,
  ].join('\n');
}

function promiseRows({ promises }: Tally): Row[] {
  return REAL_CHECKERS.map(({ name, promise }) => {
    const { runs, judged, broken, bugs } = promises[name] ?? NOT_JUDGED;
    return [promise, `\`${name}\``, runs, judged, broken, bugs.map((bug) => `\`${bug}\``).join(', ')];
  });
}

function brokenRows({ brokenRuns }: Tally): Row[] {
  return brokenRuns.map(({ day, scenario, checker, why }) => [
    day,
    `\`${scenario}\``,
    `\`${checker}\``,
    why.replaceAll('|', '\\|'),
  ]);
}

function plantRows({ planted }: Tally): Row[] {
  return Object.entries(PLANTS)
    .sort(([a], [b]) => compareText(a, b))
    .map(([bug, plant]) => {
      if ('elsewhere' in plant) return [`\`${bug}\``, 'none', '', '', `${plant.by}. Not here: ${plant.elsewhere}`];
      const { runs, found, by } = planted[bug] ?? { runs: 0, found: 0, by: [] };
      return [`\`${bug}\``, plant.scenario, runs, found, by.join(', ')];
    });
}

function scenarioRows({ scenarios }: Tally): Row[] {
  return Object.entries(scenarios)
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, { runs, operations, faultEvents, valid, unknown, broken }]) => {
      return [`\`${name}\``, runs, operations, faultEvents, valid, unknown, broken];
    });
}
