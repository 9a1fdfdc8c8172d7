/**
 * Group commit. Requests hand in patches that are in the view already; one group at a time is written to the documents
 * (one Yjs transaction a partition), to the store (one commit, one fsync), and only then acknowledged. Requests that
 * arrive meanwhile share the next group. Reads wait for what they may have seen (`barrier`).
 *
 * Commits of other replicas go through the same rounds, behind the local group, so that one order of commits holds on
 * disk, in memory and for those who listen. What a round made durable becomes visible in one step: commits in the order
 * of their lsn, each over all its partitions, and the vector with them.
 *
 * - COM-1 All patches of a request are in one commit.
 * - COM-2 Nothing is acknowledged before its commit is durable, and nothing that is not durable is ever shown.
 * - COM-3 After a failure nothing more is accepted.
 * - COM-4 A received commit is visible whole or not at all, and the clock is past its stamps before it is.
 * - COM-5 What a local commit builds on, its `after` covers: documents hold nothing of others that is not visible.
 */
import { present } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { isPlanted, type PlantedBug } from '../../base/planted-bug.ts';
import type { Span } from '../../base/tracer.ts';
import { compact } from '../../crdt/compaction.ts';
import { mergeUpdates } from '../../crdt/partition-document.ts';
import { patchJudge } from '../../crdt/patch-judge.ts';
import { clockOfWallMs, type HybridClock } from '../../crdt/stamp.ts';
import type { Commit, CommitPart, Lsn, PartitionKey, Store } from '../../storage/store.ts';
import type { BackupHolds } from '../backup/backup-holds.ts';
import { SYSTEM_KEY } from '../catalog/catalog.ts';
import type { StreamCommit } from '../replication/replica.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import type { ResidentPartition } from '../residency/resident-partition.ts';
import { snapshotAll } from '../residency/snapshots.ts';
import { LogRetention } from './log-retention.ts';
import type { Progress } from './progress.ts';
import type { Admitted, ReceivedCommits } from './received-commits.ts';
import { RoundGathering } from './round-gathering.ts';
import { RoundSnapshots } from './round-snapshots.ts';
import { StableHorizon } from './stable-horizon.ts';
import type { VersionVector } from './version-vector.ts';

/** A document is compacted when its patches exceed twice its elements by this many, or their characters twice what is there. */
const COMPACTION_SLACK = 4096;
const COMPACTION_SLACK_CHARS = 4 * 1024 * 1024;
/**
 * Only writers compact, and the server that is elected for a partition may never write to it. So others do at so many times as
 * many patches: where it does write, no more than a part of the work is done twice.
 */
const UNELECTED_PATIENCE = 4;

export interface Submission {
  readonly graph: ResidentGraph;
  /** `home`: ordinal of the partition in the graph's view. */
  readonly patches: readonly { readonly home: number; readonly text: string }[];
  readonly locators: readonly { readonly edge: string; readonly partition: PartitionId }[];
}

