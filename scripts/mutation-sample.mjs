/**
 * Estimates how many mutants the tests notice without running them all: enumerates the mutants of the four folders whose
 * promises matter most, draws some, all with the same chance, and runs these in passes, each on what the ones before left: the
 * quick tests of their own folder, those of the engine, those of what stands above, the long property tests, at last seeds
 * of the simulator. A mutant survives if nothing of these fails; one that the compiler refuses does not count. Each pass first
 * runs without any mutant, and ends if something fails. What was found so far is in .cache/mutation/sample.json, and a run with
 * the same seed goes on from there: remove it after a change of the code. The sum is in sample-summary.json beside it.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { keyOf } from './drawn-mutants.mjs';
import { compiling } from './mutation-compiles.mjs';
import { simulating } from './mutation-simulated.mjs';

const FOLDERS = ['src/consistency', 'src/replication', 'storage', 'crdt'];
/** They take so long that they see mutants only which the others left. */
const SLOW = ['crdt/convergence.test.ts', 'crdt/graph-view.test.ts', 'storage/level-files.test.ts'];
const WIDE = ['src/{graphs,constraints,commits,adoption}/**/*.test.ts', 'api/{quota,texts,constraints,strong}.test.ts'];
/** Of other folders, in one process: a mutant is switched on in the process of the test alone. */
const REST = [
  '{src,client}/**/*.test.ts',
  'api/{changes,consistency,idempotency,query-route,query-ways,recent-texts,session-channel}.test.ts',
  'api/{sync-session,yjs-session,yjs-two-servers}.test.ts',
  '{bin/open-data,test/tracing/traces}.test.ts',
  'chaos/model/explore.test.ts',
];
/** Passes over all that is left, whatever its folder; `near` goes before them, `sim` after. */
const LATE = {
  wide: { tests: WIDE, not: SLOW },
  rest: { tests: REST, not: [...WIDE, ...SLOW] },
  slow: { tests: SLOW, not: [] },
};
const PASSES = ['near', ...Object.keys(LATE), 'sim'];
const CACHE = '.cache/mutation';
/** Of what failed, so that one can see whether it was the mutant. */
const REASON_CHARACTERS = 300;
/** Of a normal distribution, for an interval of 95 %. */
const Z = 1.96;
const SILENT = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].flatMap((level) => [
    [level, () => {}],
    [`is${level[0].toUpperCase()}${level.slice(1)}Enabled`, () => false],
  ]),
);

/** @param {{ count: number, seed: number, passes: readonly string[] }} asked `passes` of `near`, `wide`, `rest`, `slow`, `sim`; what an earlier one found is kept */
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
  for (const [pass, { tests, not }] of Object.entries(LATE).filter(([name]) => passes.includes(name))) {
    runStryker({ mutants: drawn.filter(isLeft), tests, not, pass });
    keep();
  }
  if (passes.includes('sim')) await simulate(drawn.filter(isLeft), keep);
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
    .filter((name) => name.endsWith('.ts') && !/\.(test|model|conformance)\.ts$|-harness\.ts$/.test(name))
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

/** Each mutant with the same chance, by the seed and its key: what is changed in other files draws the same ones again. */
function draw(all, count, seed) {
  const rankOf = ({ key }) => createHash('sha256').update(`${seed} ${key}`).digest('hex');
  return all
    .map((mutant) => ({ mutant, rank: rankOf(mutant) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, count)
    .map(({ mutant }) => mutant);
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
    // On a machine that does other work too, a test that is slow must not count as one that never ends.
    timeoutMS: 60_000,
    timeoutFactor: 4,
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
  if (!existsSync(report)) throw new Error(`pass ${pass} is void: tests fail without a mutant, or the runner does`);
  const byKey = new Map(mutants.map((mutant) => [mutant.key, mutant]));
  for (const [file, { mutants: seen }] of Object.entries(JSON.parse(readFileSync(report, 'utf8')).files)) {
    for (const mutant of seen) {
      const one = byKey.get(keyOf(file, { ...mutant, location: fromZero(mutant.location) }));
      // No test of a later pass reaching it does not undo that one of an earlier did.
      if (one === undefined || (one.status === 'Survived' && mutant.status === 'NoCoverage')) continue;
      // Stryker calls it an error if no test fails, but something beside them, as a rejection that nobody takes: a run of the tests
      // fails of that too, and without a mutant there is none.
      const status = mutant.status === 'RuntimeError' ? 'Killed' : mutant.status;
      Object.assign(one, { status, pass, reason: mutant.statusReason?.slice(0, REASON_CHARACTERS) });
    }
  }
}

async function simulate(mutants, keep) {
  if (mutants.length === 0) return;
  const statusOf = await simulating(`${CACHE}/dist`);
  for (const mutant of mutants) {
    const status = await statusOf(mutant.file, changed(mutant));
    // Seeds that pass tell nothing of whether a line was reached.
    if (status !== 'Survived') Object.assign(mutant, { status, pass: 'sim', reason: 'a seed failed' });
    keep();
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
      notCompiled: count('CompileError'),
      notRun: count('NotRun', 'Pending'),
    };
    // A mutant that never ends was noticed.
    const noticed = counts.killed + counts.timedOut;
    const judged = noticed + counts.survived + counts.noCoverage;
    return {
      folder,
      mutants: of(all).length,
      ...counts,
      judged,
      ...wilson(noticed, judged),
      noticedBy: byPass(of(drawn)),
    };
  });
  return { scores };
}

/** How many each pass noticed of what the ones before it left. */
function byPass(drawn) {
  const noticed = drawn.filter(({ status }) => status === 'Killed' || status === 'Timeout');
  return Object.fromEntries(PASSES.map((pass) => [pass, noticed.filter((mutant) => mutant.pass === pass).length]));
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

/** One of those in docs/mutation-sample.json, which docs/proof.md tells. */
function told(asked, { scores }, drawn) {
  const day = new Date().toISOString().slice(0, 10);
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
  return { day, commit, ...asked, scores, survivors: survivorsOf(drawn).map(textOfOne) };
}

function survivorsOf(drawn) {
  return drawn.filter(isLeft).sort((a, b) => (a.key < b.key ? -1 : 1));
}

function isLeft({ status }) {
  return status === 'Survived' || status === 'NoCoverage';
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
