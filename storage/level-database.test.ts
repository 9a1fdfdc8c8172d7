/** Where a database may be created: LevelDB would do it wherever its CURRENT file is missing, and delete what lies there. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from './level-database.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-level-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function open(expected = false): Promise<readonly string[]> {
  const options = { directory, cacheBytes: 1 << 16, writeBufferBytes: 1 << 16 };
  const db = await openDatabase(options, expected);
  const keys = await db.keys().all();
  await db.close();
  return keys;
}

describe('files without CURRENT', () => {
  test.each([
    ['none', {}],
    [
      'what a crash leaves while LevelDB creates its first files',
      { 'MANIFEST-000001': 'x', '000003.log': '', LOG: 'text', LOCK: '' },
    ],
    ['a file of somebody else', { 'notes.txt': 'not empty', 'table.ldb.txt': 'x' }],
  ])('%s -> created', async (_, files) => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    expect(await open()).toEqual([]);
    expect(await readdir(directory)).toContain('CURRENT');
  });

  test.each([
    ['a log with something in it', '000003.log', 'x'],
    ['a table, even an empty one', '000005.ldb', ''],
    ['a table of an earlier LevelDB', '000005.sst', 'x'],
  ])('%s -> data-corrupt, and it is left as it is', async (_, name, content) => {
    await writeFile(join(directory, 'LOG'), 'text');
    await writeFile(join(directory, name), content);
    await expect(open()).rejects.toMatchObject({ code: 'data-corrupt', context: { directory } });
    expect(await readdir(directory)).toContain(name);
    expect(await readdir(directory)).not.toContain('CURRENT');
  });

  test('none, where data is known to have been -> data-corrupt, nothing is created', async () => {
    await expect(open(true)).rejects.toMatchObject({ code: 'data-corrupt' });
    expect(await readdir(directory)).not.toContain('CURRENT');
  });
});

test.skipIf(!existsSync('/dev/full'))('the disk is full -> storage-failed, which says so', async () => {
  // The first file that LevelDB writes.
  await symlink('/dev/full', join(directory, 'MANIFEST-000001'));
  await expect(open()).rejects.toMatchObject({
    code: 'storage-failed',
    message: expect.stringContaining('No space left on device'),
    context: { directory },
  });
});

test('the system refuses a file, for whatever reason -> storage-failed', async () => {
  await symlink('LOCK', join(directory, 'LOCK'));
  await expect(open()).rejects.toMatchObject({
    code: 'storage-failed',
    message: expect.stringContaining('Too many levels of symbolic links'),
    context: { directory },
  });
});

test.each([/^MANIFEST/, /\.ldb$/])('the file %s is missing -> data-corrupt', async (name) => {
  for (const key of ['a', 'b']) {
    const db = await openDatabase({ directory, cacheBytes: 1 << 16, writeBufferBytes: 1 << 16 }, false);
    await db.put(key, Buffer.from(key));
    await db.close();
  }
  const [missing = ''] = (await readdir(directory)).filter((file) => name.test(file));
  await rm(join(directory, missing));
  await expect(open()).rejects.toMatchObject({ code: 'data-corrupt' });
});

test.skipIf(!existsSync('/proc/self'))(
  'nothing can be made where the directory should be -> storage-failed',
  async () => {
    const made = directory;
    for (const name of ['/proc/weft', '/proc/weft/data']) {
      directory = name;
      const message = expect.stringMatching(/cannot be used: .*ENOENT/);
      await expect(open()).rejects.toMatchObject({ code: 'storage-failed', message, context: { directory } });
    }
    directory = made;
  },
);

test('folders above it are missing too, one of them behind a link -> all are made', async () => {
  const made = directory;
  await mkdir(join(made, 'volume'));
  await symlink('volume', join(made, 'link'));
  directory = join(made, 'link', 'a', '..', 'b', 'c');
  expect(await open()).toEqual([]);
  expect(await readdir(join(made, 'volume', 'b'))).toEqual(['c']);
  expect(await open()).toEqual([]);
  directory = made;
});

test('a file lies where the directory, or one above it, should be -> storage-failed, which says what to look after', async () => {
  const above = directory;
  await writeFile(join(above, 'file'), '');
  for (const name of ['file', 'file/data']) {
    directory = join(above, name);
    const message = expect.stringMatching(/cannot be used: .*(EEXIST|ENOTDIR).*rights/);
    await expect(open()).rejects.toMatchObject({ code: 'storage-failed', message, context: { directory } });
  }
  directory = above;
});

test('files are missing, in a directory whose name says that it is read-only -> data-corrupt all the same', async () => {
  directory = join(directory, 'read-only');
  await mkdir(directory);
  await writeFile(join(directory, '000005.ldb'), 'x');
  await expect(open()).rejects.toMatchObject({ code: 'data-corrupt', context: { directory } });
});

test('somebody has it open -> data-locked', async () => {
  const options = { directory, cacheBytes: 1 << 16, writeBufferBytes: 1 << 16 };
  const db = await openDatabase(options, false);
  await expect(open()).rejects.toMatchObject({ code: 'data-locked', context: { directory } });
  await db.close();
  expect(await open()).toEqual([]);
});
