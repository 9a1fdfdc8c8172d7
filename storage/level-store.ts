/**
 * The store on LevelDB. The bytes of a commit's parts lie once, in the rows of their partitions; the commit record
 * names them, so that log and tail are the same rows. README.md has the keys and what can be detected.
 */
import { dirname, join, resolve } from 'node:path';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { compareText } from '../base/order.ts';
import { asBuffer, asUint8Array } from './bytes.ts';
import { checkGraphKey, checkPartitionKey, checkSnapshot } from './commit-check.ts';
import { acceptCommits, addPlace } from './commit-rows.ts';
import type { CutOptions } from './cut-log.ts';
import { GroupWriter, type Write } from './group-writer.ts';
import { CLEAN, documentKey, locatorKey, metaName, snapshotName, viewKey } from './keys.ts';
import { LevelCut } from './level-cut.ts';
import {
  corrupt,
  type Database,
  isCorruption,
  isReadError,
  isSystemFailure,
  makeDirectory,
  openDatabase,
  syncLogs,
  using,
} from './level-database.ts';
import { clearStaged, listStaged, readStaged, stage } from './level-staged.ts';
import type { LogIndex } from './log-index.ts';
import { adoptStreams, hideGraph, type Maintained, removeGraph, truncateLog } from './log-maintenance.ts';
import { LOST_KEYS, readLostKeys } from './lost-keys.ts';
import { MarkFile, readMark } from './mark-file.ts';
import { isDamage, NOTHING, readLocators, readPartitionRows, readStream, recovering } from './partition-read.ts';
import { PresizedLog } from './presized-log.ts';
import { encodeSnapshotHeader, updateChecksum } from './records.ts';
import { recoverOrCreate } from './recover-or-create.ts';
import type { Recovered } from './recovery.ts';
import { type Batch, readStateRow, type StateRows } from './state-rows.ts';
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
import { syncDirectory } from './sync-directory.ts';

export type Durability = 'disk' | 'buffered';

export interface LevelStoreOptions {
  readonly directory: string;
  /** `disk`: acknowledged when synced. `buffered`: when written, which survives a kill but not a power cut. */
  readonly durability: Durability;
  readonly env: Env;
  /** LevelDB's block cache. */
  readonly cacheBytes?: number;
  /** LevelDB's write buffer: a larger one is written to tables less often and takes longer to recover. */
  readonly writeBufferBytes?: number;
  /** Awaited before every batch; a rejection counts as a failed write. For fault injection. */
  readonly beforeWrite?: () => Promise<void>;
  /** Hears of damage: LevelDB refuses to write because of it, so that nothing is written any more, or something read is damaged. */
  readonly onDamage?: (found: 'on-write' | 'on-read') => void;
  /** Refuses a store in which any row of a partition is damaged, before anything is written to it. */
  readonly mustBeWhole?: boolean;
  /** Goes on where records of commits are lost, without the log up to there. Merges updates, as `CutOptions.merge`. */
  readonly cutLogBy?: CutOptions['merge'] | undefined;
  /** Awaited when everything was closed, whether that was a clean stop or not. */
  readonly onClosed?: () => Promise<void>;
}

const CACHE_BYTES = 32 * 1024 * 1024;
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;

/**
 * Opens a data directory, creating it if it is not there, and verifies all that it holds.
 * @throws WeftError `data-locked`, `data-format`, `data-corrupt`, `storage-failed`
 */
