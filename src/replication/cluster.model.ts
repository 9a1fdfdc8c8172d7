/**
 * Several whole servers in one process, for tests: real engines on memory disks, replication between them over the memory
 * network, links that can be cut, and time that moves only when a test says so.
 */
import { expect } from 'vitest';
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import type { Tracer } from '../../base/tracer.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import { MemoryDisk, openMemoryStore } from '../../storage/memory-store.ts';
import type { PartitionKey, Store } from '../../storage/store.ts';
import type { ReplicationTiming } from '../cluster-options.ts';
import { StrongOperations } from '../consistency/strong-operations.ts';
import { type OpenedEngine, openEngine } from '../engine.ts';
import { DEFAULT, LARGE, turns } from '../engine-on-disk.model.ts';
import type { Graph, Member, ReplicationMetrics } from '../engine-port.ts';
import { UNFOUNDED } from './configuration.ts';
import { FaultyTransport } from './faulty-transport.ts';
import type { Frame, Hello, PlainFrame } from './frame.ts';
import { decodeFrame, encodeFrame } from './frame-codec.ts';
import { Handshake } from './handshake.ts';
import { memoryNetwork } from './memory-network.model.ts';
import { type Replication, startReplication } from './replicator.ts';
import { hashOfSettings } from './settings-hash.ts';
import type { Connection } from './transport.ts';
import type { VoterChannel } from './voter-channel.ts';

export const SECRET = 'the secret of the cluster';
const STEP_MS = 20;
const CUT = { cut: true, direction: 'both', delayMs: 0, dropRate: 0 } as const;

export interface ServerOptions {
  readonly disk?: MemoryDisk;
  readonly secret?: string;
  /** How far its wall clock is off, in milliseconds. */
  readonly wallOffsetMs?: number;
  /** Names of those that it is told to dial; by default all others. */
  readonly peers?: readonly string[];
  readonly timing?: Partial<ReplicationTiming>;
  readonly tracer?: Tracer;
  /** Of those who decide strong operations, each message that it sends arrives twice. */
  readonly repeats?: boolean;
}

export interface Server {
  readonly name: string;
  readonly disk: MemoryDisk;
  readonly store: Store;
  readonly engine: OpenedEngine;
  readonly graph: Graph;
  readonly replication: Replication;
  readonly faults: FaultyTransport;
  /** Messages of its log, `level message`, with the trace if there is one. */
  readonly log: readonly string[];
}

const urlOf = (name: string): string => `http://${name}`;

export class Cluster {
  readonly network = memoryNetwork();
  readonly names: readonly string[];
  /** Failed assertions, of any server. */
  readonly bugs: Error[] = [];
  /** In the strong operations of servers that are started from now on. */
  planted: ReadonlySet<PlantedBug> | undefined;
  readonly #running = new Map<string, Server>();

  constructor(...names: readonly string[]) {
    this.names = names;
  }

  async start(name: string, options: ServerOptions = {}): Promise<Server> {
    const { disk = new MemoryDisk(), secret = SECRET, wallOffsetMs = 0, timing, tracer } = options;
    const log: string[] = [];
    const { clock, ...rest } = this.network.env;
    const env: Env = {
      ...rest,
      ...(tracer && { tracer }),
      clock: { monotonicMs: () => clock.monotonicMs(), wallMs: () => clock.wallMs() + wallOffsetMs },
      log: {
        write: (level, message, { traceparent } = {}) => {
          log.push(`${level} ${message}${typeof traceparent === 'string' ? ` ${traceparent}` : ''}`);
        },
      },
    };
    const peers = (options.peers ?? this.names.filter((other) => other !== name)).map(urlOf);
    const faults = new FaultyTransport(this.network.transport(urlOf(name)), { env, peers });
    const cluster = { peers, advertise: urlOf(name), secret, transport: faults, ...(timing && { timing }) };
    const store = await openMemoryStore({ disk });
    const engine = await openEngine({ env, store, name, memoryBudgetBytes: LARGE, cluster });
    const onBug = (error: Error) => void this.bugs.push(error);
    const replication = await startReplication({ env, engine, options: cluster, name, onBug });
    const { send } = replication.channel;
    const twice: VoterChannel['send'] = (...message) => {
      send(...message);
      send(...message);
    };
    const channel = { ...replication.channel, ...(options.repeats && { send: twice }) };
    const strong = await StrongOperations.start({ env, host: engine.strongHost, channel, onBug, bugs: this.planted });
    engine.attachStrong(strong);
    const server = { name, disk, store, engine, graph: engine.graph(DEFAULT), replication, faults, log };
    this.#running.set(name, server);
    return server;
  }

