/** The mark is part of the format of a data directory: what format version 1 wrote is read, by slot. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stillEnv } from './level-harness.ts';
import { MarkFile, readMark } from './mark-file.ts';

/** Slots of 64 bytes, without the zeros at their end. */
const EVEN = '0770059bb004ac02';
const ODD = '076339fe1005ad02';
const slots = (...records: readonly string[]): Buffer =>
  Buffer.concat(records.map((record) => Buffer.concat([Buffer.from(record, 'hex'), Buffer.alloc(64)]).subarray(0, 64)));

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-mark-'));
  path = join(directory, 'mark');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

test('batches 4 and 5 -> written as ever', async () => {
  const mark = await MarkFile.open(path, stillEnv.scheduler, () => undefined);
  for (const batch of [4, 5]) {
    mark.record({ batch, lsn: 296 + batch });
    await mark.sync();
  }
  await mark.close();
  expect((await readFile(path)).toString('hex')).toBe(slots(EVEN, ODD).toString('hex'));
});

test.each([
  ['both slots', slots(EVEN, ODD), { batch: 5, lsn: 301 }],
  ['the first', slots(EVEN, ''), { batch: 4, lsn: 300 }],
  ['the second', slots('', ODD), { batch: 5, lsn: 301 }],
])('%s as ever -> the newest is read', async (_, bytes, mark) => {
  await writeFile(path, bytes);
  expect(await readMark(path)).toEqual(mark);
});

test('each slot in the place of the other -> refused', async () => {
  await writeFile(path, slots(ODD, EVEN));
  await expect(readMark(path)).rejects.toMatchObject({ code: 'data-corrupt' });
});

test('several in a moment -> only the last is written, in its slot, and once', async () => {
  const turns: (() => void)[] = [];
  const scheduler = { ...stillEnv.scheduler, yield: () => new Promise<void>((resolve) => void turns.push(resolve)) };
  const nextTurn = async () => {
    turns.shift()?.();
    await Promise.resolve();
  };
  const mark = await MarkFile.open(path, scheduler, () => undefined);
  for (const batch of [3, 4, 5]) mark.record({ batch, lsn: 296 + batch });
  await nextTurn();
  expect(await readMark(path)).toBeUndefined();
  await nextTurn();
  expect((await readFile(path)).toString('hex')).toBe(slots('', ODD).toString('hex'));
  expect(turns).toEqual([]);
  mark.record({ batch: 4, lsn: 300 });
  await nextTurn();
  await nextTurn();
  expect((await readFile(path)).toString('hex')).toBe(slots(EVEN, ODD).toString('hex'));
  await mark.close();
});

test('a write that fails -> told, and every sync after it fails', async () => {
  const told: unknown[] = [];
  const mark = await MarkFile.open(path, stillEnv.scheduler, (error) => told.push(error));
  await mark.close();
  mark.record({ batch: 4, lsn: 300 });
  await expect(mark.sync()).rejects.toThrow();
  expect(told.length).toBe(1);
  await expect(mark.sync()).rejects.toBe(told[0]);
});