/** What waits for the next commit. */
interface Group {
  readonly partitions: Map<ResidentPartition, ResidentGraph>;
  readonly locators: Commit['locators'][number][];
  readonly graphs: ResidentGraph[];
  /** Of the requests that are traced, from submission to visibility. */
  readonly spans: Span[];
  chars: number;
  patches: number;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface CommitterOptions {
  readonly env: Env;
  readonly store: Store;
  readonly residency: Residency;
  readonly clock: HybridClock;
  readonly replica: ReplicaId;
  /** Sequence number of the last commit of this replica's stream. */
  readonly lastSeq: number;
  /** True if the log must be kept for others. */
  readonly hasPeers: boolean;
  readonly progress: Progress;
  readonly received: ReceivedCommits;
  /** What else wants the log kept. */
  readonly holds: BackupHolds;
  /** The first request of this incarnation. */
  readonly onFirst: () => void;
  /** The catalog of graphs changed. */
  readonly onCatalog: () => void;
  readonly isDropped: (graphKey: string) => boolean;
  /** Something came of a graph that is not in use here. */
  readonly onUnused: (graphKey: string) => void;
  /** Hears of what became visible, in the same step. */
  readonly onVisible: (commits: readonly StreamCommit[]) => void;
  /** Throws while this replica can take no writes of its own. */
  readonly admit: () => void;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
}

export class Committer {
  readonly #options: CommitterOptions;
  #seq: number;
  #waiting: Group | undefined;
  #running: Promise<void> | undefined;
  #flushing: Group | undefined;
  #failure: WeftError | undefined;
  #stopping = false;
  /** The last group was of one request, and nobody came while it was written. */
  #alone = false;
  readonly #gathering: RoundGathering;
  readonly #snapshots: RoundSnapshots;
  readonly #afterRound: (() => void)[] = [];
  #checkpointAt: number = LIMITS.logBytesMax;
  commits = 0;
  requests = 0;
  patches = 0;
  compactions = 0;
  /** Whether this server is the one to compact a partition. */
  isCompactor: (key: PartitionKey) => boolean = () => true;
  readonly #retention: LogRetention | undefined;
  /** Absent without peers: what is durable here is durable everywhere. */
  readonly #horizon: StableHorizon | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#gathering = new RoundGathering(options.env, () => this.#waiting?.graphs.length ?? 0);
    this.#snapshots = new RoundSnapshots(options.residency);
    this.#seq = options.lastSeq;
    const { hasPeers, residency, progress, store } = options;
    this.#horizon = hasPeers ? new StableHorizon() : undefined;
    for (const { origin, seq, clock } of store.recovery.streams) this.#horizon?.note(origin, { seq, clock });
    this.#retention = hasPeers ? new LogRetention(residency.visibleLsn, progress.vector) : undefined;
  }

  get failure(): WeftError | undefined {
    return this.#failure;
  }

