/** Mends the tables of a data folder that no process has open, and notes what is lost. */
import { join } from 'node:path';
import type { Env } from '../base/env.ts';
import { LOCATORS, ROWS, SNAPSHOT_BODIES, startingWith } from '../storage/keys.ts';
import { addLostKeys, LOST_KEYS, LostKeys } from '../storage/lost-keys.ts';
import { isWholeRow } from '../storage/row-check.ts';
import type { KeyRange } from '../storage/tables/mend-table.ts';
import { mendTables, type TablesMended } from '../storage/tables/mend-tables.ts';

/** Takes the originals of tables that were mended. */
export const BEFORE_MENDING = 'tables-before-mending';

export interface MendDataOptions {
  readonly directory: string;
  readonly env: Env;
  readonly hasPeers: boolean;
  /** Whether there is reason to look through all of it. */
  readonly isSuspect: boolean;
}

export function mendData({ directory, env, hasPeers, isSuspect }: MendDataOptions): Promise<TablesMended> {
  return mendTables({
    levelDirectory: join(directory, 'level'),
    keptDirectory: join(directory, BEFORE_MENDING),
    isWhole: isWholeRow,
    isThorough: isSuspect,
    noticedByNothingElse: (range) => new LostKeys([range]).touches(LOCATORS),
    mayLose: (range) => !hasPeers || isOfPartitions(range),
    noteLost: (ranges) => addLostKeys(join(directory, LOST_KEYS), ranges),
    log: env.log,
  });
}

/**
 * What is lost of the rows of partitions and of their snapshots is missed when the partition is read, and others have it. A server
 * with peers that lost anything else, promises or the end of its stream say, is better begun anew.
 */
function isOfPartitions({ from, to }: KeyRange): boolean {
  const first = Buffer.from(startingWith(SNAPSHOT_BODIES).gte);
  const end = Buffer.from(startingWith(ROWS).lt);
  return Buffer.compare(first, from) <= 0 && Buffer.compare(to, end) < 0;
}
