/**
 * `weft serve`: builds the real world (clock, disk, socket), hands it to engine and API, and takes it down again without
 * losing anything that was acknowledged.
 */
import { resolveSrv } from 'node:dns/promises';
import { openSync, writeSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { FastifyInstance } from 'fastify';
import { buildServer } from '../api/server.ts';
import type { Env, Log, Timer } from '../base/env.ts';
import * as LIMITS from '../base/limits.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import type { ClusterOptions } from '../src/cluster-options.ts';
import { StrongOperations } from '../src/consistency/strong-operations.ts';
import { type OpenedEngine, openEngine } from '../src/engine.ts';
import type { LinkFaults } from '../src/engine-port.ts';
import { withEphemeral } from '../src/ephemeral/with-ephemeral.ts';
import { FaultyTransport } from '../src/replication/faulty-transport.ts';
import { startReplication } from '../src/replication/replicator.ts';
import { MemoryDisk, openMemoryStore } from '../storage/memory-store.ts';
import type { Store } from '../storage/store.ts';
import { authenticatorOf } from './access-files.ts';
import type { AccessSettings } from './access-settings.ts';
import { discoverPeers } from './dns-peers.ts';
import { buildEnv, jsonLines } from './env.ts';
import { EXIT, OperationFailed } from './exit.ts';
import { MachinePressure, machineOf } from './machine-pressure.ts';
import { openData } from './open-data.ts';
import { openTelemetry, type Telemetry, tracedLog } from './open-telemetry.ts';
import {
  type ClusterSettings,
  declareServeOptions,
  type ServeConfig,
  type ServeOptions,
  serveConfig,
} from './serve-config.ts';
import { ShiftedClock } from './shifted-clock.ts';
import { type LinkSecurity, TlsFiles } from './tls.ts';
import { Upgrades } from './upgrades.ts';
import { version } from './version.ts';
import { WatchedFiles } from './watched-files.ts';
import { WebSocketRoutes } from './web-socket-routes.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

/** How long requests in flight may take to end after a stop signal. */
const DRAIN_MS_MAX = 10_000;
const DRAIN_LOOK_MS = 50;
/** How long a server waits at its first start until DNS names all others, in milliseconds. */
const DISCOVERY_MS = 60_000;
/** How long it refuses what comes before it closes a connection: busy clients have gone to another server by then. */
const LEAVE_MS = 500;
/** Turns in which what has arrived meanwhile is read, however late they come on a busy machine. */
const LEAVE_TURNS = 20;

/** How long the last spans may take to reach their collector. */
const DELIVER_MS_MAX = 2_000;

/** Beside this program once both are built. */
const CONSOLE_FOLDER = fileURLToPath(new URL('../console/', import.meta.url));

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

Traces for OpenTelemetry are switched on by the standard environment variables (docs/operations/traces.md):
  OTEL_EXPORTER_OTLP_ENDPOINT   where to, over OTLP/HTTP, such as http://127.0.0.1:4318
  OTEL_SERVICE_NAME             whose spans they are (default: "weft")
  OTEL_TRACES_SAMPLER           which traces are recorded (default: what the caller's traceparent says)

Examples:
  weft serve
  weft serve --data /var/lib/weft --port 7400 --durability buffered
  WEFT_TOKEN=$(openssl rand -hex 32) weft serve --host 0.0.0.0
  WEFT_CLUSTER_SECRET=... weft serve --name a --peers http://10.0.0.2:7400,http://10.0.0.3:7400 --host 10.0.0.1`,
    )
    .action((options: ServeOptions) => serve(serveConfig(options, process.env)));
}

