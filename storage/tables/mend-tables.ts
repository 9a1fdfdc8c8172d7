/**
 * Looks through all tables of a database that nobody has open, and mends those that are damaged, before LevelDB gets to see
 * them: it compacts without looking at checksums, so it would spread damage, refuse all writes or end the process.
 *
 * A table is replaced in one step, after a copy of it was kept and what is lost with it was noted; a crash in between leaves
 * it to be mended again.
 */
import { copyFile, mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../base/env.ts';
import * as LIMITS from '../../base/limits.ts';
import { syncDirectory } from '../sync-directory.ts';
import { type GlanceRules, looksWhole } from './glance.ts';
import { liveTables } from './manifest.ts';
import { type KeyRange, mendTable, type TableRules } from './mend-table.ts';

export interface MendOptions {
  readonly levelDirectory: string;
  /** Takes the originals of damaged tables; on the same file system. */
  readonly keptDirectory: string;
  readonly isWhole: TableRules['isWhole'];
  /** Whether all of each table is looked through, or only that in which damage would be noticed by nothing else. */
  readonly isThorough: boolean;
  readonly noticedByNothingElse: GlanceRules['isWanted'];
  /** Whether the store may go on without what is in this range. If not, nothing of its table is changed. */
  readonly mayLose: (range: KeyRange) => boolean;
  /** Makes it durable that rows of these ranges may be missing. Awaited before a table without them is there. */
  readonly noteLost: (ranges: readonly KeyRange[]) => Promise<void>;
  readonly log: Log;
}

export interface TablesMended {
  /** Tables that were damaged and no longer are. */
  readonly mended: number;
  /** Blocks of them that are as they were written. */
  readonly corrected: number;
  /** What is missing now. */
  readonly lost: readonly KeyRange[];
  /** Names of damaged tables that were left as they are. */
  readonly left: readonly string[];
}

export async function mendTables(options: MendOptions): Promise<TablesMended> {
  const { levelDirectory, log } = options;
  const tables = await liveTables(levelDirectory);
  const left: string[] = [];
  const lost: KeyRange[] = [];
  let [mended, corrected] = [0, 0];
  const names = tables.size === 0 ? [] : await readdir(levelDirectory);
  for (const name of names.filter((file) => /^\d+\.(ldb|sst)$/.test(file)).sort()) {
    const smallestKey = tables.get(Number.parseInt(name, 10));
    if (smallestKey === undefined) continue;
    const path = join(levelDirectory, name);
    const { isThorough, noticedByNothingElse: isWanted } = options;
    if (!isThorough && (await looksWhole(path, { smallestKey, isWanted }))) continue;
    const file = await readFile(path);
    const result = mendTable(file, { ...options, smallestKey });
    if (result !== undefined && !result.isChanged) continue;
    if (result === undefined || !result.lost.every(options.mayLose)) {
      log.write('error', 'storage: a table of LevelDB is damaged and was left as it is', { table: name });
      left.push(name);
      continue;
    }
    await replaceTable(options, name, file, result.lost);
    const fields = { table: name, correctedBlocks: result.corrected, lostBlocks: result.lost.length };
    log.write(result.lost.length > 0 ? 'error' : 'warn', 'storage: a damaged table of LevelDB was mended', fields);
    mended++;
    corrected += result.corrected;
    lost.push(...result.lost);
  }
  return { mended, corrected, lost, left };
}

async function replaceTable(
  { levelDirectory, keptDirectory, noteLost }: MendOptions,
  name: string,
  file: Buffer,
  lost: readonly KeyRange[],
): Promise<void> {
  await mkdir(keptDirectory, { recursive: true });
  const path = join(levelDirectory, name);
  const kept = await readdir(keptDirectory);
  if (!kept.includes(name) && kept.length < LIMITS.damagedTablesKept) await copyFile(path, join(keptDirectory, name));
  if (lost.length > 0) await noteLost(lost);
  // LevelDB passes over files whose names it does not know.
  const fresh = `${path}.mended`;
  const handle = await open(fresh, 'w');
  try {
    await handle.writeFile(file);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, path);
  await syncDirectory(levelDirectory);
}