  /** Characters of patches, and bytes of received updates, that wait. */
  get pendingChars(): number {
    return (this.#waiting?.chars ?? 0) + (this.#flushing?.chars ?? 0) + this.#options.received.bytes;
  }

  /** @throws WeftError `storage-failed`, `too-many-requests`, definite: call it before the view is changed */
  admit(): void {
    if (this.#stopping) throw new WeftError('shutting-down', 'the server is stopping', { retryAfterSeconds: 1 });
    if (this.#failure !== undefined) throw this.#refusal();
    this.#options.admit();
    if (this.pendingChars > LIMITS.pendingBytesMax) {
      throw new WeftError('too-many-requests', 'too many writes wait for the disk', { retryAfterSeconds: 1 });
    }
  }

  /** Resolves once the group that was being formed when it is called has room for another large request. */
  async room(): Promise<void> {
    while (this.#waiting !== undefined && this.#waiting.chars > LIMITS.groupCharsMax && this.#failure === undefined) {
      // While documents are hydrated nothing is being flushed yet: then the group itself is waited for.
      await (this.#flushing ?? this.#waiting).done.catch(() => undefined);
    }
  }

  /** Takes patches that were just folded into the view. Resolves when they are durable. */
  submit({ graph, patches, locators }: Submission): Promise<void> {
    this.#waiting ??= newGroup();
    const group = this.#waiting;
    for (const { home, text } of patches) {
      const partition = graph.partitionAt(home);
      if (partition.pending.length === 0) group.partitions.set(partition, graph);
      partition.pending.push(text);
      group.chars += text.length;
    }
    for (const locator of locators) group.locators.push({ graphKey: graph.key, ...locator });
    group.patches += patches.length;
    group.graphs.push(graph);
    this.#gathering.noticed();
    const span = this.#options.env.tracer?.begin('commit', { attributes: { 'weft.patches': patches.length } });
    if (span !== undefined) group.spans.push(span);
    graph.pendingCommits++;
    if (this.requests++ === 0 && this.#seq === 0) this.#options.onFirst();
    this.#running ??= this.#run();
    return group.done;
  }

  /** Resolves when all that was submitted so far is durable; undefined if nothing waits. */
  barrier(): Promise<void> | undefined {
    return this.#waiting?.done ?? this.#flushing?.done;
  }

  /** Takes commits of other replicas. As `Replica.receive`. */
  async receive(commits: readonly Commit[]): Promise<void> {
    if (this.#stopping) throw new WeftError('shutting-down', 'the server is stopping', { retryAfterSeconds: 1 });
    if (this.#failure !== undefined) throw this.#refusal();
    if (commits.length === 0) return;
    const visible = this.#options.received.add(commits);
    this.#running ??= this.#run();
    await visible;
  }

  /** Snapshots a partition that is held open with its document; passes it over if that cannot be now. */
  async snapshot(graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
    if (this.#stopping || this.#failure !== undefined) return;
    const written = this.#snapshots.want(graph, partition);
    this.#running ??= this.#run();
    await written;
  }

  /** Whether something is on its way to the store. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when the round that runs, if any, has ended and what it wrote is visible. */
  async afterRound(): Promise<void> {
    if (this.#running !== undefined) await new Promise<void>((resolve) => this.#afterRound.push(resolve));
  }

  /** Refuses everything from now on; what was submitted goes on. */
  stop(): void {
    this.#stopping = true;
  }

  async idle(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { received, residency } = this.#options;
    let turn: Promise<void> | undefined;
    while (this.#waiting !== undefined || !received.isEmpty || !this.#snapshots.isEmpty) {
      await (turn ?? this.#turn());
      if (this.#waiting !== undefined) await this.#gathering.whenGathered();
      const group = this.#waiting;
      this.#waiting = undefined;
      this.#flushing = group;
      try {
        if (this.#failure !== undefined) throw this.#refusal();
        await this.#round(group);
        endSpans(group);
        if (group !== undefined) this.#gathering.answered(group.graphs.length);
        group?.resolve();
        received.ended();
      } catch (error) {
        this.#stopAccepting(error);
        endSpans(group, error);
        group?.reject(this.#failure);
        received.fail(this.#failure);
        this.#snapshots.fail();
      } finally {
        this.#flushing = undefined;
        this.#alone = group?.graphs.length === 1 && this.#waiting === undefined && received.isEmpty;
        // Asked for before anybody is answered, so that the next round goes to the disk first and the answers leave meanwhile.
        turn = this.#waiting === undefined ? undefined : this.#turn();
        if (group !== undefined) release(group);
        this.#tellAfterRound();
      }
      residency.relieve();
      await this.#snapshots.write().catch((error: unknown) => this.#stopAccepting(error));
      await this.#checkpoint().catch((error: unknown) => this.#stopAccepting(error));
    }
    // In the same step as the test above, or a request that comes in between would wait for ever.
    this.#running = undefined;
    this.#tellAfterRound();
  }

  /**
   * A turn for requests that are ready now: else the first one would go to disk alone, and the others wait for it. A writer that
   * was alone last time is taken to be alone again.
   */
  #turn(): Promise<void> | undefined {
    return this.#alone || this.#failure !== undefined ? undefined : this.#options.env.scheduler.yield();
  }

  #tellAfterRound(): void {
    for (const tell of this.#afterRound.splice(0)) tell();
  }

  async #round(group: Group | undefined): Promise<void> {
    const { store, received, residency, progress, bugs } = this.#options;
    const local = group === undefined ? undefined : this.#writeDocuments(group);
    let lsn = residency.visibleLsn;
    this.#snapshots.encode(lsn + 1);
    const admitted = received.admit();
    const commits = admitted.map(({ commit }) => commit);
    if (local === undefined && commits.length === 0) return;
    const fsync = this.#beginFsync(group, commits.length + 1);
    const durable = store.appendAll(local === undefined ? commits : [local, ...commits]);
    const show = () => (group === undefined || local === undefined ? undefined : this.#showLocal(group, local, ++lsn));
    const early = isPlanted(bugs, 'acknowledge-before-sync') ? show() : undefined;
    if (early !== undefined) group?.resolve();
    if (isPlanted(bugs, 'vector-before-durable')) {
      for (const { commit } of admitted) progress.advance(commit.origin, commit.seq);
    }
    await durable;
    fsync?.end();
    const own = early ?? show();
    const shown = own === undefined ? [] : [own];
    for (const one of admitted) {
      lsn++;
      if (isPlanted(bugs, 'non-atomic-apply')) await this.#showPieces(one, lsn);
      shown.push(this.#showReceived(one, lsn));
    }
    if (shown.length === 0) return;
    for (const { origin, seq, clock } of shown) this.#horizon?.note(origin, { seq, clock });
    this.#retention?.advanced(lsn, bytesOfParts(shown), () => progress.vector);
    this.#options.onVisible(shown);
  }

  /** As `Replica.allowTruncation`. */
  allowTruncation(vector: VersionVector): void {
    this.#retention?.allow(vector);
    this.#horizon?.allow(vector);
  }

  /** Writes the patches of a group to the documents; what becomes of them there is the commit. */
  #writeDocuments(group: Group): Commit {
    const { clock, replica, progress, residency } = this.#options;
    const parts: CommitPart[] = [];
    for (const [partition, graph] of group.partitions) {
      const patches = partition.pending;
      partition.pending = [];
      partition.inFlight = true;
      const document = present(partition.document, 'a commit is submitted with its documents hydrated');
      const appended = document.append(patches);
      const compacted = this.#compact(graph, partition);
      const update = compacted === undefined ? appended : mergeUpdates([appended, compacted]);
      const { graphKey, partition: id } = partition.key;
      parts.push({ graphKey, partition: id, update });
      residency.lengthen(partition, update.length);
    }
    const after = progress.takeMoved(replica);
    return { origin: replica, seq: ++this.#seq, clock: clock.last, parts, locators: group.locators, after };
  }

  #showLocal(group: Group, commit: Commit, lsn: Lsn): StreamCommit {
    const { residency, progress, replica } = this.#options;
    for (const partition of group.partitions.keys()) {
      partition.lsn = lsn;
      residency.touchWritten(partition);
    }
    residency.visibleLsn = lsn;
    progress.advance(replica, commit.seq);
    this.commits++;
    this.patches += group.patches;
    // Field by field: to spread it took a lone writer 3 µs.
    const { origin, seq, clock, parts, locators, after } = commit;
    const shown = { origin, seq, clock, parts, locators, after, lsn };
    const span = group.spans[0];
    return span === undefined ? shown : { ...shown, trace: span.traceparent };
  }

  /** Below the first request that is traced; the others that share it are linked. */
  #beginFsync(group: Group | undefined, commits: number): Span | undefined {
    const [first, ...others] = group?.spans ?? [];
    if (group === undefined || first === undefined) return undefined;
    return this.#options.env.tracer?.begin('fsync', {
      parent: first.traceparent,
      links: others.slice(0, LIMITS.spanLinksMax).map(({ traceparent }) => traceparent),
      attributes: { 'weft.requests': group.graphs.length, 'weft.commits': commits },
    });
  }

  #showReceived({ commit, parts }: Admitted, lsn: Lsn): StreamCommit {
    const { residency, progress, clock, bugs } = this.#options;
    // Whoever sees the commit and writes after it must get a later stamp.
    if (!isPlanted(bugs, 'clock-ignores-seen')) clock.see(commit.clock);
    if (!isPlanted(bugs, 'non-atomic-apply')) for (const part of parts) residency.arrive(part, lsn);
    for (const { graphKey, edge } of commit.locators) residency.find(graphKey)?.edgeArrived(edge);
    for (const { part } of parts) {
      if (part.graphKey === SYSTEM_KEY) this.#options.onCatalog();
      else if (residency.find(part.graphKey) === undefined) this.#options.onUnused(part.graphKey);
    }
    residency.visibleLsn = lsn;
    progress.advance(commit.origin, commit.seq);
    return { ...commit, lsn };
  }

  /** Planted: readers get turns between the parts of a commit. */
  async #showPieces({ parts }: Admitted, lsn: Lsn): Promise<void> {
    for (const part of parts) {
      this.#options.residency.arrive(part, lsn);
      await this.#options.env.scheduler.yield();
    }
  }

  #compact(graph: ResidentGraph, partition: ResidentPartition): Uint8Array | undefined {
    const { index, document } = partition;
    if (index === undefined || document === undefined) return undefined;
    const elements = index.nodes.length + index.edges.length + index.stubs.length;
    const patches = Math.max(2 * elements, 1.5 * partition.patchesAfterCompaction) + COMPACTION_SLACK;
    const { bytes } = graph.view.usage(index.ordinal);
    const chars = Math.max(2 * bytes, 1.5 * partition.charsAfterCompaction) + COMPACTION_SLACK_CHARS;
    const excess = Math.max(document.patches / patches, document.chars / chars);
    if (excess < 1 || (excess < UNELECTED_PATIENCE && !this.isCompactor(partition.key))) return undefined;
    const retained = clockOfWallMs(this.#options.env.clock.wallMs() - LIMITS.tombstoneRetentionMs);
    const horizon = Math.min(retained, this.#horizon?.clock(this.#options.progress.vector) ?? retained);
    const { update } = compact(
      document,
      patchJudge(graph.view, index, horizon),
      isPlanted(this.#options.bugs, 'compaction-drops-live'),
    );
    partition.patchesAfterCompaction = document.patches;
    partition.charsAfterCompaction = document.chars;
    this.compactions++;
    return update;
  }

  /** COM-3. */
  #stopAccepting(cause: unknown): void {
    this.#options.env.log.write('error', 'the store failed; no more writes are accepted', { error: String(cause) });
    this.#failure ??= new WeftError(
      'storage-failed',
      'the store failed while the write was on its way; it may or may not be there after a restart',
      {},
      cause,
    );
  }

  #refusal(): WeftError {
    return new WeftError('storage-failed', 'the store failed earlier; restart the server', {}, this.#failure);
  }

  /** Bounds the log: snapshots the partitions with long tails, then lets go of what they cover. */
  async #checkpoint(): Promise<void> {
    const { store, holds, residency } = this.#options;
    const { logBytes, durableLsn } = store.status();
    if (logBytes < this.#checkpointAt || this.#failure !== undefined) return;
    await snapshotAll(this.#options);
    // Nobody can take over a state from here in the place of the log while a partition is damaged.
    const isReplaceable = logBytes >= LIMITS.logBytesHardMax && residency.damaged.size === 0;
    const kept = isReplaceable ? undefined : this.#retention;
    await store.truncateLog(holds.allowed(kept?.allowedLsn ?? durableLsn));
    while (kept === undefined && store.status().logBytes >= LIMITS.logBytesHardMax && (await holds.breakOldest())) {
      await store.truncateLog(holds.allowed(durableLsn));
    }
    // What could not be let go of (a damaged partition, say) must not bring the next checkpoint on at once.
    this.#checkpointAt = Math.max(LIMITS.logBytesMax, store.status().logBytes + LIMITS.logBytesMax / 2);
  }
}

function bytesOfParts(commits: readonly Commit[]): number {
  let bytes = 0;
  for (const { parts } of commits) for (const { update } of parts) bytes += update.length;
  return bytes;
}

function release(group: Group): void {
  for (const graph of group.graphs.splice(0)) {
    graph.pendingCommits--;
    graph.endedCommits++;
  }
  for (const partition of group.partitions.keys()) partition.inFlight = false;
}

function endSpans(group: Group | undefined, error?: unknown): void {
  for (const span of group?.spans.splice(0) ?? []) span.end(error);
}

function newGroup(): Group {
  const { promise, resolve, reject } = deferred();
  // Whoever waits gets the rejection; a group without waiters must not end the process.
  promise.catch(() => undefined);
  return {
    partitions: new Map(),
    locators: [],
    graphs: [],
    spans: [],
    chars: 0,
    patches: 0,
    done: promise,
    resolve,
    reject,
  };
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((onDone, onError) => {
    resolve = onDone;
    reject = onError;
  });
  return { promise, resolve, reject };
}
