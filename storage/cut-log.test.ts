/** Records of commits that are gone, under a server that stands alone: the log is cut, and partitions are whole or refused by name. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReplicaId } from '../base/ids.ts';
import { commitKey, rowKey, rowPrefix } from './keys.ts';
import { flipByte, LevelHarness, type RawLevel } from './level-harness.ts';
import { addLostKeys, LOST_KEYS } from './lost-keys.ts';
import { A, at, B, bytes, commitOf, expectError, G, text } from './store.conformance.ts';
import type { Store } from './store.ts';

let harness: LevelHarness;

beforeEach(async () => {
  harness = await LevelHarness.make();
});
afterEach(() => harness.dispose());

const COMMITS = 30;
const PARTITIONS = ['0', '1', '2', '3'];
const originOf = (lsn: number): ReplicaId => (lsn % 3 === 0 ? B : A);
const seqOf = (lsn: number): number => (lsn % 3 === 0 ? lsn / 3 : lsn - Math.floor(lsn / 3));
const partitionsOf = (lsn: number): string[] => [String(lsn % 4), String((lsn + 1) % 4)];
const commit = (lsn: number) => commitOf(originOf(lsn), seqOf(lsn), partitionsOf(lsn));
const recordOf = (lsn: number): string => commitKey(originOf(lsn), seqOf(lsn));
const rowOf = (partition: string, lsn: number): string => rowKey(rowPrefix(at(partition)), lsn);

/** Stands for merging: all of them, one after the other. */
const merge = (updates: readonly Uint8Array[]): Uint8Array => bytes(updates.map(text).join('\n'));
const cutting = { cutLogBy: merge };

/** Partition 3 has a snapshot of commit 8. */
async function fill(): Promise<void> {
  const store = await harness.open();
  for (let lsn = 1; lsn <= COMMITS; lsn++) await store.append(commit(lsn));
  await store.writeSnapshot(at('3'), { lsn: 8, document: merge(updatesOf('3', 8)), view: bytes('view') });
  await store.setMeta('promise', bytes('ballot'));
  await store.close();
}

function updatesOf(partition: string, lastLsn: number): Uint8Array[] {
  const lsns = Array.from({ length: lastLsn }, (_, i) => i + 1);
  return lsns.flatMap((lsn) =>
    commit(lsn)
      .parts.filter((part) => part.partition === partition)
      .map((part) => part.update),
  );
}

async function contentOf(store: Store, partition: string): Promise<string> {
  const { snapshot, tail } = await store.readPartition(at(partition), { document: true });
  const updates = tail.map(({ update }) => update);
  return text(merge(snapshot === undefined ? updates : [snapshot.document, ...updates]));
}

async function expectWhole(store: Store, partitions: readonly string[] = PARTITIONS, lastLsn = COMMITS): Promise<void> {
  for (const partition of partitions) {
    expect(await contentOf(store, partition)).toBe(text(merge(updatesOf(partition, lastLsn))));
  }
  const seqs = store.recovery.streams.map(({ origin, seq }) => [origin, seq]);
  expect(new Map(seqs as [number, number][])).toEqual(
    new Map([
      [A, seqOf(lastLsn - 1)],
      [B, seqOf(lastLsn)],
    ]),
  );
  expect(await store.getMeta('promise')).toEqual(bytes('ballot'));
}

const rangeOf = (key: string) => ({ from: Buffer.from(key), to: Buffer.from(key) });

const without = (...keys: string[]) =>
  harness.raw(async (db: RawLevel) => {
    for (const key of keys) await db.del(key);
  });

