/** A partition as this server holds it now: its view and its document may be in memory or not. */
import type { PartitionId } from '../../base/ids.ts';
import type { CheckedUpdate } from '../../crdt/foreign-update.ts';
import type { PartitionDocument } from '../../crdt/partition-document.ts';
import type { PartitionIndex } from '../../crdt/partition-index.ts';
import { NO_USAGE, type Usage } from '../../crdt/usage.ts';
import type { CommitPart, Lsn, PartitionKey } from '../../storage/store.ts';

/** Estimated bytes of memory of a patch in a document beside its characters. */
const PATCH_BYTES = 8;
/** A tail beyond this is long, whatever the snapshot before it; one below the other is not. */
export const LONG_TAIL_BYTES = 256 * 1024;
const SHORT_TAIL_BYTES = 16 * 1024;

/** An update that became durable while the partition was being read. */
export interface Arrival {
  /** Undefined for what came with a state, not with a commit. */
  readonly lsn: Lsn | undefined;
  readonly checked: CheckedUpdate;
}

/** A part of a commit of another replica that was checked. */
export interface AdmittedPart {
  readonly part: CommitPart;
  readonly checked: CheckedUpdate;
  readonly partition: ResidentPartition | undefined;
  /** The document that holds the update already. */
  readonly merged: PartitionDocument | undefined;
}

export class ResidentPartition {
  readonly id: PartitionId;
  readonly key: PartitionKey;
  /** Present while readers can use the partition. */
  index: PartitionIndex | undefined;
  /** Present while the partition can be written or merged. */
  document: PartitionDocument | undefined;
  /** Patches that are in the view but in no commit yet. */
  pending: string[] = [];
  /** True while a commit of this partition is on its way to the store. */
  inFlight = false;
  /** Commits of other replicas that its document holds and that are on their way to the store. */
  arriving = 0;
  /** Running requests that need it open. */
  pins = 0;
  /** Logical times of the last read and the last write, for eviction. */
  lastRead = 0;
  lastWritten = 0;
  /** The last commit that touched it, as far as is known: what is in memory holds all up to here. */
  lsn: Lsn = 0;
  /**
   * How many reads from the store and merges of states are running, and what came since the first of them began: the
   * store may not show it to a read.
   */
  loads = 0;
  readonly arrivals: Arrival[] = [];
  /** Bytes of updates since the last snapshot. */
  tailBytes = 0;
  /** About the length of that snapshot, 0 if there is none. */
  snapshotBytes = 0;
  /** Patches that compaction left in the document, and their characters. */
  patchesAfterCompaction = 0;
  charsAfterCompaction = 0;
  /** How much it held when it was closed; nothing while it is open, or was never counted. */
  usage: Usage = NO_USAGE;
  /** Bytes that the residency counts for this partition. */
  accountedBytes = 0;
  /** True once its graph was deleted: it counts no more. */
  discarded = false;

  constructor(graphKey: string, id: PartitionId) {
    this.id = id;
    this.key = { graphKey, partition: id };
  }

  /** True if nothing of it waits for the store. */
  get durable(): boolean {
    return this.pending.length === 0 && !this.inFlight && this.arriving === 0;
  }

  /**
   * True if a snapshot should take the tail's place before the partition is passivated. Patches of a tail take three
   * times as long to hydrate as the same in a snapshot; half of the snapshot keeps what is written over and over small.
   */
  get tailIsLong(): boolean {
    const { tailBytes, snapshotBytes } = this;
    return tailBytes > LONG_TAIL_BYTES || (tailBytes > SHORT_TAIL_BYTES && tailBytes > snapshotBytes / 2);
  }

  get idle(): boolean {
    return this.durable && this.pins === 0;
  }

  /** Estimated bytes of memory. */
  bytes(): number {
    const { index, document } = this;
    return (index?.bytes ?? 0) + (document === undefined ? 0 : document.chars + PATCH_BYTES * document.patches);
  }
}
