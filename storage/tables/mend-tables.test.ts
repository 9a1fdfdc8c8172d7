/** All tables of a database: which are looked at, what is kept, and what a crash leaves. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { present } from '../../base/assert.ts';
import { SeededRandom } from '../../base/seeded-random.ts';
import type { KeyRange } from './mend-table.ts';
import { type MendOptions, mendTables, type TablesMended } from './mend-tables.ts';
import { checkedBytes, readBlock, readFooter, readIndex } from './table-file.ts';

let root: string;
let levelDirectory: string;
let keptDirectory: string;
let name: string;
let path: string;
let original: Buffer;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-tables-'));
  levelDirectory = join(root, 'level');
  keptDirectory = join(root, 'kept');
  const db = new Level<string, string>(levelDirectory);
  const random = new SeededRandom(1);
  for (let at = 0; at < 500; at++) await db.put(`key ${1000 + at}`, String(random.uint32()).repeat(9));
  await db.close();
  await db.open();
  await db.close();
  [name = ''] = (await readdir(levelDirectory)).filter((file) => file.endsWith('.ldb'));
  path = join(levelDirectory, name);
  original = await readFile(path);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const mend = (options: Partial<MendOptions> = {}): Promise<TablesMended> =>
  mendTables({
    levelDirectory,
    keptDirectory,
    isWhole: () => true,
    isThorough: true,
    noticedByNothingElse: () => false,
    mayLose: () => true,
    noteLost: async () => undefined,
    log: { write: () => undefined },
    ...options,
  });

function blockAt(at: number) {
  const { index } = present(readFooter(original), 'the table is whole');
  const blocks = readIndex(present(readBlock(checkedBytes(original, index)), 'it is whole'), original);
  return present(blocks?.[at], 'there are some blocks');
}

/** Overwrites the middle of a block. @returns the whole file */
async function destroy(at: number): Promise<Buffer> {
  const { handle } = blockAt(at);
  const file = Buffer.from(original);
  file.fill(0xa5, handle.offset + 10, handle.offset + 40);
  await writeFile(path, file);
  return file;
}

test('nothing is damaged, or there is no database -> nothing is written', async () => {
  expect(await mend()).toEqual({ mended: 0, corrected: 0, lost: [], left: [] });
  expect(await mend({ levelDirectory: join(root, 'none') })).toEqual({ mended: 0, corrected: 0, lost: [], left: [] });
  expect((await readdir(root)).sort()).toEqual(['level']);
});

test('a block is lost -> noted before the table is replaced, the table as it was is kept, LevelDB reads the rest', async () => {
  const damaged = await destroy(3);
  const noted: KeyRange[] = [];
  const noteLost = async (ranges: readonly KeyRange[]) => {
    noted.push(...ranges);
    expect(await readFile(path)).toEqual(damaged);
  };
  const { lost, ...counts } = await mend({ noteLost });
  expect(counts).toEqual({ mended: 1, corrected: 0, left: [] });
  expect(lost).toEqual([{ from: blockAt(2).lastKey, to: blockAt(3).lastKey }]);
  expect(noted).toEqual(lost);
  expect(await readFile(join(keptDirectory, name))).toEqual(damaged);
  const db = new Level<string, string>(levelDirectory);
  const keys = await db.keys().all();
  await db.close();
  expect(keys.length).toBeGreaterThan(400);
  expect(keys.length).toBeLessThan(500);
});

test('the note cannot be written, or the process ends before the table is replaced -> mended by the next start', async () => {
  const damaged = await destroy(3);
  await expect(mend({ noteLost: () => Promise.reject(new Error('disk full')) })).rejects.toThrow('disk full');
  expect(await readFile(path)).toEqual(damaged);
  await writeFile(`${path}.mended`, 'the beginning of it');
  expect((await mend()).mended).toBe(1);
  expect((await readdir(levelDirectory)).filter((file) => file.endsWith('.mended'))).toEqual([]);
  expect(await readFile(join(keptDirectory, name))).toEqual(damaged);
});

test('what may not be lost -> the table is left as it is, and named; what can be corrected never is', async () => {
  const damaged = await destroy(3);
  const mayLose = () => false;
  expect(await mend({ mayLose })).toEqual({ mended: 0, corrected: 0, lost: [], left: [name] });
  expect(await readFile(path)).toEqual(damaged);
  const flipped = Buffer.from(original);
  flipped[100] = (flipped[100] as number) ^ 1;
  await writeFile(path, flipped);
  expect(await mend({ mayLose })).toEqual({ mended: 1, corrected: 1, lost: [], left: [] });
  expect(await readFile(path)).toEqual(original);
});

test('a table that LevelDB did not finish, or that is no longer in use -> passed over', async () => {
  await writeFile(join(levelDirectory, '999999.ldb'), original.subarray(0, 500));
  expect(await mend()).toEqual({ mended: 0, corrected: 0, lost: [], left: [] });
  const db = new Level<string, string>(levelDirectory);
  await db.open();
  for (let at = 0; at < 10; at++) await db.put(`key ${1000 + at}`, 'new');
  await (db as unknown as { compactRange(from: string, to: string): Promise<void> }).compactRange('', '~');
  await db.close();
  await writeFile(path, original.subarray(0, 500));
  expect(await mend()).toEqual({ mended: 0, corrected: 0, lost: [], left: [] });
});

test('a short look -> blocks that are asked for, index and filters; the others are left for those who read them', async () => {
  await destroy(3);
  const short = { isThorough: false } as const;
  expect((await mend(short)).mended).toBe(0);
  const asked = blockAt(3).lastKey;
  expect((await mend({ ...short, noticedByNothingElse: ({ to }) => to.equals(asked) })).mended).toBe(1);
  for (const place of ['index', 'metaindex', 'filter', 'footer'] as const) {
    const footer = present(readFooter(original), 'the table is whole');
    const offset = {
      index: footer.index.offset,
      metaindex: footer.metaindex.offset,
      filter: footer.metaindex.offset - 20,
      footer: original.length - 1,
    }[place];
    const file = Buffer.from(original);
    file[offset] = (file[offset] as number) ^ 1;
    await writeFile(path, file);
    expect(await mend(short), place).toMatchObject({ mended: 1, lost: [] });
    expect(await readFile(path), place).toEqual(original);
  }
});

test('damaged again and again -> the first copies are kept', async () => {
  const first = await destroy(3);
  await mend();
  await destroy(5);
  await mend();
  expect(await readFile(join(keptDirectory, name))).toEqual(first);
  await cp(path, join(levelDirectory, 'notes.txt'));
  expect((await mend()).mended).toBe(0);
});
