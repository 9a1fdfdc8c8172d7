/** Damage to single rows, put into the database behind the store's back: each is noticed, by name, and only that. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  commitKey,
  documentKey,
  FORMAT_KEY,
  locatorKey,
  metaName,
  rowKey,
  rowPrefix,
  SEAL_KEYS,
  STATE_PREFIXES,
  snapshotName,
  viewKey,
} from './keys.ts';
import { LevelCut } from './level-cut.ts';
import { flipByte, LevelHarness, type RawLevel, stillEnv } from './level-harness.ts';
import { DamageFound, readPartitionRows, readStream } from './partition-read.ts';
import { encodeRow, updateChecksum } from './records.ts';
import { recover } from './recovery.ts';
import { A, at, B, bytes, commitOf, expectError, G } from './store.conformance.ts';
import type { Store } from './store.ts';

let harness: LevelHarness;

beforeEach(async () => {
  harness = await LevelHarness.make();
});

afterEach(() => harness.dispose());

/** Nine commits of A over partitions 0 and 1, one of B in between; partition 2 has a snapshot. */
async function fill(): Promise<void> {
  const store = await harness.open();
  for (let seq = 1; seq <= 9; seq++) {
    await store.append(commitOf(A, seq, ['0', '1']));
    if (seq !== 5) continue;
    await store.append({ ...commitOf(B, 1, ['2']), locators: [{ ...at('2'), edge: 'e' }] });
    await store.writeSnapshot(at('2'), { lsn: 6, document: bytes('document'), view: bytes('view') });
    await store.setMeta('promise', bytes('ballot 1'));
  }
  await store.setMeta('promise', bytes('ballot 2'));
  await store.close();
}

async function expectWhole(store: Store): Promise<void> {
  expect(store.recovery).toMatchObject({ lastLsn: 10, damaged: [] });
  for (const partition of ['0', '1']) {
    const { tail } = await store.readPartition(at(partition), { document: true });
    expect(tail.map(({ lsn }) => lsn)).toEqual([1, 2, 3, 4, 5, 7, 8, 9, 10]);
  }
  const { snapshot } = await store.readPartition(at('2'), { document: true });
  expect(snapshot).toEqual({ lsn: 6, document: bytes('document'), view: bytes('view') });
  expect(await store.getMeta('promise')).toEqual(bytes('ballot 2'));
  expect(await store.locate(G, ['e'])).toEqual([['2']]);
}

/** In place of the row of commit 3, with its right predecessor and a right checksum. */
function putRow(db: RawLevel, update: Uint8Array): Promise<void> {
  const key = rowOf('1', 3);
  return db.put(key, encodeRow(key, { previousLsn: 2, crc: updateChecksum(update), update }));
}

/** What commit 3 would have written, but for its letters. */
const SAME_LENGTH = commitOf(A, 3, ['1']).parts[0]?.update.map((byte) => byte ^ 1) ?? bytes('');

const rowOf = (partition: string, lsn: number): string => rowKey(rowPrefix(at(partition)), lsn);

async function sizeOf(key: string): Promise<number> {
  return harness.raw(async (db) => (await db.get(key))?.length ?? 0);
}

