/** `docs/proof.md`: what is claimed, who looks for the opposite, and how much was run; written from verdicts of runs. */
import { compareText } from '../../base/order.ts';
import { REAL_CHECKERS } from './checkers/all.ts';
import type { GuaranteeVerdict, RunVerdict } from './judge.ts';
import { PLANTS } from './plants.ts';

const HEAD = `# Proof

What weft claims, which checker looks for the opposite, which planted bugs show that it would be found, and how much was run
with real processes. Written by \`npm run chaos -- proof FOLDER...\` from the verdicts of runs, so that it says no more than
what was run; the simulator's part is below. [consistency.md](consistency.md) has the promises in full,
[chaos/real/README.md](../chaos/real/README.md) how a run is made and judged.
`;

const BROKEN =
  'None of these is left out, whatever was mended since: [CHANGELOG.md](../CHANGELOG.md) tells of bugs, [gaps.md](gaps.md#proof-with-real-processes)\nof what remains.\n';

const MUTATION = `## Mutation testing

Code is changed in one small way after the other; a mutant that no test notices survives. \`npm run mutation -- FILE...\` runs the
tests that reach a file, from unit to property tests; simulation does not take part. Only these files have been run so far. What survives is told in
[gaps.md](gaps.md#proof-with-real-processes).
`;

const TAIL = `## In the simulator
\`npm run sim\` runs the production code of several servers in one process from one seed, with simulated time, network and disks:
power cuts, torn and lost writes, clock jumps, loss, reordering. Its checkers are the same where they can be, and stricter where only
it can look: streams, vectors and the fold of all commits. \`chaos/planted-bugs.ts\` lists the bugs that it must find, with
the seeds within which it must; \`chaos/planted-bugs.test.ts\` runs them. \`npm run sim -- --workload offline\` adds devices with
offline replicas (\`chaos/checkers/offline.ts\` says what they must keep); \`client/replica-differential.test.ts\` compares them with a server, rows and refusals. \`npm run model\` explores strong operations exhaustively
for small cases.

## Not covered
- Loss of power of real machines: \`kill -9\` leaves what was written to the system. The simulator has it.
- Real networks between machines: links are proxies on one machine, or network namespaces of one kernel. What needs \`tc netem\` was run
  only where [gaps.md](gaps.md#proof-with-real-processes) says so.
- A disk that lies about \`fsync\`; memory that flips bits.
- Latency and speed: runs share a machine with their servers. \`npm run bench\` measures these.
`;

/** What a mutation report (mutation-testing-report-schema) says of each file, as far as it is told here. */
export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
}

export function proofPage(all: readonly RunVerdict[], mutation?: MutationReport): string {
  // A run that did not come to its work neither shows nor breaks anything; it is counted apart.
  const verdicts = all.filter(({ operations: { ok, fail, info } }) => ok + fail + info > 0);
  const idle = all.length - verdicts.length;
  const plain = verdicts.filter(({ plant }) => plant === undefined);
  const planted = verdicts.filter(({ plant }) => plant !== undefined);
  const sum = (of: (run: RunVerdict) => number) => plain.reduce((all, run) => all + of(run), 0);
  const operations = sum(({ operations: { ok, fail, info } }) => ok + fail + info);
  const hours = (sum(({ seconds }) => seconds) / 3_600).toFixed(1);
  const scenarios = new Set(plain.map(({ scenario }) => scenario)).size;
  const last = verdicts
    .map(({ startedAt }) => startedAt)
    .sort()
    .at(-1)
    ?.slice(0, 10);
  const much = `${plain.length} runs of ${scenarios} scenarios, ${hours} hours, ${operations} operations, ${sum(({ faultEvents }) => faultEvents)} fault events that were seen to happen`;
  const broken = plain.filter(({ verdict }) => verdict === 'invalid').length;
  const unknown = plain.filter(({ verdict }) => verdict === 'unknown').length;
  const inNamespaces = plain.filter(({ net }) => net === 'netns');
  const scenariosThere = new Set(inNamespaces.map(({ scenario }) => scenario)).size;
  return [
    HEAD,
    `Until ${last}: ${much}. ${inNamespaces.length} of the runs, of ${scenariosThere} scenarios, were in network namespaces (\`--net netns\`), where the kernel loses packets. ${broken} runs broke a promise; in ${unknown} something could not be judged. ${idle} more did not come to start all servers, and are not counted.\n`,
    '## Promises\n',
    table(
      ['promise', 'checker', 'runs', 'judged', 'broken in', 'planted bugs that it found'],
      promiseRows(plain, planted),
    ),
    ...(broken === 0
      ? []
      : [
          '## Runs that broke a promise\n',
          BROKEN,
          table(['day', 'scenario', 'checker', 'first of what it says'], brokenRows(plain)),
        ]),
    '## Planted bugs\n',
    'Each is switched on in all servers; `npm run chaos -- self-test` runs them again. The same scenario without the bug is valid\n(next table), so it is the bug that was found. Not every bug shows in real processes; for those the last column says why, and\nwhat finds it.\n',
    table(['bug', 'scenario', 'runs', 'found in', 'by'], plantRows(planted)),
    '## Scenarios\n',
    table(['scenario', 'runs', 'operations', 'fault events', 'valid', 'unknown', 'broken'], scenarioRows(plain)),
    ...(mutation === undefined
      ? []
      : [MUTATION, table(['file', 'mutants', 'killed', 'survived', 'score'], mutationRows(mutation))]),
    TAIL,
  ].join('\n');
}

