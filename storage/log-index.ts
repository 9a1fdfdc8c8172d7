/**
 * What a store knows without reading: heads of streams, and of each partition what it must find when it reads. One
 * small object for each partition that holds anything; nothing for each commit.
 *
 * `lastLsn`, `head` are set when a commit is accepted; `durableLsn`, `header` when it is durable, and only these are
 * shown to readers.
 */
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import type { ByteWriter } from './bytes.ts';
import { rowPrefix } from './keys.ts';
import { LostKeys } from './lost-keys.ts';
import { type Drop, type LogBase, NO_HASH, type SnapshotHeader, type StreamHead } from './records.ts';
import type { Lsn, PartitionKey } from './store.ts';

export interface PartitionEntry extends PartitionKey {
  /** Keys of its rows start with this. */
  readonly rowPrefix: string;
  /** The last commit that has a part here, accepted and durable; 0 if none is retained. */
  lastLsn: Lsn;
  durableLsn: Lsn;
  /** Bytes of its durable rows. */
  logBytes: number;
  /** The snapshot that was accepted last, and the one that is durable. */
  accepted: SnapshotHeader | undefined;
  header: SnapshotHeader | undefined;
  /** Why it is not served, and the commit that a snapshot must cover to heal it. */
  damage: { readonly reason: string; readonly lsn: Lsn } | undefined;
}

const NO_HEAD: StreamHead = { seq: 0, hash: NO_HASH, clock: 0 };

export class LogIndex {
  readonly heads = new Map<ReplicaId, StreamHead>();
  /** Of each stream the last commit that is durable; `heads` may be ahead of it. */
  readonly durableSeqs = new Map<ReplicaId, number>();
  /** Dropped graphs: durably, and accepted but perhaps not yet durable. */
  readonly drops = new Map<string, Drop>();
  readonly acceptedDrops = new Map<string, Lsn>();
  /** What a damaged table took with it, of which nothing else tells. */
  lost = new LostKeys();
  base: LogBase = { lsn: 0, streams: new Map() };
  lastLsn: Lsn = 0;
  /** The last commit that is in a batch, durable or about to be. */
  stagedLsn: Lsn = 0;
  durableLsn: Lsn = 0;
  /** Bytes of all durable rows. */
  logBytes = 0;
  /** Holds the records of no commit at the moment. A buffer of its own for each commit took longer than to write into it. */
  spareWriter: ByteWriter | undefined;
  readonly #graphs = new Map<string, Map<PartitionId, PartitionEntry>>();

  head(origin: ReplicaId): StreamHead {
    return this.heads.get(origin) ?? NO_HEAD;
  }

  find(key: PartitionKey): PartitionEntry | undefined {
    return this.#graphs.get(key.graphKey)?.get(key.partition);
  }

  entry(key: PartitionKey): PartitionEntry {
    let graph = this.#graphs.get(key.graphKey);
    if (graph === undefined) {
      graph = new Map();
      this.#graphs.set(key.graphKey, graph);
    }
    let entry = graph.get(key.partition);
    if (entry === undefined) {
      const { graphKey, partition } = key;
      entry = {
        graphKey,
        partition,
        rowPrefix: rowPrefix(key),
        lastLsn: 0,
        durableLsn: 0,
        logBytes: 0,
        accepted: undefined,
        header: undefined,
        damage: undefined,
      };
      graph.set(partition, entry);
    }
    return entry;
  }

  /** Accounts for bytes of rows that came (or, negative, went). */
  addLogBytes(entry: PartitionEntry, bytes: number): void {
    entry.logBytes += bytes;
    this.logBytes += bytes;
  }

  /** The partitions of one graph, or of all. */
  *entries(graphKey?: string): Generator<PartitionEntry> {
    if (graphKey !== undefined) yield* this.#graphs.get(graphKey)?.values() ?? [];
    else for (const graph of this.#graphs.values()) yield* graph.values();
  }

  forget(entry: PartitionEntry): void {
    const graph = this.#graphs.get(entry.graphKey);
    graph?.delete(entry.partition);
    if (graph?.size === 0) this.#graphs.delete(entry.graphKey);
  }

  /** Nothing of the graph up to this commit is visible; 0 if it was never dropped. */
  droppedLsn(graphKey: string): Lsn {
    return this.drops.get(graphKey)?.lsn ?? 0;
  }

  visibleHeader(entry: PartitionEntry): SnapshotHeader | undefined {
    const { header } = entry;
    return header !== undefined && !this.isOvertaken(entry.graphKey, header.lsn) ? header : undefined;
  }

  /** True for a snapshot that was made before the graph was dropped. */
  isOvertaken(graphKey: string, snapshotLsn: Lsn): boolean {
    const drop = this.drops.get(graphKey);
    return drop !== undefined && snapshotLsn <= drop.lsn;
  }

  holdsAnything(entry: PartitionEntry): boolean {
    return entry.durableLsn > this.droppedLsn(entry.graphKey) || this.visibleHeader(entry) !== undefined;
  }

  /** True if the part of commit `lsn` for this partition is in its snapshot or belongs to a dropped graph. */
  isCovered(key: PartitionKey, lsn: Lsn): boolean {
    if (lsn <= this.droppedLsn(key.graphKey)) return true;
    const entry = this.find(key);
    return entry?.header !== undefined && lsn <= entry.header.lsn && entry.damage === undefined;
  }
}