describe('partition row', () => {
  test('any byte flipped -> its partition only', async () => {
    await fill();
    const key = rowOf('1', 3);
    for (let offset = 0, size = await sizeOf(key); offset < size; offset++) {
      await harness.raw((db) => flipByte(db, key, offset));
      const store = await harness.open();
      expect(store.recovery.damaged).toMatchObject([{ ...at('1'), reason: expect.stringContaining('commit 3') }]);
      await expectError(store.readPartition(at('1'), { document: true }), 'partition-recovering', G, '"1"');
      expect((await store.readPartition(at('0'), { document: true })).tail.length).toBe(9);
      await harness.raw((db) => flipByte(db, key, offset));
    }
    await expectWhole(await harness.open());
  });

  test.each([
    ['missing', (db: RawLevel) => db.del(rowOf('1', 3))],
    ['the last missing', (db: RawLevel) => db.del(rowOf('1', 10))],
    ['of another partition', async (db: RawLevel) => db.put(rowOf('1', 3), await read(db, rowOf('0', 3)))],
    ['of another commit', async (db: RawLevel) => db.put(rowOf('1', 3), await read(db, rowOf('1', 4)))],
    ['cut short', async (db: RawLevel) => db.put(rowOf('1', 3), (await read(db, rowOf('1', 3))).subarray(0, -1))],
    ['empty', (db: RawLevel) => db.put(rowOf('1', 3), Buffer.alloc(0))],
    ['valid, but of another history', (db: RawLevel) => putRow(db, bytes('of another history'))],
    ['valid, and as long as the right one', (db: RawLevel) => putRow(db, SAME_LENGTH)],
  ])('%s -> its partition only', async (_name, damage) => {
    await fill();
    await harness.raw(damage);
    const store = await harness.open();
    expect(store.recovery.damaged).toMatchObject([at('1')]);
    await expectError(store.readPartition(at('1'), { document: true }), 'partition-recovering', G, '"1"');
    expect((await store.readPartition(at('0'), { document: true })).tail.length).toBe(9);
  });

  test('damaged -> the log says so at the start, with its partition', async () => {
    await fill();
    await harness.raw((db) => db.del(rowOf('1', 3)));
    const logged: unknown[][] = [];
    await harness.open({ env: { ...stillEnv, log: { write: (...line) => void logged.push(line) } } });
    expect(logged).toMatchObject([['error', expect.stringContaining('failed verification'), at('1')]]);
  });

  test.each([
    ['lost', (db: RawLevel) => db.del(rowOf('1', 3))],
    ['lost, the last', (db: RawLevel) => db.del(rowOf('1', 10))],
    ['flipped', (db: RawLevel) => flipByte(db, rowOf('1', 3), -1)],
    [
      'replaced by that of another partition',
      async (db: RawLevel) => db.put(rowOf('1', 3), await read(db, rowOf('0', 3))),
    ],
  ])('%s after the store was opened -> noticed by the next read', async (_name, damage) => {
    await fill();
    await harness.raw(async (db) => {
      const recovered = await recover(db, undefined, stillEnv);
      const entry = recovered?.index.find(at('1'));
      if (recovered === undefined || entry === undefined) throw new Error('the store was not empty');
      await damage(db);
      const rows = readPartitionRows(db, recovered.index, entry, { document: true });
      await expect(rows).rejects.toBeInstanceOf(DamageFound);
      const commits = readStream(db, recovered.index, { origin: A, afterSeq: 0, limit: 100 });
      await expectError(commits, 'partition-recovering', G, '"1"');
    });
  });

  test.each([
    ['a row is lost', '1', (db: RawLevel) => db.del(rowOf('1', 3))],
    [
      'both copies of the header are lost',
      '2',
      (db: RawLevel) =>
        db.batch(STATE_PREFIXES.map((prefix) => ({ type: 'del', key: prefix + snapshotName(at('2')) }))),
    ],
    [
      'LevelDB cannot read',
      '1',
      async (db: RawLevel) => {
        db.getMany = async () => {
          throw Object.assign(new Error('block checksum mismatch'), { code: 'LEVEL_CORRUPTION' });
        };
      },
    ],
  ])('%s after the store was opened, read at a cut -> partition-recovering', async (_name, partition, damage) => {
    await fill();
    await harness.raw(async (db) => {
      const recovered = await recover(db, undefined, stillEnv);
      if (recovered === undefined) throw new Error('the store was not empty');
      await damage(db);
      const cut = new LevelCut(db, recovered.index, new Set());
      await expectError(cut.readPartition(at(partition), { document: true }), 'partition-recovering', G);
      await cut.release();
    });
  });

  test('a valid row with other content after the store was opened -> readCommits names the partition', async () => {
    await fill();
    await harness.raw(async (db) => {
      const recovered = await recover(db, undefined, stillEnv);
      if (recovered === undefined) throw new Error('the store was not empty');
      await putRow(db, bytes('of another history'));
      const commits = readStream(db, recovered.index, { origin: A, afterSeq: 0, limit: 100 });
      await expectError(commits, 'partition-recovering', G, '"1"');
    });
  });

  test.each([
    ['lost', 'commit 4', (db: RawLevel) => db.del(commitKey(A, 4))],
    ['lost, the last', 'commit 9', (db: RawLevel) => db.del(commitKey(A, 9))],
    ['flipped', 'commit 4', (db: RawLevel) => flipByte(db, commitKey(A, 4), -1)],
  ])('its commit %s after the store was opened -> readCommits names %s', async (_name, words, damage) => {
    await fill();
    await harness.raw(async (db) => {
      const recovered = await recover(db, undefined, stillEnv);
      if (recovered === undefined) throw new Error('the store was not empty');
      await damage(db);
      const commits = readStream(db, recovered.index, { origin: A, afterSeq: 0, limit: 100 });
      await expectError(commits, 'data-corrupt', words, String(A));
    });
  });
});

