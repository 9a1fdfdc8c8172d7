/**
 * Opens the data folder of a server. Tables of LevelDB that are damaged are mended first, if there is reason to look: the last
 * server did not stop in an orderly way, LevelDB refused to write, or what was read is damaged.
 *
 * A folder that is damaged as a whole all the same is moved aside if there are peers: they have what it had, and the server
 * begins as one that lost its disk, which serves nothing of the damaged copy and votes only once the others have told it what
 * it may have promised. Alone, it stops, because nobody else has the data.
 */
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { mergeWhole } from '../crdt/partition-document.ts';
import { corrupt, isCorruption, makeDirectory, using } from '../storage/level-database.ts';
import { type Durability, type LevelStoreOptions, openLevelStore } from '../storage/level-store.ts';
import { LOST_KEYS } from '../storage/lost-keys.ts';
import type { Store } from '../storage/store.ts';
import { syncDirectory } from '../storage/sync-directory.ts';
import { BEFORE_MENDING, mendData } from './mend-data.ts';

const ASIDE = 'damaged-';
/** Says, from one start to the next, that LevelDB found its files damaged while it wrote. */
const FOUND_DAMAGED = 'found-damaged';
/** There while a server uses the folder; it stays if that ended in any other way, or met damage. */
const IN_USE = 'in-use';
/** All that a store has in its folder. */
const PARTS = ['level', 'mark', FOUND_DAMAGED, IN_USE, LOST_KEYS, BEFORE_MENDING];

export interface DataOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly env: Env;
  readonly hasPeers: boolean;
  /** What was begun goes on without writing: LevelDB refuses to, because its files are damaged; the next start mends them. */
  readonly onRefused?: () => void;
}

type Begin<T> = (store: Store) => Promise<T>;

/**
 * @param begin starts what lives on the store; the store is closed if that fails
 * @throws WeftError `data-corrupt` without peers, or if a damaged copy lies there already; as `openLevelStore` and `begin` else
 */
export async function openData<T>(options: DataOptions, begin: Begin<T>): Promise<T> {
  const { directory, env, hasPeers } = options;
  try {
    return await openMended(options, begin);
  } catch (error) {
    if (!hasPeers || !isDamage(error)) throw error;
    const aside = await moveAside(directory, env, error);
    env.log.write('error', 'the data folder is damaged; it was moved aside, and the peers are asked for its state', {
      reason: error.message,
      movedTo: aside,
    });
    return begun(options, begin);
  }
}

async function openMended<T>(options: DataOptions, begin: Begin<T>): Promise<T> {
  const { directory, hasPeers } = options;
  const wasRefused = await exists(join(directory, FOUND_DAMAGED));
  const isHeld = await isHeldByAnother(directory);
  const isSuspect = wasRefused || (await exists(join(directory, IN_USE)));
  // LevelDB's lock tells for certain, and is not ours before it opened.
  const before = isHeld ? 0 : await mended(options, isSuspect);
  if (hasPeers && wasRefused && !isHeld && before === 0) throw corrupt(`LevelDB refused to write to ${directory}`);
  // Others may rest on what a lost record of a commit said.
  const last = { ...options, cutLogBy: hasPeers ? undefined : mergeWhole };
  if (isSuspect) return begun(last, begin);
  let hasBegun = false;
  try {
    return await begun({ ...options, mustBeWhole: true }, (store) => {
      hasBegun = true;
      return begin(store);
    });
  } catch (error) {
    if (!isDamage(error)) throw error;
    // A server can live with damaged partitions, alone with lost records too, once it is certain that nothing mends them.
    const isBearable = !hasBegun && (error.code === 'partition-recovering' || !hasPeers);
    if ((await mended(options, true)) === 0 && !isBearable) throw error;
  }
  return begun(last, begin);
}

/** @returns how many tables were mended. @throws WeftError `data-corrupt` with peers, if that would lose what they do not have */
async function mended(options: DataOptions, isSuspect: boolean): Promise<number> {
  const { mended: count, left } = await using(options.directory, () => mendData({ ...options, isSuspect }));
  if (options.hasPeers && left.length > 0)
    throw corrupt(`tables of ${options.directory} are damaged: ${left.join(', ')}`);
  await rm(join(options.directory, FOUND_DAMAGED), { force: true });
  return count;
}

type Tolerance = Pick<LevelStoreOptions, 'mustBeWhole' | 'cutLogBy'>;

async function begun<T>(options: DataOptions & Tolerance, begin: Begin<T>): Promise<T> {
  const { directory, env } = options;
  await using(directory, async () => {
    await makeDirectory(directory);
    if (!(await isHeldByAnother(directory))) await writeFile(join(directory, IN_USE), String(process.pid));
    await syncDirectory(directory);
  });
  let [metDamage, isRefused, hasBegun] = [false, false, false];
  let noted = Promise.resolve();
  const onDamage = (found: 'on-write' | 'on-read') => {
    metDamage = true;
    if (found === 'on-read') return;
    isRefused = true;
    noted = writeFile(join(directory, FOUND_DAMAGED), '').catch((error: unknown) => {
      env.log.write('warn', 'that the data folder is damaged could not be noted', { error: String(error) });
    });
    if (hasBegun) options.onRefused?.();
  };
  const onClosed = async () => {
    if (!metDamage) await rm(join(directory, IN_USE), { force: true });
  };
  const store = await openLevelStore({ ...options, onDamage, onClosed });
  try {
    const begun = await begin(store);
    hasBegun = true;
    if (isRefused) options.onRefused?.();
    return begun;
  } catch (error) {
    await store.close();
    await noted;
    throw error;
  }
}

/** What is read at the start, the catalog of graphs say, cannot be done without. */
function isDamage(error: unknown): error is WeftError {
  if (!(error instanceof WeftError)) return false;
  return error.code === 'data-corrupt' || error.code === 'partition-recovering' || isCorruption(error);
}

/** Another process seems to use the folder. */
async function isHeldByAnother(directory: string): Promise<boolean> {
  const holder = Number(await readFile(join(directory, IN_USE), 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(holder) || holder <= 0 || holder === process.pid) return false;
  try {
    process.kill(holder, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Within the folder, which may be a volume of its own. Once only: a disk that damages data again and again must be looked at. */
async function moveAside(directory: string, env: Env, cause: WeftError): Promise<string> {
  const earlier = (await readdir(directory)).find((name) => name.startsWith(ASIDE));
  if (earlier !== undefined) {
    const detail = `${cause.message} A damaged copy lies in ${join(directory, earlier)} already: look at the disk, then remove it`;
    throw new WeftError('data-corrupt', detail, cause.context, cause);
  }
  const aside = join(directory, `${ASIDE}${new Date(env.clock.wallMs()).toISOString().replaceAll(':', '-')}`);
  await mkdir(aside);
  for (const part of PARTS) {
    await rename(join(directory, part), join(aside, part)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  return aside;
}
