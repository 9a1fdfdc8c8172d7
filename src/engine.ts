/**
 * The engine: opens a store, holds its graphs, and hands out what `engine-port.ts` promises.
 *
 * Long because its parts are put together here, and call each other back; what each does is in its own file.
 */
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { type GraphName, graphName, nodeId, type ReplicaId, replicaId } from '../base/ids.ts';
import { HybridClock } from '../crdt/stamp.ts';
import { checkPolicy, type PolicyChange } from '../graph/policy.ts';
import type { Quota } from '../graph/quota.ts';
import type { Store } from '../storage/store.ts';
import { Adoption } from './adoption/adoption.ts';
import { PartitionStates } from './adoption/partition-states.ts';
import { backupId, backupPieces, keptPieces } from './backup/backup.ts';
import { BackupHolds } from './backup/backup-holds.ts';
import { type CatalogEntry, isInternal } from './catalog/catalog.ts';
import { type CatalogWriter, StrongCatalogWriter } from './catalog/catalog-writer.ts';
import { GraphCatalog } from './catalog/graph-catalog.ts';
import { GraphPolicy } from './catalog/graph-policy.ts';
import { GraphSchema } from './catalog/graph-schema.ts';
import { ChangeFeed } from './changes/change-feed.ts';
import { ChangePositions } from './changes/change-position.ts';
import { type ClusterOptions, hasPeers } from './cluster-options.ts';
import { Committer } from './commits/committer.ts';
import { EngineReplica, readRetired } from './commits/engine-replica.ts';
import { beginIncarnation, type Incarnation } from './commits/incarnation.ts';
import { Progress } from './commits/progress.ts';
import { ReceivedCommits } from './commits/received-commits.ts';
import type { VersionVector } from './commits/version-vector.ts';
import { OutcomeExpiry } from './consistency/outcome-expiry.ts';
import { StrongGraph } from './consistency/strong-graph.ts';
import { EngineStrongHost } from './consistency/strong-host.ts';
import type { StrongHost, StrongOperations } from './consistency/strong-operations.ts';
import { forgetConfigurations } from './consistency/voter-change.ts';
import { Declarations } from './constraints/declarations.ts';
import type {
  BackupHold,
  BackupMark,
  ClusterDescription,
  Engine,
  EngineMetrics,
  Graph,
  GraphDescription,
  GraphRequest,
  GraphSync,
  Health,
  QuorumDescription,
  VoterChange,
} from './engine-port.ts';
import { type ClusterStatus, EngineStatus } from './engine-status.ts';
import { ExpiryPurge } from './graphs/expiry-purge.ts';
import { EngineGraph } from './graphs/graph.ts';
import { EngineGraphSync, SyncFeed } from './graphs/graph-sync.ts';
import { GraphWriter } from './graphs/graph-writer.ts';
import { ProtectedGraph } from './graphs/protected-graph.ts';
import type { Replica, StreamCommit } from './replication/replica.ts';
import { LongTails } from './residency/long-tails.ts';
import { Residency } from './residency/residency.ts';
import { ResidentGraph } from './residency/resident-graph.ts';
import { snapshotLongTails } from './residency/snapshots.ts';
import { IdempotentRequests } from './sessions/idempotency.ts';
import { KeptOutcomes } from './sessions/kept-outcomes.ts';
import { sessionSecret } from './sessions/session-secret.ts';
import { SessionTokens } from './sessions/session-token.ts';
import { Sessions } from './sessions/sessions.ts';

const NONE: readonly string[] = [];
const INCARNATION_LABEL = 'Incarnation';

/** An engine with what its composition needs beside the port. */
export interface OpenedEngine extends Engine {
  readonly replica: Replica;
  readonly strongHost: StrongHost;
  /** What is here is of a cluster that is no more: who voted there says nothing from now on. */
  beginNewCluster(): Promise<void>;
  /** From now on strong operations go through `strong`. A server with peers takes none before. */
  attachStrong(strong: StrongOperations): void;
  /** From now on `cluster`, `health` and `metrics` ask `status`. */
  attachStatus(status: ClusterStatus): void;
}

