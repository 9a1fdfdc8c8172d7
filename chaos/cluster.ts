/** Servers of one simulated cluster: production engine, store and protocol on a simulated machine each. */
import { BugError } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import { scaledLog } from '../bin/scaled-log.ts';
import type { ReplicationTiming } from '../src/cluster-options.ts';
import { StrongOperations } from '../src/consistency/strong-operations.ts';
import { type OpenedEngine, openEngine } from '../src/engine.ts';
import type { Replica } from '../src/replication/replica.ts';
import { type Replication, startReplication } from '../src/replication/replicator.ts';
import { MemoryDisk, openMemoryStore } from '../storage/memory-store.ts';
import { commitKey, type LogRecord, type Vector } from './history.ts';
import { Network } from './sim/network.ts';
import { MachineClock, SimProcess } from './sim/process.ts';
import type { SimRandom } from './sim/random.ts';
import { Recorder } from './sim/recorder.ts';
import { Timeline } from './sim/timeline.ts';
import type { Trace } from './sim/trace.ts';

/** 2025-06-15: any time after the epoch of stamps. */
export const START_MS = 1_750_000_000_000;
const SECRET = 'simulated';

export interface ClusterSetup {
  readonly servers: number;
  readonly durability: 'disk' | 'buffered';
  readonly memoryBudgetBytes: number;
  /** Undefined as servers have it. */
  readonly longTailBytes?: number | undefined;
  readonly timing: Partial<ReplicationTiming>;
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Usual time of a write to the disk. */
  readonly diskMs: number;
  /** Clocks differ by up to this from the start. */
  readonly skewMs: number;
  /** How many times its bytes a log counts for. */
  readonly logScale: number;
  readonly bugs: ReadonlySet<PlantedBug>;
  /** Some voter always keeps its memory: servers that all lost theirs begin anew, and nothing is promised of before. */
  readonly keepsVoter?: boolean;
}

export interface Server {
  readonly name: string;
  readonly url: string;
  readonly clock: MachineClock;
  disk: MemoryDisk;
  /** Time of a write to the disk. */
  diskMs: number;
  process: SimProcess | undefined;
  /** Present while the server takes requests. */
  engine: OpenedEngine | undefined;
  /** Of the process, until it dies. */
  replica: Replica | undefined;
  replication: Replication | undefined;
  log: LogRecord | undefined;
  /** What it had when it was last looked at, for the time that it is down. */
  holdings: Vector;
  /** What others held when it lost its disk. */
  readonly missed: Map<number, number>;
  /** Time during which paused processes and slow disks held it up, without what goes on now. */
  stalledMs: number;
  /** When the last write to its disk will have ended. */
  writtenAtMs: number;
  slowSinceMs: number | undefined;
}

export class Cluster {
  readonly trace: Trace;
  readonly timeline: Timeline;
  readonly network: Network;
  readonly recorder = new Recorder();
  readonly servers: readonly Server[];
  readonly setup: ClusterSetup;
  /** Commits that every disk which held them lost, as the setting allows. */
  readonly destroyed = new Set<string>();
  readonly bugs: string[] = [];
  /** What else a server does once it is up. */
  onUp: (up: { readonly server: Server; readonly process: SimProcess; readonly engine: OpenedEngine }) => void = () =>
    undefined;
  /** How often a server came back without anything that it had. */
  lostDisks = 0;
  /** The one server whose disk was damaged. */
  rotten: Server | undefined;
  readonly #random: SimRandom;
  #incarnations = 0;

  constructor(setup: ClusterSetup, random: SimRandom, trace: Trace) {
    this.setup = setup;
    this.trace = trace;
    this.#random = random;
    const { latencyMs, jitterMs, skewMs, diskMs } = setup;
    this.timeline = new Timeline(trace, (error) => this.noteBug('an event', error));
    this.network = new Network({
      timeline: this.timeline,
      random: random.fork('network'),
      trace,
      base: { latencyMs, jitterMs },
    });
    this.servers = Array.from({ length: setup.servers }, (_, i) => {
      const name = String.fromCharCode('a'.charCodeAt(0) + i);
      return {
        name,
        url: `ws://${name}:7400`,
        clock: this.machineClock(random.between(-skewMs, skewMs)),
        disk: new MemoryDisk(),
        diskMs,
        process: undefined,
        engine: undefined,
        replica: undefined,
        replication: undefined,
        log: undefined,
        holdings: new Map(),
        missed: new Map(),
        stalledMs: 0,
        writtenAtMs: 0,
        slowSinceMs: undefined,
      };
    });
  }

