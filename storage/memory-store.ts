/**
 * The in-memory twin of the store, for tests, benchmarks and simulation. What a process crash leaves behind lives in a
 * `MemoryDisk`; a store is one incarnation on it. Nothing is encoded or copied: callers must not change what they pass.
 *
 * Writes reach the disk in atomic batches, like LevelDB's. A batch waits in flight, then it is written; with `disk`
 * durability it is synced in the same step, with `buffered` it can still be lost in a power cut.
 */
import { assert } from '../base/assert.ts';
import { WeftError } from '../base/errors.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { compareText } from '../base/order.ts';
import { checkCommit, checkGraphKey, checkPartitionKey, checkSnapshot } from './commit-check.ts';
import { compareKeys } from './keys.ts';
import type { DiskWrite, MemoryDisk } from './memory-disk.ts';
import type {
  Commit,
  LoggedCommit,
  Lsn,
  PartitionKey,
  PartitionSnapshot,
  PartitionState,
  Recovery,
  Store,
  StoreCut,
  StoreStatus,
  StreamPosition,
} from './store.ts';

export { MemoryDisk } from './memory-disk.ts';

export interface MemoryStoreOptions {
  readonly disk: MemoryDisk;
  /** Default `disk`. */
  readonly durability?: 'disk' | 'buffered';
  /** Awaited before every batch; the batch is in flight meanwhile, and a rejection counts as a failed write. */
  readonly beforeWrite?: () => Promise<void>;
}

/**
 * Starts an incarnation on `disk`.
 * @throws WeftError `data-locked`, `data-format`, `data-corrupt`
 */
export async function openMemoryStore(options: MemoryStoreOptions): Promise<Store> {
  return new MemoryStore(options);
}

