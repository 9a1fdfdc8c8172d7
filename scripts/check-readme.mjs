#!/usr/bin/env node
/**
 * Runs the README's walk as a new user would paste it, against a real server, and compares what it prints.
 *
 *     npm run build && node scripts/check-readme.mjs [FILE]
 *
 * Blocks fenced as `sh walk` run in order in one shell; a block fenced with `expect` (as in `json expect`) that follows
 * holds what the block before it prints, white space outside of quotes aside; `…` stands for anything. The server listens
 * on a free port in a temporary folder; the walk's http://127.0.0.1:7400 is replaced by its address.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const URL_IN_README = /http:\/\/127\.0\.0\.1:7400/g;
const STEP_SECONDS_MAX = 60;

/** The blocks of the walk, each with the output that is expected of it, if any. */
export function readWalk(markdown) {
  const steps = [];
  for (const [, info, body] of markdown.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)) {
    const words = info.split(/\s+/);
    if (words[0] === 'sh' && words.includes('walk')) steps.push({ script: body, expected: undefined });
    else if (words.includes('expect')) {
      const step = steps.at(-1);
      if (step === undefined || step.expected !== undefined) throw new Error('an `expect` block without its `sh walk`');
      step.expected = body;
    }
  }
  return steps;
}

/** Whether `actual` is `expected` but for white space outside of quotes and what `…` stands for. */
export function matches(expected, actual) {
  const pattern = squash(expected)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[\\s\\S]*?');
  return new RegExp(`^${pattern}$`).test(squash(actual));
}

const squash = (text) => text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, quoted) => quoted ?? '');

async function main(root, file) {
  const steps = readWalk(readFileSync(file, 'utf8'));
  const scratch = mkdtempSync(join(tmpdir(), 'walk-'));
  const server = spawn(
    process.execPath,
    [join(root, 'dist/bin/weft.js'), 'serve', '--port', '0', '--data', join(scratch, 'data'), '--log-level', 'warn'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = new Promise((done) => server.once('exit', (code, signal) => done(code ?? signal)));
  try {
    const url = await readyUrl(server, exited);
    const failures = runSteps(steps, { root, url, path: pathWithCurl(scratch) });
    server.kill('SIGTERM');
    const code = await exited;
    if (code !== 0) failures.push(`the server ended with ${code} after SIGTERM`);
    for (const failure of failures) console.error(`${failure}\n`);
    console.log(`walk: ${steps.length} steps, ${failures.length} failures`);
    return failures.length === 0 && steps.length > 0 ? 0 : 1;
  } finally {
    server.kill('SIGKILL');
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function readyUrl(server, exited) {
  const line = new Promise((done) => createInterface({ input: server.stdout }).once('line', done));
  const first = await Promise.race([
    line,
    exited.then((code) => Promise.reject(new Error(`the server ended: ${code}`))),
  ]);
  const ready = /^weft listening on (http:\/\/\S+)$/.exec(first);
  if (ready === null) throw new Error(`the ready line is: ${first}`);
  return ready[1];
}

/** Runs all blocks in one shell, so that variables carry over, and stops at the first command that fails. */
function runSteps(steps, { root, url, path }) {
  const mark = '\u001e';
  const script = steps.map((step) => `${step.script.replace(URL_IN_README, url)}\nprintf '%s' '${mark}'\n`).join('');
  const run = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: root,
    env: { ...process.env, PATH: path, WEFT_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    timeout: STEP_SECONDS_MAX * 1000 * steps.length,
  });
  const outputs = run.stdout.split(mark);
  return steps.flatMap((step, index) => {
    const output = outputs[index] ?? '';
    if (index >= outputs.length - 1) {
      if (index > outputs.length - 1) return [];
      return [`step ${index + 1} failed (${run.status ?? run.signal}):\n${step.script}\nprinted:\n${output}`];
    }
    if (step.expected === undefined || matches(step.expected, output)) return [];
    return [`step ${index + 1}:\n${step.script}\nprinted:\n${output}\nexpected:\n${step.expected}`];
  });
}

/** A PATH that has curl: the machine's own, or where there is none, a stand-in for the few flags that the walk uses. */
function pathWithCurl(scratch) {
  if (spawnSync('curl', ['--version'], { stdio: 'ignore' }).status === 0) return process.env.PATH;
  const stand = join(dirname(fileURLToPath(import.meta.url)), 'curl-stand-in.mjs');
  const bin = join(scratch, 'curl');
  writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${stand}' "$@"\n`);
  chmodSync(bin, 0o755);
  return `${scratch}:${process.env.PATH}`;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  process.exitCode = await main(root, resolve(process.argv[2] ?? join(root, 'README.md')));
}
