#!/usr/bin/env node
/** `weft-chaos`: runs scenarios against real servers, and writes what they showed. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import { buildEnv } from '../../bin/env.ts';
import { EXIT, UsageError } from '../../bin/exit.ts';
import { wholeNumber } from '../../bin/options.ts';
import type { SweepRecord } from '../sweep-record.ts';
import { REAL_CHECKERS } from './checkers/all.ts';
import { REAL_FAULTS } from './faults/all.ts';
import { judgeRun, type RunVerdict, verdictLines } from './judge.ts';
import type { MutationReport, MutationSample } from './mutation-proof.ts';
import { runInNamespaces } from './net/enter-namespaces.ts';
import { NET_KINDS, type NetAbilities, type NetKind } from './net/net.ts';
import { netnsAbilities } from './net/netns-abilities.ts';
import { PROXY_ABILITIES } from './net/proxy-net.ts';
import { PLANTS, TRIES_MAX } from './plants.ts';
import { NO_RUNS, proofPage, type Tally, withRuns, withSweeps } from './proof.ts';
import { reportPage } from './report/page.ts';
import { readRun } from './run-record.ts';
import { runScenario } from './run-scenario.ts';
import { readScenario, type Scenario, ScenarioError } from './scenario.ts';
import { WORKLOADS } from './workloads/all.ts';

const ROOT = findRoot();
/** What the last sample of mutants found. */
const SAMPLE = join(ROOT, 'docs/mutation-sample.json');
const SCENARIOS = join(ROOT, 'chaos/scenarios');
const PROGRAM = join(ROOT, 'dist/bin/weft.js');
const KNOWN = {
  workloads: WORKLOADS.map(({ name }) => name),
  faults: REAL_FAULTS.map(({ name }) => name),
  checkers: REAL_CHECKERS.map(({ name }) => name),
};

interface RunFlags {
  readonly out: string;
  readonly seed: number;
  readonly seconds?: number;
  readonly plant?: string;
  readonly net: NetKind;
  /** Whether this process is in the namespaces already. */
  readonly inNamespaces?: boolean;
}

const env = buildEnv('warn');
let interrupts = 0;

/** The folder of the program, from its source or from what was built of it. */
function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