interface Pending {
  readonly write: DiskWrite;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class MemoryStore implements Store {
  readonly recovery: Recovery;
  readonly #disk: MemoryDisk;
  readonly #synced: boolean;
  readonly #beforeWrite: (() => Promise<void>) | undefined;
  /** Heads of streams with what is accepted but not yet written. */
  readonly #heads = new Map<ReplicaId, number>();
  #lastLsn: Lsn;
  #queue: Pending[] = [];
  #running: Promise<void> | undefined;
  #begun = false;
  #cuts = 0;
  #failure: WeftError | undefined;
  #closing: Promise<void> | undefined;

  constructor({ disk, durability, beforeWrite }: MemoryStoreOptions) {
    this.recovery = disk.attach(this);
    this.#disk = disk;
    this.#synced = durability !== 'buffered';
    this.#beforeWrite = beforeWrite;
    this.#lastLsn = this.recovery.lastLsn;
    for (const { origin, seq } of this.recovery.streams) this.#heads.set(origin, seq);
  }

  async append(commit: Commit): Promise<Lsn> {
    return this.appendAll([commit]);
  }

  async appendAll(commits: readonly Commit[]): Promise<Lsn> {
    this.#checkOpen();
    const firstLsn = this.#lastLsn + 1;
    for (const commit of commits) {
      checkCommit(commit, this.#heads.get(commit.origin) ?? 0);
      this.#lastLsn++;
      this.#heads.set(commit.origin, commit.seq);
    }
    const lastLsn = this.#lastLsn;
    await this.#write(() => {
      const undos = commits.map((commit, i) => this.#disk.append(commit, firstLsn + i));
      return () => {
        for (const undo of undos.toReversed()) undo();
      };
    });
    return lastLsn;
  }

  async writeSnapshot(key: PartitionKey, snapshot: PartitionSnapshot, edges: readonly string[] = []): Promise<void> {
    this.#checkOpen();
    checkSnapshot(key, snapshot, this.#lastLsn, edges);
    await this.#write(() => this.#disk.writeSnapshot(key, snapshot, edges), 'synced');
  }

  async readPartition(key: PartitionKey, _want: { readonly document: boolean }): Promise<PartitionState> {
    this.#checkOpen();
    checkPartitionKey(key);
    return this.#disk.readPartition(key);
  }

  async listPartitions(graphKey: string): Promise<PartitionId[]> {
    this.#checkOpen();
    return this.#disk.partitionsOf(graphKey).sort(compareText);
  }

  async listGraphs(): Promise<string[]> {
    this.#checkOpen();
    return this.#disk.graphs().sort(compareText);
  }

  async locate(graphKey: string, edges: readonly string[]): Promise<readonly (readonly PartitionId[])[]> {
    this.#checkOpen();
    return edges.map((edge) => this.#disk.locate(graphKey, edge));
  }

  async dropGraph(graphKey: string): Promise<void> {
    this.#checkOpen();
    checkGraphKey(graphKey);
    const upTo = this.#lastLsn;
    await this.#write(() => this.#disk.dropGraph(graphKey, upTo), 'synced');
  }

  async readCommits(origin: ReplicaId, afterSeq: number, limit: number): Promise<readonly LoggedCommit[]> {
    this.#checkOpen();
    return this.#disk.readCommits(origin, afterSeq, limit);
  }

  async truncateLog(lsn: Lsn): Promise<number> {
    this.#checkOpen();
    let freed = 0;
    await this.#write(() => {
      const before = this.#disk.logBytes;
      const undo = this.#disk.truncateLog(lsn);
      freed = before - this.#disk.logBytes;
      return undo;
    }, 'synced');
    return freed;
  }

  async adoptStreams(positions: readonly StreamPosition[]): Promise<void> {
    this.#checkOpen();
    assert(this.#disk.isLogEmpty && this.#disk.lastLsn === this.#lastLsn, 'streams jump over an empty log only');
    await this.#write(() => this.#disk.adoptStreams(positions), 'synced');
    for (const { origin, seq } of positions) this.#heads.set(origin, Math.max(seq, this.#heads.get(origin) ?? 0));
  }

  async openCut(): Promise<StoreCut> {
    this.#checkOpen();
    if (this.#cuts >= LIMITS.storeCutsMax) {
      throw new WeftError('too-many-requests', 'too many cuts of the store are open', { retryAfterSeconds: 1 });
    }
    this.#cuts++;
    const { lsn, streams, partitions, read } = this.#disk.freeze();
    let isOpen = true;
    return {
      lsn,
      streams,
      partitions: [...partitions].sort(compareKeys),
      readPartition: async (key) => {
        this.#checkOpen();
        if (!isOpen) throw new WeftError('shutting-down', 'the cut of the store was released');
        return read(key);
      },
      release: async () => {
        if (isOpen) this.#cuts--;
        isOpen = false;
      },
    };
  }

  async stage(key: PartitionKey, state: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkPartitionKey(key);
    await this.#write(() => this.#disk.stage(key, state));
  }

  async listStaged(): Promise<readonly PartitionKey[]> {
    this.#checkOpen();
    return this.#disk.staged().sort(compareKeys);
  }

  async readStaged(key: PartitionKey): Promise<Uint8Array> {
    this.#checkOpen();
    return this.#disk.readStaged(key);
  }

  async clearStaged(): Promise<void> {
    this.#checkOpen();
    await this.#write(() => this.#disk.clearStaged());
  }

  async getMeta(name: string): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    return this.#disk.meta.get(name);
  }

  async setMeta(name: string, value: Uint8Array): Promise<void> {
    this.#checkOpen();
    const copy = value.slice();
    await this.#write(() => this.#disk.setMeta(name, copy), 'synced');
  }

  status(): StoreStatus {
    const { lastLsn, logBytes } = this.#disk;
    return { durableLsn: lastLsn, lastLsn: this.#lastLsn, logBytes, failed: this.#failure !== undefined };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#running !== undefined && this.#disk.isHeldBy(this)) await this.#running;
    if (!this.#disk.isHeldBy(this)) return;
    if (this.#failure === undefined && (this.#begun || !this.recovery.clean)) {
      this.#queue.push({
        write: { apply: () => this.#disk.setClean(true), synced: true },
        resolve: () => undefined,
        reject: () => undefined,
      });
      await this.#run();
    }
    this.#disk.detach(this);
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing !== undefined) throw new WeftError('shutting-down', 'the store is closed');
    if (!this.#disk.isHeldBy(this)) throw new WeftError('storage-failed', 'the process of this store has crashed');
  }

  #write(apply: DiskWrite['apply'], synced?: 'synced'): Promise<void> {
    if (!this.#begun) {
      this.#begun = true;
      this.#write(() => this.#disk.setClean(false), 'synced').catch(() => undefined);
    }
    const write = { apply, synced: this.#synced || synced !== undefined };
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      try {
        this.#disk.startBatch(group.map(({ write }) => write));
        if (this.#beforeWrite !== undefined) await this.#beforeWrite();
        // A process that crashed meanwhile never learns what became of its batch.
        if (!this.#disk.isHeldBy(this)) break;
        this.#disk.finishBatch();
      } catch (error) {
        this.#fail(error, group);
        break;
      }
      for (const { resolve } of group) resolve();
    }
    this.#running = undefined;
  }

  #fail(cause: unknown, group: readonly Pending[]): void {
    this.#disk.dropBatch();
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new WeftError('storage-failed', `a write to the store failed: ${reason}`, {}, cause);
    for (const { reject } of [...group, ...this.#queue.splice(0)]) reject(this.#failure);
  }
}
