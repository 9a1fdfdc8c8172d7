/**
 * Estimates how many mutants the tests notice without running them all: enumerates the mutants of the four folders whose
 * promises matter most, draws some, all with the same chance, and runs these. First with the quick tests of their own folder;
 * what survives then with those of the engine, at last with the long property tests. A mutant survives if nothing of these fails;
 * one that the compiler refuses does not count. What was found so far is in .cache/mutation/sample.json, and a run with the same
 * seed goes on from there: remove it after a change of the code. The sum is in sample-summary.json beside it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { keyOf } from './drawn-mutants.mjs';
import { compiling } from './mutation-compiles.mjs';

const FOLDERS = ['src/consistency', 'src/replication', 'storage', 'crdt'];
/** They take so long that they see mutants only which the others left. */
const SLOW = ['crdt/convergence.test.ts', 'crdt/graph-view.test.ts', 'storage/level-files.test.ts'];
const WIDE = ['src/{graphs,constraints,commits,adoption}/**/*.test.ts', 'api/{quota,texts,constraints,strong}.test.ts'];
const CACHE = '.cache/mutation';
/** Of a normal distribution, for an interval of 95 %. */
const Z = 1.96;
const SILENT = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].flatMap((level) => [
    [level, () => {}],
    [`is${level[0].toUpperCase()}${level.slice(1)}Enabled`, () => false],
  ]),
);

/** @param {{ count: number, seed: number, passes: readonly string[] }} asked `passes` of `near`, `wide`, `slow`; what an earlier one found is kept */
export async function runSample({ count, seed, passes }) {
  const all = await everyMutant();
  const drawn = draw(all, count, seed);
  mkdirSync(CACHE, { recursive: true });
  const file = `${CACHE}/sample.json`;
  const earlier = existsSync(file)
    ? new Map(JSON.parse(readFileSync(file, 'utf8')).drawn.map((one) => [one.key, one]))
    : new Map();
  for (const mutant of drawn) Object.assign(mutant, earlier.get(mutant.key));
  const keep = () =>
    writeFileSync(file, JSON.stringify({ ...summary(all, drawn), count, seed, passes, drawn }, null, 1));
  const isCompiling = compiling();
  for (const mutant of drawn) {
    mutant.compiles ??= isCompiling(mutant.file, changed(mutant));
    if (!mutant.compiles) mutant.status = 'CompileError';
  }
  keep();
  for (const folder of passes.includes('near') ? FOLDERS : []) {
    const tests = [`${folder}/**/*.test.ts`];
    const mutants = drawn.filter((mutant) => mutant.folder === folder && mutant.status === 'NotRun');
    runStryker({ mutants, tests, not: SLOW, pass: 'near' });
    keep();
  }
  for (const pass of ['wide', 'slow'].filter((name) => passes.includes(name))) {
    const left = drawn.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
    runStryker({ mutants: left, tests: pass === 'wide' ? WIDE : SLOW, not: pass === 'wide' ? SLOW : [], pass });
    keep();
  }
  keep();
  writeFileSync(
    `${CACHE}/sample-summary.json`,
    `${JSON.stringify(told({ count, seed, passes }, summary(all, drawn), drawn), null, 2)}\n`,
  );
  console.log(textOf(summary(all, drawn), drawn));
}

async function everyMutant() {
  const names = FOLDERS.flatMap((folder) => {
    return readdirSync(folder, { recursive: true }).map((name) => `${folder}/${name.replaceAll('\\', '/')}`);
  })
    .filter((name) => name.endsWith('.ts') && !/\.(test|model|conformance)\.ts$|link-harness\.ts$/.test(name))
    .sort();
  const files = names.map((name) => ({ name, mutate: true, content: readFileSync(name, 'utf8') }));
  const options = { plugins: null, excludedMutations: [], ignorers: [] };
  const { mutants } = await new Instrumenter(SILENT).instrument(files, options);
  return mutants
    .filter(({ status }) => status === undefined)
    .map((mutant) => ({
      key: keyOf(mutant.fileName, mutant),
      folder: FOLDERS.find((folder) => mutant.fileName.startsWith(`${folder}/`)),
      file: mutant.fileName,
      location: mutant.location,
      mutator: mutant.mutatorName,
      replacement: mutant.replacement,
      status: 'NotRun',
      pass: '',
    }));
}

/** Without replacement, each mutant with the same chance, by the seed alone (mulberry32). */
function draw(all, count, seed) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const left = [...all];
  return Array.from({ length: Math.min(count, all.length) }, () => {
    const [one] = left.splice(Math.floor(random() * left.length), 1);
    return one;
  });
}

