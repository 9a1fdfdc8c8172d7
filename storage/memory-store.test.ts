import { expect, test } from 'vitest';
import { adoptionConformance } from './adoption.conformance.ts';
import { cutConformance } from './cut.conformance.ts';
import { failureConformance } from './failure.conformance.ts';
import type { Damage } from './memory-disk.ts';
import { MemoryDisk, openMemoryStore } from './memory-store.ts';
import { A, at, bytes, commitOf, expectError, gate, type OpenRequest, storeConformance } from './store.conformance.ts';

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

test.each([
  ['disk', 1],
  ['buffered', 0],
] as const)('memory disk: power cut behind a second write [%s] -> %i of it survive', async (durability, kept) => {
  const disk = new MemoryDisk();
  const store = await openMemoryStore({ disk, durability });
  await store.append(commitOf(A, 1, ['0']));
  await store.append(commitOf(A, 2, ['0']));
  disk.crash();
  expect((await openMemoryStore({ disk })).recovery).toMatchObject({ clean: false, lastLsn: 1 + kept });
});

test('memory disk: power cut behind a close [buffered] -> all is there, and it ended well', async () => {
  const disk = new MemoryDisk();
  const store = await openMemoryStore({ disk, durability: 'buffered' });
  for (let seq = 1; seq <= 3; seq++) await store.append(commitOf(A, seq, ['0']));
  await store.close();
  disk.crash();
  expect((await openMemoryStore({ disk })).recovery).toMatchObject({ clean: true, lastLsn: 3 });
});

test('memory disk: what waited for the disk when the power was cut goes on -> nothing of it is written', async () => {
  const disk = new MemoryDisk();
  const { beforeWrite, open } = gate();
  const store = await openMemoryStore({ disk, beforeWrite });
  store.append(commitOf(A, 1, ['0'])).catch(() => undefined);
  await new Promise(setImmediate);
  disk.crash();
  const reopened = await openMemoryStore({ disk });
  open();
  await new Promise(setImmediate);
  expect(reopened.status()).toMatchObject({ lastLsn: 0, durableLsn: 0, logBytes: 0 });
  expect(await reopened.append(commitOf(A, 1, ['1']))).toBe(1);
  expect(await reopened.listPartitions(at('0').graphKey)).toEqual(['1']);
});

test('memory disk: damage to what is not there -> a bug of the test', async () => {
  const disk = new MemoryDisk();
  const store = await openMemoryStore({ disk });
  await store.append(commitOf(A, 1, ['0']));
  for (const [damage, words] of [
    [{ kind: 'commit', origin: A, seq: 2 }, 'the commit to damage is in the log'],
    [{ kind: 'row', ...at('0'), lsn: 2 }, 'the row to damage is stored'],
    [{ kind: 'snapshot', ...at('0') }, 'the snapshot to damage is stored'],
    [{ kind: 'row', ...at('1'), lsn: 1 }, 'the partition to damage is stored'],
  ] as const) {
    expect(() => disk.damage(damage)).toThrow(words);
  }
});
