/** A local store on LevelDB in Node, on IndexedDB in a browser: the package `level` is the one or the other. */
import { Level } from 'level';
import { WeftError } from '../base/errors.ts';
import type { LocalChange, LocalRow, LocalStore } from './local-store.ts';

/** After every key with the prefix. */
const END = '\uffff';

export class LevelLocalStore implements LocalStore {
  readonly #database: Level<string, Uint8Array>;
  #last: Promise<void> = Promise.resolve();
  #failure: WeftError | undefined;

  private constructor(database: Level<string, Uint8Array>) {
    this.#database = database;
  }

  /**
   * @param name a folder in Node, the name of a database in a browser
   * @throws WeftError `data-locked` if another one has it open, `storage-failed` where the browser keeps nothing (private mode)
   */
  static async open(name: string): Promise<LevelLocalStore> {
    const database = new Level<string, Uint8Array>(name, { keyEncoding: 'utf8', valueEncoding: 'view' });
    try {
      await database.open();
    } catch (cause) {
      const { code } = ((cause as Error).cause ?? {}) as { readonly code?: unknown };
      if (code === 'LEVEL_LOCKED') throw new WeftError('data-locked', `${name} is open elsewhere`, {}, cause);
      throw new WeftError('storage-failed', `${name} cannot be opened: ${reasonOf(cause)}`, {}, cause);
    }
    return new LevelLocalStore(database);
  }

  async read(prefix: string): Promise<readonly LocalRow[]> {
    await this.#last.catch(() => undefined);
    const rows = await this.#database.iterator({ gte: prefix, lt: prefix + END }).all();
    return rows.map(([key, value]) => ({ key, value }));
  }

  write(changes: readonly LocalChange[]): Promise<void> {
    this.#last = this.#last.then(() => this.#write(changes));
    return this.#last;
  }

  async #write(changes: readonly LocalChange[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const operations = changes.map((change) =>
      change.kind === 'put'
        ? { type: 'put' as const, key: change.key, value: change.value }
        : { type: 'del' as const, key: change.key },
    );
    try {
      // IndexedDB knows no `sync`: its transactions are as durable as the browser makes them.
      await this.#database.batch(operations, { sync: true } as object);
    } catch (cause) {
      this.#failure = new WeftError('storage-failed', `the local store failed: ${reasonOf(cause)}`, {}, cause);
      throw this.#failure;
    }
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#database.close();
  }
}

/** A browser says `QuotaExceededError` for a full disk. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}