describe('commit record', () => {
  test('any byte flipped -> the store, naming origin and seq', async () => {
    await fill();
    const key = commitKey(A, 4);
    for (let offset = 0, size = await sizeOf(key); offset < size; offset += 3) {
      await harness.raw((db) => flipByte(db, key, offset));
      await expectError(harness.open(), 'data-corrupt', 'commit 4', String(A), 'weft verify');
      await harness.raw((db) => flipByte(db, key, offset));
    }
    await expectWhole(await harness.open());
  });

  test.each([
    ['missing', 'commit 4', (db: RawLevel) => db.del(commitKey(A, 4))],
    ['the first missing', 'commit 1', (db: RawLevel) => db.del(commitKey(A, 1))],
    ['the last of all missing', 'commit 10', (db: RawLevel) => db.del(commitKey(A, 9))],
    ['a whole stream missing', 'commit 6', (db: RawLevel) => db.del(commitKey(B, 1))],
    ['of another place', 'commit 4', async (db: RawLevel) => db.put(commitKey(A, 4), await read(db, commitKey(A, 5)))],
  ])('%s -> the store, naming %s', async (_name, words, damage) => {
    await fill();
    await harness.raw(damage);
    await expectError(harness.open(), 'data-corrupt', words);
  });

  test('missing -> the refusal has its place as numbers', async () => {
    await fill();
    await harness.raw((db) => db.del(commitKey(A, 9)));
    await expect(harness.open()).rejects.toMatchObject({ context: { lsn: 10 } });
    await harness.raw((db) => db.del(commitKey(A, 4)));
    await expect(harness.open()).rejects.toMatchObject({ context: { origin: A, seq: 4 } });
  });

  test('a valid record of another history -> noticed by the chain', async () => {
    await fill();
    const other = await LevelHarness.make();
    const store = await other.open();
    for (let seq = 1; seq <= 9; seq++) {
      await store.append({ ...commitOf(A, seq, ['0', '1']), clock: seq });
      if (seq === 5) await store.append(commitOf(B, 1, ['2']));
    }
    const key = commitKey(A, 4);
    const foreign = await other.raw((db) => read(db, key));
    await other.dispose();
    await harness.raw((db) => db.put(key, foreign));
    await expectError(harness.open(), 'data-corrupt', 'does not follow');
  });
});

describe('state row', () => {
  const copies = (name: string): string[] => STATE_PREFIXES.map((prefix) => prefix + name);
  const names = [
    ['meta', metaName('promise')],
    ['snapshot header', snapshotName(at('2'))],
  ] as const;

  test.each(names)('%s: one copy damaged or missing -> read from the other and healed', async (_name, name) => {
    await fill();
    for (const key of copies(name)) {
      await harness.raw((db) => flipByte(db, key, 5));
      await expectWhole(await harness.open());
      await harness.raw((db) => db.del(key));
      const store = await harness.open();
      await expectWhole(store);
      // The next write heals it.
      await store.setMeta('other', bytes(key));
      await store.close();
      expect(await sizeOf(key)).toBeGreaterThan(0);
    }
    await expectWhole(await harness.open());
  });

  test.each(names)('%s: both copies damaged, or missing -> the store', async (_name, name) => {
    await fill();
    await harness.raw(async (db) => {
      for (const key of copies(name)) await flipByte(db, key, 5);
    });
    await expectError(harness.open(), 'data-corrupt');
    await harness.raw(async (db) => {
      for (const key of copies(name)) await db.del(key);
    });
    await expectError(harness.open(), 'data-corrupt');
  });

  test('both copies as they were before [a batch lost from the middle of the log] -> the store', async () => {
    await fill();
    const keys = copies(metaName('promise'));
    const old = await harness.raw((db) => db.getMany(keys));
    const store = await harness.open();
    await store.setMeta('promise', bytes('ballot 3'));
    await store.append(commitOf(A, 10, ['0']));
    await store.close();
    await harness.raw(async (db) => {
      for (const [i, key] of keys.entries()) await db.put(key, old[i] ?? Buffer.alloc(0));
    });
    await expectError(harness.open(), 'data-corrupt', 'a write is missing');
  });
});