describe('records of commits are lost', () => {
  test.each([
    ['the first', [1]],
    ['in the middle', [13]],
    ['several', [2, 9, 10, 11, 20]],
    ['all of one stream but its last', [3, 6, 9, 12, 15, 18, 21, 24, 27]],
  ])('%s -> the log is cut behind them, partitions are whole, and it goes on', async (_name, lsns) => {
    await fill();
    await without(...lsns.map(recordOf));
    await expectError(harness.open(), 'data-corrupt');
    const store = await harness.open(cutting);
    await expectWhole(store);
    expect(store.recovery).toMatchObject({ clean: false, lastLsn: COMMITS, damaged: [] });
    const last = Math.max(...lsns);
    const kept = [...(await store.readCommits(A, 0, 100)), ...(await store.readCommits(B, 0, 100))];
    expect(kept.map(({ lsn }) => lsn).sort((a, b) => a - b)).toEqual(
      Array.from({ length: COMMITS - last }, (_, i) => last + 1 + i),
    );
    for (let lsn = COMMITS + 1; lsn <= COMMITS + 3; lsn++) await store.append(commit(lsn));
    await store.close();
    await expectWhole(await harness.open(), PARTITIONS, COMMITS + 3);
  });

  test('damaged where it lies, the last of its stream -> counted to its stream all the same', async () => {
    await fill();
    await harness.raw((db) => flipByte(db, recordOf(COMMITS), -1));
    const store = await harness.open(cutting);
    await expectWhole(store);
    expect(await store.readCommits(A, 0, 100)).toEqual([]);
  });

  test('the last of both streams, and nothing tells whose -> data-corrupt, as it was', async () => {
    await fill();
    await without(recordOf(COMMITS), recordOf(COMMITS - 1));
    await expectError(harness.open(cutting), 'data-corrupt', 'which stream');
    await addLostKeys(join(harness.directory, LOST_KEYS), [COMMITS, COMMITS - 1].map(recordOf).map(rangeOf));
    await expectError(harness.open(cutting), 'data-corrupt', 'which stream');
  });

  test.each([
    ['1', 9],
    ['3', 10],
  ])(
    'and a row of partition %s before the cut -> it is refused, also after the next start, until a snapshot heals it',
    async (partition, lsn) => {
      await fill();
      await without(recordOf(13), rowOf(partition, lsn));
      for (const request of [cutting, {}]) {
        const store = await harness.open(request);
        const read = store.readPartition(at(partition), { document: true });
        await expectError(read, 'partition-recovering', G, `"${partition}"`);
        await expectWhole(
          store,
          PARTITIONS.filter((other) => other !== partition),
        );
        await store.close();
      }
      const store = await harness.open();
      await store.writeSnapshot(at(partition), { lsn: COMMITS, document: bytes('healed'), view: undefined });
      expect(await contentOf(store, partition)).toBe('healed');
    },
  );

  test('and the last row of a partition, which no later one misses, with a table -> refused', async () => {
    await fill();
    const keys = ['1', '2'].map((partition) => rowOf(partition, partition === '1' ? COMMITS - 1 : COMMITS));
    await without(recordOf(COMMITS - 1), recordOf(COMMITS), ...keys);
    await addLostKeys(join(harness.directory, LOST_KEYS), [recordOf(COMMITS), ...keys].map(rangeOf));
    const error = await harness.open(cutting).catch((reason: unknown) => reason);
    expect(error).not.toMatchObject({ code: 'data-corrupt' });
    const store = error as Store;
    for (const partition of ['1', '2']) {
      await expectError(
        store.readPartition(at(partition), { document: true }),
        'partition-recovering',
        `"${partition}"`,
      );
    }
    expect(await contentOf(store, '0')).toBe(text(merge(updatesOf('0', COMMITS))));
  });

  test('and rows in a range that spans partitions -> data-corrupt: one of which nothing is left would pass for empty', async () => {
    await fill();
    await without(recordOf(13));
    const [from = '', to = ''] = [rowOf('1', 9), rowOf('2', 2)];
    await addLostKeys(join(harness.directory, LOST_KEYS), [{ from: Buffer.from(from), to: Buffer.from(to) }]);
    await expectError(harness.open(cutting), 'data-corrupt', 'nobody names');
  });

  test('the body of a snapshot is gone too -> its partition is refused', async () => {
    await fill();
    await without(recordOf(13));
    await harness.damage({ kind: 'snapshot', ...at('3') });
    const store = await harness.open(cutting);
    await expectError(store.readPartition(at('3'), { document: true }), 'partition-recovering', '"3"');
    await expectWhole(store, ['0', '1', '2']);
  });

  test('the process ends in the middle -> cut again by the next start', async () => {
    await fill();
    await without(recordOf(13));
    // What a start has done is not done again.
    for (const merges of [0, 1, 1, 1]) {
      let left = merges;
      const cutLogBy = (updates: readonly Uint8Array[]) => {
        if (left-- === 0) throw new Error('killed');
        return merge(updates);
      };
      await expect(harness.open({ cutLogBy })).rejects.toThrow('killed');
    }
    await expectWhole(await harness.open(cutting));
  });

  test('a graph was dropped before -> it stays dropped', async () => {
    await fill();
    const store = await harness.open();
    await store.append(commitOf(A, seqOf(COMMITS - 1) + 1, [at('0', 'gone')]));
    await store.dropGraph('gone');
    await store.append(commitOf(B, seqOf(COMMITS) + 1, ['1']));
    await store.close();
    await without(recordOf(13), commitKey(B, seqOf(COMMITS) + 1), rowOf('1', COMMITS + 2));
    const keys = [rowKey(rowPrefix(at('0', 'gone')), COMMITS + 1), commitKey(B, seqOf(COMMITS) + 1)];
    await addLostKeys(join(harness.directory, LOST_KEYS), keys.map(rangeOf));
    const again = await harness.open(cutting);
    expect(await again.listGraphs()).toEqual([G]);
    expect(await contentOf(again, '0')).toBe(text(merge(updatesOf('0', COMMITS))));
  });
});

describe('other damage', () => {
  test('a state row lost in both copies, or nothing at all -> as without cutting', async () => {
    await fill();
    const store = await harness.open(cutting);
    await expectWhole(store);
    expect((await store.readCommits(A, 0, 100)).length).toBe(seqOf(COMMITS - 1));
    await store.close();
    await without('x/clean', 'y/clean', recordOf(13));
    await expectError(harness.open(cutting), 'data-corrupt', 'state rows');
  });

  test('records that were let go of are back [their deletion was lost with a table] -> passed over', async () => {
    await fill();
    const record = await harness.raw(async (db) => (await db.get(recordOf(2))) ?? Buffer.alloc(0));
    const store = await harness.open();
    for (const partition of PARTITIONS) {
      const document = merge(updatesOf(partition, COMMITS));
      await store.writeSnapshot(at(partition), { lsn: COMMITS, document, view: undefined });
    }
    expect(await store.truncateLog(10)).toBeGreaterThan(0);
    await store.close();
    await harness.raw((db) => db.put(recordOf(2), record));
    await without(rowOf('1', 12));
    const again = await harness.open();
    expect(again.recovery.damaged).toEqual([]);
    expect((await again.readCommits(A, 0, 100))[0]?.lsn).toBe(11);
    await expectWhole(again);
  });
});
