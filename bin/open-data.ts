/**
 * Opens the data folder of a server. One that is damaged as a whole, or whose files LevelDB can no longer compact, is moved aside
 * if there are peers: they have what it had, and the server begins as one that lost its disk, which serves nothing of the damaged
 * copy and votes only once the others have told it what it may have promised. Alone, it stops, because nobody else has the data.
 */
import { access, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { corrupt, isCorruption } from '../storage/level-database.ts';
import { type Durability, openLevelStore } from '../storage/level-store.ts';
import type { Store } from '../storage/store.ts';

const ASIDE = 'damaged-';
/** Says, from one start to the next, that LevelDB found its files damaged while it wrote. */
const FOUND_DAMAGED = 'found-damaged';
/** All that a store has in its folder. */
const PARTS = ['level', 'mark', FOUND_DAMAGED];

export interface DataOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly env: Env;
  readonly hasPeers: boolean;
}

/**
 * @param begin starts what lives on the store; the store is closed if that fails
 * @throws WeftError `data-corrupt` without peers, or if a damaged copy lies there already; as `openLevelStore` and `begin` else
 */
export async function openData<T>(options: DataOptions, begin: (store: Store) => Promise<T>): Promise<T> {
  const { directory, env, hasPeers } = options;
  try {
    if (hasPeers && (await exists(join(directory, FOUND_DAMAGED)))) {
      throw corrupt(`LevelDB found damage in ${directory} while it wrote`);
    }
    return await begun(options, begin);
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

async function begun<T>({ directory, durability, env }: DataOptions, begin: (store: Store) => Promise<T>): Promise<T> {
  const onDamage = () => {
    writeFile(join(directory, FOUND_DAMAGED), '').catch((error: unknown) => {
      env.log.write('warn', 'that the data folder is damaged could not be noted', { error: String(error) });
    });
  };
  const store = await openLevelStore({ directory, durability, env, onDamage });
  try {
    return await begin(store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** What is read at the start, the catalog of graphs say, cannot be done without. */
function isDamage(error: unknown): error is WeftError {
  if (!(error instanceof WeftError)) return false;
  return error.code === 'data-corrupt' || error.code === 'partition-recovering' || isCorruption(error);
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
