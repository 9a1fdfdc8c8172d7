/**
 * The high-water mark: a small file beside LevelDB that says how far it was durable. LevelDB opens without an error when
 * the end of its log is damaged or gone; the mark tells that from a crash that lost only what was never acknowledged.
 *
 * It is written after the batch that it counts was synced, and never synced itself while the store runs: whatever value
 * survives a crash was true, so a stale mark is harmless, and it costs no second sync per batch. The write goes to the
 * page cache, which takes some microseconds; handing it to another thread would take longer than that. Whoever waits for the
 * batch does not wait for it.
 */
import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { Scheduler } from '../base/env.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { corrupt } from './level-database.ts';
import { decodeState, encodeState } from './records.ts';

export interface Mark {
  readonly batch: number;
  readonly lsn: number;
}

/** Two slots, written in turn, so that one survives a torn write. */
const SLOT_BYTES = 64;
const slotName = (slot: number): string => `mark${slot}`;

/**
 * The newest mark in the file, or undefined if nothing was marked yet.
 * @throws WeftError `data-corrupt` if no slot is readable
 */
export async function readMark(path: string): Promise<Mark | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  // A file system may show a new file as zeros after a power cut; nothing was marked then.
  if (bytes.every((byte) => byte === 0)) return undefined;
  const marks = [0, 1].flatMap((slot) => {
    const record = bytes.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES);
    const length = record[0] ?? 0;
    const state = decodeState(slotName(slot), record.subarray(1, 1 + length));
    return state === undefined ? [] : [{ batch: state.batch, lsn: new ByteReader(state.content).uint() }];
  });
  const newest = marks.sort((a, b) => b.batch - a.batch)[0];
  if (newest === undefined) {
    throw corrupt(`the high-water mark ${path} is unreadable, so nothing tells whether the log is complete`);
  }
  return newest;
}

export class MarkFile {
  readonly #file: FileHandle;
  readonly #scheduler: Scheduler;
  readonly #onError: (error: unknown) => void;
  /** What is not written yet. */
  #due: Mark | undefined;
  #failure: unknown;

  private constructor(file: FileHandle, scheduler: Scheduler, onError: (error: unknown) => void) {
    this.#file = file;
    this.#scheduler = scheduler;
    this.#onError = onError;
  }

  /** @param onError learns of a failed write, which must stop the store like any other. */
  static async open(path: string, scheduler: Scheduler, onError: (error: unknown) => void): Promise<MarkFile> {
    const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return open(path, 'w+');
      throw error;
    });
    return new MarkFile(file, scheduler, onError);
  }

  /** Everything up to `mark` is durable, which is noted in a moment. */
  record(mark: Mark): void {
    if (this.#due === undefined) void this.#writeLater();
    this.#due = mark;
  }

  /** Answers to what became durable leave in the next turn. */
  async #writeLater(): Promise<void> {
    await this.#scheduler.yield();
    await this.#scheduler.yield();
    this.#write();
  }

  #write(): void {
    const mark = this.#due;
    this.#due = undefined;
    if (mark === undefined) return;
    const slot = mark.batch % 2;
    const content = new ByteWriter(16).uint(mark.lsn).finish();
    const record = encodeState(slotName(slot), mark.batch, content);
    const bytes = Buffer.alloc(SLOT_BYTES);
    bytes[0] = record.length;
    record.copy(bytes, 1);
    try {
      writeSync(this.#file.fd, bytes, 0, SLOT_BYTES, slot * SLOT_BYTES);
    } catch (error) {
      this.#failure ??= error;
      this.#onError(error);
    }
  }

  /** Syncs the last mark. Throws what writing a mark threw. */
  async sync(): Promise<void> {
    this.#write();
    if (this.#failure !== undefined) throw this.#failure;
    await this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
