#!/usr/bin/env node
/**
 * Three servers on this machine that hold the same graphs, to try out what replication does.
 *
 *     npm run cluster -- [--ports 7401,7402,7403] [--data ./data/cluster] [--log-level warn]
 *
 * Prints where they listen once all of them see each other and vote, passes on what they log with their names in front, starts one
 * that was killed again, and stops all on Ctrl-C. Links can be cut (`--chaos`), and the cluster secret is a new one at every
 * start.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { explained } from './explained.mjs';

explained(import.meta.url, ['--ports', '--data', '--log-level']);

/** As `npm start` has it. */
const PROGRAM = ['--max-semi-space-size=32', join(dirname(fileURLToPath(import.meta.url)), '../dist/bin/weft.js')];
const NAMES = ['one', 'two', 'three'];
const MEET_MS_MAX = 30_000;
const LOOK_MS = 100;
/** Long enough to see the others go on without it. */
const RESTART_MS = 5_000;

const { values } = parseArgs({
  options: {
    ports: { type: 'string', default: '7401,7402,7403' },
    data: { type: 'string', default: './data/cluster' },
    'log-level': { type: 'string', default: 'warn' },
  },
});
const ports = values.ports.split(',').map(Number);
if (ports.length !== NAMES.length || !ports.every((port) => Number.isInteger(port) && port > 0 && port < 65536)) {
  fail(`--ports must be ${NAMES.length} port numbers, separated by commas`, 2);
}
for (const port of ports) {
  if (!(await isFree(port))) {
    fail(`port ${port} is taken: is a cluster running already? Stop it, or choose other ports:
  npm run cluster -- --ports 7501,7502,7503`);
  }
}

const urls = ports.map((port) => `http://127.0.0.1:${port}`);
const secret = randomBytes(32).toString('hex');
let isStopping = false;
let signals = 0;
const servers = NAMES.map((name, index) => start(name, index));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    signals++;
    stop(signals > 1 ? 'SIGKILL' : 'SIGTERM');
  });
}
process.on('exit', () => {
  for (const { child } of servers) if (child.exitCode === null) child.kill('SIGKILL');
});

await Promise.all(servers.map(({ ready }) => ready));
await meet();
if (!isStopping) {
  const lines = NAMES.map((name, index) => `  ${name.padEnd(6)} ${urls[index]}`);
  console.log(`three servers, one graph\n${lines.join('\n')}\nCtrl-C stops them`);
}

function start(name, index) {
  const peers = urls.filter((_, other) => other !== index).join(',');
  const flags = ['--name', name, '--port', String(ports[index]), '--peers', peers, '--chaos'];
  const child = spawn(
    process.execPath,
    [...PROGRAM, 'serve', ...flags, '--data', join(values.data, name), '--log-level', values['log-level']],
    // A process group of its own: Ctrl-C reaches this script only, which then stops the servers in order.
    { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, WEFT_CLUSTER_SECRET: secret } },
  );
  createInterface({ input: child.stderr }).on('line', (line) => console.error(`[${name}] ${line}`));
  let isReady = false;
  const ready = new Promise((resolve) => {
    createInterface({ input: child.stdout }).once('line', () => {
      isReady = true;
      resolve();
    });
    child.once('exit', resolve);
  });
  child.once('exit', (code, signal) => {
    if (isStopping) {
      if (code !== 0) process.exitCode = 1;
    } else if (isReady) {
      console.error(`[${name}] ended with ${code ?? signal}; it starts again in ${RESTART_MS / 1000} s`);
      setTimeout(() => {
        if (!isStopping) servers[index] = start(name, index);
      }, RESTART_MS);
    } else {
      console.error(`[${name}] ended with ${code ?? signal} before it listened; stopping the others`);
      process.exitCode = 1;
      stop('SIGTERM');
    }
  });
  return { child, ready };
}

/** Resolves once every server sees all others, and votes. */
async function meet() {
  const lastMs = Date.now() + MEET_MS_MAX;
  while (!isStopping) {
    if ((await Promise.all(urls.map(isSettled))).every((settled) => settled)) return;
    if (Date.now() > lastMs) {
      console.error(`the servers do not see each other; \`weft status --url ${urls[0]}\` says why`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function isSettled(url) {
  try {
    const { members, quorum } = await (await fetch(`${url}/v1/cluster`)).json();
    const linked = members.filter(({ self, link }) => !self && link.state === 'up').length;
    return linked === NAMES.length - 1 && quorum.votes;
  } catch {
    return false;
  }
}

function stop(signal) {
  isStopping = true;
  for (const { child } of servers) child.kill(signal);
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}