function buildProgram(): Command {
  const program = new Command('weft-chaos')
    .description(
      'Starts real weft servers, breaks them and their links while clients work, and judges what clients saw.',
    )
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  weft-chaos list                        scenarios, workloads, nets and what they can do here, faults, checkers
  weft-chaos run isolate                 a scenario by name
  weft-chaos run mine.json --seconds 60  one of your own, for a minute
  weft-chaos run isolate --net netns     each server in a network namespace, links broken by the kernel
  weft-chaos report chaos-runs/isolate-1 judge a run again, and write its report again
  weft-chaos self-test                   see that planted bugs are found

A run leaves a folder: history.jsonl, samples.jsonl, logs/, final/, verdict.json, report.html.
Exit codes: 0 all valid, 1 a guarantee was broken or is not known, 2 wrong usage.`,
    );
  program
    .command('run')
    .description('run scenarios, one after the other')
    .argument('<scenario...>', 'names of scenarios, or files')
    .option('--out <folder>', 'where run folders are made', 'chaos-runs')
    .option('--seed <number>', 'of all choices', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--seconds <number>', 'how long clients work, instead of what the scenario says', wholeNumber(1, 86_400))
    .option('--plant <bug>', 'switch a bug on in all servers, to see that it is found')
    .addOption(
      new Option('--net <kind>', 'what lies between servers: proxies, or the kernel, where that is permitted')
        .choices(NET_KINDS)
        .default('proxies'),
    )
    .addOption(new Option('--in-namespaces').hideHelp())
    .action(async (names: readonly string[], flags: RunFlags) => {
      for (const name of names) scenarioOf(name);
      if (flags.net === 'netns' && flags.inNamespaces !== true) {
        abilitiesOf(flags.net);
        process.exitCode = await runInNamespaces([...process.argv.slice(2), '--in-namespaces']);
        return;
      }
      for (const name of names) if (interrupts === 0) await runOne(name, flags);
    });
  program.command('list').description('list scenarios, workloads, nets, faults and checkers').action(list);
  program
    .command('report')
    .description('judge runs again from their folders')
    .argument('<folder...>')
    .action((folders: readonly string[]) => {
      for (const folder of folders) conclude(folder);
    });
  program
    .command('self-test')
    .description('switch on one bug after the other, and see that each is found')
    .argument('[bug...]', 'some of them only')
    .option('--out <folder>', 'where run folders are made', 'chaos-runs')
    .action(selfTest);
  program
    .command('proof')
    .description('add the verdicts of runs to docs/proof.json, and write docs/proof.md')
    .argument('[folder...]', 'run folders')
    .option('--mutation <file>', 'what mutation testing found, to be told as well', SAMPLE)
    .option('--seeds <file>', 'what `npm run sim -- --record` wrote, to be added as well')
    .action(writeProof);
  return program;
}

interface ProofFlags {
  readonly mutation: string;
  readonly seeds?: string;
}

function writeProof(folders: readonly string[], { mutation, seeds }: ProofFlags): void {
  const files = folders.map((folder) => join(folder, 'verdict.json')).filter((file) => existsSync(file));
  const verdicts = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as RunVerdict);
  const report = JSON.parse(readFileSync(mutation, 'utf8')) as MutationReport | readonly MutationSample[];
  const kept = join(ROOT, 'docs/proof.json');
  const before = existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as Tally) : NO_RUNS;
  const tally = withSweeps(withRuns(before, verdicts), seeds === undefined ? [] : readSweeps(seeds));
  writeFileSync(kept, `${JSON.stringify(tally, null, 2)}\n`);
  writeFileSync(join(ROOT, 'docs/proof.md'), proofPage(tally, report));
  console.log(`docs/proof.md: ${tally.counted.length - before.counted.length} runs and sweeps more`);
}

function readSweeps(file: string): SweepRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as SweepRecord);
}

function scenarioOf(name: string): Scenario {
  const named = join(SCENARIOS, `${name}.json`);
  const file = existsSync(named) ? named : resolve(name);
  if (!existsSync(file)) {
    throw new ScenarioError(`there is no scenario ${name}; \`weft-chaos list\` names those that there are`);
  }
  return readScenario(file, KNOWN);
}

/** @throws UsageError if there can be none of this kind here */
function abilitiesOf(kind: NetKind): NetAbilities {
  if (kind === 'proxies') return PROXY_ABILITIES;
  const abilities = netnsAbilities();
  if ('impossible' in abilities) throw new UsageError(`--net netns is not possible here: ${abilities.impossible}`);
  return abilities;
}

interface Find {
  readonly bug: string;
  readonly scenario: string;
  readonly tries: number;
  /** Checkers that found it; none if it was not found. */
  readonly by: readonly string[];
}

/** A bug that no run finds is a hole in the scenarios or in the checkers. */
async function selfTest(bugs: readonly string[], { out }: { readonly out: string }): Promise<void> {
  const unknown = bugs.find((bug) => !Object.hasOwn(PLANTS, bug));
  if (unknown !== undefined) {
    throw new ScenarioError(`there is no bug ${unknown}; there are ${Object.keys(PLANTS).join(', ')}`);
  }
  const finds: Find[] = [];
  const chosen = Object.entries(PLANTS).filter(([bug]) => bugs.length === 0 || bugs.includes(bug));
  for (const [bug, plant] of chosen) {
    if ('elsewhere' in plant) continue;
    let [by, tries]: [readonly string[], number] = [[], 0];
    while (by.length === 0 && tries < TRIES_MAX && interrupts === 0) {
      tries++;
      const { scenario, seconds } = plant;
      const found = await runOne(scenario, {
        net: 'proxies',
        out,
        seed: tries,
        ...(seconds !== undefined && { seconds }),
        plant: bug,
      });
      by = found.guarantees.filter(({ verdict }) => verdict === 'invalid').map(({ checker }) => checker);
    }
    finds.push({ bug, scenario: plant.scenario, tries, by });
  }
  console.log('planted bug              scenario          runs  found by');
  for (const { bug, scenario, tries, by } of finds) {
    const found = by.length === 0 ? 'NOT FOUND' : by.join(', ');
    console.log(`${bug.padEnd(24)} ${scenario.padEnd(17)} ${String(tries).padStart(4)}  ${found}`);
  }
  for (const [bug, plant] of chosen) {
    if ('elsewhere' in plant)
      console.log(`${bug.padEnd(24)} not in real runs: ${plant.elsewhere}; found by ${plant.by}`);
  }
  // Runs with bugs are meant to fail.
  process.exitCode = finds.every(({ by }) => by.length > 0) && interrupts === 0 ? EXIT.ok : EXIT.failed;
}