export async function openLevelStore(options: LevelStoreOptions): Promise<Store> {
  const { directory } = options;
  await using(directory, () => makeDirectory(directory));
  const markPath = join(directory, 'mark');
  const levelDirectory = join(directory, 'level');
  const writeBufferBytes = options.writeBufferBytes ?? WRITE_BUFFER_BYTES;
  const hasMark = (await readMark(markPath).catch(() => null)) !== undefined;
  const db = await openDatabase(
    {
      directory: levelDirectory,
      cacheBytes: options.cacheBytes ?? CACHE_BYTES,
      writeBufferBytes,
    },
    hasMark,
  );
  try {
    // Read under the lock, or another process might still move it.
    const lost = await readLostKeys(join(directory, LOST_KEYS));
    const { recovered, isNew } = await recoverOrCreate(db, { ...options, mark: await readMark(markPath), lost });
    if (isNew) {
      await syncDirectory(directory);
      await syncDirectory(dirname(resolve(directory)));
    }
    let store: LevelStore | undefined;
    const mark = await MarkFile.open(markPath, options.env.scheduler, (error) => store?.fail(error));
    // Opening wrote LevelDB's logs to synced tables: what was recovered is durable, whatever it was before.
    mark.record({ batch: recovered.seal.batch, lsn: recovered.seal.lastLsn });
    await mark.sync();
    store = new LevelStore({ ...options, writeBufferBytes, levelDirectory, db, mark, recovered });
    return store;
  } catch (error) {
    await db.close();
    throw error;
  }
}

interface Opened extends LevelStoreOptions {
  readonly writeBufferBytes: number;
  readonly levelDirectory: string;
  readonly db: Database;
  readonly mark: MarkFile;
  readonly recovered: Recovered;
}

class LevelStore implements Store {
  readonly recovery: Recovery;
  readonly #env: Env;
  readonly #db: Database;
  readonly #mark: MarkFile;
  readonly #index: LogIndex;
  readonly #state: StateRows;
  readonly #writer: GroupWriter;
  readonly #syncEarlier: () => Promise<void>;
  readonly #maintained: Maintained;
  readonly #metaKnown = new Set<string>();
  readonly #cuts = new Set<LevelCut>();
  #maintenance: Promise<unknown> = Promise.resolve();
  #begun = false;
  #closing: Promise<void> | undefined;
  readonly #onDamage: LevelStoreOptions['onDamage'];
  readonly #onClosed: LevelStoreOptions['onClosed'];

