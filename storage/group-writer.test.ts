import { expect, test } from 'vitest';
import { type BatchedDatabase, GroupWriter, type Write } from './group-writer.ts';
import { StateRows } from './state-rows.ts';

/** A database that notes what happens to it, and finishes a write only when told to. */
function recorder(syncAlways: boolean) {
  const events: string[] = [];
  const finishes: ((error?: Error) => void)[] = [];
  const db: BatchedDatabase = {
    getMany: async (keys) => keys.map(() => undefined),
    batch() {
      const puts: string[] = [];
      return {
        put: (key) => puts.push(key),
        del: (key) => puts.push(`-${key}`),
        write({ sync }) {
          events.push(`${sync ? 'sync' : 'write'} ${puts.filter((key) => !key.endsWith('seal')).join('+')}`);
          return new Promise((resolve, reject) => {
            finishes.push((error) => (error === undefined ? resolve() : reject(error)));
          });
        },
      };
    },
  };
  const writer = new GroupWriter({
    db,
    state: new StateRows(),
    log: { write: () => undefined },
    syncAlways,
    batchBytesMax: 100,
    lastBatch: 0,
    lastStagedLsn: () => 0,
    syncEarlier: async () => void events.push('sync earlier'),
    beforeWrite: undefined,
    onFailed: (cause) => void events.push(String(cause)),
    onDurable: (batch) => void events.push(`durable ${batch}`),
  });
  const enqueue = (key: string, options: Partial<Write> = {}): Promise<void> => {
    const write: Write = {
      bytes: 10,
      stage: (batch) => void batch.put(key, Buffer.alloc(0)),
      done: () => void events.push(`done ${key}`),
      ...options,
    };
    return writer.enqueue(write).then(
      () => void events.push(`resolved ${key}`),
      (error: { code: string }) => void events.push(`${error.code} ${key}`),
    );
  };
  /** Finishes the batch in flight once there is one. */
  const finish = async (error?: Error): Promise<void> => {
    for (let turns = 0; finishes.length === 0 && turns < 100; turns++) await Promise.resolve();
    finishes.shift()?.(error);
  };
  return { writer, events, enqueue, finish };
}

test('group writer: writes arrive while a batch is in flight [disk] -> they share the next, each batch is synced', async () => {
  const { writer, events, enqueue, finish } = recorder(true);
  const calls = [enqueue('a'), enqueue('b')];
  // The first batch has left when the others arrive.
  while (events.length === 0) await Promise.resolve();
  calls.push(enqueue('c'), enqueue('d'), enqueue('e'));
  await finish();
  await finish();
  await Promise.all(calls);
  await writer.idle();
  expect(events).toEqual([
    'sync a+b',
    'done a',
    'done b',
    'durable 1',
    'resolved a',
    'resolved b',
    'sync c+d+e',
    'done c',
    'done d',
    'done e',
    'durable 2',
    'resolved c',
    'resolved d',
    'resolved e',
  ]);
});

test('group writer: a write that must be synced [buffered] -> everything earlier is synced before it', async () => {
  const { events, enqueue, finish } = recorder(false);
  const first = enqueue('a');
  await finish();
  await first;
  const second = enqueue('b', { sync: true });
  await finish();
  await second;
  expect(events).toEqual([
    'write a',
    'done a',
    'resolved a',
    'sync earlier',
    'sync b',
    'done b',
    'durable 2',
    'resolved b',
  ]);
});

test('group writer: more bytes than a batch takes -> several batches, in order; a larger write goes alone', async () => {
  const { events, enqueue, finish } = recorder(true);
  const calls = [enqueue('a', { bytes: 60 }), enqueue('b', { bytes: 60 }), enqueue('c', { bytes: 500 }), enqueue('d')];
  for (let batch = 0; batch < 4; batch++) await finish();
  await Promise.all(calls);
  expect(events.filter((event) => event.startsWith('sync'))).toEqual(['sync a', 'sync b', 'sync c', 'sync d']);
});

test('group writer: a batch fails -> its writes and all later ones are rejected, none is done, nothing is written', async () => {
  const { writer, events, enqueue, finish } = recorder(true);
  const calls = [enqueue('a', { bytes: 60 }), enqueue('b', { bytes: 60 })];
  await finish(new Error('EIO'));
  await Promise.all(calls);
  await enqueue('c');
  await writer.idle();
  expect(events.toSorted()).toEqual([
    'Error: EIO',
    'storage-failed a',
    'storage-failed b',
    'storage-failed c',
    'sync a',
  ]);
  expect(writer.failure?.message).toContain('EIO');
});

test('group writer: stopped while a batch is in flight, which succeeds -> its writes are rejected all the same, none is done', async () => {
  const { writer, events, enqueue, finish } = recorder(true);
  const calls = [enqueue('a'), enqueue('b', { bytes: 100 })];
  while (events.length === 0) await Promise.resolve();
  writer.fail(new Error('the mark cannot be written'));
  await finish();
  await Promise.all(calls);
  await writer.idle();
  expect(events.toSorted()).toEqual([
    'Error: the mark cannot be written',
    'storage-failed a',
    'storage-failed b',
    'sync a',
  ]);
  expect(writer.failure?.message).toContain('the mark cannot be written');
});
