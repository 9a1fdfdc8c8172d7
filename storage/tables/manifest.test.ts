/** Logs and edits that are put together as LevelDB's `doc/log_format.md` and `db/version_edit.cc` say. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { crc32c, maskedCrc } from './crc32c.ts';
import { liveTables, logRecords } from './manifest.ts';

const BLOCK = 32 * 1024;

/** A log as LevelDB writes it: pieces fill blocks of 32 KiB, and fewer than seven bytes at the end of one stay empty. */
function logOf(records: readonly Buffer[]): Buffer {
  const pieces: Buffer[] = [];
  let size = 0;
  for (const record of records) {
    let [from, isFirst] = [0, true];
    for (;;) {
      const room = BLOCK - (size % BLOCK);
      if (room < 7) {
        pieces.push(Buffer.alloc(room));
        size += room;
        continue;
      }
      const to = Math.min(record.length, from + room - 7);
      const kind = isFirst ? (to === record.length ? 1 : 2) : to === record.length ? 4 : 3;
      const content = Buffer.concat([Buffer.from([kind]), record.subarray(from, to)]);
      const head = Buffer.alloc(6);
      head.writeUInt32LE(maskedCrc(crc32c(content)));
      head.writeUInt16LE(to - from, 4);
      pieces.push(head, content);
      size += 7 + to - from;
      [from, isFirst] = [to, false];
      if (to === record.length) break;
    }
  }
  return Buffer.concat(pieces);
}

describe('records of a log', () => {
  test('of any length -> read as they were written', () => {
    const random = new SeededRandom(1);
    for (let round = 0; round < 3; round++) {
      const sizes = Array.from({ length: 12 }, () =>
        random.pick([0, 1, 40, BLOCK - 7, BLOCK, 3 * BLOCK + 5, random.below(BLOCK)]),
      );
      const records = sizes.map((size, at) => Buffer.alloc(size, at + 1));
      const found = [...logRecords(logOf(records))];
      expect(found.map((record) => record.length)).toEqual(sizes);
      expect(found.every((record, at) => record.equals(records[at] as Buffer))).toBe(true);
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('the first ends %i bytes before a block does -> the second is found', (left) => {
    const records = [Buffer.alloc(BLOCK - 7 - left, 1), Buffer.from('second')];
    expect([...logRecords(logOf(records))]).toEqual(records);
  });

  test('a byte differs, or the end is gone -> those before it', () => {
    const records = [1, 2, 3].map((at) => Buffer.alloc(20, at));
    const log = logOf(records);
    for (let at = 27; at < 54; at++) {
      const damaged = Buffer.from(log);
      damaged[at] = (damaged[at] as number) ^ 1;
      expect([...logRecords(damaged)].length, `byte ${at}`).toBe(1);
    }
    for (let length = 0; length < log.length; length++) {
      expect([...logRecords(log.subarray(0, length))].length).toBe(Math.floor(length / 27));
    }
    expect([...logRecords(log)].length).toBe(3);
  });

  test('a record whose end never came, and one after it -> the latter alone', () => {
    const whole = logOf([Buffer.alloc(BLOCK + 9, 1)]);
    const begun = Buffer.from(whole.subarray(0, BLOCK));
    expect([...logRecords(Buffer.concat([begun, logOf([Buffer.from('next')])]))]).toEqual([Buffer.from('next')]);
  });
});

describe('live tables', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-manifest-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const text = (key: string): number[] => [key.length, ...Buffer.from(key)];
  /** A key as it lies in a table: with eight bytes behind it. */
  const inner = (key: string): number[] => text(`${key}--------`);
  const added = (file: number, first: string, last: string): number[] => [
    7,
    0,
    file,
    100,
    ...inner(first),
    ...inner(last),
  ];
  const removed = (file: number): number[] => [6, 0, file];

  async function tablesOf(...edits: number[][]): Promise<[number, string][]> {
    await writeFile(join(directory, 'CURRENT'), 'MANIFEST-000007\n');
    await writeFile(join(directory, 'MANIFEST-000007'), logOf(edits.map((edit) => Buffer.from(edit))));
    return Array.from(await liveTables(directory), ([file, key]) => [file, String(key)]);
  }

  test('those that were added and not removed since -> with the smallest key of each', async () => {
    const head = [1, ...text('leveldb.BytewiseComparator'), 2, 9, 9, 8, 3, 12, 4, 100];
    const found = await tablesOf(
      head,
      [...added(5, 'a', 'c'), ...added(6, 'd', 'e')],
      [5, 0, ...inner('d'), ...removed(5), ...added(8, 'b', 'd')],
    );
    expect(found).toEqual([
      [6, 'd'],
      [8, 'b'],
    ]);
  });

  test('a field that is not known -> what comes after it in its edit is passed over', async () => {
    expect(await tablesOf([...added(5, 'a', 'b'), 33, ...removed(5)], added(6, 'c', 'd'))).toEqual([
      [5, 'a'],
      [6, 'c'],
    ]);
  });

  test.each(['', 'MANIFEST-', 'MANIFEST-7x', 'a MANIFEST-000007', '../MANIFEST-000007'])(
    'CURRENT holds %j -> none',
    async (name) => {
      await tablesOf(added(5, 'a', 'b'));
      await writeFile(join(directory, 'CURRENT'), name);
      expect((await liveTables(directory)).size).toBe(0);
    },
  );

  test('no CURRENT, or no file that it names -> none; what cannot be read is thrown', async () => {
    expect((await liveTables(directory)).size).toBe(0);
    await tablesOf(added(5, 'a', 'b'));
    await rm(join(directory, 'MANIFEST-000007'));
    expect((await liveTables(directory)).size).toBe(0);
    await expect(liveTables(join(directory, 'CURRENT'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});
