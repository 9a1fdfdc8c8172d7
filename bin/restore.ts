/**
 * `weft restore`: makes a data folder of backups. All files are verified before anything is written; the folder is made
 * beside its place and gets its name at the end, so that it is there whole or not at all. An empty folder that is there may
 * be a volume, or what a link leads to, whose name nothing else can take: it is filled from a folder within it.
 */
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkMoment, restoreBackups } from '../src/backup/restore.ts';
import { openEngine } from '../src/engine.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { syncDirectory } from '../storage/sync-directory.ts';
import { describeBackup, fileSource, inspectFiles, instant } from './backup-files.ts';
import { buildEnv } from './env.ts';
import { OperationFailed } from './exit.ts';
import { setting } from './options.ts';

interface RestoreOptions {
  readonly data: string;
  readonly until?: number;
}

/** Where a folder that is there already is made. */
const WITHIN = '.restoring';
/** The part of a data folder that holds the commits. */
const DATABASE = 'level';
const MEMORY_BYTES = 512 * 1024 * 1024;

export function declareRestore(program: Command): void {
  program
    .command('restore <files...>')
    .description('make a data folder of a full backup and those that go on from it, in order')
    .addOption(setting('data', '<folder>', 'the folder to make; it must be empty or not be there').default('./data'))
    .addOption(
      new Option('--until <time>', 'leave out what was committed after it, e.g. 2026-03-01T12:00:00Z').argParser(
        moment,
      ),
    )
    .addHelpText(
      'after',
      `
Start a server on the folder afterwards. In a cluster that lost all disks: restore on one server, start the others with
empty folders, and they take its state over. Never restore the folder of one server of a cluster that runs: start it empty
instead. To get single things back, restore into a folder of its own, start a server on another port, and export.

Examples:
  weft restore monday.weft --data ./data
  weft restore monday.weft tuesday.weft --until 2026-03-03T09:15:00Z --data /var/lib/weft`,
    )
    .action(restore);
}

/** @throws OperationFailed; WeftError `data-corrupt`, `invalid-request`: the folder is as it was */
async function restore(files: readonly string[], { data, until }: RestoreOptions): Promise<void> {
  const isThere = await requireEmpty(data);
  const contents = await inspectFiles(files);
  for (const one of contents) console.error(describeBackup(one));
  const [full] = contents;
  if (full !== undefined && until !== undefined) checkMoment(full, until);
  const building = isThere ? join(data, WITHIN) : `${resolve(data)}.restoring`;
  await rm(building, { recursive: true, force: true });
  try {
    await build(building, files, until);
    if (isThere) await moveUp(building, data);
    else {
      await rename(building, data);
      await syncDirectory(dirname(resolve(data)));
    }
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    throw error;
  }
  const upTo = until === undefined ? '' : `, up to ${instant(until)}`;
  console.log(`restored ${files.join(', ')} to ${data}${upTo}`);
}

async function build(directory: string, files: readonly string[], until: number | undefined): Promise<void> {
  const env = buildEnv('warn');
  const store = await openLevelStore({ directory, durability: 'disk', env });
  try {
    const engine = await openEngine({ env, store, name: 'restore', memoryBudgetBytes: MEMORY_BYTES });
    try {
      await restoreBackups(engine.replica, files.map(fileSource), until);
      await engine.beginNewCluster();
    } finally {
      await engine.close();
    }
  } finally {
    await store.close();
  }
}

/** The database comes last, after a power cut too: no server begins on the mark of one that is not there. */
async function moveUp(from: string, to: string): Promise<void> {
  const parts = (await readdir(from)).filter((name) => name !== DATABASE);
  for (const part of parts) await rename(join(from, part), join(to, part));
  await syncDirectory(to);
  await rename(join(from, DATABASE), join(to, DATABASE));
  await rmdir(from);
  await syncDirectory(to);
}

/** @returns whether it is there. What a restore left in it that was killed does not count. */
async function requireEmpty(data: string): Promise<boolean> {
  try {
    const found = await readdir(data);
    if (found.some((name) => name !== WITHIN))
      throw new OperationFailed(`${data} is not empty, and nothing was changed; name another folder with --data`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}

function moment(text: string): number {
  const atMs = Date.parse(text);
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(atMs)) {
    throw new InvalidArgumentError('It must be a time like 2026-03-01T12:00:00Z.');
  }
  return atMs;
}
