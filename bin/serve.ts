/**
 * `weft serve`: builds the real world (clock, disk, socket), hands it to engine and API, and takes it down again without
 * losing anything that was acknowledged.
 */
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import type { Command } from 'commander';
import type { FastifyInstance } from 'fastify';
import { buildServer } from '../api/server.ts';
import type { Env, Log, Timer } from '../base/env.ts';
import { openEngine } from '../src/engine.ts';
import type { Engine } from '../src/engine-port.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { buildEnv } from './env.ts';
import { EXIT, OperationFailed } from './exit.ts';
import { declareServeOptions, type ServeConfig, type ServeOptions, serveConfig } from './serve-config.ts';
import { version } from './version.ts';

/** How long requests in flight may take to end after a stop signal. */
const DRAIN_MS_MAX = 10_000;
const DRAIN_LOOK_MS = 50;

export function declareServe(program: Command): void {
  const command = program.command('serve').description('run a server until it gets SIGTERM or SIGINT');
  declareServeOptions(command);
  command
    .addHelpText(
      'after',
      `
Prints one line on standard output when it is ready: weft listening on http://HOST:PORT
A signal stops it cleanly: requests in flight get up to ${DRAIN_MS_MAX / 1000} seconds, then everything is closed.
A second signal ends it at once; what was acknowledged is safe all the same.

Examples:
  weft serve
  weft serve --data /var/lib/weft --port 7400 --durability buffered
  WEFT_TOKEN=$(openssl rand -hex 32) weft serve --host 0.0.0.0`,
    )
    .action((options: ServeOptions) => serve(serveConfig(options, process.env)));
}

/** Runs until a stop signal. @throws OperationFailed or WeftError if the server cannot start */
async function serve(config: ServeConfig): Promise<void> {
  const { name, data, durability, memoryBudgetBytes, logLevel } = config.process;
  const env = buildEnv(logLevel);
  exitOnBug(env.log);
  const stopped = stopSignal(env.log);
  env.log.write('info', 'starting', { version: version(), name, data, durability, memoryBudgetBytes });

  const store = await openLevelStore({ directory: data, durability, env });
  let engine: Engine;
  try {
    engine = await openEngine({ env, store, name, memoryBudgetBytes });
  } catch (error) {
    await store.close();
    throw error;
  }
  try {
    const { token } = config.cluster;
    const server = buildServer({ engine, env, onBug: (error) => endAfterAnswer(env, error), ...(token && { token }) });
    const url = await listen(server, config);
    env.log.write('info', 'listening', { url, replicaId: engine.replicaId });
    console.log(`weft listening on ${url}`);
    const signal = await stopped;
    env.log.write('info', 'stopping', { signal });
    await drain(server, env);
  } finally {
    await engine.close();
  }
  env.log.write('info', 'stopped');
  // Every resource is closed; a connection that a client holds open must not keep the process.
  process.exit(EXIT.ok);
}

async function listen(server: FastifyInstance, config: ServeConfig): Promise<string> {
  const { host, port } = config.process;
  try {
    await server.listen({ host, port });
  } catch (cause) {
    await server.close();
    throw new OperationFailed(whyNotListening(cause as NodeJS.ErrnoException, host, port));
  }
  const { port: actual } = server.server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

function whyNotListening(cause: NodeJS.ErrnoException, host: string, port: number): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use; choose another with --port (0 picks a free one)`;
    case 'EACCES':
      return `no right to listen on port ${port}; choose one above 1023 with --port`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine; choose another with --host`;
    default:
      return `cannot listen on ${host}:${port}: ${cause.message}`;
  }
}

/** Takes no new connections and waits for requests in flight, for a bounded time. */
async function drain(server: FastifyInstance, env: Env): Promise<void> {
  const begunMs = env.clock.monotonicMs();
  let timer: Timer;
  // A connection whose request has ended is idle and would otherwise stay open for the client's next one.
  const look = (): void => {
    if (env.clock.monotonicMs() - begunMs < DRAIN_MS_MAX) {
      server.server.closeIdleConnections();
      timer = env.scheduler.after(DRAIN_LOOK_MS, look);
    } else {
      env.log.write('warn', 'cutting requests that did not end', { drainMs: DRAIN_MS_MAX });
      server.server.closeAllConnections();
    }
  };
  timer = env.scheduler.after(DRAIN_LOOK_MS, look);
  await server.close();
  timer.cancel();
}

/** Resolves with the first stop signal; the second one ends the process. */
function stopSignal(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals) => {
      signals++;
      if (signals === 1) {
        resolve(signal);
        return;
      }
      log.write('warn', 'ended by a second signal', { signal });
      process.exit(128 + constants.signals[signal]);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** A bug anywhere ends the process: its state can no longer be trusted, and what was acknowledged is on disk. */
function exitOnBug(log: Log): void {
  process.on('uncaughtException', (error, origin) => endWithBug(log, origin, error));
}

/** A bug in a request ends the process once the answer, which says so, is on its way. */
function endAfterAnswer(env: Env, error: Error): void {
  void env.scheduler.yield().then(() => endWithBug(env.log, 'request', error));
}

function endWithBug(log: Log, origin: string, error: Error): never {
  log.write('error', 'a bug ended the process', { origin, error });
  process.exit(EXIT.bug);
}
