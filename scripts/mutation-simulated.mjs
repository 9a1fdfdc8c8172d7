/**
 * Sees whether the simulator notices mutants: compiles the programs once, beside `dist/`, then puts one changed file after the
 * other into them and runs the same seeds of each workload. Seeds that fail without any mutant would prove nothing, so these end it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const WORKLOADS = [[], ['--workload', 'strong'], ['--workload', 'offline']];
/** Of each workload. A mutant that needs rarer faults to be seen survives. */
const SEEDS = 6;
/** A mutant may take so many times as long as the program without one, before it counts as never ending; at least a minute. */
const SLOWER = 10;

/**
 * @param {string} out folder that the programs are compiled into
 * @returns {Promise<(file: string, source: string) => Promise<'Killed' | 'Timeout' | 'Survived'>>} what the simulator says of a file
 *   with this text, all else as it is
 */
export async function simulating(out) {
  rmSync(out, { recursive: true, force: true });
  const build = ['tsc', '-p', 'tsconfig.build.json', '--outDir', out, '--tsBuildInfoFile', `${out}/.tsbuildinfo`];
  const { status } = spawnSync('npx', ['--no-install', ...build], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the programs do not compile');
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  // One text by itself does not tell which kind of module the package has.
  const compilerOptions = { ...options, module: ts.ModuleKind.ESNext };
  const limits = [];
  for (const workload of WORKLOADS) {
    const startMs = performance.now();
    if ((await run(out, workload)) !== 0) throw new Error(`seeds fail without a mutant: ${workload.join(' ')}`);
    limits.push(Math.max(60_000, SLOWER * (performance.now() - startMs)));
  }
  return async (file, source) => {
    const compiled = `${out}/${file.replace(/\.ts$/, '.js')}`;
    const original = readFileSync(compiled);
    writeFileSync(compiled, ts.transpileModule(source, { compilerOptions, fileName: file }).outputText);
    try {
      for (const [index, workload] of WORKLOADS.entries()) {
        const code = await run(out, workload, limits[index]);
        if (code !== 0) return code === undefined ? 'Timeout' : 'Killed';
      }
      return 'Survived';
    } finally {
      writeFileSync(compiled, original);
    }
  };
}

/** The exit code; undefined if it did not end in time, and was killed with all its workers. */
async function run(out, workload, limitMs) {
  const args = [`${out}/chaos/main.js`, '--seeds', String(SEEDS), ...workload];
  const child = spawn(process.execPath, args, { stdio: 'ignore', detached: true });
  let inTime = true;
  const timer =
    limitMs &&
    setTimeout(() => {
      inTime = false;
      process.kill(-child.pid, 'SIGKILL');
    }, limitMs);
  const [code, signal] = await once(child, 'exit');
  clearTimeout(timer);
  return inTime ? (code ?? signal) : undefined;
}
