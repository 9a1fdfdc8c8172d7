/**
 * Writes of a replica on their way into its store: one at a time, in their order; what comes meanwhile goes together with the next.
 * When there is no space, batches of the application are rejected, whole; what servers said is owed, and goes with the next write,
 * so that the rows never have a gap.
 */
import { WeftError } from '../base/errors.ts';
import type { LocalChange, LocalStore } from './local-store.ts';

interface Waiting {
  readonly changes: readonly LocalChange[];
  readonly isBatch: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class LocalWrites {
  readonly #store: LocalStore;
  #waiting: Waiting[] = [];
  #owed: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  /** After it nothing is written any more. */
  failure: WeftError | undefined;
  /** Why something is owed. */
  shortage: WeftError | undefined;

  constructor(store: LocalStore) {
    this.#store = store;
  }

  /**
   * Resolves when the changes are durable.
   * @param isBatch of the application: it is rejected if there is no space, and may be tried again
   * @throws WeftError `disk-full` (a batch), `storage-failed`
   */
  write(changes: readonly LocalChange[], isBatch: boolean): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, isBatch, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = [...this.#owed, ...this.#waiting];
      this.#waiting = [];
      this.#owed = [];
      try {
        await this.#store.write(lastOfEachKey(group));
        this.shortage = undefined;
        for (const { resolve } of group) resolve();
      } catch (error) {
        if (error instanceof WeftError && error.code === 'disk-full') this.#short(group, error);
        else this.#fail(group, error);
      }
    }
    this.#flushing = undefined;
  }

  #short(group: readonly Waiting[], error: WeftError): void {
    const owed = group.filter(({ isBatch }) => !isBatch);
    if (owed.length > 0) {
      this.shortage = error;
      // As one, so that it does not grow with what servers go on to say.
      this.#owed = [
        {
          changes: lastOfEachKey(owed),
          isBatch: false,
          resolve: () => {
            for (const { resolve } of owed) resolve();
          },
          reject: (failure) => {
            for (const { reject } of owed) reject(failure);
          },
        },
      ];
    }
    // Batches that wait were made on those that are rejected, and may rest on them.
    for (const { isBatch, reject } of [...group, ...this.#waiting]) if (isBatch) reject(error);
    this.#waiting = this.#waiting.filter(({ isBatch }) => !isBatch);
  }

  #fail(group: readonly Waiting[], thrown: unknown): void {
    const error = thrown instanceof WeftError ? thrown : new WeftError('storage-failed', String(thrown), {}, thrown);
    this.failure = error;
    for (const { reject } of [...group, ...this.#waiting]) reject(error);
    this.#waiting = [];
  }

  /** Resolves when nothing is under way. What is owed stays so. */
  async settled(): Promise<void> {
    await this.#flushing;
  }
}

function lastOfEachKey(group: readonly Pick<Waiting, 'changes'>[]): LocalChange[] {
  const last = new Map<string, LocalChange>();
  for (const { changes } of group) for (const change of changes) last.set(change.key, change);
  return Array.from(last.values());
}
