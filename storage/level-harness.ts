/** Data directories for tests: killing a process is copying its files while they are open. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import type { Env } from '../base/env.ts';
import { commitKey, documentKey, FORMAT_KEY, rowKey, rowPrefix } from './keys.ts';
import { type LevelStoreOptions, openLevelStore } from './level-store.ts';
import type { Damage } from './memory-disk.ts';
import type { StoreHarness } from './store.conformance.ts';
import type { Store } from './store.ts';

/** Nothing in the store asks for time or chance; whoever does gets the same answer always. */
export const stillEnv: Env = {
  clock: { wallMs: () => 0, monotonicMs: () => 0 },
  random: { uint32: () => 0 },
  scheduler: { after: () => ({ cancel: () => undefined }), yield: () => Promise.resolve() },
  log: { write: () => undefined },
};

export type RawLevel = Level<string, Buffer>;

/** Small, because the log is as long from the beginning, and tests copy it often. */
const WRITE_BUFFER_BYTES = 1024 * 1024;

export class LevelHarness implements StoreHarness {
  readonly #root: string;
  readonly #stores = new Set<Store>();
  #directories = 0;
  #open: Store | undefined;

  private constructor(root: string) {
    this.#root = root;
  }

  static async make(): Promise<LevelHarness> {
    return new LevelHarness(await mkdtemp(join(tmpdir(), 'weft-store-')));
  }

  get directory(): string {
    return join(this.#root, `data-${this.#directories}`);
  }

  get levelDirectory(): string {
    return join(this.directory, 'level');
  }

  async open(request: Partial<LevelStoreOptions> = {}): Promise<Store> {
    const defaults = { durability: 'disk', writeBufferBytes: WRITE_BUFFER_BYTES, env: stillEnv } as const;
    const store = await openLevelStore({ ...defaults, directory: this.directory, ...request });
    this.#stores.add(store);
    this.#open = store;
    return store;
  }

  /** Goes on with a copy of the files as they are; the store that has them open no longer matters. */
  async kill(): Promise<void> {
    await this.copyFrom(this.directory);
  }

  /** Goes on with a copy of another data directory. */
  async copyFrom(directory: string): Promise<void> {
    this.#directories++;
    while (!(await copiedAtOnce(directory, this.directory))) await rm(this.directory, { recursive: true, force: true });
    this.#open = undefined;
  }

  /** Forgets a store whose writes hang, which could not be closed; it writes to files that nobody reads again. */
  abandon(store: Store): void {
    this.#stores.delete(store);
  }

  /** Closes what is open and gives the database itself, to damage rows in ways that LevelDB would not notice. */
  async raw<T>(task: (db: RawLevel) => Promise<T>): Promise<T> {
    await this.#open?.close();
    const db: RawLevel = new Level(this.levelDirectory, { keyEncoding: 'utf8', valueEncoding: 'buffer' });
    await db.open();
    try {
      return await task(db);
    } finally {
      await db.close();
    }
  }

  async damage(damage: Damage): Promise<void> {
    const key =
      damage.kind === 'commit'
        ? commitKey(damage.origin, damage.seq)
        : damage.kind === 'row'
          ? rowKey(rowPrefix(damage), damage.lsn)
          : documentKey(damage);
    await this.raw((db) => flipByte(db, key, -1));
  }

  async setFormatVersion(version: number): Promise<void> {
    await this.raw((db) => db.put(FORMAT_KEY, Buffer.from(`weft data format ${version}`)));
  }

  /** Names of LevelDB's files that end with `ending`, oldest first. */
  async files(ending: string): Promise<string[]> {
    const names = (await readdir(this.levelDirectory)).filter((name) => name.endsWith(ending)).sort();
    return names.map((name) => join(this.levelDirectory, name));
  }

  async dispose(): Promise<void> {
    for (const store of this.#stores) await store.close();
    await rm(this.#root, { recursive: true, force: true });
  }
}

/**
 * Whether the copy is of one moment: LevelDB may make and remove files meanwhile, and what has some from before and some from
 * after that is nothing that a kill leaves.
 */
async function copiedAtOnce(from: string, to: string): Promise<boolean> {
  const before = await readdir(from, { recursive: true });
  try {
    await cp(from, to, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  const after = await readdir(from, { recursive: true });
  return before.sort().join('\n') === after.sort().join('\n');
}

/** Flips one bit of a value; negative offsets count from the end. */
export async function flipByte(db: RawLevel, key: string, offset: number): Promise<void> {
  const value = await db.get(key);
  if (value === undefined) throw new Error(`there is no row ${JSON.stringify(key)}`);
  const at = offset < 0 ? value.length + offset : offset;
  value[at] = (value[at] ?? 0) ^ 1;
  await db.put(key, value);
}
