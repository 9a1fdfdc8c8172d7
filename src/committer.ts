/**
 * Group commit. Requests hand in patches that are in the view already; one group at a time is written to the documents
 * (one Yjs transaction a partition), to the store (one commit, one fsync), and only then acknowledged. Requests that
 * arrive meanwhile share the next group. Reads wait for what they may have seen (`barrier`).
 *
 * - COM-1 All patches of a request are in one commit.
 * - COM-2 Nothing is acknowledged before its commit is durable, and nothing that is not durable is ever shown.
 * - COM-3 After a failure nothing more is accepted.
 */
import { present } from '../base/assert.ts';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mergeUpdates } from '../crdt/partition-document.ts';
import { patchState } from '../crdt/patch-state.ts';
import { clockOfWallMs, type HybridClock } from '../crdt/stamp.ts';
import type { Commit, CommitPart, Store } from '../storage/store.ts';
import type { Residency } from './residency.ts';
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/** A document is compacted when its patches exceed twice its elements by this many. */
const COMPACTION_SLACK = 4096;

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
  /** Called when a commit of this replica is durable, before anybody is told. */
  readonly onDurable: (seq: number) => void;
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
  #checkpointAt: number = LIMITS.logBytesMax;
  commits = 0;
  requests = 0;
  patches = 0;
  compactions = 0;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#seq = options.lastSeq;
  }

  get failure(): WeftError | undefined {
    return this.#failure;
  }

  /** Characters of patches that wait. */
  get pendingChars(): number {
    return (this.#waiting?.chars ?? 0) + (this.#flushing?.chars ?? 0);
  }

  /** @throws WeftError `storage-failed`, `too-many-requests`, definite: call it before the view is changed */
  admit(): void {
    if (this.#stopping) throw new WeftError('shutting-down', 'the server is stopping', { retryAfterSeconds: 1 });
    if (this.#failure !== undefined) throw this.#refusal();
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
    graph.pendingCommits++;
    this.requests++;
    this.#running ??= this.#run();
    return group.done;
  }

  /** Resolves when all that was submitted so far is durable; undefined if nothing waits. */
  barrier(): Promise<void> | undefined {
    return this.#waiting?.done ?? this.#flushing?.done;
  }

  /** Refuses everything from now on; what was submitted goes on. */
  stop(): void {
    this.#stopping = true;
  }

  async idle(): Promise<void> {
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (this.#waiting !== undefined) {
      const group = this.#waiting;
      try {
        if (this.#failure !== undefined) throw this.#refusal();
        // A turn for requests that are ready now: else the first one would go to disk alone, and the others wait for it.
        // A writer that was alone last time is taken to be alone again.
        await (this.#alone ? undefined : this.#options.env.scheduler.yield());
        this.#waiting = undefined;
        this.#flushing = group;
        await this.#flush(group);
        group.resolve();
      } catch (error) {
        // Requests that came meanwhile wait in another group, which is refused in the next round.
        if (this.#waiting === group) this.#waiting = undefined;
        this.#fail(group, error);
      } finally {
        this.#flushing = undefined;
        this.#alone = group.graphs.length === 1 && this.#waiting === undefined;
        for (const graph of group.graphs) {
          graph.pendingCommits--;
          graph.endedCommits++;
        }
        for (const partition of group.partitions.keys()) partition.inFlight = false;
      }
      this.#options.residency.relieve();
      await this.#checkpoint().catch((error: unknown) => this.#stopAccepting(error));
    }
    // In the same step as the test above, or a request that comes in between would wait for ever.
    this.#running = undefined;
  }

  async #flush(group: Group): Promise<void> {
    const { store, clock, replica, residency } = this.#options;
    const parts: CommitPart[] = [];
    for (const [partition, graph] of group.partitions) {
      const patches = partition.pending;
      partition.pending = [];
      partition.inFlight = true;
      const document = present(partition.document, 'a commit is submitted with its documents hydrated');
      const appended = document.append(patches);
      const compacted = this.#compact(graph, partition);
      const update = compacted === undefined ? appended : mergeUpdates([appended, compacted]);
      parts.push({ ...partition.key, update });
      partition.tailBytes += update.length;
    }
    const after = this.#seq === 0 ? [] : [[replica, this.#seq] as const];
    const seq = ++this.#seq;
    const lsn = await store.append({ origin: replica, seq, clock: clock.last, parts, locators: group.locators, after });
    for (const partition of group.partitions.keys()) {
      partition.lsn = lsn;
      residency.touchWritten(partition);
    }
    this.#options.onDurable(seq);
    this.commits++;
    this.patches += group.patches;
  }

  #compact(graph: ResidentGraph, partition: ResidentPartition): Uint8Array | undefined {
    const { index, document } = partition;
    if (index === undefined || document === undefined) return undefined;
    const elements = index.nodes.length + index.edges.length + index.stubs.length;
    const threshold = Math.max(2 * elements, 1.5 * partition.patchesAfterCompaction) + COMPACTION_SLACK;
    if (document.patches < threshold) return undefined;
    const horizon = clockOfWallMs(this.#options.env.clock.wallMs() - LIMITS.tombstoneRetentionMs);
    const { update } = document.compact((text) => patchState(graph.view, index, horizon, text));
    partition.patchesAfterCompaction = document.patches;
    this.compactions++;
    return update;
  }

  #fail(group: Group, cause: unknown): void {
    this.#stopAccepting(cause);
    group.reject(this.#failure);
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
    const { store, residency } = this.#options;
    const { logBytes, durableLsn } = store.status();
    if (logBytes < this.#checkpointAt || this.#failure !== undefined) return;
    await residency.snapshotAll();
    await store.truncateLog(durableLsn);
    // What could not be let go of (a damaged partition, say) must not bring the next checkpoint on at once.
    this.#checkpointAt = Math.max(LIMITS.logBytesMax, store.status().logBytes + LIMITS.logBytesMax / 2);
  }
}

function newGroup(): Group {
  const { promise, resolve, reject } = deferred();
  // Whoever waits gets the rejection; a group without waiters must not end the process.
  promise.catch(() => undefined);
  return { partitions: new Map(), locators: [], graphs: [], chars: 0, patches: 0, done: promise, resolve, reject };
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
