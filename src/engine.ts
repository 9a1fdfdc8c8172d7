/** The engine: opens a store, holds its graphs, and hands out what `engine-port.ts` promises. */
import type { Env, Random } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { GraphName, ReplicaId } from '../base/ids.ts';
import { graphName } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { fromUtf8, toUtf8 } from '../base/text.ts';
import { HybridClock } from '../crdt/stamp.ts';
import type { GraphSettings } from '../graph/model.ts';
import type { Store } from '../storage/store.ts';
import {
  BUILT_IN,
  type CatalogEntry,
  completeSettings,
  entryId,
  entryNode,
  entryOf,
  SYSTEM_GRAPH,
  settingsAgree,
} from './catalog.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { Committer } from './committer.ts';
import type { ClusterDescription, Engine, EngineMetrics, Graph, GraphDescription, Health } from './engine-port.ts';
import { EngineGraph } from './graph.ts';
import { GraphWriter } from './graph-writer.ts';
import { IdempotentRequests } from './idempotency.ts';
import { beginIncarnation, type Incarnation } from './incarnation.ts';
import { Progress } from './progress.ts';
import { ProtectedGraph } from './protected-graph.ts';
import { Residency } from './residency.ts';
import { ResidentGraph } from './resident-graph.ts';
import { SessionTokens } from './session-token.ts';
import { Sessions } from './sessions.ts';
import { uniqueText } from './unique-text.ts';
import { vectorObject } from './version-vector.ts';

/** Names the graph generations whose removal from the store has begun. */
const DROPPING_META = 'dropping';
/** Signs the session tokens of a server that stands alone. */
const SECRET_META = 'session-secret';
const SECRET_BYTES = 32;
const NONE: readonly string[] = [];

/** What replication adds to the status of a server. */
export interface ClusterStatus {
  /** All voters as this server sees them, itself included, by name. */
  members(): ClusterDescription['members'];
  /** Why this server cannot serve, in words. */
  reasons(): readonly string[];
}

/** An engine with what its composition needs beside the port. */
export interface OpenedEngine extends Engine {
  /** From now on `cluster` and `health` ask `status`. */
  attachStatus(status: ClusterStatus): void;
}

export interface EngineOptions {
  readonly env: Env;
  readonly store: Store;
  /** Name of this server in the cluster. */
  readonly name: string;
  /** Estimated bytes of hydrated partitions beyond which the least recently used are passivated. */
  readonly memoryBudgetBytes: number;
  /** Absent for a server that stands alone. */
  readonly cluster?: ClusterOptions | undefined;
}

/** @throws WeftError `data-corrupt`, `partition-recovering` if the catalog cannot be read */
export async function openEngine(options: EngineOptions): Promise<OpenedEngine> {
  const { store, env, cluster } = options;
  const incarnation = await beginIncarnation(store, env.random);
  const tokens = new SessionTokens(await sessionSecret(store, env.random, cluster));
  const engine = new LocalEngine(options, incarnation, tokens);
  await engine.loadCatalog();
  return engine;
}

