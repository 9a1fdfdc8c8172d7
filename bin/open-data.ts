/**
 * Opens the data folder of a server. One that failed verification as a whole is moved aside if there are peers: they have what it
 * had, and the server begins as one that lost its disk, which serves nothing of the damaged copy and votes only once the others
 * have told it what it may have promised. Alone, it stops, because nobody else has the data.
 */
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { type Durability, openLevelStore } from '../storage/level-store.ts';
import type { Store } from '../storage/store.ts';

const ASIDE = 'damaged-';
/** All that a store has in its folder. */
const PARTS = ['level', 'mark'];

export interface DataOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly env: Env;
  readonly hasPeers: boolean;
}

/** @throws WeftError `data-corrupt` without peers, or if a damaged copy lies there already; as `openLevelStore` else */
export async function openData({ directory, durability, env, hasPeers }: DataOptions): Promise<Store> {
  try {
    return await openLevelStore({ directory, durability, env });
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'data-corrupt' || !hasPeers) throw error;
    const aside = await moveAside(directory, env, error);
    env.log.write('error', 'the data folder is damaged; it was moved aside, and the peers are asked for its state', {
      reason: error.message,
      movedTo: aside,
    });
    return openLevelStore({ directory, durability, env });
  }
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
