/**
 * Damage to the files of a data directory. LevelDB opens most of these without an error; the store must then be whole,
 * be a prefix that the durability setting permits, or name what is wrong.
 */
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import type { ReplicaId } from '../base/ids.ts';
import { LevelHarness } from './level-harness.ts';
import { writtenBytes } from './presized-log.ts';
import { A, at, B, bytes, expectError, G } from './store.conformance.ts';
import type { Commit, Store } from './store.ts';

let harness: LevelHarness;

beforeEach(async () => {
  harness = await LevelHarness.make();
});

afterEach(() => harness.dispose());

/** LevelDB drops the rest of a block behind a bad checksum. */
const LOG_BLOCK_BYTES = 32 * 1024;
/** What a disk writes whole, or not at all. */
const PAGE_BYTES = 4096;
const NOTHING = Buffer.alloc(0);

const COMMITS = 60;
const originOf = (lsn: number): ReplicaId => (lsn % 3 === 0 ? B : A);
const seqOf = (lsn: number): number => (lsn % 3 === 0 ? lsn / 3 : lsn - Math.floor(lsn / 3));
const partitionsOf = (lsn: number): string[] => [String(lsn % 4), `scope ${lsn % 5}!`];
const updateOf = (lsn: number, partition: string): Uint8Array =>
  bytes(`${lsn} in ${partition} `.repeat(1 + ((lsn * 41) % 97)));

function commit(lsn: number): Commit {
  const parts = partitionsOf(lsn).map((partition) => ({ ...at(partition), update: updateOf(lsn, partition) }));
  return { origin: originOf(lsn), seq: seqOf(lsn), clock: lsn, parts, locators: [], after: [] };
}

async function fill(store: Store, from = 1, to = COMMITS): Promise<void> {
  for (let lsn = from; lsn <= to; lsn++) await store.append(commit(lsn));
}

/** Reads everything and checks that it is exactly the first commits. @returns how many; throws what reading throws. */
async function readPrefix(store: Store): Promise<number> {
  const { lastLsn } = store.recovery;
  const expected = new Map<string, number[]>();
  for (let lsn = 1; lsn <= lastLsn; lsn++) {
    for (const partition of partitionsOf(lsn)) {
      expected.set(partition, [...(expected.get(partition) ?? []), lsn]);
    }
  }
  expect(await store.listPartitions(G)).toEqual([...expected.keys()].sort());
  for (const [partition, lsns] of expected) {
    const { tail } = await store.readPartition(at(partition), { document: true });
    expect(tail.map(({ lsn }) => lsn)).toEqual(lsns);
    for (const { lsn, update } of tail) expect(update).toEqual(updateOf(lsn, partition));
  }
  const commits = [...(await store.readCommits(A, 0, 1000)), ...(await store.readCommits(B, 0, 1000))];
  expect(commits.map(({ lsn }) => lsn).sort((a, b) => a - b)).toEqual(Array.from({ length: lastLsn }, (_, i) => i + 1));
  return lastLsn;
}

