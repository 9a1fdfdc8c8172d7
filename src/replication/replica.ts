/**
 * What replication needs of the engine: streams of commits out, commits in, and state for those whom the streams no
 * longer reach. Interfaces only; `engine.ts` implements it, `replicator.ts` uses it.
 */
import type { GraphName, ReplicaId } from '../../base/ids.ts';
import type { Commit, Lsn, PartitionKey } from '../../storage/store.ts';
import type { VersionVector } from '../version-vector.ts';

export type StreamCommit = Commit & { readonly lsn: Lsn };

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

  /** Whether this server is the one that compacts the partition now; every server does until this is called. */
  electCompactor(isElected: (key: PartitionKey) => boolean): void;

  /** Small named values that replication keeps, durably. */
  readNote(name: string): Promise<Uint8Array | undefined>;
  writeNote(name: string, value: Uint8Array): Promise<void>;

  // State, for a replica that the logs of the others no longer reach.

  /** Every partition that holds anything here, the catalog's first, then in canonical order. */
  listPartitions(): Promise<readonly PartitionKey[]>;
  /** The Yjs state vector of a partition; of an empty document if nothing is here. */
  stateVector(key: PartitionKey): Promise<Uint8Array>;
  /** One Yjs update with all that a document with this state vector lacks, deletions included. Covers `vector`. */
  stateDiff(key: PartitionKey, stateVector: Uint8Array): Promise<Uint8Array>;
  /**
   * Takes over what `adoptState` will complete: from here until then this replica is recovering, also over a restart,
   * and answers neither reads nor writes.
   */
  beginAdoption(): Promise<void>;
  /** Merges a diff into a partition, durably. @throws WeftError `malformed-request` if it cannot be decoded */
  mergeState(key: PartitionKey, diff: Uint8Array): Promise<void>;
  /**
   * Ends an adoption: from here on this replica has what these vectors say (joined with its own), and its log starts
   * anew. `clock` is a reading that is later than all stamps that were merged.
   */
  adoptState(state: {
    readonly vector: VersionVector;
    readonly retired: VersionVector;
    readonly clock: number;
    /**
     * Until this is covered too, reads and writes go on being refused: parts of commits up to here may have been merged
     * already, and no reader may see half of one.
     */
    readonly until: VersionVector;
  }): Promise<void>;
  /** True from `beginAdoption` until what `adoptState` waits for is here. */
  readonly recovering: boolean;
  /** What a recovering replica still waits for before it answers; empty otherwise. */
  readonly awaited: VersionVector;
  /** No voter has more of these streams, so what is awaited of them is lost: it is waited for no longer. */
  abandon(origins: readonly ReplicaId[]): Promise<void>;

  // Anti-entropy.

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
