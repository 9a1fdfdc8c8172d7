/** LevelDB's log is made as long beforehand as it will become, each one that it begins, and nothing in it is ever cut. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LevelHarness } from './level-harness.ts';
import { PresizedLog } from './presized-log.ts';
import { A, at, commitOf } from './store.conformance.ts';
import type { Store } from './store.ts';

/** The smallest write buffer that LevelDB takes. */
const LOG_BYTES = 64 * 1024;

let harness: LevelHarness;

beforeEach(async () => {
  harness = await LevelHarness.make();
});

afterEach(() => harness.dispose());

const append = (store: Store, seq: number, updateBytes: number) =>
  store.append({ ...commitOf(A, seq, []), parts: [{ ...at('0'), update: new Uint8Array(updateBytes).fill(seq) }] });

async function newestLog(): Promise<{ readonly name: string; readonly size: number; readonly onDisk: number }> {
  const path = (await harness.files('.log')).at(-1) ?? '';
  const { size, blocks } = await stat(path);
  return { name: basename(path), size, onDisk: 512 * blocks };
}

async function readBack(): Promise<Uint8Array[]> {
  const { tail } = await (await harness.open({ writeBufferBytes: LOG_BYTES })).readPartition(at('0'), {
    document: true,
  });
  return tail.map(({ update }) => update);
}

test('small commits over several logs -> each is long before it is full; all is there after a kill', async () => {
  const store = await harness.open({ writeBufferBytes: LOG_BYTES });
  const sizes = new Map<string, number>();
  const commits = 400;
  for (let seq = 1; seq <= commits; seq++) {
    await append(store, seq, 1000);
    const { name, size } = await newestLog();
    sizes.set(name, size);
  }
  expect(sizes.size).toBeGreaterThan(4);
  // The one that was begun last may not have been seen yet.
  for (const size of [...sizes.values()].slice(0, -1)) expect(size).toBeGreaterThanOrEqual(LOG_BYTES);
  await harness.kill();
  const written = Array.from({ length: commits }, (_, i) => new Uint8Array(1000).fill(i + 1));
  expect(await readBack()).toEqual(written);
});

test('a log that nothing was written to yet -> takes no space', async () => {
  const store = await harness.open();
  await append(store, 1, 10);
  const { size, onDisk } = await newestLog();
  expect(size).toBe(1024 * 1024);
  expect(onDisk).toBeLessThan(64 * 1024);
});

test('several logs -> the newest is made as long, and what is longer is not cut', async () => {
  const directory = join(harness.directory, 'logs');
  await mkdir(directory, { recursive: true });
  const sizeOf = async (name: string) => (await stat(join(directory, name))).size;
  const presized = new PresizedLog({ directory, bytes: LOG_BYTES, log: { write: () => undefined } });
  for (const name of ['999998.log', '999999.log', '000005.ldb']) await writeFile(join(directory, name), 'records');
  await presized.beforeBatch(LOG_BYTES);
  expect(await sizeOf('999998.log')).toBe(7);
  expect(await sizeOf('999999.log')).toBe(LOG_BYTES);
  expect(await sizeOf('000005.ldb')).toBe(7);
  await writeFile(join(directory, '1000000.log'), Buffer.alloc(2 * LOG_BYTES, 1));
  await presized.beforeBatch(LOG_BYTES);
  expect(await readFile(join(directory, '1000000.log'))).toEqual(Buffer.alloc(2 * LOG_BYTES, 1));
  await writeFile(join(directory, '1000001.log'), '');
  await presized.beforeBatch(LOG_BYTES);
  expect(await sizeOf('1000001.log')).toBe(LOG_BYTES);
});

test('buffered -> the log grows as it is written: of several batches that a power cut tears one may be missing', async () => {
  const store = await harness.open({ durability: 'buffered' });
  await append(store, 1, 10);
  expect((await newestLog()).size).toBeLessThan(4096);
});

test('a log that cannot be sized -> said once, and never tried again', async () => {
  const directory = join(harness.directory, 'odd');
  await mkdir(join(directory, '000007.log'), { recursive: true });
  const said: string[] = [];
  const log = { write: (_: string, message: string) => void said.push(message) };
  const presized = new PresizedLog({ directory, bytes: LOG_BYTES, log });
  for (let i = 0; i < 2; i++) await presized.beforeBatch(LOG_BYTES);
  await mkdir(join(directory, '000008.log'));
  for (let i = 0; i < 2; i++) await presized.beforeBatch(LOG_BYTES);
  expect(said).toEqual(['storage: LevelDB grows its log with each commit, which takes longer']);
});