/** Runs until a stop signal. @throws OperationFailed or WeftError if the server cannot start */
async function serve(config: ServeConfig): Promise<void> {
  const { name, data, durability, memoryBudgetBytes, quotaDefaults, queryLimits, logLevel } = config.process;
  const { env: untraced, clockFault } = environment(buildEnv(logLevel), config.cluster);
  const telemetry = await openTelemetry(process.env, { name, log: untraced.log });
  const env = traced(untraced, telemetry);
  const files = new WatchedFiles(env);
  const authenticator = await authenticatorOf(config.access, { env, files });
  const tls = config.access.tls && (await TlsFiles.open(config.access.tls, files));
  const audit = auditLogOf(config.access, env);
  const pressure = new MachinePressure(env, machineOf(data));
  exitOnBug(env.log);
  const damage = refusal();
  const stopped = Promise.race([stopSignal(env.log), damage.refused]);
  env.log.write('info', 'starting', { version: version(), name, data, durability, memoryBudgetBytes });

  const hasPeers = config.cluster.peers.length > 0 || config.cluster.dnsPeers !== undefined;
  // With peers others go on, and it may still be read from.
  const onRefused = hasPeers ? () => undefined : damage.onRefused;
  const { engine, served, links } = await openData(
    { directory: data, durability, env, hasPeers, onRefused },
    async (store) => {
      const peers = await peersOf(config.cluster, env, store);
      const links = linksOf({ ...config.cluster, peers }, env, tls);
      const engine = await openEngine({ env, store, name, memoryBudgetBytes, quotaDefaults, cluster: links.cluster });
      // Unlike the other one it stands alone: what it holds is nobody else's.
      const memory = await openMemoryStore({ disk: new MemoryDisk(), durability: 'buffered' });
      const ephemeral = { env, store: memory, name, memoryBudgetBytes, quotaDefaults, isEphemeral: true };
      return { engine, served: withEphemeral(engine, await openEngine(ephemeral)), links };
    },
  );
  const closeLinks = await startLinks(links, { env, engine, name, onStuck: damage.onRefused });
  try {
    const { linkFaults } = links;
    const { requestsPerSecond } = config.access;
    const sockets = new WebSocketRoutes(env);
    let isLeaving = false;
    const server = buildServer({
      engine: served,
      env,
      sockets,
      queryLimits,
      onBug: (error) => endAfterAnswer(env, error),
      audit,
      pressure,
      consoleFolder: CONSOLE_FOLDER,
      bugs: bugsOf(config.cluster.plant),
      isLeaving: () => isLeaving,
      ...(authenticator !== undefined && { authenticator }),
      ...(requestsPerSecond !== undefined && { requestsPerSecond }),
      ...(tls !== undefined && { tls: tls.serverOptions() }),
      ...(linkFaults !== undefined && { linkFaults }),
      ...(clockFault !== undefined && { clockFault }),
    });
    const upgrades = new Upgrades();
    if (links.cluster !== undefined) links.sockets.attach(upgrades);
    sockets.attach(upgrades);
    upgrades.attach(server.server);
    if (tls !== undefined) tls.attach(server.server as unknown as Server);
    const url = await listen(server, config);
    env.log.write('info', 'listening', { url, replicaId: engine.replicaId, peers: links.cluster?.peers ?? [] });
    files.begin();
    pressure.begin();
    console.log(`weft listening on ${url}`);
    const signal = await stopped;
    env.log.write('info', 'stopping', { signal });
    isLeaving = true;
    await leave(env);
    await drain(server, env, { acceptedLinks: () => links.sockets.acceptedCount, closeLinks, sockets });
  } finally {
    files.close();
    pressure.close();
    await closeLinks();
    await served.close();
    await deliver(env, telemetry);
  }
  env.log.write('info', 'stopped');
  if (damage.isRefused())
    throw new OperationFailed(`the files in ${data} are damaged: start the server again, which mends them`);
  // Every resource is closed; a connection that a client holds open must not keep the process.
  process.exit(EXIT.ok);
}

/** The real world, with a clock that can be put wrong if the server was started for that. */
function environment(real: Env, { chaos, plant }: ClusterSettings): { env: Env; clockFault: ShiftedClock | undefined } {
  if (plant !== undefined) real.log.write('warn', 'a bug is switched on', { plant });
  if (!chaos) return { env: real, clockFault: undefined };
  const clock = new ShiftedClock(real.clock);
  return { env: { ...real, clock }, clockFault: clock };
}

function traced(env: Env, telemetry: Telemetry | undefined): Env {
  if (telemetry === undefined) return env;
  return { ...env, log: tracedLog(env.log), tracer: telemetry.tracer };
}

/** A collector that does not answer must not keep the process. */
async function deliver(env: Env, telemetry: Telemetry | undefined): Promise<void> {
  if (telemetry === undefined) return;
  const delivered = telemetry.close().catch((error: unknown) => {
    env.log.write('warn', 'telemetry: spans were not delivered', { detail: String(error) });
  });
  const late = new Promise<void>((resolve) => env.scheduler.after(DELIVER_MS_MAX, resolve));
  await Promise.race([delivered, late]);
}

