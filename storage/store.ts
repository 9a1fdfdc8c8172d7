/**
 * The storage port. A store keeps, durably and verified:
 * a **commit log** (per origin, a chain of commits), per partition a **tail** of Yjs updates and a **snapshot**,
 * a **locator** from caller-chosen edge ids to partitions, and a few **meta** values.
 *
 * Invariants (each is checked by the conformance suite that every implementation runs):
 * - STO-1 A commit is whole or absent, over all its partitions, after any crash.
 * - STO-2 `append` resolves only when the commit is as durable as the store's setting promises; commits become durable
 *   in the order of their `lsn`.
 * - STO-3 A damaged record is a named error (`data-corrupt` at open for what concerns all, `partition-recovering` for
 *   one partition), never a hole or a wrong value.
 * - STO-4 After a failed write, or a read that the system refused, nothing more is acknowledged: every later call rejects with
 *   `storage-failed`.
 */
import type { PartitionId, ReplicaId } from '../base/ids.ts';

/** Names a partition of one generation of a graph; a graph that was deleted and made again has another generation. */
export interface PartitionKey {
  /** The storage name of the graph: unique for each generation, `[A-Za-z0-9_-]+`, at most 64 characters. */
  readonly graphKey: string;
  readonly partition: PartitionId;
}

/** Log sequence number: position of a commit in the order in which this store applied all commits, from 1. */
export type Lsn = number;

export interface CommitPart extends PartitionKey {
  /** One Yjs update (V1) that holds all patches of the commit for this partition. */
  readonly update: Uint8Array;
}

/** The atomic group of patches of one or more requests that were written together. */
export interface Commit {
  readonly origin: ReplicaId;
  /** Position in the stream of `origin`, from 1, without gaps. */
  readonly seq: number;
  /** Hybrid-logical-clock reading of the origin after the last patch of the commit. */
  readonly clock: number;
  readonly parts: readonly CommitPart[];
  /** Caller-chosen edge ids created by this commit, with the partition of their source. */
  readonly locators: readonly { readonly graphKey: string; readonly edge: string; readonly partition: PartitionId }[];
  /**
   * What the origin had applied when it made the commit, as far as it moved since its commit before: of each such stream
   * the last contiguous seq, the own stream left out, because a commit always follows its predecessor. The first commit
   * of an incarnation names the whole vector, and a stream that ended in between is named once more. So the commits of a
   * stream up to here say together what this one builds on.
   */
  readonly after: readonly (readonly [origin: ReplicaId, seq: number])[];
}

/** What a partition is rebuilt from: fold (or apply) the snapshot, then the updates in order. */
export interface PartitionState {
  readonly snapshot: PartitionSnapshot | undefined;
  /** Updates of commits with `lsn` beyond the snapshot, in that order. */
  readonly tail: readonly { readonly lsn: Lsn; readonly update: Uint8Array }[];
}

export interface PartitionSnapshot {
  /** Covers every commit up to and including this one. */
  readonly lsn: Lsn;
  /** The merged Yjs update of the whole document. */
  readonly document: Uint8Array;
  /** The compact form of the view at the same `lsn`, from which reading starts without Yjs; absent if none was made. */
  readonly view: Uint8Array | undefined;
}

/**
 * The store as it was at one durable moment: every commit up to `lsn` whole, and nothing of any other. It costs the space
 * of what is deleted meanwhile, so it must be released. Writers do not wait for it.
 */
export interface StoreCut {
  readonly lsn: Lsn;
  /** Of each stream the last commit that is in it. */
  readonly streams: readonly (readonly [origin: ReplicaId, seq: number])[];
  /** Everything that holds anything, in canonical order. */
  readonly partitions: readonly PartitionKey[];
  /** As `Store.readPartition`. @throws WeftError `partition-recovering` */
  readPartition(key: PartitionKey, want: { readonly document: boolean }): Promise<PartitionState>;
  /** Idempotent; the store does it when it closes. */
  release(): Promise<void>;
}

/** A position in a stream, with the clock reading of its last commit. */
export interface StreamPosition {
  readonly origin: ReplicaId;
  readonly seq: number;
  readonly clock: number;
}

/** A commit as the log has it. */
export type LoggedCommit = Commit & {
  readonly lsn: Lsn;
  /** Parts or locators of graphs that were dropped since are left out. */
  readonly isPartial?: true;
};

export interface StoreStatus {
  /** Durable up to this commit. */
  readonly durableLsn: Lsn;
  readonly lastLsn: Lsn;
  /** Bytes of commit parts that the log retains. */
  readonly logBytes: number;
  readonly failed: boolean;
}

export interface Store {
  /** What recovery found; see `Recovery`. */
  readonly recovery: Recovery;

