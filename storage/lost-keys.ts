/**
 * Ranges of keys in which rows were lost with a damaged table. A missing row of most kinds is noticed by what counts or names
 * it; a locator is not, so what was lost of them is noted in a file beside the database and counts until the file is gone.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import * as LIMITS from '../base/limits.ts';
import { corrupt } from './level-database.ts';
import { syncDirectory } from './sync-directory.ts';
import type { KeyRange } from './tables/mend-table.ts';

/** Name of the file in the folder of a store. */
export const LOST_KEYS = 'lost-keys';

export class LostKeys {
  readonly ranges: readonly KeyRange[];

  /** In any order, and overlapping if need be. */
  constructor(ranges: readonly KeyRange[] = []) {
    const sorted = [...ranges].sort((a, b) => Buffer.compare(a.from, b.from));
    const apart: KeyRange[] = [];
    for (const { from, to } of sorted) {
      const last = apart.at(-1);
      const joins = last !== undefined && (Buffer.compare(from, last.to) <= 0 || apart.length >= LIMITS.lostRangesMax);
      if (!joins || last === undefined) apart.push({ from, to });
      else if (Buffer.compare(to, last.to) > 0) apart[apart.length - 1] = { from: last.from, to };
    }
    this.ranges = apart;
  }

  has(key: string): boolean {
    if (this.ranges.length === 0) return false;
    const bytes = Buffer.from(key, 'utf8');
    return this.ranges.some(({ from, to }) => Buffer.compare(from, bytes) <= 0 && Buffer.compare(bytes, to) <= 0);
  }

  /** Whether any key that starts with `prefix` may be missing. */
  touches(prefix: string): boolean {
    const first = Buffer.from(prefix, 'utf8');
    return this.ranges.some(
      ({ from, to }) => Buffer.compare(first, to) <= 0 && Buffer.compare(from.subarray(0, first.length), first) <= 0,
    );
  }
}

/** @throws WeftError `data-corrupt` if the file is damaged: anything may be missing then */
export async function readLostKeys(path: string): Promise<LostKeys> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return new LostKeys();
  const [checksum, content = ''] = text.split('\n');
  if (checksum !== String(crc32(content))) throw corrupt(`${path}, which names lost keys, is unreadable`);
  const ranges = JSON.parse(content) as [string, string][];
  return new LostKeys(
    ranges.map(([from, to]) => ({ from: Buffer.from(from, 'base64'), to: Buffer.from(to, 'base64') })),
  );
}

/** In one step, durably. */
export async function addLostKeys(path: string, added: readonly KeyRange[]): Promise<void> {
  const { ranges } = new LostKeys([...(await readLostKeys(path)).ranges, ...added]);
  const content = JSON.stringify(ranges.map(({ from, to }) => [from.toString('base64'), to.toString('base64')]));
  const fresh = `${path}.new`;
  const handle = await open(fresh, 'w');
  try {
    await handle.writeFile(`${crc32(content)}\n${content}`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, path);
  await syncDirectory(dirname(path));
}