export interface EngineOptions {
  readonly env: Env;
  readonly store: Store;
  /** Name of this server in the cluster. */
  readonly name: string;
  /** Estimated bytes of hydrated partitions beyond which the least recently used are passivated. */
  readonly memoryBudgetBytes: number;
  /** Bytes written to a partition in use since its snapshot that call for another one. */
  readonly longTailBytes?: number | undefined;
  /** Whether what it holds goes with the process. */
  readonly isEphemeral?: boolean;
  /** Of graphs that have no quota of their own. */
  readonly quotaDefaults?: Quota | undefined;
  /** Absent for a server that stands alone. */
  readonly cluster?: ClusterOptions | undefined;
}

/** @throws WeftError `data-corrupt`, `partition-recovering` if the catalog cannot be read */
export async function openEngine(options: EngineOptions): Promise<OpenedEngine> {
  const { store, env, cluster } = options;
  const retired = await readRetired(store);
  const incarnation = await beginIncarnation(store, {
    random: env.random,
    hasPeers: hasPeers(cluster),
    used: retired.keys(),
    bugs: cluster?.bugs,
  });
  const secret = await sessionSecret(store, env.random, cluster);
  const engine = new LocalEngine(options, {
    ...incarnation,
    retired,
    secret,
    adoption: await Adoption.read(store),
    backupHolds: await BackupHolds.read(env, store),
  });
  await engine.load();
  return engine;
}

/** What was read from the store before the engine is there. */
interface Found extends Incarnation {
  readonly retired: VersionVector;
  /** Signs what clients keep for us. */
  readonly secret: Uint8Array;
  readonly adoption: Adoption;
  readonly backupHolds: BackupHolds;
}

class LocalEngine implements OpenedEngine {
  readonly name: string;
  readonly replicaId: ReplicaId;
  readonly replica: EngineReplica;
  readonly strongHost: EngineStrongHost;
  readonly #env: Env;
  readonly #store: Store;
  readonly #backupHolds: BackupHolds;
  readonly #clock: HybridClock;
  readonly #residency: Residency;
  readonly #committer: Committer;
  readonly #requests: IdempotentRequests;
  readonly #sessions: Sessions;
  readonly #adoption: Adoption;
  readonly #catalog: GraphCatalog;
  readonly #feed: ChangeFeed;
  readonly #hasPeers: boolean;
  readonly #quotaDefaults: Quota;
  readonly #isEphemeral: boolean;
  readonly #bugs: ClusterOptions['bugs'];
  readonly #status: EngineStatus;
  #strong: StrongOperations | undefined;
  readonly #kept: KeptOutcomes;
  readonly #outcomeExpiry: OutcomeExpiry;
  readonly #expiryPurge: ExpiryPurge;
  readonly #longTails: LongTails;
  readonly #syncFeed = new SyncFeed();
  #closing: Promise<void> | undefined;

