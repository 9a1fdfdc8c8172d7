/** A local store on LevelDB in Node, on IndexedDB in a browser: the package `level` is the one or the other. */
import { Level } from '#level';
import { WeftError } from '../base/errors.ts';
import type { LocalChange, LocalRow, LocalStore } from './local-store.ts';

/** What browsers call it when a page has used up its space, or the disk has none. */
const FULL = 'QuotaExceededError';
/** What they say of IndexedDB that is not there, not allowed, or not in this kind of window. */
const NOTHING_KEPT: ReadonlySet<string> = new Set([
  'ReferenceError',
  'TypeError',
  'SecurityError',
  'InvalidStateError',
  'NotAllowedError',
]);

export class LevelLocalStore implements LocalStore {
  readonly #database: Level<string, Uint8Array>;
  #last: Promise<void> = Promise.resolve();
  #failure: WeftError | undefined;

  private constructor(database: Level<string, Uint8Array>) {
    this.#database = database;
  }

  /**
   * @param name a folder in Node, the name of a database in a browser
   * @throws WeftError `data-locked` if another one has it open, `storage-unavailable` where the browser keeps nothing (private mode),
   * `disk-full`, `storage-failed`
   */
  static async open(name: string): Promise<LevelLocalStore> {
    const database = new Level<string, Uint8Array>(name, { keyEncoding: 'utf8', valueEncoding: 'view' });
    try {
      await database.open();
    } catch (cause) {
      const { code } = ((cause as Error).cause ?? {}) as { readonly code?: unknown };
      if (code === 'LEVEL_LOCKED') throw new WeftError('data-locked', `${name} is open elsewhere`, {}, cause);
      const names = namesOf(cause);
      if (names.includes(FULL)) throw fullError(cause);
      if (names.some((each) => NOTHING_KEPT.has(each))) {
        const detail = `nothing is kept for this page: a private window, or storage is blocked (${reasonOf(cause)})`;
        throw new WeftError('storage-unavailable', detail, {}, cause);
      }
      throw new WeftError('storage-failed', `${name} cannot be opened: ${reasonOf(cause)}`, {}, cause);
    }
    return new LevelLocalStore(database);
  }

  async read(prefix: string): Promise<readonly LocalRow[]> {
    await this.#last.catch(() => undefined);
    const rows = await this.#database.iterator({ gte: prefix, ...before(prefix) }).all();
    return rows.map(([key, value]) => ({ key, value }));
  }

  write(changes: readonly LocalChange[]): Promise<void> {
    this.#last = this.#last.catch(() => undefined).then(() => this.#write(changes));
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
      if (namesOf(cause).includes(FULL)) throw fullError(cause);
      this.#failure = new WeftError('storage-failed', `the local store failed: ${reasonOf(cause)}`, {}, cause);
      throw this.#failure;
    }
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#database.close();
  }
}

/** What keys with the prefix are before, by their bytes as by their UTF-16: runtimes differ in which of them they go by. */
function before(prefix: string): { lt?: string } {
  const last = prefix.length - 1;
  return last < 0 ? {} : { lt: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}

function fullError(cause: unknown): WeftError {
  const detail = `this browser gives this page no more space (${reasonOf(cause)}): nothing was written`;
  return new WeftError('disk-full', detail, {}, cause);
}

/** Of an error and all that caused it. */
function namesOf(thrown: unknown): string[] {
  return thrown instanceof Error ? [thrown.name, ...namesOf(thrown.cause)] : [];
}

function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}