  startAll(): Promise<Server[]> {
    return Promise.all(this.names.map((name) => this.start(name)));
  }

  /** Starts all, and waits until they are linked and vote. */
  async startVoting(): Promise<Server[]> {
    const servers = await this.startAll();
    await this.linked(...servers);
    await this.until(() => servers.every(({ engine }) => engine.quorum().votes), 'votes');
    return servers;
  }

  /** Stops a server as an operator does. */
  async stop({ name, replication, engine }: Server): Promise<void> {
    await replication.close();
    await engine.close();
    this.#running.delete(name);
    await this.run(STEP_MS);
  }

  /** Kills the process of a server; what was durable stays on its disk. */
  async kill({ name, replication, disk }: Server): Promise<void> {
    // What the network tells the peers when a process is gone.
    await replication.close();
    disk.crash();
    this.#running.delete(name);
    await this.run(STEP_MS);
  }

  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.network.advance(STEP_MS);
      await turns(2);
    }
    expect(this.bugs).toEqual([]);
  }

  /** Lets time pass until the condition holds; a minute at most. */
  async until(condition: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
    for (let passed = 0; passed < 60_000; passed += 100) {
      if (await condition()) return;
      await this.run(100);
    }
    expect.fail(`${what} did not come about: ${this.describe()}`);
  }

  /** What work comes to; time passes until it is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const watched = work.finally(() => {
      done = true;
    });
    watched.catch(() => undefined);
    await this.until(() => done, 'an answer');
    return watched;
  }

  /** The error that work fails with. */
  async refusal(work: Promise<unknown>): Promise<WeftError> {
    const error = await this.during(work).then(
      () => expect.fail('it was not refused'),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(WeftError);
    return error as WeftError;
  }

  describe(): string {
    const lines = Array.from(this.#running.values(), ({ name, engine, log }) => {
      const links = engine
        .cluster()
        .members.map(({ name: peer, link }) => `${peer} ${link.state} ${link.reason ?? ''}`);
      return `${name}: ${links.join('; ')}\n  ${log.slice(-8).join('\n  ')}`;
    });
    return `\n${lines.join('\n')}`;
  }

  cut(one: Server, other: Server): void {
    one.faults.set(urlOf(other.name), CUT);
    other.faults.set(urlOf(one.name), CUT);
  }

  heal(one: Server, other: Server): void {
    one.faults.heal(urlOf(other.name));
    other.faults.heal(urlOf(one.name));
  }

  /** Until all have the same vectors and the same digests. */
  async converge(...servers: readonly Server[]): Promise<void> {
    await this.until(() => areLevel(servers), 'equal vectors');
    const [first, ...others] = await Promise.all(servers.map(({ graph }) => graph.digest()));
    for (const other of others) expect(other).toEqual(first);
  }

  /** Until each has a link with each. */
  async linked(...servers: readonly Server[]): Promise<void> {
    await this.until(() => servers.every((server) => metricsOf(server).linksUp === servers.length - 1), 'links');
  }

  puppet(name: string, replicaId: number): Puppet {
    return new Puppet(this, name, replicaId);
  }
}