  constructor(
    { env, store, name, memoryBudgetBytes, longTailBytes, isEphemeral, quotaDefaults, cluster }: EngineOptions,
    found: Found,
  ) {
    const { replica, lastSeq, adoption, secret } = found;
    const tokens = new SessionTokens(secret);
    const bugs = cluster?.bugs;
    this.name = name;
    this.replicaId = replica;
    this.#env = env;
    this.#store = store;
    this.#adoption = adoption;
    this.#backupHolds = found.backupHolds;
    this.#quotaDefaults = quotaDefaults ?? {};
    this.#isEphemeral = isEphemeral ?? false;
    const clock = new HybridClock(env.clock, found.clock);
    this.#clock = clock;
    const streams = store.recovery.streams.map(({ origin, seq }) => [origin, seq] as const);
    const progress = new Progress(streams, found.retired);
    this.#sessions = new Sessions({ progress, tokens, scheduler: env.scheduler, replica, bugs });
    const residency = new Residency({ env, store, replica, clock, budgetBytes: memoryBudgetBytes, longTailBytes });
    this.#residency = residency;
    const received = new ReceivedCommits({
      residency,
      progress,
      replica,
      bugs,
    });
    const committer = new Committer({
      env,
      store,
      residency,
      clock,
      replica,
      lastSeq,
      hasPeers: hasPeers(cluster),
      progress,
      received,
      holds: found.backupHolds,
      admit: () => adoption.check(),
      onFirst: () => this.#register(hasPeers(cluster)),
      onCatalog: () => this.#catalog.reconcile(),
      isDropped: (graphKey) => this.#catalog.dropped.has(graphKey),
      onUnused: (graphKey) => this.#catalog.arrived(graphKey),
      onVisible: (commits) => this.#onVisible(commits),
      bugs,
    });
    this.#committer = committer;
    this.#longTails = new LongTails({
      env,
      residency,
      snapshot: (graph, partition) => committer.snapshot(graph, partition),
    });
    residency.onLongTail = (partition) => this.#longTails.noticed(partition);
    const catalog = new GraphCatalog({
      store,
      residency,
      committer,
      progress,
      hasPeers: hasPeers(cluster),
      makeGraph: (entry) => this.#makeGraph(entry),
      onRemoved: () => this.#feed.moved(),
      onFailure: (error) => env.log.write('error', 'a graph could not be brought in step', { error: String(error) }),
    });
    this.#catalog = catalog;
    const states = new PartitionStates({
      store,
      residency,
      committer,
      catalog,
      progress,
      clock,
      replica,
      bugs,
      onMerged: (key, diff) => this.#syncFeed.merged(key, diff),
    });
    this.replica = new EngineReplica({
      replicaId: replica,
      store,
      clock,
      progress,
      committer,
      catalog,
      states,
      residency,
      adoption,
      holds: found.backupHolds,
      onMoved: () => this.#onVisible([]),
      bugs,
    });
    this.#feed = new ChangeFeed({
      replica: this.replica,
      positions: new ChangePositions(secret),
      readStored: (key) => residency.readStored(key, { document: false }),
    });
    this.#kept = new KeptOutcomes({ env, residency, outcomes: () => catalog.outcomes });
    this.strongHost = new EngineStrongHost({
      env,
      replica: this.replica,
      writer: replicaId(env.random.uint32()),
      clock,
      progress,
      sessions: this.#sessions,
      committer,
      residency,
      catalog,
      adoption,
      kept: this.#kept,
      bugs,
    });
    this.#hasPeers = hasPeers(cluster);
    this.#bugs = bugs;
    this.#outcomeExpiry = new OutcomeExpiry({
      env,
      outcomes: () => catalog.outcomes,
      isElected: (key) => committer.isCompactor(key),
    });
    this.#expiryPurge = new ExpiryPurge({
      env,
      residency,
      findGraph: (graphKey) => catalog.findByKey(graphKey),
      isElected: (key) => committer.isCompactor(key),
      bugs,
    });
    residency.onExpired = () => this.#expiryPurge.note();
    this.#requests = new IdempotentRequests(env.clock);
    this.#status = new EngineStatus({
      name,
      replicaId: replica,
      hasPeers: this.#hasPeers,
      store,
      replica: this.replica,
      progress,
      committer,
      residency,
      catalog,
      adoption,
      expiryPurge: this.#expiryPurge,
      strong: () => this.#strong,
      isStopping: () => this.#closing !== undefined,
    });
  }

  async load(): Promise<void> {
    await this.#catalog.load();
    await this.replica.finishAdoption();
    this.#outcomeExpiry.start();
    this.#onVisible([]);
  }

  #makeGraph({ name, key, settings }: CatalogEntry): EngineGraph {
    const resident = new ResidentGraph(name, key, settings);
    const schema = new GraphSchema(key, () => this.#catalog.system.resident);
    const system = () => this.#catalog.system.resident;
    const policy = new GraphPolicy(key, system, this.#quotaDefaults, isInternal(name));
    const writer = new GraphWriter({
      graph: resident,
      schema,
      policy,
      onQuotaRefused: () => this.#status.quotaRefused(),
      isAlone: !this.#hasPeers,
      bugs: this.#bugs,
      residency: this.#residency,
      committer: this.#committer,
      store: this.#store,
      clock: this.#clock,
      replica: this.replicaId,
      checkReadable: () => this.#adoption.check(),
    });
    return new EngineGraph(resident, this.#residency, writer, {
      env: this.#env,
      schema,
      policy,
      isEphemeral: this.#isEphemeral,
      onChecked: (report) => this.#status.checked(key, report),
      declarations: new Declarations({
        graph: resident,
        schema,
        residency: this.#residency,
        clock: this.#clock,
        system: () => this.#catalog.system.writer,
        strong: () => this.#decider(),
      }),
      clock: this.#clock,
      replica: this.replicaId,
      feed: this.#feed,
      openCut: () => this.replica.openCut(),
      kept: this.#kept,
    });
  }

  /** So that people can read who wrote: the first commit of a member, or one soon after, says whose replica id it is. */
  #register(isMember: boolean): void {
    if (!isMember) return;
    const properties = { server: this.name, replicaId: this.replicaId, sinceMs: Math.floor(this.#env.clock.wallMs()) };
    const id = nodeId(`incarnation:${this.replicaId}`);
    this.#catalog.system
      .write([{ op: 'putNode', id, labels: [INCARNATION_LABEL], properties }])
      .catch((error: unknown) => this.#env.log.write('warn', 'not registered', { error: String(error) }));
  }

  listGraphs(): readonly GraphDescription[] {
    return this.#catalog.list();
  }

  graph(name: GraphName, level?: 'strong', trace?: string): Graph {
    const graph = this.#find(name);
    const served = level === 'strong' ? this.#strongGraph(graph, trace) : graph;
    return isInternal(name) ? new ProtectedGraph(served) : served;
  }

  /** @throws WeftError `graph-not-found`, definite */
  #find(name: GraphName): EngineGraph {
    const graph = this.#catalog.find(name);
    if (graph === undefined) throw new WeftError('graph-not-found', `there is no graph \`${name}\``, { graph: name });
    return graph;
  }

  sync(name: GraphName): GraphSync {
    const graph = this.#find(name);
    if (isInternal(name)) {
      throw new WeftError('graph-protected', `the graph \`${name}\` has no replicas`);
    }
    return new EngineGraphSync(graph.resident, {
      replica: this.replica,
      feed: this.#syncFeed,
      commit: async (patches, judging) => {
        this.#committer.admit();
        await graph.writer.counted();
        return this.strongHost.commit(patches, judging);
      },
    });
  }

  #strongGraph(graph: EngineGraph, trace?: string): Graph {
    return new StrongGraph(graph, this.#decider(), trace);
  }

  /** Undefined on a server that stands alone. */
  #decider(): StrongOperations | undefined {
    if (this.#strong !== undefined || !this.#hasPeers) return this.#strong;
    throw new WeftError('quorum-unavailable', 'this server has not begun to vote yet', { outcome: 'none' });
  }

  createGraph(
    name: GraphName,
    { lifecycle, ...asked }: GraphRequest,
    level?: 'strong',
  ): ReturnType<Engine['createGraph']> {
    if (lifecycle === 'ephemeral') {
      throw new WeftError('invalid-request', 'this server keeps no ephemeral graphs', { field: 'lifecycle' });
    }
    return this.#catalog.create(graphName(name), asked, this.#catalogWriter(level));
  }

  async changePolicy(name: GraphName, change: PolicyChange, level?: 'strong'): Promise<GraphDescription> {
    const graph = this.#find(name);
    if (isInternal(name)) {
      throw new WeftError('graph-protected', `graph \`${name}\` is written by the server only`, { graph: name });
    }
    checkPolicy(change);
    const { system } = this.#catalog;
    await (level === 'strong' ? this.#strongGraph(system) : system).write([graph.policy.change(change)]);
    return graph.description;
  }

  async seeCatalog(): Promise<void> {
    await this.#catalogWriter('strong')?.begin();
  }

  deleteGraph(name: GraphName, level?: 'strong'): Promise<void> {
    return this.#catalog.delete(name, this.#catalogWriter(level));
  }

  #catalogWriter(level: 'strong' | undefined): CatalogWriter | undefined {
    if (level === undefined || !this.#hasPeers) return undefined;
    return new StrongCatalogWriter(this.#strongGraph(this.#catalog.system));
  }

  once<T>(
    key: string,
    fingerprint: string,
    request: () => Promise<T>,
  ): Promise<{ readonly replayed: boolean; readonly outcome: T }> {
    return this.#requests.once(key, fingerprint, request);
  }

  sessionToken(presented: readonly string[] = NONE, shown?: ReadonlyMap<ReplicaId, number>): string {
    return this.#sessions.token(presented, shown);
  }

  reachSession(tokens: readonly string[]): Promise<void> {
    return this.#sessions.reach(tokens);
  }

  onceCommitted(task: () => void): () => void {
    return this.#feed.onceMoved(task);
  }

  /** Something became visible, or the vector moved in another way. */
  #onVisible(commits: readonly StreamCommit[]): void {
    this.#sessions.moved();
    this.strongHost.moved();
    this.#feed.moved();
    if (commits.length === 0) return;
    this.replica.announce(commits);
    this.#syncFeed.announce(commits);
  }

  attachStrong(strong: StrongOperations): void {
    this.#strong = strong;
  }

  quorum(): QuorumDescription {
    return this.#status.quorum();
  }

  async changeVoters(change: VoterChange): Promise<QuorumDescription> {
    if (!this.#hasPeers) throw new WeftError('voters-conflict', 'this server runs alone, without --peers');
    if (this.#strong === undefined) throw new WeftError('quorum-unavailable', 'this server has not begun to vote yet');
    await this.#strong.changeVoters(change);
    return this.quorum();
  }

  attachStatus(status: ClusterStatus): void {
    this.#status.attach(status);
  }

  cluster(): ClusterDescription {
    return this.#status.cluster();
  }

  health(): Health {
    return this.#status.health();
  }

  metrics(): EngineMetrics {
    return this.#status.metrics();
  }

  async *backup(since?: BackupMark, keep?: string): AsyncGenerator<Uint8Array> {
    const id = backupId(this.#env.random);
    const options = { env: this.#env, replica: this.replica, name: this.name, id };
    if (keep === undefined) {
      yield* backupPieces(options, since);
      return;
    }
    const sent = this.#backupHolds.begin(keep, this.#residency.visibleLsn);
    yield* keptPieces(backupPieces(options, since), id, sent);
  }

  backupHolds(): readonly BackupHold[] {
    return this.#backupHolds.list();
  }

  releaseBackupHold(name: string): Promise<void> {
    return this.#backupHolds.release(name);
  }

  async beginNewCluster(): Promise<void> {
    await forgetConfigurations(this.#catalog.system);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#committer.stop();
    this.#strong?.close();
    this.#outcomeExpiry.stop();
    this.#expiryPurge.stop();
    this.#sessions.stop();
    this.#feed.moved();
    await this.#longTails.stop();
    await this.#catalog.settled();
    await this.#committer.idle();
    await this.#residency.settled();
    if (this.#committer.failure === undefined) await snapshotLongTails(this.#residency);
    await this.#store.close();
    this.#env.log.write('info', 'engine closed', { isEphemeral: this.#isEphemeral, commits: this.#committer.commits });
  }
}
