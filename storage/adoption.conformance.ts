/** The part of the suite about states that come from elsewhere: snapshots with locators, and streams that jump. */
import { describe, expect, test } from 'vitest';
import { BugError } from '../base/assert.ts';
import { A, at, B, bytes, commitOf, G, gate, harnesses, rejection, type StoreHarness } from './store.conformance.ts';
import type { Store, StreamPosition } from './store.ts';

const CLOCK = 7 * 4096;
const jump: readonly StreamPosition[] = [
  { origin: A, seq: 50, clock: CLOCK },
  { origin: B, seq: 2 ** 40, clock: CLOCK },
];
const snapshot = (lsn: number, text: string) => ({ lsn, document: bytes(text), view: undefined });

export function adoptionConformance(name: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(`${name}, adoption`, () => {
    const start = harnesses(makeHarness);

    /** What an adoption does with a store that holds three commits of its own. */
    async function adopt(store: Store): Promise<void> {
      await store.writeSnapshot(at('0'), snapshot(3, 'adopted 0'), ['x', 'y']);
      await store.writeSnapshot(at('1'), snapshot(3, 'adopted 1'));
      await store.truncateLog(3);
      await store.adoptStreams(jump);
    }
    async function filled(store: Store): Promise<void> {
      for (let seq = 1; seq <= 3; seq++) await store.append(commitOf(A, seq, ['0', '1']));
    }

    test('a snapshot with edges, in an empty store and over others -> located, after a kill too', async () => {
      const harness = await start();
      const store = await harness.open();
      await store.writeSnapshot(at('0'), snapshot(0, 'zero'), ['x', 'y', '']);
      await store.append({ ...commitOf(A, 1, ['1']), locators: [{ ...at('1'), edge: 'x' }] });
      await store.writeSnapshot(at('2'), snapshot(1, 'two'), ['x']);
      await store.writeSnapshot(at('2'), snapshot(1, 'two again'), ['x']);
      await harness.kill();
      const again = await harness.open();
      const found = await again.locate(G, ['x', 'y', '', 'z']);
      expect(found.map((partitions) => partitions.toSorted())).toEqual([['0', '1', '2'], ['0'], ['0'], []]);
      expect(await again.listPartitions(G)).toEqual(['0', '1', '2']);
      await again.dropGraph(G);
      expect(await again.locate(G, ['x', 'y'])).toEqual([[], []]);
    });

    test('graphs -> listed while anything of them is there', async () => {
      const store = await (await start()).open();
      expect(await store.listGraphs()).toEqual([]);
      await store.append(commitOf(A, 1, [at('0', 'h'), at('1', 'g')]));
      await store.writeSnapshot(at('0', 'a'), snapshot(1, 'a'));
      expect(await store.listGraphs()).toEqual(['a', 'g', 'h']);
      await store.dropGraph('g');
      expect(await store.listGraphs()).toEqual(['a', 'h']);
    });

    test('streams jump -> the next commits follow there, after a kill and a clean stop too', async () => {
      const harness = await start();
      const first = await harness.open();
      await filled(first);
      await adopt(first);
      expect(await first.readCommits(A, 3, 10)).toEqual([]);
      await first.append(commitOf(A, 51, ['0']));
      await harness.kill();
      const second = await harness.open();
      const heads = Object.fromEntries(second.recovery.streams.map(({ origin, seq, clock }) => [origin, [seq, clock]]));
      expect(heads).toEqual({ [A]: [51, 51 * 4096], [B]: [2 ** 40, CLOCK] });
      expect(second.recovery).toMatchObject({ lastLsn: 4, damaged: [] });
      await second.append(commitOf(B, 2 ** 40 + 1, ['1']));
      expect((await second.readCommits(A, 0, 10)).map(({ seq, lsn }) => [seq, lsn])).toEqual([[51, 4]]);
      expect((await second.readCommits(B, 2 ** 40, 10)).map(({ seq }) => seq)).toEqual([2 ** 40 + 1]);
      await second.close();
      const third = await harness.open();
      expect(third.recovery).toMatchObject({ clean: true, lastLsn: 5 });
      const { snapshot: held, tail } = await third.readPartition(at('0'), { document: true });
      expect([held?.document, tail.map(({ lsn }) => lsn)]).toEqual([bytes('adopted 0'), [4]]);
    });

    test('a position behind what is here -> ignored', async () => {
      const harness = await start();
      const store = await harness.open();
      await filled(store);
      await adopt(store);
      await store.adoptStreams([{ origin: A, seq: 4, clock: 1 }]);
      await store.append(commitOf(A, 51, []));
      await harness.kill();
      expect((await harness.open()).recovery.streams.find(({ origin }) => origin === A)?.seq).toBe(51);
    });

    test('a log that is not empty -> a bug, and nothing has changed', async () => {
      const store = await (await start()).open();
      await filled(store);
      const jumped = rejection(store.adoptStreams(jump));
      expect(await jumped).toBeInstanceOf(BugError);
      expect(await jumped).toMatchObject({ message: expect.stringContaining('streams jump over an empty log only') });
      await store.append(commitOf(A, 4, []));
    });

    test('a commit is on its way into the empty log -> a bug, and nothing has changed', async () => {
      const { beforeWrite, open } = gate();
      const store = await (await start()).open({ beforeWrite });
      const appended = store.append(commitOf(A, 1, ['0']));
      const jumped = rejection(store.adoptStreams(jump));
      open();
      expect(await jumped).toBeInstanceOf(BugError);
      expect(await appended).toBe(1);
      expect(await store.append(commitOf(A, 2, ['0']))).toBe(2);
    });

    test('[killed before any batch] -> the streams are where they were or where they jumped, and all verifies', async () => {
      const ends = new Set<number>();
      for (let batches = 1; batches < 14; batches++) {
        const harness = await start();
        let left = Number.POSITIVE_INFINITY;
        let stopped = () => {};
        let release = () => {};
        const isReleased = new Promise<void>((resolve) => {
          release = resolve;
        });
        const isStopped = new Promise<void>((resolve) => {
          stopped = resolve;
        });
        const store = await harness.open({
          beforeWrite: () => {
            if (left-- > 0) return Promise.resolve();
            stopped();
            return isReleased;
          },
        });
        await filled(store);
        left = batches;
        await Promise.race([isStopped, adopt(store).catch(() => undefined)]);
        await harness.kill();
        release();
        const again = await harness.open();
        expect(again.recovery.damaged).toEqual([]);
        const head = again.recovery.streams.find(({ origin }) => origin === A)?.seq ?? 0;
        ends.add(head);
        expect([3, 50]).toContain(head);
        await adopt(again);
        await again.append(commitOf(A, 51, ['0']));
        expect(await again.locate(G, ['x'])).toEqual([['0']]);
      }
      expect(Array.from(ends).sort()).toEqual([3, 50]);
    });
  });
}