  constructor(opened: Opened) {
    const { recovered, db, mark, env, levelDirectory, durability, beforeWrite, onDamage } = opened;
    const logOptions = { directory: levelDirectory, bytes: opened.writeBufferBytes, log: env.log };
    const presized = durability === 'disk' ? new PresizedLog(logOptions) : undefined;
    this.#onDamage = onDamage;
    this.#onClosed = opened.onClosed;
    this.recovery = recovered.recovery;
    this.#env = env;
    this.#db = db;
    this.#mark = mark;
    const index = recovered.index;
    this.#index = index;
    this.#state = recovered.state;
    this.#syncEarlier = () => syncLogs(levelDirectory);
    this.#writer = new GroupWriter({
      db,
      state: recovered.state,
      log: env.log,
      syncAlways: durability === 'disk',
      batchBytesMax: LIMITS.groupCharsMax,
      lastBatch: recovered.seal.batch,
      lastStagedLsn: () => index.stagedLsn,
      syncEarlier: this.#syncEarlier,
      beforeWrite(bytes) {
        if (beforeWrite === undefined) return presized?.beforeBatch(bytes);
        return beforeWrite().then(() => presized?.beforeBatch(bytes));
      },
      onFailed: (cause) => {
        if (isCorruption(cause)) onDamage?.('on-write');
      },
      onDurable: (batch) => mark.record({ batch, lsn: index.durableLsn }),
    });
    const writer = { enqueue: (write: Write) => this.#write(write) };
    this.#maintained = { db, index, state: recovered.state, writer, checkOpen: () => this.#checkOpen() };
    for (const [graphKey, { done }] of index.drops) {
      if (!done) this.#resumeDrop(graphKey);
    }
  }

  fail(error: unknown): void {
    this.#writer.fail(error);
  }

  async append(commit: Commit): Promise<Lsn> {
    return this.appendAll([commit]);
  }

  async appendAll(commits: readonly Commit[]): Promise<Lsn> {
    this.#checkOpen();
    const { lastLsn, write } = acceptCommits(this.#index, commits);
    await this.#write(write);
    return lastLsn;
  }

  async writeSnapshot(key: PartitionKey, snapshot: PartitionSnapshot, edges: readonly string[] = []): Promise<void> {
    this.#checkOpen();
    const index = this.#index;
    const state = this.#state;
    checkSnapshot(key, snapshot, index.lastLsn, edges);
    const { lsn, document, view } = snapshot;
    const about = (bytes: Uint8Array) => ({ length: bytes.length, crc: updateChecksum(bytes) });
    const header = { lsn, document: about(document), view: view === undefined ? undefined : about(view) };
    let entry = index.entry(key);
    await this.#write({
      bytes: document.length + (view?.length ?? 0),
      sync: true,
      reads: edges.map((edge) => locatorKey(key.graphKey, edge)),
      stage(batch, batchNumber, read) {
        // A newer one may carry what the log no longer has; a graph that was dropped meanwhile must stay dropped.
        entry = index.entry(key);
        const droppedLsn = index.acceptedDrops.get(key.graphKey) ?? -1;
        if (lsn < (entry.accepted?.lsn ?? 0) || lsn <= droppedLsn) return;
        entry.accepted = header;
        state.put(batch, batchNumber, snapshotName(key), encodeSnapshotHeader(header));
        batch.put(documentKey(key), asBuffer(document));
        if (view === undefined) batch.del(viewKey(key));
        else batch.put(viewKey(key), asBuffer(view));
        const place = { partition: key.partition, lsn };
        for (const edge of edges) addPlace(batch, read, locatorKey(key.graphKey, edge), place);
      },
      done() {
        if (entry.accepted !== header) return;
        entry.header = header;
        if (entry.damage !== undefined && entry.damage.lsn <= lsn) entry.damage = undefined;
      },
    });
  }

  async readPartition(key: PartitionKey, want: { readonly document: boolean }): Promise<PartitionState> {
    this.#checkOpen();
    checkPartitionKey(key);
    const entry = this.#index.find(key);
    if (entry === undefined) return NOTHING;
    if (entry.damage !== undefined) throw recovering(key, entry.damage.reason);
    try {
      return await readPartitionRows(this.#db, this.#index, entry, want);
    } catch (error) {
      this.#checkOpen();
      this.#checkSystem(error);
      if (!isDamage(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      entry.damage ??= { reason, lsn: this.#index.durableLsn };
      this.#env.log.write('error', 'storage: a partition failed verification', { ...key, reason });
      this.#onDamage?.('on-read');
      throw recovering(key, reason);
    }
  }

  async listPartitions(graphKey: string): Promise<PartitionId[]> {
    this.#checkOpen();
    const held = [...this.#index.entries(graphKey)].filter((entry) => this.#index.holdsAnything(entry));
    return held.map(({ partition }) => partition).sort(compareText);
  }

  async listGraphs(): Promise<string[]> {
    this.#checkOpen();
    const held = [...this.#index.entries()].filter((entry) => this.#index.holdsAnything(entry));
    return [...new Set(held.map(({ graphKey }) => graphKey))].sort(compareText);
  }

  async locate(graphKey: string, edges: readonly string[]): Promise<readonly (readonly PartitionId[])[]> {
    this.#checkOpen();
    return edges.length === 0 ? [] : this.#read(() => readLocators(this.#db, this.#index, graphKey, edges));
  }

  async dropGraph(graphKey: string): Promise<void> {
    this.#checkOpen();
    checkGraphKey(graphKey);
    await hideGraph(this.#maintained, graphKey);
    await this.#maintain(() => removeGraph(this.#maintained, graphKey));
  }

  async readCommits(origin: ReplicaId, afterSeq: number, limit: number): Promise<readonly LoggedCommit[]> {
    this.#checkOpen();
    return this.#read(() => readStream(this.#db, this.#index, { origin, afterSeq, limit }));
  }

  async truncateLog(lsn: Lsn): Promise<number> {
    this.#checkOpen();
    return this.#maintain(() => this.#read(() => truncateLog(this.#maintained, lsn)));
  }

  async adoptStreams(positions: readonly StreamPosition[]): Promise<void> {
    this.#checkOpen();
    await this.#maintain(() => adoptStreams(this.#maintained, positions));
  }

  openCut(): Promise<StoreCut> {
    return this.#writer.between(() => {
      this.#checkOpen();
      return new LevelCut(this.#db, this.#index, this.#cuts);
    });
  }

  async stage(key: PartitionKey, state: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkPartitionKey(key);
    await stage(this.#maintained, key, state);
  }

  async listStaged(): Promise<readonly PartitionKey[]> {
    this.#checkOpen();
    return this.#read(() => listStaged(this.#db));
  }

  async readStaged(key: PartitionKey): Promise<Uint8Array> {
    this.#checkOpen();
    return this.#read(() => readStaged(this.#db, key));
  }

  async clearStaged(): Promise<void> {
    this.#checkOpen();
    await this.#maintain(() => this.#read(() => clearStaged(this.#maintained)));
  }

  async getMeta(name: string): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    const known = this.#metaKnown.has(name);
    const content = await this.#read(() => readStateRow(this.#db, metaName(name), { known }));
    return content === undefined ? undefined : asUint8Array(content);
  }

  async setMeta(name: string, value: Uint8Array): Promise<void> {
    this.#checkOpen();
    const state = this.#state;
    const content = Buffer.from(value);
    await this.#write({
      bytes: content.length,
      sync: true,
      stage: (batch, batchNumber) => state.put(batch, batchNumber, metaName(name), content),
      done: () => void this.#metaKnown.add(name),
    });
  }

  status(): StoreStatus {
    const { durableLsn, lastLsn, logBytes } = this.#index;
    return { durableLsn, lastLsn, logBytes, failed: this.#writer.failure !== undefined };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#maintenance;
    await this.#writer.idle();
    for (const cut of this.#cuts) await cut.release();
    if (this.#writer.failure === undefined && !(this.recovery.clean && !this.#begun)) {
      const state = this.#state;
      const marker = {
        bytes: 0,
        sync: true,
        stage: (batch: Batch, at: number) => state.put(batch, at, CLEAN, NO_BYTES),
      };
      await this.#writer.enqueue(marker).catch((error: unknown) => this.#closedUnclean(error));
    }
    await this.#mark.sync().catch((error: unknown) => this.#closedUnclean(error));
    await this.#mark.close();
    await this.#db.close();
    await this.#onClosed?.();
  }

  #closedUnclean(error: unknown): void {
    this.#env.log.write('error', 'storage: closed without a clean marker', { error: String(error) });
  }

  #checkOpen(): void {
    if (this.#writer.failure !== undefined) throw this.#writer.failure;
    if (this.#closing !== undefined) throw new WeftError('shutting-down', 'the store is closed');
  }

  /** The store that the system lets read no longer stops as one that cannot write: after a restart all is there. */
  #checkSystem(error: unknown): void {
    if (!isSystemFailure(error)) return;
    this.#writer.fail(error);
    this.#checkOpen();
  }

  /** What LevelDB throws becomes an error of ours. */
  async #read<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      if (error instanceof WeftError && isDamageCode(error.code)) this.#onDamage?.('on-read');
      if (!isReadError(error)) throw error;
      this.#checkOpen();
      this.#checkSystem(error);
      this.#onDamage?.('on-read');
      throw corrupt(`LevelDB cannot read its data: ${String(error)}`, {}, error);
    }
  }

  /** The first write of an incarnation takes away the clean marker, in the same synced batch. */
  #write(write: Write): Promise<void> {
    if (!this.#begun) {
      this.#begun = true;
      const state = this.#state;
      const begin: Write = {
        bytes: 0,
        sync: true,
        stage(batch, batchNumber) {
          state.delete(batch, CLEAN);
          state.repair(batch, batchNumber);
        },
      };
      this.#writer.enqueue(begin).catch(() => undefined);
    }
    return this.#writer.enqueue(write);
  }

  /** One at a time, after those before it, whether they failed or not. */
  #maintain<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#maintenance.then(task);
    this.#maintenance = result.catch(() => undefined);
    return result;
  }

  #resumeDrop(graphKey: string): void {
    this.#maintain(() => removeGraph(this.#maintained, graphKey)).catch((error: unknown) => {
      this.#env.log.write('warn', 'storage: a dropped graph still occupies space', { graphKey, error: String(error) });
    });
  }
}

const NO_BYTES = Buffer.alloc(0);

const isDamageCode = (code: string): boolean => code === 'data-corrupt' || code === 'partition-recovering';