describe('seal and format', () => {
  test('seal: one copy damaged -> served; both -> the store', async () => {
    await fill();
    const [first, second] = SEAL_KEYS;
    await harness.raw((db) => flipByte(db, first, 6));
    await expectWhole(await harness.open());
    await harness.raw((db) => flipByte(db, second, 6));
    await expectError(harness.open(), 'data-corrupt', 'seal');
  });

  test('format: missing or garbled -> the store', async () => {
    await fill();
    await harness.raw((db) => db.put(FORMAT_KEY, Buffer.from('weft data format one')));
    await expectError(harness.open(), 'data-corrupt', 'format version is unreadable');
    await harness.raw((db) => db.del(FORMAT_KEY));
    await expectError(harness.open(), 'data-corrupt', 'format version is missing');
  });

  test('format: of another version -> refused, with the way from one to the other, and left as it is', async () => {
    await fill();
    await harness.setFormatVersion(2);
    await expectError(harness.open(), 'data-format', 'format version 2', 'restore the backup');
    await harness.setFormatVersion(1);
    await expectWhole(await harness.open());
  });
});

describe('snapshot and locator', () => {
  test('snapshot: its view damaged -> its partition; its document -> only reads that want it', async () => {
    await fill();
    await harness.raw((db) => flipByte(db, documentKey(at('2')), 0));
    const store = await harness.open();
    const slim = await store.readPartition(at('2'), { document: false });
    expect(slim.snapshot).toEqual({ lsn: 6, document: new Uint8Array(), view: bytes('view') });
    await expectError(store.readPartition(at('2'), { document: true }), 'partition-recovering', G, '"2"');
    await store.close();
    await harness.raw((db) => flipByte(db, documentKey(at('2')), 0));
    await harness.raw((db) => flipByte(db, viewKey(at('2')), 0));
    const reopened = await harness.open();
    await expectError(reopened.readPartition(at('2'), { document: false }), 'partition-recovering', G, '"2"');
    expect((await reopened.readPartition(at('1'), { document: true })).tail.length).toBe(9);
  });

  test.each(['document', 'view'] as const)('snapshot: its %s is missing -> its partition', async (body) => {
    await fill();
    await harness.raw((db) => db.del(body === 'view' ? viewKey(at('2')) : documentKey(at('2'))));
    const store = await harness.open();
    await expectError(store.readPartition(at('2'), { document: true }), 'partition-recovering', G, '"2"');
  });

  test('snapshot: replaced by one without a view -> the old view is gone', async () => {
    await fill();
    const store = await harness.open();
    await store.writeSnapshot(at('2'), { lsn: 6, document: bytes('new'), view: undefined });
    expect(await harness.raw((db) => db.get(viewKey(at('2'))))).toBeUndefined();
  });

  test('locator: damaged -> refused by name, also after the edge id was used again; others are answered', async () => {
    await fill();
    await harness.raw((db) => flipByte(db, locatorKey(G, 'e'), -1));
    const store = await harness.open();
    await expectError(store.locate(G, ['other', 'e']), 'partition-recovering', '"e"');
    expect(await store.locate(G, ['other'])).toEqual([[]]);
    await store.append({ ...commitOf(A, 10, ['0']), locators: [{ ...at('0'), edge: 'e' }] });
    await expectError(store.locate(G, ['e']), 'partition-recovering', '"e"');
  });
});

async function read(db: RawLevel, key: string): Promise<Buffer> {
  const value = await db.get(key);
  if (value === undefined) throw new Error(`there is no row ${JSON.stringify(key)}`);
  return value;
}
