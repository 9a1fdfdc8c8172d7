#!/usr/bin/env node
/**
 * Runs the README's walks as a new user would paste them, against real servers, and compares what they print.
 *
 *     npm run build && node scripts/check-readme.mjs [FILE]
 *
 * Blocks fenced as `sh walk` run in order in one shell; a block fenced with `expect` (as in `json expect`) that follows
 * holds what the block before it prints, white space outside of quotes aside; `…` stands for anything. The server listens
 * on a free port in a temporary folder; the walk's http://127.0.0.1:7400 is replaced by its address. Blocks fenced as
 * `sh cluster-walk` are a second walk, with the servers of `npm run cluster` on free ports.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { explained } from './explained.mjs';

const PORT_IN_README = 7400;
const CLUSTER_PORTS_IN_README = [7401, 7402, 7403];
const STEP_SECONDS_MAX = 60;

/** The blocks of one walk, each with the output that is expected of it, if any. */
export function readWalk(markdown, walk = 'walk') {
  return readSteps(markdown)
    .filter((step) => step.walk === walk)
    .map(({ script, expected }) => ({ script, expected }));
}

function readSteps(markdown) {
  const steps = [];
  for (const [, info, body] of markdown.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)) {
    const words = info.split(/\s+/);
    if (words[0] === 'sh' && words[1] !== undefined) steps.push({ walk: words[1], script: body, expected: undefined });
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
  const markdown = readFileSync(file, 'utf8');
  const scratch = mkdtempSync(join(tmpdir(), 'walk-'));
  try {
    const [port, ...ports] = await freePorts(1 + CLUSTER_PORTS_IN_README.length);
    const serve = [join(root, 'dist/bin/weft.js'), 'serve', '--port', String(port), '--data', join(scratch, 'data')];
    const first = await runWalk(readWalk(markdown), {
      root,
      scratch,
      program: [...serve, '--log-level', 'warn'],
      isReady: (line) => line.startsWith('weft listening on '),
      ports: [[PORT_IN_README, port]],
    });
    const second = await runWalk(readWalk(markdown, 'cluster-walk'), {
      root,
      scratch,
      program: [join(root, 'scripts/cluster.mjs'), '--ports', ports.join(','), '--data', join(scratch, 'cluster')],
      isReady: (line) => line.startsWith('Ctrl-C stops'),
      ports: CLUSTER_PORTS_IN_README.map((written, index) => [written, ports[index]]),
    });
    return first && second ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Ports that nobody uses now. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Runs a walk while `program` runs; says whether all was as expected. */
async function runWalk(steps, { root, scratch, program, isReady, ports }) {
  const server = spawn(process.execPath, program, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((done) => server.once('exit', (code, signal) => done(code ?? signal)));
  try {
    await ready(server, exited, isReady);
    const failures = runSteps(steps, { root, ports, path: pathWithCurl(scratch) });
    server.kill('SIGTERM');
    const code = await exited;
    if (code !== 0) failures.push(`the server ended with ${code} after SIGTERM`);
    for (const failure of failures) console.error(`${failure}\n`);
    console.log(`walk: ${steps.length} steps, ${failures.length} failures`);
    return failures.length === 0 && steps.length > 0;
  } finally {
    // Asked rather than killed: the cluster has servers of its own to stop.
    server.kill('SIGTERM');
    await exited;
  }
}

async function ready(server, exited, isReady) {
  const lines = [];
  const line = new Promise((done) =>
    createInterface({ input: server.stdout }).on('line', (text) => {
      lines.push(text);
      if (isReady(text)) done();
    }),
  );
  const early = exited.then((code) => Promise.reject(new Error(`it ended with ${code}, after: ${lines.join('; ')}`)));
  await Promise.race([line, early]);
}

/** Runs all blocks in one shell, so that variables carry over, and stops at the first command that fails. */
function runSteps(steps, { root, ports, path }) {
  const mark = '\u001e';
  const url = (port) => `http://127.0.0.1:${port}`;
  const withUrls = (text) => ports.reduce((now, [written, port]) => now.replaceAll(url(written), url(port)), text);
  const script = steps.map((step) => `${withUrls(step.script)}\nprintf '%s' '${mark}'\n`).join('');
  const run = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: root,
    env: { ...process.env, PATH: path, WEFT_URL: url(ports[0][1]) },
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
  explained(import.meta.url);
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  process.exitCode = await main(root, resolve(process.argv[2] ?? join(root, 'README.md')));
}
