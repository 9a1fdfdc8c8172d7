/**
 * `npm run sim -- [--seeds N] [--from N] [--profile small|heavy] [--workload strong|aimed|offline] [--bug NAME] [--twice] [--workers N] [--record FILE]`:
 * runs seeds on all cores and sums up. `--seed N` runs one here and tells all that happens. `--twice` runs every seed twice and compares
 * the trace hashes. Exits with 1 if a seed failed.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import { wholeNumber } from '../bin/options.ts';
import { toolCommand } from '../bin/tool.ts';
import { realMs, realTime, StrayRejections } from './host.ts';
import { isPlantedName, PLANTED_BUGS } from './planted-bugs.ts';
import { runSeed, type SeedReport } from './run-seed.ts';
import { type Direction, type Profile, scenarioOf } from './scenario.ts';
import { SimRandom } from './sim/random.ts';
import { appendRecord } from './sweep-record.ts';
import type { Task } from './worker.ts';

const SEEDS_DEFAULT = 200;
const FAILURES_SHOWN = 5;
const PROGRESS_MS = 10_000;

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly seed: number | undefined;
  readonly profile: Profile;
  readonly bug: string | undefined;
  readonly twice: boolean;
  readonly workers: number;
  readonly record: string | undefined;
}

interface Flags
  extends Omit<Options, 'seed' | 'bug' | 'twice' | 'record' | 'profile'>,
    Partial<Pick<Options, 'seed' | 'bug' | 'twice' | 'record'>> {
  readonly profile: 'small' | 'heavy';
  readonly workload?: 'strong' | 'aimed' | 'offline';
}

function optionsOf(): Options {
  const count = wholeNumber(1, Number.MAX_SAFE_INTEGER);
  const command = toolCommand('npm run sim --', 'Runs simulated clusters, one for each seed, and says which failed.')
    .addOption(new Option('--seeds <count>', 'how many seeds').default(SEEDS_DEFAULT).argParser(count))
    .addOption(new Option('--from <seed>', 'the first one').default(1).argParser(count))
    .addOption(new Option('--seed <seed>', 'runs this one here, and tells all that happens').argParser(count))
    .addOption(new Option('--profile <size>', 'how large clusters are').choices(['small', 'heavy']).default('small'))
    .addOption(new Option('--workload <kind>', 'in place of a profile').choices(['strong', 'aimed', 'offline']))
    .addOption(new Option('--bug <name>', 'switches a bug on, to see it found').choices(Object.keys(PLANTED_BUGS)))
    .option('--twice', 'runs every seed twice and compares what happened')
    .addOption(new Option('--workers <count>', 'processes').default(availableParallelism()).argParser(count))
    .addOption(
      new Option('--record <file>', 'adds the sums to this file, for `npm run chaos -- proof --seeds`').conflicts([
        'seed',
        'bug',
        'twice',
      ]),
    )
    .allowExcessArguments(false)
    .parse();
  const { workload, profile, ...options } = command.opts<Flags>();
  const absent = { seed: undefined, bug: undefined, record: undefined };
  return { ...absent, twice: false, ...options, profile: workload ?? profile };
}

function directionOf({ bug }: Options): Direction {
  return bug !== undefined && isPlantedName(bug) ? PLANTED_BUGS[bug].direction : {};
}

/** Runs one seed in this process and tells everything. */
async function replay(options: Options, seed: number): Promise<boolean> {
  const { profile, bug } = options;
  const bugs = new Set(bug !== undefined && isPlantedName(bug) ? [bug] : []);
  const scenario = scenarioOf(new SimRandom(seed).fork('scenario'), profile, bugs, directionOf(options));
  const watch = (line: string) => console.log(line);
  const report = await runSeed({ seed, scenario, watch }, new StrayRejections().take);
  for (const { checker, evidence } of report.failures) console.log(`FAILED ${checker}: ${evidence}`);
  const { ok, failed, unknown } = report.operations;
  console.log(
    `${report.failures.length === 0 ? 'valid' : 'INVALID'}; ${ok} operations acknowledged, ${failed} refused, ${unknown} unknown; ` +
      `${report.events} events, ${report.frames} frames, ${(report.virtualMs / 1000).toFixed(1)} s of virtual time; trace ${report.hash}`,
  );
  return report.failures.length === 0;
}