/** Opens and reads everything. @returns the length of the prefix, or the code of the error. */
async function outcome(): Promise<number | string> {
  try {
    const store = await harness.open();
    const length = await readPrefix(store);
    await store.close();
    return length;
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
}

/** Offsets spread over a file, the ends included. */
const spread = (size: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor((i * (size - 1)) / (count - 1)));

async function onlyFile(ending: string): Promise<{ readonly path: string; readonly content: Buffer }> {
  const files = await harness.files(ending);
  expect(files.length).toBe(1);
  const path = files[0] ?? '';
  return { path: basename(path), content: await readFile(path) };
}

/** LevelDB's log: what was written to it, and the zeros behind that if it was made as long before. */
async function onlyLog(): Promise<{ readonly path: string; readonly content: Buffer; readonly zeros: Buffer }> {
  const { path, content } = await onlyFile('.log');
  const isPresized = content.subarray(-PAGE_BYTES).every((byte) => byte === 0);
  const written = isPresized ? writtenBytes(content) : content.length;
  return { path, content: content.subarray(0, written), zeros: content.subarray(written) };
}

/** Goes on with a copy of `directory` in which one of LevelDB's files has other content. */
async function withFile(directory: string, name: string, content: Buffer): Promise<void> {
  await harness.copyFrom(directory);
  await writeFile(join(harness.levelDirectory, name), content);
}

function flipped(content: Buffer, offset: number): Buffer {
  const copy = Buffer.from(content);
  copy[offset] = (copy[offset] ?? 0) ^ (1 << (offset % 8));
  return copy;
}

describe('LevelDB log', () => {
  test.each(['buffered', 'disk'] as const)(
    'cut anywhere [power cut, %s, mark stale] -> a prefix, whole',
    async (durability) => {
      const store = await harness.open({ durability });
      const markAtStart = await readFile(join(harness.directory, 'mark'));
      // What was there when the mark was written is durable.
      const durableBytes = (await onlyLog()).content.length;
      await fill(store);
      const original = harness.directory;
      const { path, content, zeros } = await onlyLog();
      expect(zeros.length > content.length).toBe(durability === 'disk');
      const lengths = new Set<number | string>();
      for (const size of spread(content.length - durableBytes + 1, 40)) {
        // The length of a log that was made long before is durable before its content.
        const unwritten = durability === 'disk' ? Buffer.alloc(content.length - durableBytes - size) : NOTHING;
        await withFile(original, path, Buffer.concat([content.subarray(0, durableBytes + size), unwritten, zeros]));
        await writeFile(join(harness.directory, 'mark'), markAtStart);
        const result = await outcome();
        expect(result).toBeTypeOf('number');
        lengths.add(result);
      }
      expect(lengths.size).toBeGreaterThan(20);
      expect(lengths).toContain(COMMITS);
    },
  );

  test('cut anywhere, though all of it was marked as durable -> refused', async () => {
    const store = await harness.open();
    await fill(store);
    await store.close();
    const original = harness.directory;
    const { path, content, zeros } = await onlyLog();
    for (const size of spread(content.length, 30).slice(0, -1)) {
      const kept = content.subarray(0, size);
      for (const end of [NOTHING, Buffer.alloc(content.length - size + zeros.length)]) {
        await withFile(original, path, Buffer.concat([kept, end]));
        await expectError(harness.open(), 'data-corrupt', 'missing');
      }
    }
    await withFile(original, path, content);
    expect(await outcome()).toBe(COMMITS);
  });

  test('one bit flipped anywhere -> refused, never a hole', async () => {
    const store = await harness.open();
    await fill(store);
    await store.setMeta('promise', bytes('ballot'));
    await store.close();
    const original = harness.directory;
    const { path, content, zeros } = await onlyLog();
    for (const offset of spread(content.length, 60)) {
      await withFile(original, path, Buffer.concat([flipped(content, offset), zeros]));
      expect(await outcome()).toBe('data-corrupt');
    }
    for (const offset of spread(zeros.length, 20)) {
      await withFile(original, path, Buffer.concat([content, flipped(zeros, offset)]));
      expect(await outcome()).toBe(COMMITS);
    }
  });

  test('pages of the last batch missing [power cut, mark from before it] -> all others, whole', async () => {
    const store = await harness.open();
    await fill(store, 1, COMMITS - 1);
    const mark = await readFile(join(harness.directory, 'mark'));
    const start = (await onlyLog()).content.length;
    const update = new Uint8Array(3 * LOG_BLOCK_BYTES).fill(7);
    await store.append({ ...commit(COMMITS), parts: [{ ...at('0'), update }] });
    const original = harness.directory;
    const { path, content, zeros } = await onlyLog();
    const pages = Math.ceil(content.length / PAGE_BYTES);
    for (let page = Math.floor(start / PAGE_BYTES); page < pages; page++) {
      const torn = Buffer.from(content);
      torn.fill(0, Math.max(start, page * PAGE_BYTES), Math.min(torn.length, (page + 1) * PAGE_BYTES));
      await withFile(original, path, Buffer.concat([torn, zeros]));
      await writeFile(join(harness.directory, 'mark'), mark);
      expect(await outcome()).toBe(COMMITS - 1);
    }
  });

  test('one bit flipped anywhere [mark stale] -> refused, or a prefix', async () => {
    const store = await harness.open();
    const markAtStart = await readFile(join(harness.directory, 'mark'));
    await fill(store);
    const original = harness.directory;
    const { path, content, zeros } = await onlyLog();
    expect(content.length).toBeGreaterThan(2 * LOG_BLOCK_BYTES);
    const outcomes = new Set<number | string>();
    for (const offset of spread(content.length, 60)) {
      await withFile(original, path, Buffer.concat([flipped(content, offset), zeros]));
      await writeFile(join(harness.directory, 'mark'), markAtStart);
      outcomes.add(await outcome());
    }
    expect(outcomes).toContain('data-corrupt');
    outcomes.delete('data-corrupt');
    for (const result of outcomes) expect(result).toBeTypeOf('number');
  });
});

describe('LevelDB table', () => {
  test('one bit flipped anywhere -> whole, or what is wrong is named', async () => {
    const store = await harness.open();
    await fill(store);
    await store.close();
    // Opening moves the log into a table.
    await (await harness.open()).close();
    const original = harness.directory;
    const { path, content } = await onlyFile('.ldb');
    const outcomes = new Map<number | string, number>();
    for (const offset of spread(content.length, 100)) {
      await withFile(original, path, flipped(content, offset));
      const result = await outcome();
      outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
    }
    const named = (outcomes.get('data-corrupt') ?? 0) + (outcomes.get('partition-recovering') ?? 0);
    // What is left hit bytes that carry nothing: LevelDB's own checksums, its filter, padding.
    expect(named + (outcomes.get(COMMITS) ?? 0)).toBe(100);
    expect(outcomes.get('partition-recovering')).toBeGreaterThan(0);
    expect(outcomes.get('data-corrupt')).toBeGreaterThan(0);
  });
});

describe('files gone or emptied', () => {
  test.each([
    ['CURRENT', 'emptied'],
    ['CURRENT', 'deleted'],
    ['MANIFEST', 'emptied'],
    ['MANIFEST', 'deleted'],
    ['.log', 'emptied'],
    ['.log', 'deleted'],
    ['.ldb', 'emptied'],
    ['.ldb', 'deleted'],
  ])('%s %s -> refused with advice', async (part, damage) => {
    const store = await harness.open();
    await fill(store, 1, 30);
    await store.close();
    const again = await harness.open();
    await fill(again, 31, 60);
    await again.close();
    const path = (await harness.files('')).find((name) => basename(name).includes(part)) ?? '';
    if (damage === 'emptied') await truncate(path, 0);
    else await rm(path);
    await expectError(harness.open(), 'data-corrupt', 'weft verify');
  });

  test('the whole database deleted -> refused, not begun anew', async () => {
    const store = await harness.open();
    await fill(store, 1, 3);
    await store.close();
    await rm(harness.levelDirectory, { recursive: true });
    await expectError(harness.open(), 'data-corrupt');
    await expectError(harness.open(), 'data-corrupt');
  });

  test('the mark deleted -> opened whole, and marked again', async () => {
    const store = await harness.open();
    await fill(store);
    await store.close();
    await rm(join(harness.directory, 'mark'));
    expect(await outcome()).toBe(COMMITS);
    await rm(harness.levelDirectory, { recursive: true });
    await expectError(harness.open(), 'data-corrupt');
  });

  test('the mark damaged in one slot -> opened; in both -> refused; zeros after a power cut -> opened', async () => {
    const store = await harness.open();
    await fill(store, 1, 2);
    await store.close();
    const path = join(harness.directory, 'mark');
    const mark = await readFile(path);
    for (const slot of [0, 64]) {
      const original = harness.directory;
      await harness.copyFrom(original);
      await writeFile(join(harness.directory, 'mark'), flipped(mark, slot + 3));
      expect((await harness.open()).recovery.lastLsn).toBe(2);
      await harness.copyFrom(original);
    }
    await writeFile(join(harness.directory, 'mark'), flipped(flipped(mark, 3), 67));
    await expectError(harness.open(), 'data-corrupt', 'mark');
    await writeFile(join(harness.directory, 'mark'), Buffer.alloc(mark.length));
    expect((await harness.open()).recovery.lastLsn).toBe(2);
  });

  test('a first start that was killed while LevelDB made its files -> begun anew', async () => {
    const store = await harness.open();
    await store.close();
    await rm(join(harness.directory, 'mark'));
    for (const path of await harness.files('')) {
      if (!basename(path).startsWith('MANIFEST')) await rm(path);
    }
    expect((await harness.open()).recovery.lastLsn).toBe(0);
  });
});
