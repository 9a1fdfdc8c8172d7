/**
 * Group commit: one batch in flight; writes that arrive meanwhile share the next one and its single sync. Writes become
 * durable in the order in which they were enqueued (STO-2). After any failure nothing more is written (STO-4): LevelDB
 * may otherwise acknowledge synced writes that it loses at the next crash.
 */
import type { Log } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { SEAL_KEYS } from './keys.ts';
import { encodeSeal } from './records.ts';
import type { Batch, StateRows } from './state-rows.ts';

/** Rows that were read for the group before its batch is built; a write that replaces one must set it here too. */
export type ReadRows = Map<string, Buffer | undefined>;

export interface Write {
  /** Size, to bound a batch. */
  readonly bytes: number;
  /** True to make this and all earlier writes durable even if the store is `buffered`. */
  readonly sync?: boolean;
  /** Rows that `stage` changes according to what they hold. */
  readonly reads?: readonly string[];
  /** Adds to the batch with this number. */
  stage(batch: Batch, batchNumber: number, rows: ReadRows): void;
  /** Runs once the batch is durable, before the promise of the write resolves, in order. */
  done?(): void;
}

/** As much of LevelDB as writing needs. */
export interface BatchedDatabase {
  getMany(keys: string[]): Promise<(Buffer | undefined)[]>;
  batch(): Batch & { write(options: { readonly sync: boolean }): Promise<void> };
}

export interface GroupWriterOptions {
  readonly db: BatchedDatabase;
  readonly state: StateRows;
  readonly log: Log;
  /** True to sync every batch. */
  readonly syncAlways: boolean;
  readonly batchBytesMax: number;
  /** The number of the last batch in the store. */
  readonly lastBatch: number;
  /** The seal's last commit, which includes everything that was staged. */
  readonly lastStagedLsn: () => number;
  /** Awaited before a batch that must be durable though earlier ones were not synced. */
  readonly syncEarlier: () => Promise<void>;
  /** Awaited before every batch, with its bytes; a rejection counts as a failed write. */
  readonly beforeWrite: ((bytes: number) => Promise<void> | undefined) | undefined;
  /** Hears once why nothing more is written. */
  readonly onFailed: (cause: unknown) => void;
  /** Learns that everything up to this batch is durable. */
  readonly onDurable: (batch: number) => void;
}

interface Pending {
  readonly write: Write;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class GroupWriter {
  readonly #options: GroupWriterOptions;
  #queue: Pending[] = [];
  #between: (() => void)[] = [];
  #lastBatch: number;
  #running: Promise<void> | undefined;
  #failure: WeftError | undefined;

  constructor(options: GroupWriterOptions) {
    this.#options = options;
    this.#lastBatch = options.lastBatch;
  }

  get failure(): WeftError | undefined {
    return this.#failure;
  }

  /** @throws WeftError `storage-failed`, indefinite */
  enqueue(write: Write): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Runs `task` between two batches: the database holds what the last one left, and `done` of its writes has run. */
  between<T>(task: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#between.push(() => {
        try {
          resolve(task());
        } catch (error) {
          reject(error);
        }
      });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Stops the store: everything that waits is rejected. Only the first reason counts. */
  fail(cause: unknown): void {
    if (this.#failure === undefined) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#failure = new WeftError('storage-failed', `the store failed: ${reason}`, {}, cause);
      this.#options.log.write('error', 'storage: it failed, nothing more is acknowledged', { reason });
      this.#options.onFailed(cause);
    }
    for (const { reject } of this.#queue.splice(0)) reject(this.#failure);
  }

  async #run(): Promise<void> {
    // Writes of the same turn share the first batch.
    await Promise.resolve();
    for (;;) {
      for (const task of this.#between.splice(0)) task();
      if (this.#queue.length === 0) break;
      const group = this.#take();
      try {
        await this.#write(group);
      } catch (error) {
        this.fail(error);
        for (const { reject } of group) reject(this.#failure);
        break;
      }
      for (const { resolve } of group) resolve();
    }
    // After a failure too: they see it themselves.
    for (const task of this.#between.splice(0)) task();
    this.#running = undefined;
  }

  #take(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const { write } of this.#queue) {
      if (count > 0 && bytes + write.bytes > this.#options.batchBytesMax) break;
      bytes += write.bytes;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #write(group: readonly Pending[]): Promise<void> {
    const { db, syncAlways, beforeWrite, onDurable } = this.#options;
    const synced = syncAlways || group.some(({ write }) => write.sync === true);
    const before = beforeWrite?.(group.reduce((sum, { write }) => sum + write.bytes, 0));
    if (before !== undefined) await before;
    if (synced && !syncAlways) await this.#options.syncEarlier();
    const rows = await this.#read(group);
    const batchNumber = this.#lastBatch + 1;
    const batch = db.batch();
    for (const { write } of group) write.stage(batch, batchNumber, rows);
    this.#seal(batch, batchNumber);
    await batch.write(synced ? SYNCED : WRITTEN);
    this.#lastBatch = batchNumber;
    if (this.#failure !== undefined) throw this.#failure;
    for (const { write } of group) write.done?.();
    if (synced) onDurable(batchNumber);
  }

  async #read(group: readonly Pending[]): Promise<ReadRows> {
    const keys = [...new Set(group.flatMap(({ write }) => write.reads ?? []))];
    if (keys.length === 0) return new Map();
    const values = await this.#options.db.getMany(keys);
    return new Map(keys.map((key, at) => [key, values[at]]));
  }

  #seal(batch: Batch, batchNumber: number): void {
    const { state, lastStagedLsn } = this.#options;
    const seal = {
      batch: batchNumber,
      lastLsn: lastStagedLsn(),
      stateRows: state.count,
      stateDigest: state.digest,
    };
    for (const key of SEAL_KEYS) batch.put(key, encodeSeal(key, seal));
  }
}

const SYNCED = { sync: true };
const WRITTEN = { sync: false };
