/**
 * LevelDB's log, as long from the beginning as it will become. A log that grows with each commit makes each sync wait for the
 * file's new length too, which the file system keeps in its own journal: a fifth to a third of what a small commit takes. What is
 * longer than what was written reads as zeros and takes no space; LevelDB passes over zeros behind the last record, and its writer
 * goes on where it is, not at the end of the file. etcd and PostgreSQL size their logs ahead for the same reason.
 *
 * Only where every batch is synced before the next one is written. A power cut may then tear the last batch, which was not
 * acknowledged, and nothing before it; of several, one in the middle could be missing.
 */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/env.ts';

/** LevelDB tells nobody when it begins a new log. It is looked for whenever this part of the length of one has been written. */
const LOOK_SHARE = 1 / 64;

/** How much of a log was written to, for whoever looks at its bytes. */
export function writtenBytes(content: Buffer): number {
  return content.findLastIndex((byte) => byte !== 0) + 1;
}

export interface PresizedLogOptions {
  /** LevelDB's. */
  readonly directory: string;
  /** LevelDB's write buffer: it begins a new log when that many bytes, or one batch more, are in the last one. */
  readonly bytes: number;
  readonly log: Log;
}

export class PresizedLog {
  readonly #options: PresizedLogOptions;
  /** Written since it was looked. */
  #written = Number.POSITIVE_INFINITY;
  /** Number of the last log that was found. */
  #last = 0;

  constructor(options: PresizedLogOptions) {
    this.#options = options;
  }

  /**
   * To be awaited before a batch of that many bytes, while none is being written: LevelDB must not write to a file whose length is
   * being decided. It never rejects; a file that cannot be sized grows, as it would.
   */
  beforeBatch(bytes: number): Promise<void> | undefined {
    const isDue = this.#written >= this.#options.bytes * LOOK_SHARE;
    this.#written = isDue ? bytes : this.#written + bytes;
    return isDue ? this.#look() : undefined;
  }

  async #look(): Promise<void> {
    const { directory, log } = this.#options;
    try {
      const numbers = (await readdir(directory)).flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? []);
      const name = numbers.sort((a, b) => Number(b) - Number(a))[0];
      if (name === undefined || Number(name) === this.#last) return;
      this.#last = Number(name);
      await this.#size(join(directory, `${name}.log`));
    } catch (error) {
      this.#written = Number.NEGATIVE_INFINITY;
      log.write('info', 'storage: LevelDB grows its log with each commit, which takes longer', {
        reason: String(error),
      });
    }
  }

  async #size(path: string): Promise<void> {
    const file = await open(path, 'r+');
    try {
      const { size } = await file.stat();
      // One batch may have filled more than that, and must not be cut.
      if (size < this.#options.bytes) await file.truncate(this.#options.bytes);
    } finally {
      await file.close();
    }
  }
}
