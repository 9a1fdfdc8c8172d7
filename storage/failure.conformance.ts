/** The part of the suite about ends: closing, kills, disks that fail, and bytes that are not what was written. */
import { describe, expect, test } from 'vitest';
import {
  A,
  at,
  B,
  bytes,
  commitOf,
  expectError,
  G,
  harnesses,
  rejection,
  type StoreHarness,
  tailOf,
} from './store.conformance.ts';
import type { Store } from './store.ts';

export function failureConformance(name: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(`${name}, ends and failures`, () => {
    const start = harnesses(makeHarness);

    test.each(['disk', 'buffered'] as const)(
      'close [%s]: reopened -> clean until the next write',
      async (durability) => {
        const harness = await start();
        const store = await harness.open({ durability });
        const last = store.append(commitOf(A, 1, ['0']));
        await Promise.all([store.close(), store.close(), last]);
        await store.close();
        const second = await harness.open({ durability });
        expect(second.recovery.clean).toBe(true);
        expect(second.recovery.streams).toEqual([{ origin: A, seq: 1, clock: 4096 }]);
        await second.readPartition(at('0'), { document: true });
        await harness.kill();
        const third = await harness.open({ durability });
        expect(third.recovery.clean).toBe(true);
        await third.append(commitOf(A, 2, ['0']));
        await harness.kill();
        const fourth = await harness.open({ durability });
        expect(fourth.recovery).toMatchObject({ clean: false, lastLsn: 2 });
        await fourth.close();
        expect((await harness.open()).recovery.clean).toBe(true);
      },
    );

    test('close: later calls -> rejected with shutting-down', async () => {
      const store = await (await start()).open();
      await store.close();
      await expectEveryCallToFail(store, 'shutting-down', 'the store is closed');
    });

    test.each(['disk', 'buffered'] as const)(
      'kill [%s]: after acknowledged writes -> all are there',
      async (durability) => {
        const harness = await start();
        let seq = 0;
        for (let round = 1; round <= 5; round++) {
          const store = await harness.open({ durability });
          expect(store.recovery).toMatchObject({ clean: false, lastLsn: seq });
          for (let i = 0; i < 20; i++)
            await store.append(commitOf(A, ++seq, ['0', String(1 + (seq % 5))].slice(0, 1 + (seq % 2))));
          await harness.kill();
        }
        const store = await harness.open({ durability });
        expect((await store.readPartition(at('0'), { document: true })).tail.length).toBeGreaterThanOrEqual(100);
        expect((await store.readCommits(A, 0, 1000)).length).toBe(100);
      },
    );

    test('write error: one batch fails -> nothing more is acknowledged, every call rejects, reopening verifies', async () => {
      const harness = await start();
      let fails = false;
      const beforeWrite = async (): Promise<void> => {
        if (fails) throw new Error('ENOSPC: no space left on device');
      };
      const store = await harness.open({ beforeWrite });
      await store.append(commitOf(A, 1, ['0']));
      fails = true;
      const calls = [
        store.append(commitOf(A, 2, ['0'])),
        store.append(commitOf(A, 3, ['0'])),
        store.setMeta('x', bytes('')),
      ];
      for (const call of calls) await expectError(call, 'storage-failed', 'ENOSPC');
      fails = false;
      await expectEveryCallToFail(store, 'storage-failed');
      expect(store.status()).toMatchObject({ failed: true, durableLsn: 1 });
      await store.close();
      const reopened = await harness.open();
      expect(reopened.recovery).toMatchObject({ clean: false, lastLsn: 1, damaged: [] });
      expect(await reopened.append(commitOf(A, 2, ['0']))).toBe(2);
    });

    test('write error: while a batch is in flight -> those that wait behind it are rejected too', async () => {
      const harness = await start();
      let fail: (error: Error) => void = () => undefined;
      const failed = new Promise<void>((_, reject) => {
        fail = reject;
      });
      const store = await harness.open({ beforeWrite: () => failed });
      const first = rejection(store.append(commitOf(A, 1, ['0'])));
      await Promise.resolve();
      await Promise.resolve();
      const second = rejection(store.append(commitOf(A, 2, ['0'])));
      fail(new Error('EIO'));
      for (const error of [await first, await second]) expect(error).toMatchObject({ code: 'storage-failed' });
    });

    test('format: written by a newer program -> refused, naming both versions', async () => {
      const harness = await start();
      await (await harness.open()).close();
      await harness.setFormatVersion(7);
      await expectError(harness.open(), 'data-format', '7', '1');
    });

    test('lock: a second opener -> refused; after close -> served', async () => {
      const harness = await start();
      const store = await harness.open();
      await expectError(harness.open(), 'data-locked');
      await store.append(commitOf(A, 1, ['0']));
      await store.close();
      expect((await harness.open()).recovery.lastLsn).toBe(1);
    });

    test('damage: a row of one partition -> that partition is refused by name, others are served', async () => {
      const harness = await start();
      const store = await harness.open();
      for (let seq = 1; seq <= 9; seq++) await store.append(commitOf(A, seq, ['0', 'a/b\u0000']));
      await store.close();
      await harness.damage({ kind: 'row', ...at('a/b\u0000'), lsn: 5 });
      const reopened = await harness.open();
      expect(reopened.recovery).toMatchObject({ clean: true, lastLsn: 9 });
      expect(reopened.recovery.damaged).toMatchObject([at('a/b\u0000')]);
      const read = reopened.readPartition(at('a/b\u0000'), { document: true });
      await expectError(read, 'partition-recovering', G, JSON.stringify('a/b\u0000'));
      expect((await reopened.readPartition(at('0'), { document: true })).tail.length).toBe(9);
      expect((await reopened.readCommits(A, 0, 4)).length).toBe(4);
      await expectError(reopened.readCommits(A, 0, 5), 'partition-recovering', G);
      // It cannot be let go of while nothing covers it, and a snapshot from elsewhere heals it.
      await reopened.writeSnapshot(at('0'), { lsn: 9, document: bytes('d'), view: undefined });
      await reopened.append(commitOf(A, 10, ['a/b\u0000']));
      await reopened.writeSnapshot(at('a/b\u0000'), { lsn: 9, document: bytes('healed'), view: undefined });
      const healed = await reopened.readPartition(at('a/b\u0000'), { document: true });
      expect(healed.snapshot?.document).toEqual(bytes('healed'));
      expect(tailOf(healed).map(([lsn]) => lsn)).toEqual([10]);
      await reopened.close();
      const again = await harness.open();
      expect(again.recovery.damaged).toEqual([]);
      expect((await again.readPartition(at('a/b\u0000'), { document: true })).tail.length).toBe(1);
      await again.truncateLog(9);
      expect((await again.readCommits(A, 0, 10)).map(({ seq }) => seq)).toEqual([10]);
    });

    test('damage: a row that a snapshot covers -> the partition is served, the commit is not', async () => {
      const harness = await start();
      const store = await harness.open();
      for (let seq = 1; seq <= 3; seq++) await store.append(commitOf(A, seq, ['0']));
      await store.writeSnapshot(at('0'), { lsn: 2, document: bytes('d'), view: undefined });
      await store.close();
      await harness.damage({ kind: 'row', ...at('0'), lsn: 1 });
      const reopened = await harness.open();
      expect(reopened.recovery.damaged).toEqual([]);
      expect((await reopened.readPartition(at('0'), { document: true })).tail.length).toBe(1);
      await expectError(reopened.readCommits(A, 0, 10), 'partition-recovering', G);
      expect((await reopened.readCommits(A, 1, 10)).length).toBe(2);
    });

    test('damage: a snapshot -> that partition is refused by name until it gets a new one', async () => {
      const harness = await start();
      const store = await harness.open();
      await store.append(commitOf(A, 1, ['0', '1']));
      await store.writeSnapshot(at('0'), { lsn: 1, document: bytes('document'), view: undefined });
      await store.close();
      await harness.damage({ kind: 'snapshot', ...at('0') });
      const reopened = await harness.open();
      await expectError(reopened.readPartition(at('0'), { document: true }), 'partition-recovering', G, '"0"');
      expect((await reopened.readPartition(at('1'), { document: true })).tail.length).toBe(1);
      await reopened.writeSnapshot(at('0'), { lsn: 1, document: bytes('healed'), view: undefined });
      const { snapshot } = await reopened.readPartition(at('0'), { document: true });
      expect(snapshot?.document).toEqual(bytes('healed'));
    });

    test('damage: a commit record -> the store is refused, naming origin and seq', async () => {
      const harness = await start();
      const store = await harness.open();
      for (let seq = 1; seq <= 9; seq++) await store.append(commitOf(A, seq, ['0']));
      await store.append(commitOf(B, 1, ['0']));
      await store.close();
      await harness.damage({ kind: 'commit', origin: A, seq: 4 });
      await expectError(harness.open(), 'data-corrupt', 'commit 4', String(A));
    });
  });
}

async function expectEveryCallToFail(store: Store, code: string, ...words: readonly string[]): Promise<void> {
  const calls = [
    () => store.append(commitOf(A, 4, ['0'])),
    () => store.appendAll([]),
    () => store.writeSnapshot(at('0'), { lsn: 0, document: bytes(''), view: undefined }),
    () => store.readPartition(at('0'), { document: true }),
    () => store.listPartitions(G),
    () => store.listGraphs(),
    () => store.adoptStreams([]),
    () => store.openCut(),
    () => store.stage(at('0'), bytes('')),
    () => store.listStaged(),
    () => store.readStaged(at('0')),
    () => store.clearStaged(),
    () => store.locate(G, ['e']),
    () => store.dropGraph(G),
    () => store.readCommits(A, 0, 1),
    () => store.truncateLog(1),
    () => store.getMeta('x'),
    () => store.setMeta('x', bytes('')),
  ];
  for (const call of calls) await expectError(call(), code, ...words);
}
