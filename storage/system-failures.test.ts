/** What the system refuses is no damage: a sound partition that is healed by others loses what they do not have yet. */
import { rename, symlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ROWS } from './keys.ts';
import { LevelHarness } from './level-harness.ts';
import { A, at, commitOf, expectError, G } from './store.conformance.ts';
import type { Store } from './store.ts';

let harness: LevelHarness;
let damage: string[];

beforeEach(async () => {
  harness = await LevelHarness.make();
  damage = [];
});

afterEach(async () => {
  vi.restoreAllMocks();
  await harness.dispose();
});

const open = () => harness.open({ onDamage: (found) => void damage.push(found) });
const read = (store: Store) => store.readPartition(at('0'), { document: true });

async function fill(): Promise<Store> {
  const store = await open();
  await store.append({ ...commitOf(A, 1, ['0']), locators: [{ ...at('0'), edge: 'e' }] });
  return store;
}

/** The next time that the store reads several rows. */
function failWith(code: string, message: string): void {
  vi.spyOn(Level.prototype, 'getMany').mockRejectedValueOnce(Object.assign(new Error(message), { code }));
}

const OUT_OF_FILES = ['LEVEL_IO_ERROR', 'IO error: /data/000005.ldb: Too many open files'] as const;

const REFUSED = ['Too many open files', 'Input/output error', 'Cannot allocate memory', 'Stale file handle'];

test.each(REFUSED)(
  'a partition is read while the system says "%s" -> storage-failed; whole after a restart',
  async (said) => {
    const store = await fill();
    failWith('LEVEL_IO_ERROR', `IO error: /data/000005.ldb: ${said}`);
    await expectError(read(store), 'storage-failed', said);
    // No part of the server goes on with a store of which another one knows that it fails.
    await expectError(store.append(commitOf(A, 2, ['0'])), 'storage-failed');
    await store.close();
    expect(damage).toEqual([]);
    const again = await open();
    expect(again.recovery).toMatchObject({ lastLsn: 1, damaged: [] });
    expect((await read(again)).tail).toHaveLength(1);
  },
);

test.each(REFUSED)('anything else is read while the system says "%s" -> storage-failed', async (said) => {
  const store = await fill();
  failWith('LEVEL_IO_ERROR', `IO error: /data/000005.ldb: ${said}`);
  await expectError(store.locate(G, ['e']), 'storage-failed', said);
  expect(damage).toEqual([]);
});

test.each([
  ['LEVEL_CORRUPTION', 'Corruption: block checksum mismatch'],
  ['LEVEL_IO_ERROR', 'IO error: /data/000005.ldb: No such file or directory'],
  ['LEVEL_IO_ERROR', 'IO error: /data/000005.ldb: Invalid argument'],
])('a partition is read, and LevelDB says %s, %s -> damaged, and only that partition', async (code, message) => {
  const store = await fill();
  failWith(code, message);
  await expectError(read(store), 'partition-recovering', message);
  expect(damage).toEqual(['on-read']);
  expect(await store.append(commitOf(A, 2, ['0']))).toBe(2);
});

test('a partition is read from a cut while the system is out of files -> refused, and not known as damaged', async () => {
  const store = await fill();
  const cut = await store.openCut();
  failWith(...OUT_OF_FILES);
  await expectError(cut.readPartition(at('0'), { document: true }), 'partition-recovering');
  expect((await read(store)).tail).toHaveLength(1);
  await cut.release();
});

test('a start at which the system refuses a table -> storage-failed; whole once it does not', async () => {
  await (await fill()).close();
  await (await open()).close();
  const [table = ''] = await harness.files('.ldb');
  await rename(table, `${table}.kept`);
  await symlink(basename(table), table);
  await expectError(open(), 'storage-failed', 'symbolic links');
  await rename(`${table}.kept`, table);
  const store = await open();
  expect(store.recovery).toMatchObject({ lastLsn: 1, damaged: [] });
});

test('a start at which rows of partitions cannot be read for want of files -> storage-failed', async () => {
  await (await fill()).close();
  const [code, message] = OUT_OF_FILES;
  const iterator = Level.prototype.iterator;
  vi.spyOn(Level.prototype, 'iterator').mockImplementation(function (this: Level, options: { gte?: string }) {
    const made = iterator.call(this, options);
    const failure = Object.assign(new Error(message), { code });
    if (options.gte?.startsWith(ROWS)) made.nextv = () => Promise.reject(failure);
    return made;
  } as never);
  await expectError(open(), 'storage-failed', 'Too many open files');
});

test('a start at which a row is looked up for want of a sound one, and files run out -> storage-failed', async () => {
  const store = await fill();
  await store.append(commitOf(A, 2, ['0']));
  await store.close();
  await harness.damage({ kind: 'row', ...at('0'), lsn: 2 });
  const [code, message] = OUT_OF_FILES;
  const get = Level.prototype.get;
  vi.spyOn(Level.prototype, 'get').mockImplementation(function (this: Level, key: string, options: object) {
    if (key.startsWith(ROWS)) return Promise.reject(Object.assign(new Error(message), { code }));
    return get.call(this, key, options);
  } as never);
  await expectError(open(), 'storage-failed', 'Too many open files');
  vi.restoreAllMocks();
  expect((await open()).recovery.damaged).toMatchObject([at('0')]);
});