/** Runs all seeds on worker processes. */
async function sweep(options: Options): Promise<boolean> {
  const { seeds, from, profile, bug, twice, workers } = options;
  const queue = Array.from({ length: seeds }, (_, i) => from + i).flatMap((seed) => (twice ? [seed, seed] : [seed]));
  const total = new Totals(queue.length, options);
  const hashes = new Map<number, string>();
  const runWorker = () =>
    new Promise<void>((resolve, reject) => {
      const worker = fork(fileURLToPath(new URL('./worker.js', import.meta.url)), { serialization: 'advanced' });
      let running: number | undefined;
      const next = () => {
        running = queue.shift();
        if (running === undefined) {
          worker.disconnect();
          return;
        }
        worker.send({ seed: running, profile, bug, direction: directionOf(options) } satisfies Task);
      };
      worker.on('message', (report: SeedReport) => {
        total.add(report, hashes.get(report.seed));
        hashes.set(report.seed, report.hash);
        next();
      });
      worker.on('exit', () => {
        if (running === undefined) resolve();
        else reject(new Error(`a worker ended while it ran seed ${running}`));
      });
      next();
    });
  await Promise.all(Array.from({ length: Math.min(workers, queue.length) }, runWorker));
  total.print();
  total.record();
  return total.failed === 0;
}

class Totals {
  readonly #runs: number;
  readonly #options: Options;
  readonly #startMs = realMs();
  readonly #startedAt = realTime();
  #shownMs = realMs();
  #done = 0;
  #ok = 0;
  #refused = 0;
  #unknown = 0;
  #virtualMs = 0;
  #frames = 0;
  #faults = 0;
  readonly #paths = new Map<string, number>();
  failed = 0;

  constructor(runs: number, options: Options) {
    this.#runs = runs;
    this.#options = options;
  }

  add(report: SeedReport, otherHash: string | undefined): void {
    this.#done++;
    this.#ok += report.operations.ok;
    this.#refused += report.operations.failed;
    this.#unknown += report.operations.unknown;
    this.#virtualMs += report.virtualMs;
    this.#frames += report.frames;
    for (const count of Object.values(report.faults)) this.#faults += count;
    for (const [path, count] of Object.entries(report.paths))
      this.#paths.set(path, (this.#paths.get(path) ?? 0) + count);
    const differs = otherHash !== undefined && otherHash !== report.hash;
    if (differs) console.log(`seed ${report.seed}: two runs, two traces: ${otherHash} and ${report.hash}`);
    if (report.failures.length > 0 || differs) {
      this.failed++;
      if (this.failed <= FAILURES_SHOWN) this.#tell(report);
      else console.log(`seed ${report.seed} failed: ${report.failures.map(({ checker }) => checker).join(', ')}`);
    }
    if (realMs() - this.#shownMs > PROGRESS_MS) {
      this.#shownMs = realMs();
      console.log(`${this.#done} of ${this.#runs} runs, ${this.failed} failed`);
    }
  }

  #tell(report: SeedReport): void {
    console.log(`\nseed ${report.seed} failed`);
    for (const line of report.story) console.log(`  ${line.slice(0, 200)}`);
    for (const { checker, evidence } of report.failures) console.log(`  ${checker}: ${evidence.slice(0, 1000)}`);
    const { profile, bug } = this.#options;
    const kind = profile === 'small' ? '' : profile === 'heavy' ? ' --profile heavy' : ` --workload ${profile}`;
    const flags = `${kind}${bug === undefined ? '' : ` --bug ${bug}`}`;
    console.log(`  replay: npm run sim -- --seed ${report.seed}${flags}\n`);
  }

  print(): void {
    const minutes = (realMs() - this.#startMs) / 60_000;
    const hours = this.#virtualMs / 3_600_000;
    console.log(
      `${this.#done} runs, ${this.failed} failed; ${this.#ok} operations acknowledged, ${this.#refused} refused, ${this.#unknown} unknown; ` +
        `${this.#faults} faults, ${this.#frames} frames, ${hours.toFixed(1)} h of virtual time; ${(this.#done / minutes).toFixed(0)} runs a minute`,
    );
    console.log(`paths: ${Array.from(this.#paths, ([path, count]) => `${path} ${count}`).join(', ')}`);
  }

  record(): void {
    const { record, profile, from } = this.#options;
    if (record === undefined) return;
    appendRecord(record, {
      startedAt: this.#startedAt,
      profile,
      from,
      seeds: this.#done,
      failed: this.failed,
      operations: this.#ok + this.#refused + this.#unknown,
      faults: this.#faults,
      frames: this.#frames,
      virtualMs: Math.round(this.#virtualMs),
    });
  }
}

const options = optionsOf();
const isValid = options.seed === undefined ? await sweep(options) : await replay(options, options.seed);
process.exitCode = isValid ? 0 : 1;
