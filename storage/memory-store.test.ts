import { expect, test } from 'vitest';
import { adoptionConformance } from './adoption.conformance.ts';
import { cutConformance } from './cut.conformance.ts';
import { failureConformance } from './failure.conformance.ts';
import type { Damage } from './memory-disk.ts';
import { MemoryDisk, openMemoryStore } from './memory-store.ts';
import { A, at, bytes, commitOf, expectError, type OpenRequest, storeConformance } from './store.conformance.ts';

async function makeHarness() {
  const disk = new MemoryDisk();
  return {
    open: (request: OpenRequest = {}) => openMemoryStore({ disk, ...request }),
    kill: async () => disk.kill(),
    damage: async (damage: Damage) => disk.damage(damage),
    setFormatVersion: async (version: number) => {
      disk.formatVersion = version;
    },
    dispose: async () => undefined,
  };
}
storeConformance('memory store', makeHarness);
adoptionConformance('memory store', makeHarness);
failureConformance('memory store', makeHarness);
cutConformance('memory store', makeHarness);

test('memory disk: power cut [buffered] -> a prefix of the batches survives, synced ones always', async () => {
  for (let keep = 0; keep <= 4; keep++) {
    const disk = new MemoryDisk();
    const store = await openMemoryStore({ disk, durability: 'buffered' });
    await store.append(commitOf(A, 1, ['0']));
    await store.setMeta('synced', bytes('1'));
    for (let seq = 2; seq <= 5; seq++) {
      const locators = [{ ...at('0'), edge: `edge ${seq}` }];
      await store.append({ ...commitOf(A, seq, ['0', '1']), locators });
    }
    disk.crash({ keep });
    const reopened = await openMemoryStore({ disk });
    expect(reopened.recovery).toMatchObject({ clean: false, lastLsn: 1 + keep });
    expect((await reopened.readPartition(at('0'), { document: true })).tail.length).toBe(1 + keep);
    expect((await reopened.readPartition(at('1'), { document: true })).tail.length).toBe(keep);
    expect((await reopened.locate(at('0').graphKey, ['edge 2']))[0]?.length).toBe(keep > 0 ? 1 : 0);
    expect(await reopened.append(commitOf(A, 2 + keep, ['0']))).toBe(2 + keep);
  }
});

test.each([0, 1])('memory disk: power cut with a batch in flight, keep %i -> whole or absent', async (keep) => {
  const disk = new MemoryDisk();
  let inFlight: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    inFlight = resolve;
  });
  const beforeWrite = (): Promise<void> => {
    inFlight();
    return new Promise(() => undefined);
  };
  const store = await openMemoryStore({ disk, beforeWrite });
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  store.append(commitOf(A, 1, ['0', '1'])).then(settle, settle);
  store.append(commitOf(A, 2, ['1'])).then(settle, settle);
  await started;
  disk.crash({ keep });
  const reopened = await openMemoryStore({ disk });
  expect(reopened.recovery.lastLsn).toBe(2 * keep);
  expect(await reopened.listPartitions(at('0').graphKey)).toEqual(keep === 0 ? [] : ['0', '1']);
  expect(settled).toBe(false);
  await expectError(store.append(commitOf(A, 3, [])), 'storage-failed', 'crashed');
  await store.close();
  await reopened.append(commitOf(A, 2 * keep + 1, ['0']));
});

test('memory disk: a failed write -> the store stops, the disk keeps what it had', async () => {
  const disk = new MemoryDisk();
  const store = await openMemoryStore({ disk });
  await store.append(commitOf(A, 1, ['0']));
  disk.failWrites(new Error('EIO'));
  await expectError(store.append(commitOf(A, 2, ['0'])), 'storage-failed', 'EIO');
  disk.kill();
  expect((await openMemoryStore({ disk })).recovery).toMatchObject({ lastLsn: 1, clean: false });
});