type Row = readonly (string | number)[];

function table(head: readonly string[], rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}

function ofChecker(runs: readonly RunVerdict[], name: string): (GuaranteeVerdict & { readonly run: RunVerdict })[] {
  return runs.flatMap((run) =>
    run.guarantees.filter(({ checker }) => checker === name).map((guarantee) => ({ ...guarantee, run })),
  );
}

function promiseRows(plain: readonly RunVerdict[], planted: readonly RunVerdict[]): Row[] {
  return REAL_CHECKERS.map(({ name, promise }) => {
    const verdicts = ofChecker(plain, name);
    const found = ofChecker(planted, name).filter(({ verdict }) => verdict === 'invalid');
    const bugs = [...new Set(found.map(({ run }) => run.plant ?? ''))].sort();
    const judged = verdicts.reduce((all, guarantee) => all + guarantee.judged, 0);
    const broken = verdicts.filter(({ verdict }) => verdict === 'invalid').length;
    return [promise, `\`${name}\``, verdicts.length, judged, broken, bugs.map((bug) => `\`${bug}\``).join(', ')];
  });
}

function brokenRows(plain: readonly RunVerdict[]): Row[] {
  return plain.flatMap(({ startedAt, scenario, guarantees }) =>
    guarantees
      .filter(({ verdict }) => verdict === 'invalid')
      .map(({ checker, why = '' }) => {
        const [first = ''] = why.split('\n');
        return [startedAt.slice(0, 10), `\`${scenario}\``, `\`${checker}\``, first.replaceAll('|', '\\|')];
      }),
  );
}

function plantRows(planted: readonly RunVerdict[]): Row[] {
  return Object.entries(PLANTS)
    .sort(([a], [b]) => compareText(a, b))
    .map(([bug, plant]) => {
      // Tries in other scenarios than the one that is meant for it say little.
      const runs = planted.filter((run) => run.plant === bug && 'scenario' in plant && run.scenario === plant.scenario);
      const found = runs.filter(({ verdict }) => verdict === 'invalid');
      const broken = found.flatMap(({ guarantees }) => guarantees.filter(({ verdict }) => verdict === 'invalid'));
      const by = [...new Set(broken.map(({ checker }) => checker))].sort();
      return 'elsewhere' in plant
        ? [`\`${bug}\``, 'none', '', '', `${plant.by}. Not here: ${plant.elsewhere}`]
        : [`\`${bug}\``, plant.scenario, runs.length, found.length, by.join(', ')];
    });
}

function mutationRows({ files }: MutationReport): Row[] {
  return Object.entries(files)
    .sort(([a], [b]) => compareText(a, b))
    .map(([file, { mutants }]) => {
      const count = (...statuses: readonly string[]) =>
        mutants.filter(({ status }) => statuses.includes(status)).length;
      // One that never ends was noticed; one that does not compile is none.
      const [killed, survived] = [count('Killed', 'Timeout'), count('Survived', 'NoCoverage')];
      const score = ((100 * killed) / Math.max(1, killed + survived)).toFixed(0);
      return [`\`${file}\``, killed + survived, killed, survived, `${score} %`];
    });
}

function scenarioRows(plain: readonly RunVerdict[]): Row[] {
  return [...new Set(plain.map(({ scenario }) => scenario))].sort().map((name) => {
    const runs = plain.filter(({ scenario }) => scenario === name);
    const sum = (of: (run: RunVerdict) => number) => runs.reduce((all, run) => all + of(run), 0);
    const are = (kind: RunVerdict['verdict']) => runs.filter(({ verdict }) => verdict === kind).length;
    const operations = sum(({ operations: { ok, fail, info } }) => ok + fail + info);
    return [
      `\`${name}\``,
      runs.length,
      operations,
      sum(({ faultEvents }) => faultEvents),
      are('valid'),
      are('unknown'),
      are('invalid'),
    ];
  });
}
