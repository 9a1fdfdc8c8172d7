/** Real tables of LevelDB, damaged anywhere. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { present } from '../../base/assert.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import { crc32c, maskedCrc, singleByteErrors, unmaskedCrc } from './crc32c.ts';
import { looksWhole } from './glance.ts';
import { liveTables } from './manifest.ts';
import { type Mended, mendTable, type TableRules } from './mend-table.ts';
import { unpackSnappy } from './snappy.ts';
import {
  checkedBytes,
  FOOTER_BYTES,
  type Footer,
  type IndexEntry,
  readBlock,
  readEntries,
  readFooter,
  readIndex,
} from './table-file.ts';

const KEYS = 3000;
const keyOf = (number: number): string => `key ${String(number).padStart(6, '0')}`;
const textOf = (number: number): string => `value ${number} `.repeat(1 + (number % 23));

let directory: string;
let path: string;
let table: Buffer;
let footer: Footer;
let blocks: readonly IndexEntry[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-table-'));
  const db = new Level<string, string>(directory);
  for (let number = 0; number < KEYS; number += 100) {
    await db.batch(
      Array.from({ length: 100 }, (_, i) => ({ type: 'put', key: keyOf(number + i), value: textOf(number + i) })),
    );
  }
  await db.close();
  // Opening moves the log into a table.
  await db.open();
  await db.close();
  const [name = ''] = (await readdir(directory)).filter((file) => file.endsWith('.ldb'));
  path = join(directory, name);
  table = await readFile(path);
  footer = present(readFooter(table), 'the footer is whole');
  blocks = present(
    readIndex(present(readBlock(checkedBytes(table, footer.index)), 'it is whole'), table),
    'it is whole',
  );
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** A row says what it must be. */
const isWhole = (key: Buffer, value: Buffer): boolean => value.toString() === textOf(Number(key.subarray(4)));
const rules: TableRules = { isWhole, smallestKey: Buffer.from(keyOf(0)), isThorough: false };

function rowsOf(file: Buffer): string[] {
  return blocks.flatMap(({ handle }) => {
    const block = present(readBlock(checkedBytes(file, handle)), 'the block can be unpacked');
    return present(readEntries(block), 'its keys are in order').map(({ key }) => key.toString());
  });
}

/** A copy in which these bytes differ, mended. */
function mended(
  places: readonly number[],
  random: SeededRandom,
): { readonly file: Buffer; readonly result: Mended | undefined } {
  const file = Buffer.from(table);
  for (const place of places) file[place] = (file[place] as number) ^ (1 + random.below(255));
  return { file, result: mendTable(file, rules) };
}

describe('CRC-32C', () => {
  test('known values -> as published', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
    for (const crc of [0, 1, 0x8a9136aa, 0xffffffff]) expect(unmaskedCrc(maskedCrc(crc))).toBe(crc);
  });

  test('any one byte differs -> found, and hardly anything else', () => {
    const random = new SeededRandom(1);
    const data = Buffer.from(Array.from({ length: 500 }, () => random.below(256)));
    const right = crc32c(data);
    for (let offset = 0; offset < data.length; offset++) {
      const xor = 1 + random.below(255);
      data[offset] = (data[offset] as number) ^ xor;
      expect(singleByteErrors(crc32c(data) ^ right, data.length)).toEqual([{ offset, xor }]);
      data[offset] = (data[offset] as number) ^ xor;
    }
    expect(singleByteErrors(0, data.length)).toEqual([]);
  });
});

describe('Snappy', () => {
  test.each([
    ['literal', [5, 16, 104, 101, 108, 108, 111], 'hello'],
    ['copy that overlaps what it writes', [9, 4, 97, 98, 13, 2], 'ababababa'],
    ['copy by one byte', [10, 4, 97, 98, 17, 2], 'ababababab'],
    ['copy by two bytes', [8, 4, 97, 98, 22, 2, 0], 'abababab'],
    ['long literal', [3, 240, 2, 97, 98, 99], 'abc'],
    ['copy of what is not there', [6, 4, 97, 98, 1, 3], undefined],
    ['cut short', [5, 16, 104, 101], undefined],
    ['nothing', [], undefined],
    ['longer than a block may be', [255, 255, 255, 255, 7], undefined],
  ])('%s -> unpacked, or refused', (_name, packed, text) => {
    expect(unpackSnappy(Uint8Array.from(packed))?.toString()).toBe(text);
  });
});