/** The disk of a server takes nothing more until the returned function is called. */
export function stall({ store }: Server): () => void {
  const appendAll = store.appendAll.bind(store);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.appendAll = async (commits) => {
    await released;
    return appendAll(commits);
  };
  return release;
}

/** What a server has, retired streams included, as text. */
function reached({ engine: { replica } }: Server): string {
  const all = new Map([...replica.retired, ...replica.vector]);
  return JSON.stringify(Array.from(all).sort(([a], [b]) => a - b));
}

export function areLevel(servers: readonly Server[]): boolean {
  return new Set(servers.map(reached)).size === 1 && servers.every(({ engine }) => !engine.replica.recovering);
}

export function metricsOf({ engine }: Server): ReplicationMetrics {
  const { replication } = engine.metrics();
  if (replication === undefined) throw new Error('replication has not started');
  return replication;
}

export function memberOf({ engine }: Server, name: string): Member {
  const member = engine.cluster().members.find((candidate) => candidate.name === name);
  if (member === undefined) throw new Error(`${name} is no member`);
  return member;
}

/** Covers everything on a disk that nobody uses by snapshots, and lets go of the whole log. */
export async function forgetLog(disk: MemoryDisk, keys: readonly PartitionKey[]): Promise<void> {
  const store = await openMemoryStore({ disk });
  const { lastLsn: lsn } = store.recovery;
  for (const key of keys) {
    const { snapshot, tail } = await store.readPartition(key, { document: true });
    const updates = [...(snapshot === undefined ? [] : [snapshot.document]), ...tail.map(({ update }) => update)];
    const document = PartitionDocument.hydrate('', 1 as never, updates).encode();
    await store.writeSnapshot(key, { lsn, document, view: undefined });
  }
  await store.truncateLog(lsn);
  await store.close();
}

/** A server whose every frame the test decides, with the secret of the cluster. */
export class Puppet {
  readonly heard: Frame[] = [];
  closed: string | undefined;
  readonly #cluster: Cluster;
  readonly #own: Hello;
  #connection: Connection | undefined;

  constructor(cluster: Cluster, name: string, replica: number) {
    this.#cluster = cluster;
    this.#own = {
      kind: 'hello',
      version: 1,
      versionMin: 1,
      name,
      replica: replica as Hello['replica'],
      clusterId: '',
      established: false,
      settingsHash: hashOfSettings(),
      size: cluster.names.length,
      configuration: UNFOUNDED,
      wallMs: cluster.network.env.clock.wallMs(),
      nonce: new Uint8Array(16).fill(5),
    };
  }

  /** Dials a server and shakes hands. */
  async link(server: Server): Promise<void> {
    const handshake = new Handshake('dialer', this.#own, SECRET);
    let done = false;
    this.#cluster.network.transport(`${urlOf(this.#own.name)}/puppet`).dial(urlOf(server.name), {
      opened: (connection) => {
        this.#connection = connection;
        for (const frame of handshake.opening()) this.say(frame);
        return {
          frame: (bytes) => {
            const frame = decodeFrame(bytes);
            this.heard.push(frame);
            if (done) return;
            const step = handshake.step(frame);
            if (step.kind !== 'refused') for (const answer of step.send) this.say(answer);
            done = step.kind === 'done';
          },
          closed: (reason) => {
            this.closed = reason;
          },
        };
      },
      failed: (reason) => {
        this.closed = reason;
      },
    });
    await this.#cluster.until(() => done, 'a handshake');
  }

  say(frame: PlainFrame): void {
    this.sayBytes(encodeFrame(frame));
  }

  sayBytes(bytes: Uint8Array): void {
    this.#connection?.send(bytes);
  }

  /** The first frame of a link, then the sign of life: it has nothing. */
  sayStatus(): void {
    this.say({
      kind: 'status',
      clusterId: '',
      established: false,
      vector: new Map(),
      retired: new Map(),
      direct: [],
      wallMs: this.#cluster.network.env.clock.wallMs(),
      resend: false,
    });
  }
}
