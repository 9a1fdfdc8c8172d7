/**
 * `npm run bench -- [NAME...] [--quick] [--json FILE] [--profile DIR]`: runs the benchmarks whose names start with one
 * of the given ones, each in a process of its own, so that none sees the heap or the compiled code of another.
 */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolCommand } from '../bin/tool.ts';
import { BENCHMARKS } from './benchmarks.ts';
import { nodeFlags } from './node-flags.ts';
import { profileLines } from './profile.ts';
import { type Benchmark, type Figure, figureLine, isMet, type Report } from './report.ts';

interface Options {
  readonly quick: boolean;
  readonly profile: string | undefined;
}

interface Flags {
  readonly quick: boolean;
  readonly json?: string;
  readonly profile?: string;
  readonly list: boolean;
}

/** The fastest that the calibration loop was in this run. */
let bestCalibrationMs = Number.POSITIVE_INFINITY;

async function main(): Promise<number> {
  const command = toolCommand('npm run bench --', 'Measures figures of ours against limits and peers in the same run.')
    .argument('[names...]', 'those whose names start so; all if absent')
    .option('--quick', 'smaller graphs and fewer rounds', false)
    .option('--json <file>', 'writes the figures as JSON')
    .option('--profile <folder>', 'writes processor profiles, and prints what took most time')
    .option('--list', 'says which benchmarks there are', false)
    .parse();
  const values = command.opts<Flags>();
  const positionals = command.args;
  const chosen = BENCHMARKS.filter(
    ({ name }) => positionals.length === 0 || positionals.some((p) => name.startsWith(p)),
  );
  if (chosen.length === 0 || values.list) {
    for (const { name, title } of BENCHMARKS) console.log(`${name.padEnd(18)} ${title}`);
    return chosen.length === 0 ? 2 : 0;
  }
  const options = { quick: values.quick, profile: values.profile };
  if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });
  console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}`);
  const results: { benchmark: string; crashed: boolean; figures: Figure[]; remarks: string[] }[] = [];
  for (const benchmark of chosen) results.push({ benchmark: benchmark.name, ...(await runOne(benchmark, options)) });
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ options, results }, null, 2)}\n`);
  const figures = results.flatMap((result) => result.figures);
  const judged = figures.map(isMet).filter((met) => met !== undefined);
  const crashed = results.filter((result) => result.crashed).map(({ benchmark }) => benchmark);
  console.log(`\n${judged.filter(Boolean).length} of ${judged.length} targets met`);
  if (crashed.length > 0) console.log(`crashed: ${crashed.join(', ')}`);
  return crashed.length > 0 ? 1 : 0;
}

/** Runs one benchmark in a fresh process and prints what it reports as it comes. */
async function runOne(benchmark: Benchmark, { quick, profile }: Options) {
  console.log(`\n${benchmark.name}: ${benchmark.title}\n  peers: ${benchmark.peers}`);
  const figures: Figure[] = [];
  const remarks: string[] = [];
  const profiles = profile === undefined ? undefined : mkdtempSync(join(profile, `${benchmark.name}-`));
  const execArgv = [
    ...nodeFlags(),
    '--expose-gc',
    ...(profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]),
  ];
  const temporary = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const child = fork(fileURLToPath(new URL('./run-benchmark.js', import.meta.url)), [benchmark.name], {
    execArgv,
    serialization: 'advanced',
    env: { ...process.env, WEFT_BENCH: JSON.stringify({ quick, temporary, profiles }) },
  });
  child.on('message', (report: Report) => {
    if (report.kind === 'figure') {
      figures.push(report.figure);
      console.log(figureLine(report.figure));
    } else if (report.kind === 'remark') {
      remarks.push(report.text);
      console.log(`  ${report.text}`);
    } else {
      bestCalibrationMs = Math.min(bestCalibrationMs, report.ms);
      const slowness = report.ms / bestCalibrationMs;
      console.log(
        `  calibration: ${report.ms.toFixed(0)} ms now, ${bestCalibrationMs.toFixed(0)} ms at best in this run (${slowness.toFixed(2)}x)`,
      );
    }
  });
  const crashed = await new Promise<boolean>((resolve) => child.on('exit', (code) => resolve(code !== 0)));
  rmSync(temporary, { recursive: true, force: true });
  if (profiles !== undefined) {
    for (const file of readdirSync(profiles).filter((name) => name.endsWith('.cpuprofile'))) {
      for (const line of profileLines(join(profiles, file))) console.log(`  ${line}`);
    }
  }
  return { crashed, figures, remarks };
}

process.exitCode = await main();