  machineClock(skewMs: number): MachineClock {
    return new MachineClock(this.timeline, START_MS, skewMs);
  }

  say(line: string): void {
    this.trace.say(this.timeline.nowMs, line);
  }

  noteBug(where: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    this.bugs.push(`${where}: ${text.split('\n').slice(0, 6).join('\n')}`);
    this.say(`BUG in ${where}: ${text}`);
  }

  /** Starts a server that is down. It serves when `engine` is there. */
  start(server: Server): void {
    if (server.process !== undefined) return;
    const incarnation = ++this.#incarnations;
    const process = new SimProcess({
      timeline: this.timeline,
      name: server.name,
      clock: server.clock,
      random: this.#random.fork(`process ${incarnation}`),
      onLog: (level, message, fields) => {
        if (level !== 'debug') this.say(`${server.name} ${level}: ${message} ${logFields(fields)}`);
      },
    });
    server.process = process;
    this.say(`${server.name} starts`);
    process.after(0, () => {
      this.#open(server, process, incarnation).catch((error: unknown) => {
        if (!process.isAlive) return;
        if (!(error instanceof WeftError)) this.noteBug(`${server.name} at its start`, error);
        this.say(`${server.name} cannot start: ${String(error)}`);
        // What an operator would do: with a disk that cannot be read, begin with an empty one; else try again.
        if (error instanceof WeftError && error.code !== 'storage-failed') this.loseDisk(server);
        else this.kill(server);
        this.start(server);
      });
    });
  }

  async #open(server: Server, process: SimProcess, incarnation: number): Promise<void> {
    const { durability, memoryBudgetBytes, longTailBytes, timing, logScale, bugs } = this.setup;
    const { name, disk } = server;
    const bare = await openMemoryStore({
      disk,
      durability,
      beforeWrite: () => {
        const tookMs = this.#random.between(0.1, 2) * server.diskMs;
        server.writtenAtMs = this.timeline.nowMs + tookMs;
        return process.sleep(tookMs);
      },
    });
    const { store, log } = this.recorder.watch(scaledLog(bare, logScale), name, incarnation);
    const { env } = process;
    const options = {
      peers: this.servers.filter((other) => other !== server).map(({ url }) => url),
      advertise: server.url,
      secret: SECRET,
      transport: this.network.transport(server.url, process),
      timing,
      bugs,
    };
    const engine = await openEngine({ env, store, name, memoryBudgetBytes, longTailBytes, cluster: options });
    if (!process.isAlive) return;
    const onBug = (error: Error) => this.noteBug(`the replication of ${name}`, error);
    const onStuck = () => {
      this.kill(server);
      this.start(server);
    };
    server.replication = await startReplication({ env, engine, options, name, onBug, onStuck });
    if (!process.isAlive) return;
    const { channel } = server.replication;
    const strong = await StrongOperations.start({ env, host: engine.strongHost, channel, onBug, bugs });
    if (!process.isAlive) return;
    engine.attachStrong(strong);
    server.engine = engine;
    server.replica = engine.replica;
    server.log = log;
    this.onUp({ server, process, engine });
    this.say(`${name} is up as replica ${engine.replicaId}`);
  }

  /** Kills the process; what was written survives. */
  kill(server: Server): void {
    this.#end(server, 'is killed', () => server.disk.kill());
  }

  /** Cuts the power: what was not synced is lost, but for the first `keep` batches. */
  cutPower(server: Server, keep: number): void {
    this.#end(server, `loses power, ${keep} unsynced batches survive`, () => server.disk.crash({ keep }));
  }

  loseDisk(server: Server): void {
    this.lostDisks++;
    for (const other of this.servers) {
      if (other === server) continue;
      for (const [origin, seq] of this.holdings(other)) {
        server.missed.set(origin, Math.max(seq, server.missed.get(origin) ?? 0));
      }
    }
    this.#end(server, 'loses its disk', () => {
      server.disk = new MemoryDisk();
    });
  }

  #end(server: Server, how: string, disaster: () => void): void {
    const before = this.holdings(server);
    const wiped = server.disk;
    this.#settleStalls(server);
    server.process?.kill();
    server.process = undefined;
    server.engine = undefined;
    server.replica = undefined;
    server.replication = undefined;
    server.log = undefined;
    disaster();
    this.say(`${server.name} ${how}`);
    server.holdings = this.#readHoldings(server);
    if (this.setup.durability === 'disk' && server.disk === wiped) return;
    for (const [origin, seq] of before) {
      for (let lost = (server.holdings.get(origin) ?? 0) + 1; lost <= seq; lost++) {
        const isHeld = this.servers.some((other) => (this.holdings(other).get(origin) ?? 0) >= lost);
        if (!isHeld) this.destroyed.add(commitKey({ origin, seq: lost }));
      }
    }
  }

  #readHoldings(server: Server): Vector {
    const reader = {};
    try {
      const { streams } = server.disk.attach(reader);
      server.disk.detach(reader);
      return new Map(streams.map(({ origin, seq }) => [origin as number, seq]));
    } catch {
      // A damaged log: nothing of it can be counted on.
      return new Map();
    }
  }

  /** Stops a server in good order. */
  async stop(server: Server): Promise<void> {
    const { engine, replication, process } = server;
    if (engine === undefined || process === undefined) return;
    this.say(`${server.name} stops`);
    server.engine = undefined;
    const stopped = new Promise<void>((resolve) => {
      process.onDeath(resolve);
      process.after(0, () => {
        (async () => {
          await replication?.close();
          await engine.close();
        })().then(resolve, (error: unknown) => {
          if (!(error instanceof WeftError)) this.noteBug(`${server.name} at its stop`, error);
          resolve();
        });
      });
    });
    await stopped;
    if (server.process === process) this.#end(server, 'is stopped', () => server.disk.kill());
  }

  /** The last commit of every stream that a server has, ended streams included. */
  holdings(server: Server): Vector {
    const { replica } = server;
    if (replica === undefined) return server.holdings;
    return new Map([...replica.retired, ...replica.vector]);
  }

  pause(server: Server): void {
    if (server.process === undefined || server.process.isPaused) return;
    this.say(`${server.name} is paused`);
    server.process.pause();
  }

  resume(server: Server): void {
    if (server.process?.isPaused !== true) return;
    this.say(`${server.name} goes on`);
    server.process.resume();
  }

  slowDisk(server: Server, diskMs: number): void {
    server.diskMs = diskMs;
    server.slowSinceMs ??= this.timeline.nowMs;
  }

  restoreDisk(server: Server): void {
    server.diskMs = this.setup.diskMs;
    if (server.slowSinceMs === undefined) return;
    // What is being written goes on as slowly as it began.
    server.stalledMs += Math.max(this.timeline.nowMs, server.writtenAtMs) - server.slowSinceMs;
    server.slowSinceMs = undefined;
  }

  /** Time for which a server was held up so far. */
  stalled(server: Server): number {
    const slowMs = server.slowSinceMs === undefined ? 0 : this.timeline.nowMs - server.slowSinceMs;
    return server.stalledMs + slowMs + (server.process?.pausedMs ?? 0);
  }

  #settleStalls(server: Server): void {
    server.stalledMs += server.process?.pausedMs ?? 0;
  }

  /** Runs a call on a server, in its process. Rejects if the server is not there or dies before the answer. */
  ask<T>(server: Server, call: (engine: OpenedEngine) => Promise<T>): Promise<T> {
    const { process, engine } = server;
    if (process === undefined || engine === undefined) return Promise.reject(new Unreachable());
    return new Promise((resolve, reject) => {
      const forget = process.onDeath(() => reject(new Died()));
      process.after(0, () => {
        call(engine)
          .finally(forget)
          .then(resolve, (error: unknown) => {
            if (error instanceof BugError || !(error instanceof WeftError))
              this.noteBug(`a call to ${server.name}`, error);
            reject(error);
          });
      });
    });
  }
}

/** Nobody took the request: it did not happen. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** The server died before it answered: the request may have happened. */
export class Died extends Error {
  override readonly name = 'Died';
}

function logFields(fields: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return text === '{}' ? '' : text.slice(0, 300);
}
