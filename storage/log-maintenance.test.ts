/** Dropping a graph is done in pieces; a crash between any two of them only postpones the rest. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PartitionId } from '../base/ids.ts';
import { commitKey, rowKey, rowPrefix } from './keys.ts';
import { LevelHarness } from './level-harness.ts';
import { LogIndex } from './log-index.ts';
import { truncateLog } from './log-maintenance.ts';
import { StateRows } from './state-rows.ts';
import { A, at, bytes, commitOf, G } from './store.conformance.ts';

let harness: LevelHarness;

beforeEach(async () => {
  harness = await LevelHarness.make();
});

afterEach(() => harness.dispose());

const keysOf = (graphKey: string): Promise<string[]> =>
  harness.raw(async (db) => (await db.keys().all()).filter((key) => key.includes(`/${graphKey}/`)));

test.each([1, 2, 3, 4, 5, 6, 7])(
  'drop: killed before write %i of it -> hidden or whole, then finished',
  async (killedBefore) => {
    let writesLeft = Number.POSITIVE_INFINITY;
    let reached: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const store = await harness.open({
      beforeWrite: () => {
        if (--writesLeft > 0) return Promise.resolve();
        reached();
        return new Promise(() => undefined);
      },
    });
    const locators = Array.from({ length: 1500 }, (_, i) => ({ ...at('0'), edge: `edge ${i}` }));
    await store.append({ ...commitOf(A, 1, ['0', at('0', 'other')]), locators });
    await Promise.all(Array.from({ length: 1500 }, (_, i) => store.append(commitOf(A, i + 2, [String(i % 3)]))));
    await store.writeSnapshot(at('1'), { lsn: 1501, document: bytes('d'), view: bytes('v') });
    writesLeft = killedBefore;
    store.dropGraph(G).then(reached, reached);
    await blocked;
    await harness.kill();
    harness.abandon(store);
    const reopened = await harness.open();
    expect(reopened.recovery).toMatchObject({ lastLsn: 1501, damaged: [] });
    const hidden = killedBefore > 1;
    expect(await reopened.listPartitions(G)).toEqual(hidden ? [] : ['0', '1', '2']);
    expect((await reopened.locate(G, ['edge 7']))[0]).toEqual(hidden ? [] : ['0' as PartitionId]);
    expect((await reopened.readPartition(at('0'), { document: true })).tail.length).toBe(hidden ? 0 : 501);
    const otherBytes = commitOf(A, 1, [at('0', 'other')]).parts[0]?.update.length ?? 0;
    if (hidden) expect(reopened.status().logBytes).toBe(otherBytes);
    await reopened.append(commitOf(A, 1502, ['7']));
    expect(await reopened.listPartitions(G)).toEqual(hidden ? ['7'] : ['0', '1', '2', '7']);
    // Maintenance runs one after the other: when this is done, so is what was resumed.
    await reopened.dropGraph('nothing');
    await reopened.close();
    if (hidden) {
      const left = (await keysOf(G)).filter(
        (key) => key.startsWith('t/') || key.startsWith('l/') || key.startsWith('s/'),
      );
      expect(left.length).toBe(1);
    }
    expect((await harness.open()).recovery).toMatchObject({ lastLsn: 1502, damaged: [] });
  },
);

test.each([3, 4, 5, 6, 7, 8, 9])(
  'drop: again while the first is under way, killed before write %i -> what was written in between stays hidden',
  async (killedBefore) => {
    let writes = Number.NEGATIVE_INFINITY;
    let reached: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const store = await harness.open({
      beforeWrite: () => {
        writes++;
        if (writes === 2) {
          store.append(commitOf(A, 2, ['1'])).catch(() => undefined);
          store.dropGraph(G).then(reached, reached);
        }
        if (writes < killedBefore) return Promise.resolve();
        reached();
        return new Promise(() => undefined);
      },
    });
    await store.append(commitOf(A, 1, ['0']));
    writes = 0;
    store.dropGraph(G).catch(() => undefined);
    await blocked;
    await harness.kill();
    harness.abandon(store);
    const reopened = await harness.open();
    expect(reopened.recovery.damaged).toEqual([]);
    expect(reopened.recovery.lastLsn).toBe(killedBefore > 3 ? 2 : 1);
    expect(await reopened.listPartitions(G)).toEqual([]);
    expect((await reopened.readPartition(at('1'), { document: true })).tail).toEqual([]);
  },
);

test('drop: finished, and the log let go of -> nothing is left that names the graph', async () => {
  const store = await harness.open();
  await store.append(commitOf(A, 1, ['0', at('0', 'other')]));
  await store.dropGraph(G);
  await store.writeSnapshot(at('0', 'other'), { lsn: 1, document: bytes('d'), view: undefined });
  await store.truncateLog(1);
  const keys = await harness.raw((db) => db.keys().all());
  expect(keys.some((key) => key.includes('other'))).toBe(true);
  expect(keys.filter((key) => key.includes(G))).toEqual([]);
});

test('drop: rows of before it are still there, and the partition is written anew -> they are not taken for part of it', async () => {
  const key = rowKey(rowPrefix(at('0')), 1);
  const store = await harness.open();
  await store.append(commitOf(A, 1, ['0', at('0', 'other')]));
  const row = await harness.raw((db) => db.get(key));
  const again = await harness.open();
  await again.dropGraph(G);
  await again.append(commitOf(A, 2, ['0']));
  // As a crash leaves it that comes before the removal.
  await harness.raw((db) => db.put(key, row as Buffer));
  const reopened = await harness.open();
  expect(reopened.recovery.damaged).toEqual([]);
  expect((await reopened.readPartition(at('0'), { document: true })).tail.map(({ lsn }) => lsn)).toEqual([2]);
});

test('truncate: commits that a snapshot covers -> their rows and records occupy nothing', async () => {
  const store = await harness.open();
  for (let seq = 1; seq <= 5; seq++) await store.append(commitOf(A, seq, ['0', '1']));
  for (const partition of ['0', '1']) {
    await store.writeSnapshot(at(partition), { lsn: 4, document: bytes('d'), view: undefined });
  }
  await store.truncateLog(5);
  const keys = await harness.raw((db) => db.keys().all());
  expect(keys.filter((key) => key.startsWith('t/')).length).toBe(2);
  expect(keys.filter((key) => key.startsWith('c/')).length).toBe(1);
});

test('truncate: a commit is missing below the one to let go of -> data-corrupt, nothing is let go of', async () => {
  const store = await harness.open();
  for (let seq = 1; seq <= 3; seq++) await store.append(commitOf(A, seq, ['0']));
  await harness.raw(async (db) => {
    await db.del(commitKey(A, 2));
    const index = new LogIndex();
    index.durableLsn = 3;
    index.durableSeqs.set(A, 3);
    index.drops.set(G, { lsn: 3, done: true });
    const writer = { enqueue: () => expect.fail('something is written') };
    const maintained = { db, index, writer, state: new StateRows(), checkOpen: () => undefined };
    await expect(truncateLog(maintained, 3)).rejects.toMatchObject({ code: 'data-corrupt', context: { lsn: 2 } });
  });
});
