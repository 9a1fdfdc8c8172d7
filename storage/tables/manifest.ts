/**
 * LevelDB's MANIFEST, as far as it is needed to know which tables belong to the database, and where the keys of each begin. A
 * process that ended in a compaction leaves others, unfinished. Whatever is damaged in a MANIFEST, LevelDB finds itself when it opens.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c, unmaskedCrc } from './crc32c.ts';
import { readVarint, userKey } from './table-file.ts';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
/** Kinds of a record's pieces: the whole, its first, one in the middle, its last. */
const [FULL, FIRST, , LAST] = [1, 2, 3, 4] as const;

/** What each field of an edit is followed by: numbers, or keys (`k`). */
const FIELDS: ReadonlyMap<number, string> = new Map([
  [1, 'k'],
  [2, 'n'],
  [3, 'n'],
  [4, 'n'],
  [5, 'nk'],
  [6, 'nn'],
  [7, 'nnnkk'],
  [9, 'n'],
]);
const DELETED_FILE = 6;
const NEW_FILE = 7;

/** By number of each table of the database the smallest key in it. Empty where there is no database, or nothing tells. */
export async function liveTables(levelDirectory: string): Promise<ReadonlyMap<number, Buffer>> {
  const smallest = new Map<number, Buffer>();
  const read = (name: string): Promise<Buffer> =>
    readFile(join(levelDirectory, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
  const name = (await read('CURRENT')).toString('utf8').trim();
  if (!/^MANIFEST-\d+$/.test(name)) return smallest;
  for (const record of logRecords(await read(name))) readEdit(record, smallest);
  return smallest;
}

/** Records of a file in the format of LevelDB's logs, up to the first that is damaged. */
export function* logRecords(file: Buffer): Generator<Buffer> {
  let pieces: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= file.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const length = file.readUInt16LE(at + 4);
    const end = at + HEADER_BYTES + length;
    if (end > file.length) return;
    if (crc32c(file.subarray(at + 6, end)) !== unmaskedCrc(file.readUInt32LE(at))) return;
    const kind = file[at + 6];
    if (kind === FULL || kind === FIRST) pieces = [];
    pieces.push(file.subarray(at + HEADER_BYTES, end));
    if (kind === FULL || kind === LAST) yield Buffer.concat(pieces);
    at = end;
  }
}

function readEdit(edit: Buffer, smallest: Map<number, Buffer>): void {
  let at = 0;
  const number = (): number => {
    const read = readVarint(edit, at);
    at = read?.end ?? edit.length;
    return read?.value ?? 0;
  };
  while (at < edit.length) {
    const tag = number();
    const numbers: number[] = [];
    const keys: Buffer[] = [];
    for (const kind of FIELDS.get(tag) ?? '') {
      if (kind === 'n') numbers.push(number());
      else {
        const length = number();
        keys.push(edit.subarray(at, at + length));
        at += length;
      }
    }
    if (!FIELDS.has(tag)) return;
    const [, file] = numbers;
    const [first] = keys;
    if (tag === DELETED_FILE && file !== undefined) smallest.delete(file);
    if (tag === NEW_FILE && file !== undefined && first !== undefined) smallest.set(file, userKey(first));
  }
}
