/**
 * What replication needs of the engine: streams of commits out, commits in, and state for those whom the streams no
 * longer reach. Interfaces only; `engine.ts` implements it, `replicator.ts` uses it.
 */
import type { GraphName, ReplicaId } from '../../base/ids.ts';
import type { Commit, LoggedCommit, PartitionKey, PartitionState } from '../../storage/store.ts';
import type { VersionVector } from '../commits/version-vector.ts';

export type StreamCommit = LoggedCommit & {
  /** `traceparent` of a request that wrote it, on the server that did, while it is new. */
  readonly trace?: string;
};

/** A replica as it was at one moment: every commit up to its vector whole, and nothing of any other. */
export interface ReplicaCut {
  readonly vector: VersionVector;
  readonly retired: VersionVector;
  /** A reading of the hybrid clock that is later than all stamps. */
  readonly clock: number;
  /** All that hold anything, the catalog's first. */
  readonly partitions: readonly PartitionKey[];
  /** One Yjs update with all that a document with this state vector lacks, deletions included. */
  diff(key: PartitionKey, stateVector: Uint8Array): Promise<Uint8Array>;
  /** Yjs updates that together are the document of the partition, as the store has them. */
  updates(key: PartitionKey): Promise<readonly Uint8Array[]>;
  /** What a view of the partition is made of. @throws WeftError `partition-recovering` */
  readPartition(key: PartitionKey): Promise<PartitionState>;
  /** Idempotent. */
  release(): Promise<void>;
}

export interface Replica {
  readonly replicaId: ReplicaId;

  /**
   * What is durable and visible here, without retired streams. A new object whenever it moves.
   * Together with `retired` it says all that this replica has.
   */
  readonly vector: VersionVector;
  /** Streams that ended: no voter holds more of them than this. */
  readonly retired: VersionVector;
  /** The last reading of the hybrid clock. */
  readonly clockReading: number;

  /**
   * Hears of commits once they are durable and visible, own ones and received ones, each once, in the order of their lsn,
   * which is a causal order; in the same step in which `vector` moves.
   */
  onCommits(listener: (commits: readonly StreamCommit[]) => void): void;

  /** As `Store.readCommits`. */
  readCommits(origin: ReplicaId, afterSeq: number, limit: number): Promise<readonly StreamCommit[]>;

  /**
   * Applies commits of others, each whole. Each must follow the last one of its stream, and its `after` be covered by
   * what is here or comes before it in `commits`. Resolves when all are durable and visible.
   * @throws WeftError `storage-failed`; after a damaged update (one that cannot be decoded) `malformed-request`, and
   * nothing of that commit or those after it was applied; `too-many-requests` when more waits for the disk than fits,
   * `replica-recovering` between `beginAdoption` and `adoptState`
   */
  receive(commits: readonly Commit[]): Promise<void>;

  /** Moves a stream that ended from `vector` to `retired`, durably. */
  retire(origin: ReplicaId): Promise<void>;

  /** Commits that `vector` covers are durable with every voter: the log may let go of them, and of no others. */
  allowTruncation(vector: VersionVector): void;

  /** Whether this server is the one that compacts the partition now, others only late; every server does until this is called. */
  electCompactor(isElected: (key: PartitionKey) => boolean): void;

  /** Small named values that replication keeps, durably. */
  readNote(name: string): Promise<Uint8Array | undefined>;
  writeNote(name: string, value: Uint8Array): Promise<void>;

  // State, for a replica that the logs of the others no longer reach.

  /**
   * The state of this replica at one vector, for others to take over. It must be released.
   * @throws WeftError `replica-recovering` while partitions may hold parts of commits, `too-many-requests`
   */
  openCut(): Promise<ReplicaCut>;
  /** The Yjs state vector of a partition; of an empty document if nothing is here. */
  stateVector(key: PartitionKey): Promise<Uint8Array>;
  /** From here until `adoptState` or `cancelAdoption` this replica is recovering and answers neither reads nor writes. */
  beginAdoption(): Promise<void>;
  /**
   * Keeps a diff of a cut until all of them are here; nobody sees it before.
   * @throws WeftError `malformed-request` if it could not be merged
   */
  stageState(key: PartitionKey, diff: Uint8Array): Promise<void>;
  /** Forgets what was staged: this replica is what it was before. */
  cancelAdoption(): void;
  /**
   * Takes in all that was staged, and what the cut says of itself: its vectors are joined with the own ones, and the log
   * starts anew. Over a crash it is finished at the next start, or had not begun.
   */
  adoptState(cut: Pick<ReplicaCut, 'vector' | 'retired' | 'clock'>): Promise<void>;
  /** True while a state is taken over. */
  readonly recovering: boolean;

  // Anti-entropy.

  /** Every partition that holds anything here, the catalog's first, then in canonical order. */
  listPartitions(): Promise<readonly PartitionKey[]>;
  /** One Yjs update with all that a document with this state vector lacks, deletions included, as it is now. */
  stateDiff(key: PartitionKey, stateVector: Uint8Array): Promise<Uint8Array>;
  /**
   * Merges a diff into a partition, durably. Readers see it: it must hold nothing that `vector` does not cover.
   * @throws WeftError `malformed-request` if it cannot be decoded
   */
  mergeState(key: PartitionKey, diff: Uint8Array): Promise<void>;

  /**
   * The digest of a partition's canonical state, empty if nothing is here, and the vector at which it holds.
   * @throws WeftError `too-many-requests` for a partition that is written to all the time, `partition-recovering`
   */
  partitionDigest(key: PartitionKey): Promise<{ readonly digest: string; readonly vector: VersionVector }>;
  /** Partitions that failed verification and wait to be healed by `mergeState` with a whole state. */
  damaged(): readonly PartitionKey[];

  /** Name of the graph that is stored under this key, for people. */
  graphNameOf(graphKey: string): GraphName | undefined;
}