async function runOne(name: string, { out, seed, seconds, plant, net }: RunFlags): Promise<RunVerdict> {
  const found = scenarioOf(name);
  const scenario = seconds === undefined ? found : { ...found, seconds };
  const abilities = abilitiesOf(net);
  const labels = [scenario.name, ...(net === 'proxies' ? [] : [net]), ...(plant === undefined ? [] : [plant])];
  const folder = freeFolder(resolve(out), labels.join('-'));
  console.log(`${scenario.name}: ${scenario.about}`);
  if (net !== 'proxies') console.log(`  ${abilities.has.join(', ')}`);
  const isInterrupted = () => interrupts > 0;
  const failure = await runScenario({
    env,
    scenario,
    seed,
    folder,
    program: PROGRAM,
    plant,
    abilities,
    isInterrupted,
    onProgress,
  });
  clearProgress();
  if (failure !== undefined) console.error(`weft-chaos: the run did not come to its end: ${failure}`);
  return conclude(folder);
}

/** Numbered, so that no run writes over another one. */
function freeFolder(out: string, name: string): string {
  let number = 1;
  while (existsSync(join(out, `${name}-${number}`))) number++;
  const folder = join(out, `${name}-${number}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Judges the run of a folder and leaves verdict and report in it. */
function conclude(folder: string): RunVerdict {
  const record = readRun(folder);
  const verdict = judgeRun(record);
  writeFileSync(join(folder, 'verdict.json'), `${JSON.stringify(verdict, undefined, 2)}\n`);
  writeFileSync(join(folder, 'report.html'), reportPage(record, verdict));
  for (const line of verdictLines(verdict)) console.log(line);
  console.log(`  ${join(folder, 'report.html')}\n`);
  if (verdict.verdict !== 'valid') process.exitCode = EXIT.failed;
  return verdict;
}

function list(): void {
  const section = (title: string, rows: readonly { readonly name: string; readonly about: string }[]) => {
    console.log(title);
    for (const { name, about } of rows) console.log(`  ${name.padEnd(24)} ${about}`);
    console.log();
  };
  const files = readdirSync(SCENARIOS).filter((file) => file.endsWith('.json'));
  section(
    'scenarios',
    files.map((file) => scenarioOf(basename(file, '.json'))),
  );
  section('workloads', WORKLOADS);
  const netns = netnsAbilities();
  const nets = [PROXY_ABILITIES, ...('impossible' in netns ? [] : [netns])];
  section('nets', [
    { name: 'proxies', about: PROXY_ABILITIES.has.join(', ') },
    { name: 'netns', about: 'impossible' in netns ? `not here: ${netns.impossible}` : netns.has.join(', ') },
  ]);
  section(
    'faults',
    REAL_FAULTS.map(({ name, about, impossible }) => {
      const not = nets.flatMap((net) => {
        const why = impossible?.(net);
        return why === undefined ? [] : [`not with ${net.kind} here: ${why}`];
      });
      return { name, about: [about, ...not].join('; ') };
    }),
  );
  section(
    'checkers',
    REAL_CHECKERS.map(({ name, promise }) => ({ name, about: promise })),
  );
}

/** One line that is written over on a terminal; elsewhere only every tenth is shown. */
let progressLines = 0;
function onProgress(line: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K  ${line}`);
  else if (progressLines++ % 10 === 0) console.log(`  ${line}`);
}

function clearProgress(): void {
  progressLines = 0;
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[2K');
}

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      interrupts++;
      console.error(`\n${interrupts === 1 ? 'ending the run; once more ends it at once' : 'ended at once'}`);
      if (interrupts > 1) process.exit(128 + 2);
    });
  }
  try {
    await buildProgram().parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else {
      console.error(`weft-chaos: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = error instanceof ScenarioError || error instanceof UsageError ? EXIT.usage : EXIT.failed;
    }
  }
}

await main();
// Node 20 may wait for ever, at full speed, for sockets that were reset (`uv_run` in `Environment::CleanupHandles`).
process.exit();
