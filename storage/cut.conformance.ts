/** The part of the suite about cuts, and about states that are kept apart. */
import { afterEach, describe, expect, test } from 'vitest';
import * as LIMITS from '../base/limits.ts';
import { A, at, B, bytes, commitOf, expectError, G, type StoreHarness } from './store.conformance.ts';
import type { PartitionKey, StoreCut } from './store.ts';

const WHOLE = { document: true };
const read = async (cut: Pick<StoreCut, 'readPartition'>, key: PartitionKey) => {
  const { snapshot, tail } = await cut.readPartition(key, WHOLE);
  return [snapshot?.lsn, ...tail.map(({ lsn }) => lsn)];
};

export function cutConformance(name: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(`${name}, cuts`, () => {
    const harnesses: StoreHarness[] = [];
    const start = async (): Promise<StoreHarness> => {
      const harness = await makeHarness();
      harnesses.push(harness);
      return harness;
    };
    afterEach(async () => {
      for (const harness of harnesses.splice(0)) await harness.dispose();
    });

    test('a cut: appends, snapshots, a truncation and a drop come after it -> it shows what was there', async () => {
      const store = await (await start()).open();
      for (let seq = 1; seq <= 3; seq++) await store.append(commitOf(A, seq, ['0', '1', at('9', 'gone')]));
      await store.append(commitOf(B, 1, ['1']));
      const cut = await store.openCut();
      await store.append(commitOf(A, 4, ['0', '1', '2']));
      for (const partition of ['0', '1', '2']) {
        await store.writeSnapshot(at(partition), { lsn: 5, document: bytes('all'), view: undefined });
      }
      await store.dropGraph('gone');
      await store.truncateLog(5);
      expect([cut.lsn, new Map(cut.streams)]).toEqual([
        4,
        new Map([
          [A, 3],
          [B, 1],
        ]),
      ]);
      expect(cut.partitions).toEqual([at('9', 'gone'), at('0'), at('1')]);
      expect(await read(cut, at('0'))).toEqual([undefined, 1, 2, 3]);
      expect(await read(cut, at('1'))).toEqual([undefined, 1, 2, 3, 4]);
      expect(await read(cut, at('9', 'gone'))).toEqual([undefined, 1, 2, 3]);
      expect(await read(cut, at('2'))).toEqual([undefined]);
      expect(await read(store, at('0'))).toEqual([5]);
      await cut.release();
      await cut.release();
      await expectError(cut.readPartition(at('0'), WHOLE), 'shutting-down', 'the cut of the store was released');
    });

    test('a cut of what has a snapshot and a dropped past -> snapshot and rows after it, nothing of the past', async () => {
      const store = await (await start()).open();
      await store.append(commitOf(A, 1, ['0']));
      await store.dropGraph(G);
      await store.append(commitOf(A, 2, ['0', '1']));
      await store.writeSnapshot(at('0'), { lsn: 2, document: bytes('two'), view: bytes('v') });
      await store.append(commitOf(A, 3, ['0']));
      const cut = await store.openCut();
      expect(await read(cut, at('0'))).toEqual([2, 3]);
      expect(await read(cut, at('1'))).toEqual([undefined, 2]);
      const { snapshot } = await cut.readPartition(at('0'), WHOLE);
      expect([snapshot?.document, snapshot?.view]).toEqual([bytes('two'), bytes('v')]);
    });

    test('cuts opened while commits are written -> each has all parts of what its streams name, and no other', async () => {
      const store = await (await start()).open();
      let seq = 0;
      const writing = (async () => {
        while (seq < 400) await store.append(commitOf(A, ++seq, ['0', '1']));
      })();
      for (let cuts = 0; seq < 400; cuts++) {
        // At any moment of a batch: while it is written, while its end is on the way back.
        for (let turns = cuts % 5; turns > 0; turns--) await new Promise(setImmediate);
        const cut = await store.openCut();
        const last = new Map(cut.streams).get(A) ?? 0;
        expect(last).toBe(cut.lsn);
        for (const key of [at('0'), at('1')]) expect((await read(cut, key)).at(-1) ?? 0).toBe(last);
        await cut.release();
      }
      await writing;
    });

    test('a cut: released while a partition is read, at any point -> the read gets all, or hears that it was released', async () => {
      const store = await (await start()).open();
      await store.append(commitOf(A, 1, ['0']));
      await store.writeSnapshot(at('0'), { lsn: 1, document: bytes('one'), view: bytes('v') });
      for (let seq = 2; seq <= 5; seq++) await store.append(commitOf(A, seq, ['0']));
      for (let turns = 0; turns < 20; turns++) {
        const cut = await store.openCut();
        const reading = read(cut, at('0')).catch((error: unknown) => error);
        for (let turn = 0; turn < turns; turn++)
          await (turns % 2 === 0 ? Promise.resolve() : new Promise(setImmediate));
        await cut.release();
        const found = await reading;
        if (found instanceof Error) expect(found).toMatchObject({ code: 'shutting-down' });
        else expect(found).toEqual([1, 2, 3, 4, 5]);
      }
    });

    test('more cuts than are allowed -> refused, until one is released', async () => {
      const store = await (await start()).open();
      const cuts: StoreCut[] = [];
      for (let i = 0; i < LIMITS.storeCutsMax; i++) cuts.push(await store.openCut());
      await expectError(store.openCut(), 'too-many-requests', 'too many cuts of the store are open');
      await expect(store.openCut()).rejects.toMatchObject({ context: { retryAfterSeconds: 1 } });
      // What is released twice makes room for one.
      for (let i = 0; i < 2; i++) await cuts[0]?.release();
      const last = await store.openCut();
      expect(last.lsn).toBe(0);
      await expectError(store.openCut(), 'too-many-requests');
      // What is open does not hold up the close.
      await store.close();
      await expectError(store.openCut(), 'shutting-down');
    });

    test('a cut of a damaged partition -> partition-recovering, the others are read', async () => {
      const harness = await start();
      const store = await harness.open();
      await store.append(commitOf(A, 1, ['0', '1']));
      await harness.kill();
      await harness.damage({ kind: 'row', lsn: 1, ...at('0') });
      const cut = await (await harness.open()).openCut();
      await expectError(cut.readPartition(at('0'), WHOLE), 'partition-recovering');
      expect(await read(cut, at('1'))).toEqual([undefined, 1]);
    });

    test('states that are kept apart: over a kill -> there, in no list and no partition, until they are let go of', async () => {
      const harness = await start();
      const store = await harness.open();
      expect(await store.listStaged()).toEqual([]);
      await store.stage(at('1'), bytes('first'));
      await store.stage(at('0\u0000x!'), bytes('zero'));
      await store.stage(at('1'), bytes('one'));
      await store.setMeta('m', bytes('x'));
      expect([await store.listGraphs(), await store.listPartitions(G)]).toEqual([[], []]);
      await harness.kill();
      const again = await harness.open();
      expect(await again.listStaged()).toEqual([at('0\u0000x!'), at('1')]);
      expect(await again.readStaged(at('1'))).toEqual(bytes('one'));
      expect(await again.readStaged(at('0\u0000x!'))).toEqual(bytes('zero'));
      expect(await read(again, at('1'))).toEqual([undefined]);
      await expectError(again.readStaged(at('2')), 'data-corrupt');
      await again.clearStaged();
      await again.setMeta('m', bytes('y'));
      await harness.kill();
      expect(await (await harness.open()).listStaged()).toEqual([]);
    });
  });
}