class LocalEngine implements OpenedEngine {
  readonly name: string;
  readonly replicaId: ReplicaId;
  readonly #env: Env;
  readonly #store: Store;
  readonly #clock: HybridClock;
  readonly #residency: Residency;
  readonly #committer: Committer;
  readonly #requests: IdempotentRequests;
  readonly #progress: Progress;
  readonly #sessions: Sessions;
  #status: ClusterStatus | undefined;
  readonly #graphs = new Map<GraphName, EngineGraph>();
  /** Creations and deletions of graphs, one after the other. */
  #catalogWork: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(
    { env, store, name, memoryBudgetBytes, cluster }: EngineOptions,
    { replica, lastSeq, clock }: Incarnation,
    tokens: SessionTokens,
  ) {
    const bugs = cluster?.bugs;
    const progress = new Progress(streamsOf(store), new Map());
    this.#progress = progress;
    this.#sessions = new Sessions({ progress, tokens, scheduler: env.scheduler, replica, bugs });
    this.name = name;
    this.replicaId = replica;
    this.#env = env;
    this.#store = store;
    this.#clock = new HybridClock(env.clock, clock);
    this.#residency = new Residency({ env, store, replica, budgetBytes: memoryBudgetBytes });
    const residency = this.#residency;
    const onDurable = (seq: number) => {
      progress.advance(replica, seq);
      this.#sessions.moved();
    };
    this.#committer = new Committer({ env, store, residency, clock: this.#clock, replica, lastSeq, onDurable });
    this.#requests = new IdempotentRequests(env.clock);
  }

  async loadCatalog(): Promise<void> {
    for (const entry of BUILT_IN) await this.#addGraph(entry);
    const keys = new Set(BUILT_IN.map(({ key }) => key));
    for await (const item of this.#system().export()) {
      const entry = item.kind === 'node' ? entryOf(item.node) : undefined;
      if (entry === undefined) continue;
      keys.add(entry.key);
      await this.#addGraph(entry);
    }
    for (const key of await this.#dropping()) if (!keys.has(key)) await this.#store.dropGraph(key);
    await this.#setDropping([]);
  }

  async #addGraph({ name, key, settings }: CatalogEntry): Promise<EngineGraph> {
    const resident = new ResidentGraph(name, key, settings, await this.#store.listPartitions(key));
    const writer = new GraphWriter({
      graph: resident,
      residency: this.#residency,
      committer: this.#committer,
      store: this.#store,
      clock: this.#clock,
      replica: this.replicaId,
    });
    const graph = new EngineGraph(resident, this.#residency, writer);
    this.#residency.add(resident);
    this.#graphs.set(name, graph);
    return graph;
  }

  #system(): EngineGraph {
    return this.#graphs.get(SYSTEM_GRAPH) as EngineGraph;
  }

  listGraphs(): readonly GraphDescription[] {
    return Array.from(this.#graphs.values(), ({ description }) => description).sort((a, b) =>
      compareText(a.name, b.name),
    );
  }

  graph(name: GraphName): Graph {
    const graph = this.#graphs.get(name);
    if (graph === undefined) throw new WeftError('graph-not-found', `there is no graph \`${name}\``, { graph: name });
    return name === SYSTEM_GRAPH ? new ProtectedGraph(graph) : graph;
  }

  createGraph(name: GraphName, asked: Partial<GraphSettings>): ReturnType<Engine['createGraph']> {
    return this.#inCatalogOrder(async () => {
      const settings = completeSettings(asked);
      const held = this.#graphs.get(graphName(name));
      if (held !== undefined) {
        if (settingsAgree(asked, held.description.settings)) return { created: false, graph: held.description };
        throw new WeftError('graph-exists', `graph \`${name}\` exists with other settings`, {
          graph: name,
          settings: held.description.settings,
        });
      }
      const key = `g${uniqueText({ clock: this.#clock.tick(), replica: this.replicaId })}`;
      const entry: CatalogEntry = { name, key, settings };
      await this.#system().write([{ op: 'putNode', ...entryNode(entry) }]);
      return { created: true, graph: (await this.#addGraph(entry)).description };
    });
  }

  deleteGraph(name: GraphName): Promise<void> {
    return this.#inCatalogOrder(async () => {
      const graph = this.#graphs.get(name);
      if (graph === undefined) throw new WeftError('graph-not-found', `there is no graph \`${name}\``, { graph: name });
      if (BUILT_IN.some((entry) => entry.name === name)) {
        throw new WeftError('graph-protected', `graph \`${name}\` always exists`, { graph: name });
      }
      const { resident } = graph;
      await this.#setDropping([...(await this.#dropping()), resident.key]);
      await this.#system().write([{ op: 'deleteNode', id: entryId(name), detach: true }]);
      this.#graphs.delete(name);
      resident.deleted = true;
      this.#residency.remove(resident);
      // Commits of the graph that were on their way come first; then everything goes.
      await this.#committer.barrier();
      await this.#store.dropGraph(resident.key);
    });
  }

  #inCatalogOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#catalogWork.then(work);
    this.#catalogWork = done.catch(() => undefined);
    return done;
  }

  async #dropping(): Promise<string[]> {
    const held = await this.#store.getMeta(DROPPING_META);
    return held === undefined ? [] : (JSON.parse(fromUtf8(held)) as string[]);
  }

  async #setDropping(keys: readonly string[]): Promise<void> {
    await this.#store.setMeta(DROPPING_META, toUtf8(JSON.stringify(keys)));
  }

  once<T>(
    key: string,
    fingerprint: string,
    request: () => Promise<T>,
  ): Promise<{ readonly replayed: boolean; readonly outcome: T }> {
    return this.#requests.once(key, fingerprint, request);
  }

  sessionToken(presented: readonly string[] = NONE): string {
    return this.#sessions.token(presented);
  }

  reachSession(tokens: readonly string[]): Promise<void> {
    return this.#sessions.reach(tokens);
  }

  attachStatus(status: ClusterStatus): void {
    this.#status = status;
  }

  cluster(): ClusterDescription {
    const vector = vectorObject(this.#progress.vector);
    return {
      self: { name: this.name, replicaId: this.replicaId },
      members: this.#status?.members() ?? [
        {
          name: this.name,
          url: '',
          state: 'alive',
          self: true,
          replicaId: this.replicaId,
          vector,
          heardMsAgo: 0,
          lagCommits: 0,
          lagMs: 0,
          link: { state: 'up', bytesSent: 0, bytesReceived: 0, unacknowledgedBytes: 0 },
        },
      ],
      vector,
    };
  }

  health(): Health {
    const reasons: string[] = [];
    if (this.#committer.failure !== undefined) reasons.push('the store failed; restart the server');
    if (this.#closing !== undefined) reasons.push('the server is stopping');
    if (this.#status !== undefined) reasons.push(...this.#status.reasons());
    const failed = reasons.length > 0;
    for (const { graphKey, partition } of this.#store.recovery.damaged) {
      reasons.push(`partition ${partition} of the graph stored as ${graphKey} is damaged and not served`);
    }
    return { canRead: !failed, canWrite: !failed, reasons };
  }

  metrics(): EngineMetrics {
    const { partitions, documents } = this.#residency.counts();
    return {
      commitsTotal: this.#committer.commits,
      patchesTotal: this.#committer.patches,
      requestsInCommitsTotal: this.#committer.requests,
      hydrationsTotal: this.#residency.hydrations,
      passivationsTotal: this.#residency.passivations,
      compactionsTotal: this.#committer.compactions,
      hydratedPartitions: partitions,
      hydratedDocuments: documents,
      residentBytes: this.#residency.residentBytes,
      memoryBudgetBytes: this.#residency.budgetBytes,
      pendingBytes: this.#committer.pendingChars,
      logBytes: this.#store.status().logBytes,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#committer.stop();
    this.#sessions.stop();
    await this.#catalogWork;
    await this.#committer.idle();
    await this.#residency.settled();
    if (this.#committer.failure === undefined) await this.#residency.snapshotLongTails();
    await this.#store.close();
    this.#env.log.write('info', 'stopped', { commits: this.#committer.commits });
  }
}

function streamsOf(store: Store): (readonly [ReplicaId, number])[] {
  return store.recovery.streams.map(({ origin, seq }) => [origin, seq] as const);
}

/**
 * The secret of the cluster, empty or not, because its servers must understand each other. A server that stands alone
 * and has none makes one, and keeps it, so that tokens survive a restart.
 */
async function sessionSecret(store: Store, random: Random, cluster: ClusterOptions | undefined): Promise<Uint8Array> {
  if (cluster !== undefined && (cluster.secret !== '' || cluster.peers.length > 0)) return toUtf8(cluster.secret);
  const held = await store.getMeta(SECRET_META);
  if (held !== undefined) return held;
  const secret = Uint8Array.from({ length: SECRET_BYTES }, () => random.uint32() & 0xff);
  await store.setMeta(SECRET_META, secret);
  return secret;
}