  /**
   * Appends the next commit. Calls may overlap; the store writes them in call order, those that wait share one batch
   * and one fsync. Resolves with its `lsn` when durable (STO-2).
   * @throws WeftError `storage-failed`, indefinite
   */
  append(commit: Commit): Promise<Lsn>;

  /** As `append` for each of them in turn, in one batch. Resolves with the last `lsn` when all are durable. */
  appendAll(commits: readonly Commit[]): Promise<Lsn>;

  /**
   * Writes a snapshot that covers `lsn`, and removes what it makes superfluous of the tail (not of the log). Durable in
   * every setting. One older than that which is there, or than the drop of its graph, is ignored. It heals a partition
   * whose damage it covers. `edges` are caller-chosen ids of edges that were created in the partition: their locators
   * are written with it, for a snapshot that came from elsewhere.
   */
  writeSnapshot(key: PartitionKey, snapshot: PartitionSnapshot, edges?: readonly string[]): Promise<void>;

  /**
   * Everything needed to rebuild a partition; an unknown partition is empty. With `document: false` the snapshot's
   * document may be left empty (zero bytes) when it has a view.
   * @throws WeftError `partition-recovering` if a checksum or the order of rows is wrong, definite
   */
  readPartition(key: PartitionKey, want: { readonly document: boolean }): Promise<PartitionState>;

  /** The partitions of a graph that hold anything, in canonical order. */
  listPartitions(graphKey: string): Promise<PartitionId[]>;

  /** Storage names of all graphs that hold anything, in canonical order. */
  listGraphs(): Promise<string[]>;

  /** The partitions in which an edge with this caller-chosen id was ever created. */
  locate(graphKey: string, edges: readonly string[]): Promise<readonly (readonly PartitionId[])[]>;

  /** Removes all partitions and locators of a graph generation. Idempotent. */
  dropGraph(graphKey: string): Promise<void>;

  /**
   * Commits of `origin` after `seq`, in order, at most `limit`; whole parts included. Empty beyond the last.
   * Where the log was truncated beyond `afterSeq` it starts with the first that is retained, so a first `seq` other than
   * `afterSeq + 1` (or nothing, though the stream is longer) means that the log does not reach back. Parts and locators
   * of graphs that were dropped since are left out, which such commits say.
   * @throws WeftError `data-corrupt` or `partition-recovering` for a damaged commit or part
   */
  readCommits(origin: ReplicaId, afterSeq: number, limit: number): Promise<readonly LoggedCommit[]>;

  /**
   * Lets go of commits up to `lsn` whose parts are all covered by snapshots. Returns the bytes that were freed.
   * The log stays contiguous: it stops at the first commit with a part that no snapshot covers.
   */
  truncateLog(lsn: Lsn): Promise<number>;

  /**
   * Lets streams jump forward, to where snapshots that came from elsewhere have brought all partitions; in one step, and
   * durably. Nothing may be in flight and the log must be empty: whatever it held is covered by snapshots and was let go
   * of. Positions that are behind what is here are ignored.
   */
  adoptStreams(positions: readonly StreamPosition[]): Promise<void>;

  /**
   * Fixes the moment after all that is durable when it resolves.
   * @throws WeftError `too-many-requests` beyond `storeCutsMax`
   */
  openCut(): Promise<StoreCut>;

  /**
   * Keeps the state of a partition apart from all else, in place of one that is kept already: nobody sees it before it is
   * read back. Durable with the next `setMeta`.
   */
  stage(key: PartitionKey, state: Uint8Array): Promise<void>;
  /** Of which partitions a state is kept, in canonical order. */
  listStaged(): Promise<readonly PartitionKey[]>;
  /** @throws WeftError `data-corrupt` if it is damaged or not there */
  readStaged(key: PartitionKey): Promise<Uint8Array>;
  /** Lets go of all states that are kept. */
  clearStaged(): Promise<void>;

  /** Reads or durably writes a small named value. */
  getMeta(name: string): Promise<Uint8Array | undefined>;
  setMeta(name: string, value: Uint8Array): Promise<void>;

  status(): StoreStatus;

  /** Waits for what is in flight, writes the clean-shutdown marker and releases the lock. Idempotent. */
  close(): Promise<void>;
}

/** What the store found when it was opened. */
export interface Recovery {
  /** True if the last process closed the store; only then may its replica id be used again. */
  readonly clean: boolean;
  /** The last commit of each stream. */
  readonly streams: readonly StreamPosition[];
  readonly lastLsn: Lsn;
  /** Partitions whose log rows failed verification; `readPartition` rejects for them, all others are served. */
  readonly damaged: readonly (PartitionKey & { readonly reason: string })[];
}