/** @throws OperationFailed if the file cannot be written to */
function auditLogOf({ auditLogFile }: AccessSettings, env: Env): Log {
  if (auditLogFile === undefined) return env.log;
  try {
    const file = openSync(auditLogFile, 'a', 0o600);
    return jsonLines(env.clock, 'info', (line) => writeSync(file, `${line}\n`));
  } catch (error) {
    throw new OperationFailed(`${auditLogFile} cannot be written to: ${(error as Error).message}`);
  }
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
  return `${config.access.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${actual}`;
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

interface Links {
  readonly sockets: WebSocketTransport;
  /** Absent for a server that runs alone. */
  readonly cluster: ClusterOptions | undefined;
  /** Only with `--chaos`. */
  readonly linkFaults: LinkFaults | undefined;
}

/** @throws OperationFailed if DNS does not name them in time */
async function peersOf(
  { peers, dnsPeers, advertise = '' }: ClusterSettings,
  env: Env,
  store: Store,
): Promise<readonly string[]> {
  if (dnsPeers === undefined) return peers;
  return discoverPeers(dnsPeers, { env, resolver: { resolveSrv }, store, own: advertise, waitMs: DISCOVERY_MS });
}

/** The way to the peers, if there are any. Nothing is dialed or accepted yet. */
function linksOf(
  { peers, advertise, clusterSecret = '', chaos, plant }: ClusterSettings,
  env: Env,
  security: LinkSecurity | undefined,
): Links {
  const sockets = new WebSocketTransport(env, LIMITS, security);
  const linkFaults = chaos ? new FaultyTransport(sockets, { env, peers }) : undefined;
  const transport = linkFaults ?? sockets;
  const bugs = bugsOf(plant);
  const own = { peers, advertise, secret: clusterSecret, transport, ...(bugs !== undefined && { bugs }) };
  const cluster = peers.length === 0 ? undefined : own;
  return { sockets, cluster, linkFaults };
}

/** A name that is none switches nothing on. */
function bugsOf(plant: string | undefined): ReadonlySet<PlantedBug> | undefined {
  return plant === undefined ? undefined : new Set([plant as PlantedBug]);
}

/** Starts replication before anybody is served, so that nobody takes this server for one that runs alone. */
async function startLinks(
  { cluster }: Links,
  {
    env,
    engine,
    name,
    onStuck,
  }: { readonly env: Env; readonly engine: OpenedEngine; readonly name: string; readonly onStuck: () => void },
): Promise<() => Promise<void>> {
  if (cluster === undefined) return () => Promise.resolve();
  try {
    const onBug = (error: Error): never => endWithBug(env.log, 'replication', error);
    const replication = await startReplication({ env, engine, options: cluster, name, onBug, onStuck });
    const { channel } = replication;
    engine.attachStrong(
      await StrongOperations.start({ env, host: engine.strongHost, channel, onBug, bugs: cluster.bugs }),
    );
    return () => replication.close();
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function leave(env: Env): Promise<void> {
  await new Promise<void>((resolve) => env.scheduler.after(LEAVE_MS, resolve));
  for (let turn = 0; turn < LEAVE_TURNS; turn++) await env.scheduler.yield();
}

/**
 * Takes no new connections and waits for requests in flight, for a bounded time; then closes the links, which carried
 * to the peers what these requests wrote.
 */
async function drain(
  server: FastifyInstance,
  env: Env,
  links: {
    readonly acceptedLinks: () => number;
    readonly closeLinks: () => Promise<void>;
    readonly sockets: WebSocketRoutes;
  },
): Promise<void> {
  links.sockets.stop();
  const begunMs = env.clock.monotonicMs();
  let timer: Timer;
  // A connection whose request has ended is idle and would otherwise stay open for the client's next one.
  const look = (): void => {
    if (env.clock.monotonicMs() - begunMs < DRAIN_MS_MAX) {
      server.server.closeIdleConnections();
      server.server.getConnections((_error, open) => {
        if (open <= links.acceptedLinks()) void links.closeLinks();
      });
      timer = env.scheduler.after(DRAIN_LOOK_MS, look);
    } else {
      env.log.write('warn', 'cutting requests that did not end', { drainMs: DRAIN_MS_MAX });
      server.server.closeAllConnections();
      links.sockets.terminate();
      void links.closeLinks();
    }
  };
  timer = env.scheduler.after(DRAIN_LOOK_MS, look);
  await server.close();
  timer.cancel();
}

/** LevelDB refuses to write, or what was begun cannot be finished, until the files are mended, which the next start does. */
function refusal(): {
  readonly onRefused: () => void;
  readonly refused: Promise<string>;
  readonly isRefused: () => boolean;
} {
  let isRefused = false;
  let refuse: (reason: string) => void = () => undefined;
  const refused = new Promise<string>((resolve) => {
    refuse = resolve;
  });
  const onRefused = () => {
    isRefused = true;
    refuse('damaged files');
  };
  return { onRefused, refused, isRefused: () => isRefused };
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
