/**
 * Opening and reading the LevelDB of a data directory. LevelDB would create an empty database where its CURRENT file
 * is missing, and delete what lies there; so it may create only where nothing is to be lost. What it throws becomes one
 * of our errors.
 */
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Level } from 'level';
import { WeftError } from '../base/errors.ts';

export type Database = Level<string, Buffer>;
export type DatabaseSnapshot = ReturnType<Database['snapshot']>;

export interface DatabaseOptions {
  readonly directory: string;
  readonly cacheBytes: number;
  readonly writeBufferBytes: number;
}

const ADVICE = 'Keep a copy of the directory, run `weft verify`, and re-seed it from a peer or restore a backup.';

/** Values that were read once are not worth a place in the cache. */
const STREAM_READ = { fillCache: false, highWaterMarkBytes: 1024 * 1024 } as const;
const ENTRIES_PER_READ = 1000;

export function corrupt(detail: string, context: Record<string, string | number> = {}, cause?: unknown): WeftError {
  return new WeftError('data-corrupt', `${detail}. ${ADVICE}`, context, cause);
}

/** True if LevelDB found its own files damaged: it compacts them again after each start, so it will never write for long. */
export function isCorruption(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'LEVEL_CORRUPTION') return true;
  }
  return false;
}

/**
 * True if LevelDB failed because of the system, not of what it found in its files: the same files may well be read later. What
 * the system says comes last; before it stand names of files, which may say anything. A missing file is damage, and so is one
 * that is too short, which LevelDB calls an invalid argument.
 */
export function isSystemFailure(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error && error.code === 'LEVEL_IO_ERROR')) return false;
  return !/: (no such file or directory|invalid argument)$/i.test(error.message);
}

/** Nothing is known to be wrong with what lies in the directory, so that nobody may begin anew because of this. */
export function unusable(directory: string, cause: unknown): WeftError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const advice = 'Look after its rights, the space on its disk and the limit of open files, then start again.';
  return new WeftError('storage-failed', `${directory} cannot be used: ${detail}. ${advice}`, { directory }, cause);
}

/** Uses the files of a directory. @throws WeftError `storage-failed` if the system does not let us; else as `task` */
export async function using<T>(directory: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw unusable(directory, error);
    throw error;
  }
}

/** As `mkdir -p`. Node's own way goes round for ever where nothing can be made in a folder that is there, as in `/proc`. */
export async function makeDirectory(directory: string): Promise<void> {
  const path = resolve(directory);
  try {
    await mkdir(path);
  } catch (error) {
    if (await isDirectory(path)) return;
    const above = dirname(path);
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing || (await isDirectory(above))) throw error;
    await makeDirectory(above);
    await makeDirectory(path);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/**
 * @param expected says that the directory is known to have held data, so that nothing may be created.
 * @throws WeftError `data-locked`, `data-corrupt`, `storage-failed`
 */
export async function openDatabase(options: DatabaseOptions, expected: boolean): Promise<Database> {
  const { directory } = options;
  const createIfMissing = await using(directory, async () => {
    await makeDirectory(directory);
    return !expected && !(await holdsData(directory));
  });
  const db: Database = new Level<string, Buffer>(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    createIfMissing,
    cacheSize: options.cacheBytes,
    writeBufferSize: options.writeBufferBytes,
  });
  try {
    await db.open();
    return db;
  } catch (error) {
    throw openError(directory, error);
  }
}

/** A crash while LevelDB creates its first files leaves some of them, but no data. */
async function holdsData(directory: string): Promise<boolean> {
  for (const name of await readdir(directory)) {
    if (/\.(ldb|sst)$/.test(name)) return true;
    if (name.endsWith('.log') && (await stat(join(directory, name))).size > 0) return true;
  }
  return false;
}

function openError(directory: string, error: unknown): WeftError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  if (code === 'LEVEL_LOCKED') {
    return new WeftError(
      'data-locked',
      `another process uses ${directory}; stop it, or give another data folder`,
      { directory },
      error,
    );
  }
  if (isSystemFailure(cause)) return unusable(directory, cause);
  return corrupt(`LevelDB cannot open ${directory}: ${message}`, { directory }, error);
}

/** All entries of a range in order, a chunk at a time. */
export async function* entries(
  db: Database,
  range: { readonly gt?: string; readonly gte?: string; readonly lt: string; readonly snapshot?: DatabaseSnapshot },
): AsyncGenerator<[key: string, value: Buffer][]> {
  const iterator = db.iterator({ ...range, ...STREAM_READ });
  try {
    for (;;) {
      const chunk = await iterator.nextv(ENTRIES_PER_READ);
      if (chunk.length === 0) return;
      yield chunk as [string, Buffer][];
    }
  } finally {
    await iterator.close();
  }
}

/**
 * Makes everything that was written durable, also what lies in a log that LevelDB has rotated out and closed without
 * a sync, which a later synced write does not reach. A file that vanishes meanwhile has become a synced table.
 */
export async function syncLogs(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.log')) continue;
    try {
      const file = await open(join(directory, name), 'r+');
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

/** LevelDB says that it cannot do what it was asked. */
export const isReadError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('LEVEL_');
