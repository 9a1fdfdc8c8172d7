/** A local store in memory. What `LocalMemory` holds outlives the store, as a disk does; what was not durable does not. */
import { WeftError } from '../base/errors.ts';
import { compareText } from '../base/order.ts';
import type { LocalChange, LocalRow, LocalStore } from './local-store.ts';

/** The disk under memory stores. */
export class LocalMemory {
  readonly rows = new Map<string, Uint8Array>();
  /** Writes fail for as long as this is so. */
  isFull = false;
  /** Writes from now on fail for good. */
  isBroken = false;
  /** Holds every write back until what it returns resolves. */
  beforeWrite: () => Promise<void> = () => Promise.resolve();
}

export class MemoryLocalStore implements LocalStore {
  readonly #memory: LocalMemory;
  #last: Promise<void> = Promise.resolve();
  #failure: WeftError | undefined;
  #isGone = false;

  constructor(memory = new LocalMemory()) {
    this.#memory = memory;
  }

  async read(prefix: string): Promise<readonly LocalRow[]> {
    await this.#last.catch(() => undefined);
    return Array.from(this.#memory.rows)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => ({ key, value }))
      .sort((a, b) => compareText(a.key, b.key));
  }

  write(changes: readonly LocalChange[]): Promise<void> {
    const before = this.#last.catch(() => undefined);
    this.#last = before.then(() => this.#memory.beforeWrite()).then(() => this.#apply(changes));
    return this.#last;
  }

  #apply(changes: readonly LocalChange[]): void {
    if (this.#isGone || this.#memory.isBroken) {
      this.#failure ??= new WeftError('storage-failed', this.#isGone ? 'the store was closed' : 'the store is broken');
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#memory.isFull) throw new WeftError('disk-full', 'the store is full');
    for (const change of changes) {
      if (change.kind === 'put') this.#memory.rows.set(change.key, change.value.slice());
      else this.#memory.rows.delete(change.key);
    }
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    this.#isGone = true;
  }

  /** Ends it as a crash does: what is not durable by now never will be. */
  crash(): void {
    this.#isGone = true;
  }
}
