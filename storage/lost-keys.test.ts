import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { addLostKeys, LOST_KEYS, LostKeys, readLostKeys } from './lost-keys.ts';

let directory: string;
let path: string;
const range = (from: string, to: string) => ({ from: Buffer.from(from), to: Buffer.from(to) });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weft-lost-'));
  path = join(directory, LOST_KEYS);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('ranges that are added, one after the other -> read as they are, those that meet as one', async () => {
  expect((await readLostKeys(path)).ranges).toEqual([]);
  await addLostKeys(path, [range('l/g/m', 'l/g/p')]);
  await addLostKeys(path, [range('l/g/a', 'l/g/c'), range('l/g/p', 'l/g/q'), range('l/g/n', 'l/g/o')]);
  const lost = await readLostKeys(path);
  expect(lost.ranges.map(({ from, to }) => [String(from), String(to)])).toEqual([
    ['l/g/a', 'l/g/c'],
    ['l/g/m', 'l/g/q'],
  ]);
  expect(['l/g/a', 'l/g/b', 'l/g/c', 'l/g/o', 'l/g/q'].filter((key) => !lost.has(key))).toEqual([]);
  expect(['l/g/', 'l/g/ca', 'l/g/l', 'l/g/qq', 't/'].filter((key) => lost.has(key))).toEqual([]);
});

test.each([
  ['l/a', 'l/b', true],
  ['c/x', 'l/b', true],
  ['l/x', 't/x', true],
  ['', 't/x', true],
  ['c/x', 'c/z', false],
  ['s/x', 't/x', false],
  ['', 'c/x', false],
])('a range from %s to %s touches l/ -> %s', (from, to, touches) => {
  expect(new LostKeys([range(from, to)]).touches('l/')).toBe(touches);
});

test('more ranges than may be noted -> rather too much counts as lost', () => {
  const ranges = Array.from({ length: LIMITS.lostRangesMax + 5 }, (_, at) => {
    const key = String(at).padStart(6, '0');
    return range(`${key}a`, `${key}b`);
  });
  const lost = new LostKeys(ranges);
  expect(lost.ranges).toHaveLength(LIMITS.lostRangesMax);
  for (const { from, to } of ranges) expect([lost.has(String(from)), lost.has(String(to))]).toEqual([true, true]);
});

test('the file is damaged -> data-corrupt: anything may be missing', async () => {
  await addLostKeys(path, [range('l/a', 'l/b')]);
  await writeFile(path, (await readFile(path, 'utf8')).replace('bC9h', 'bC9i'));
  await expect(readLostKeys(path)).rejects.toMatchObject({ code: 'data-corrupt' });
});