describe('table', () => {
  test('whole -> read as it was written, and not changed', async () => {
    expect(blocks.length).toBeGreaterThan(20);
    expect(rowsOf(table)).toEqual(Array.from({ length: KEYS }, (_, number) => keyOf(number)));
    expect(mendTable(Buffer.from(table), { ...rules, isThorough: true })).toEqual({
      corrected: 0,
      lost: [],
      isChanged: false,
    });
    expect(await looksWhole(path, { ...rules, isWanted: () => true })).toBe(true);
    expect([...(await liveTables(directory)).values()].map(String)).toEqual([keyOf(0)]);
  });

  test('one byte differs anywhere -> as it was written', () => {
    const random = new SeededRandom(2);
    const ends = [footer.index.offset, footer.metaindex.offset, table.length - FOOTER_BYTES, table.length - 8];
    const places = [...ends, ...Array.from({ length: 150 }, () => random.below(table.length - FOOTER_BYTES))];
    for (const place of places) {
      const { file, result } = mended([place], random);
      expect(result, `byte ${place}`).toEqual({ corrected: 1, lost: [], isChanged: true });
      expect(file.equals(table), `byte ${place}`).toBe(true);
    }
  });

  test('a block differs in many bytes -> empty, its range is named, all else is there', () => {
    const random = new SeededRandom(3);
    for (const at of [0, 7, blocks.length - 1]) {
      const { handle, lastKey } = blocks[at] as IndexEntry;
      const { file, result } = mended(
        [1, 5, 9, 13].map((place) => handle.offset + place),
        random,
      );
      const from = blocks[at - 1]?.lastKey ?? rules.smallestKey;
      expect(result).toEqual({ corrected: 0, lost: [{ from, to: lastKey }], isChanged: true });
      const left = new Set(rowsOf(file));
      for (let number = 0; number < KEYS; number++) {
        const key = Buffer.from(keyOf(number));
        const isInRange = Buffer.compare(from, key) <= 0 && Buffer.compare(key, lastKey) <= 0;
        if (!left.has(keyOf(number))) expect(isInRange, keyOf(number)).toBe(true);
      }
      expect(mendTable(file, { ...rules, isThorough: true })).toEqual({ corrected: 0, lost: [], isChanged: false });
    }
  });

  test('a byte differs in a row that was wrong before -> not taken for right', () => {
    const file = Buffer.from(table);
    const { handle } = blocks[3] as IndexEntry;
    file[handle.offset + 9] = (file[handle.offset + 9] as number) ^ 4;
    const result = mendTable(file, { ...rules, isWhole: () => false });
    expect(result?.lost).toHaveLength(1);
  });

  test('keys in a wrong order under a right checksum, at which LevelDB would abort -> found if all is looked through, and empty', () => {
    const { handle } = blocks[5] as IndexEntry;
    const file = Buffer.from(table);
    const checked = checkedBytes(file, handle);
    const place = Array.from(checked.keys()).find((at) => {
      checked[at] = (checked[at] as number) ^ 0x10;
      const block = readBlock(checked);
      const isFound = block !== undefined && readEntries(block) === undefined;
      if (!isFound) checked[at] = (checked[at] as number) ^ 0x10;
      return isFound;
    });
    expect(place).toBeDefined();
    file.writeUInt32LE(maskedCrc(crc32c(checked)), handle.offset + handle.size + 1);
    expect(mendTable(file, rules)).toEqual({ corrected: 0, lost: [], isChanged: false });
    expect(mendTable(file, { ...rules, isThorough: true })?.lost).toHaveLength(1);
  });

  test('its filters differ in many bytes -> done without', () => {
    const random = new SeededRandom(4);
    const { file, result } = mended(
      [3, 5, 7, 9, 20].map((back) => footer.metaindex.offset - 5 - back),
      random,
    );
    expect(result).toEqual({ corrected: 1, lost: [], isChanged: true });
    expect(
      file
        .subarray(footer.metaindex.offset, footer.metaindex.offset + footer.metaindex.size)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(rowsOf(file)).toEqual(rowsOf(table));
  });

  test('its index differs in many bytes, or it is cut short -> left as it is', () => {
    const { result } = mended(
      [0, 3, 5, 9].map((place) => footer.index.offset + place),
      new SeededRandom(5),
    );
    expect(result).toBeUndefined();
    for (const length of [0, 20, 47, 48, table.length - 1]) {
      expect(mendTable(Buffer.from(table.subarray(0, length)), rules)).toBeUndefined();
    }
  });
});
