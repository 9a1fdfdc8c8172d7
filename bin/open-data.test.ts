import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { stillEnv } from '../storage/level-harness.ts';
import { A, commitOf } from '../storage/store.conformance.ts';
import type { Store } from '../storage/store.ts';
import { openData } from './open-data.ts';

let directory: string;
const logged: string[] = [];
/** As `level` says it. */
const CORRUPTION = Object.assign(new Error('Corruption: bad block'), { code: 'LEVEL_CORRUPTION' });
const env: Env = { ...stillEnv, log: { write: (level, message) => void logged.push(`${level}: ${message}`) } };
const open = (hasPeers: boolean, begin = async (store: Store) => store) =>
  openData({ directory, durability: 'disk', env, hasPeers }, begin);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-open-'));
  logged.length = 0;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** What lies in the folder, but for the note that the last server did not end well. */
const found = async () => (await readdir(directory)).filter((name) => name !== 'in-use').sort();

async function fillAndDamage(): Promise<Buffer> {
  const store = await open(true);
  await store.append(commitOf(A, 1, ['0']));
  await store.close();
  const mark = await readFile(join(directory, 'mark'));
  await writeFile(join(directory, 'level', 'CURRENT'), '');
  return mark;
}

test('a data folder that is damaged as a whole, with peers -> kept aside, and the server begins empty and says so', async () => {
  const mark = await fillAndDamage();
  const store = await open(true);
  expect([store.recovery.lastLsn, store.recovery.streams, store.recovery.clean]).toEqual([0, [], false]);
  await store.append(commitOf(A, 1, ['0']));
  await store.close();
  const [aside = ''] = (await readdir(directory)).filter((name) => name.startsWith('damaged-'));
  expect(await readFile(join(directory, aside, 'mark'))).toEqual(mark);
  expect(await readdir(join(directory, aside, 'level'))).toContain('CURRENT');
  expect(logged.filter((line) => line.startsWith('error: the data folder is damaged'))).toHaveLength(1);
  const again = await open(true);
  expect(again.recovery.lastLsn).toBe(1);
  await again.close();
});

test('the same once more -> data-corrupt, and nothing is moved: the disk must be looked at', async () => {
  await fillAndDamage();
  await (await open(true)).close();
  await writeFile(join(directory, 'level', 'CURRENT'), '');
  const before = await found();
  await expect(open(true)).rejects.toMatchObject({ code: 'data-corrupt', message: expect.stringContaining('look at') });
  expect(await found()).toEqual(before);
});

test('the same without peers -> data-corrupt, and nothing is moved', async () => {
  await fillAndDamage();
  const before = await found();
  await expect(open(false)).rejects.toMatchObject({ code: 'data-corrupt' });
  expect(await found()).toEqual(before);
});

test('a folder of which the system refuses a file, with peers -> storage-failed, and nothing is moved', async () => {
  const store = await open(true);
  await store.append(commitOf(A, 1, ['0']));
  await store.close();
  const lock = join(directory, 'level', 'LOCK');
  await rm(lock);
  await symlink('LOCK', lock);
  const before = await found();
  await expect(open(true)).rejects.toMatchObject({ code: 'storage-failed' });
  expect(await found()).toEqual(before);
  await rm(lock);
  const again = await open(true);
  expect(again.recovery.lastLsn).toBe(1);
  await again.close();
});

test('a file lies where the folder should be -> storage-failed', async () => {
  const above = directory;
  await writeFile(join(above, 'file'), '');
  for (const name of ['file', 'file/data']) {
    directory = join(above, name);
    await expect(open(true)).rejects.toMatchObject({ code: 'storage-failed', context: { directory } });
  }
  directory = above;
});

test('a folder that another process holds, with peers -> data-locked, and nothing is moved', async () => {
  const store = await open(true);
  await expect(open(true)).rejects.toMatchObject({ code: 'data-locked' });
  await store.append(commitOf(A, 1, ['0']));
  await store.close();
});

async function fillAndRefuse(): Promise<void> {
  const store = await open(true);
  await store.append(commitOf(A, 1, ['0']));
  (store as unknown as { fail(error: unknown): void }).fail(CORRUPTION);
  await expect(store.append(commitOf(A, 2, ['0']))).rejects.toMatchObject({ code: 'storage-failed' });
  await store.close();
  await expect.poll(() => readdir(directory)).toContain('found-damaged');
}

test('LevelDB refuses to write while the server runs, and no damage is found, alone -> opened as it is', async () => {
  await fillAndRefuse();
  const alone = await open(false);
  expect(alone.recovery.lastLsn).toBe(1);
  await alone.close();
  expect((await readdir(directory)).sort()).toEqual(['level', 'mark']);
});

test('the same with peers -> moved aside', async () => {
  await fillAndRefuse();
  const anew = await open(true);
  expect(anew.recovery.lastLsn).toBe(0);
  await anew.close();
  expect((await readdir(directory)).sort()).toEqual(['damaged-1970-01-01T00-00-00.000Z', 'level', 'mark']);
});

test('LevelDB refuses to write -> whoever runs on the store hears of it, but not while that begins', async () => {
  let refusals = 0;
  const onRefused = () => refusals++;
  const options = { directory, durability: 'disk', env, hasPeers: false, onRefused } as const;
  const refuse = (store: Store) => (store as unknown as { fail(error: unknown): void }).fail(CORRUPTION);
  const begin = async (store: Store) => {
    refuse(store);
    throw new WeftError('storage-failed', 'the first write', {}, CORRUPTION);
  };
  await expect(openData(options, begin)).rejects.toMatchObject({ code: 'storage-failed' });
  expect(refusals).toBe(0);
  const store = await openData(options, async (opened) => opened);
  refuse(store);
  expect(refusals).toBe(1);
  await store.close();
});

test('the process that used the folder last -> looked for by its number, so that nothing is mended under it', async () => {
  await (await open(false)).close();
  const { pid } = process;
  const parent = process.ppid;
  for (const [holder, is] of [
    [pid, 'gone'],
    [parent, 'there'],
  ] as const) {
    await writeFile(join(directory, 'in-use'), String(holder));
    const store = await open(false);
    expect(await readFile(join(directory, 'in-use'), 'utf8')).toBe(String(is === 'gone' ? pid : parent));
    await store.close();
  }
});

test('what starts on the store meets damage, with peers -> begins once more, empty', async () => {
  const damages = [
    new WeftError('data-corrupt', 'a state row'),
    new WeftError('partition-recovering', 'the catalog'),
    new WeftError('storage-failed', 'the first write', {}, CORRUPTION),
  ];
  for (const damage of damages) {
    await (await open(true)).close();
    let begins = 0;
    const begin = async (store: Store) => {
      if (begins++ === 0) throw damage;
      return store;
    };
    await (await open(true, begin)).close();
    expect(begins).toBe(2);
    const [aside = ''] = (await readdir(directory)).filter((name) => name.startsWith('damaged-'));
    await rm(join(directory, aside), { recursive: true });
    await expect(open(false, () => Promise.reject(damage))).rejects.toBe(damage);
  }
});

test('what starts on the store fails for another reason -> the store is closed, and nothing is moved', async () => {
  const full = new WeftError('storage-failed', 'no space left');
  await expect(open(true, () => Promise.reject(full))).rejects.toBe(full);
  await (await open(true)).close();
  expect((await readdir(directory)).sort()).toEqual(['level', 'mark']);
});