function runStryker({ mutants, tests, not, pass }) {
  if (mutants.length === 0) return;
  const report = `${CACHE}/pass.json`;
  rmSync(report, { force: true });
  writeFileSync(`${CACHE}/drawn.json`, JSON.stringify(mutants.map(({ key }) => key)));
  const config = {
    ...JSON.parse(readFileSync('stryker.config.json', 'utf8')),
    plugins: ['@stryker-mutator/vitest-runner', './scripts/drawn-mutants.mjs'],
    checkers: ['drawn'],
    incremental: false,
    dryRunTimeoutMinutes: 60,
    reporters: ['json'],
    jsonReporter: { fileName: report },
    mutate: mutants.map(({ file, location: { start, end } }) => `${file}:${start.line + 1}-${end.line + 1}`),
  };
  writeFileSync(`${CACHE}/pass.config.json`, JSON.stringify(config));
  spawnSync('npx', ['--no-install', 'stryker', 'run', `${CACHE}/pass.config.json`], {
    stdio: 'inherit',
    env: {
      ...process.env,
      MUTATION_TESTS: tests.join('\n'),
      MUTATION_NOT: not.join('\n'),
      MUTATION_DRAWN: `${process.cwd()}/${CACHE}/drawn.json`,
    },
  });
  const byKey = new Map(mutants.map((mutant) => [mutant.key, mutant]));
  for (const [file, { mutants: seen }] of Object.entries(JSON.parse(readFileSync(report, 'utf8')).files)) {
    for (const mutant of seen) {
      const one = byKey.get(keyOf(file, { ...mutant, location: fromZero(mutant.location) }));
      // No test of a later pass reaching it does not undo that one of an earlier did.
      if (one === undefined || (one.status === 'Survived' && mutant.status === 'NoCoverage')) continue;
      Object.assign(one, { status: mutant.status, pass });
    }
  }
}

/** Reports count lines and columns from 1. */
function fromZero({ start, end }) {
  const less = ({ line, column }) => ({ line: line - 1, column: column - 1 });
  return { start: less(start), end: less(end) };
}

function changed({ file, location, replacement }) {
  const source = readFileSync(file, 'utf8');
  const lines = source.split('\n');
  const at = ({ line, column }) => lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, column);
  return source.slice(0, at(location.start)) + replacement + source.slice(at(location.end));
}

function summary(all, drawn) {
  const scores = ['all', ...FOLDERS].map((folder) => {
    const of = (mutants) => mutants.filter((mutant) => folder === 'all' || mutant.folder === folder);
    const count = (...statuses) => of(drawn).filter(({ status }) => statuses.includes(status)).length;
    const counts = {
      killed: count('Killed'),
      timedOut: count('Timeout'),
      survived: count('Survived'),
      noCoverage: count('NoCoverage'),
      notCompiled: count('CompileError', 'RuntimeError'),
      notRun: count('NotRun', 'Pending'),
    };
    // A mutant that never ends was noticed.
    const noticed = counts.killed + counts.timedOut;
    const judged = noticed + counts.survived + counts.noCoverage;
    return { folder, mutants: of(all).length, ...counts, judged, ...wilson(noticed, judged) };
  });
  return { scores };
}

/** Wilson's interval: honest near 0 and 1, and for few mutants. */
function wilson(hits, n) {
  if (n === 0) return { score: 0, low: 0, high: 1 };
  const share = hits / n;
  const centre = share + Z ** 2 / (2 * n);
  const spread = Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
  const scale = 1 + Z ** 2 / n;
  return { score: share, low: (centre - spread) / scale, high: (centre + spread) / scale };
}

/** What is kept in docs/mutation-sample.json, and told in docs/proof.md. */
function told(asked, { scores }, drawn) {
  const day = new Date().toISOString().slice(0, 10);
  return { day, ...asked, scores, survivors: survivorsOf(drawn).map(textOfOne) };
}

function survivorsOf(drawn) {
  return drawn
    .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function textOfOne({ file, location: { start }, mutator, replacement, status }) {
  const change = replacement.replaceAll(/\s+/g, ' ').slice(0, 120);
  return `${file}:${start.line + 1}:${start.column + 1} ${status} ${mutator}: ${change}`;
}

function textOf({ scores }, drawn) {
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const lines = scores.map(
    ({ folder, mutants, killed, timedOut, survived, noCoverage, notCompiled, notRun, score, low, high }) =>
      `${folder}: ${percent(score)} (95 %: ${percent(low)} to ${percent(high)}) of ${mutants} mutants; killed ${killed}, timed out ${timedOut}, survived ${survived}, no coverage ${noCoverage}, not compiled ${notCompiled}, not run ${notRun}`,
  );
  return [...lines, ...survivorsOf(drawn).map(textOfOne)].join('\n');
}
