import { expect, test } from 'vitest';
import { toUtf8 } from '../base/text.ts';
import type { LocalChange } from './local-store.ts';
import { LocalWrites } from './local-writes.ts';
import { LocalMemory, MemoryLocalStore } from './memory-local-store.ts';

const put = (key: string, value: string): LocalChange => ({ kind: 'put', key, value: toUtf8(value) });

test('local writes: what comes while one is under way -> goes together, in order, and is durable when it resolves', async () => {
  const memory = new LocalMemory();
  let calls = 0;
  memory.beforeWrite = async () => void calls++;
  const writes = new LocalWrites(new MemoryLocalStore(memory));
  const order: number[] = [];
  const all = Array.from({ length: 10 }, (_, i) =>
    writes.write([put('same', `${i}`), put(`key${i}`, '')], true).then(() => order.push(i)),
  );
  await Promise.all(all);
  expect(calls).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(memory.rows.get('same')).toEqual(toUtf8('9'));
  expect(memory.rows.size).toBe(11);
});

test('local writes: no space -> batches are rejected, the rest is owed and comes with the next, older rows before newer ones', async () => {
  const memory = new LocalMemory();
  const writes = new LocalWrites(new MemoryLocalStore(memory));
  memory.isFull = true;
  let isKept = false;
  const owed = writes.write([put('a', 'old'), put('b', 'old')], false).then(() => {
    isKept = true;
  });
  await expect(writes.write([put('c', 'batch')], true)).rejects.toMatchObject({ code: 'disk-full' });
  expect(writes.shortage?.code).toBe('disk-full');
  expect(isKept).toBe(false);
  memory.isFull = false;
  await writes.write([put('b', 'new')], true);
  await owed;
  expect(Array.from(memory.rows.keys()).sort()).toEqual(['a', 'b']);
  expect(memory.rows.get('b')).toEqual(toUtf8('new'));
  expect(writes.shortage).toBeUndefined();
});

test('local writes: no space for a batch, while one that was made on it waits -> neither is written, what servers said is', async () => {
  const memory = new LocalMemory();
  const writes = new LocalWrites(new MemoryLocalStore(memory));
  memory.isFull = true;
  // As a browser does it that has space for the second batch, not for the first.
  const first = writes.write([put('a', 'large')], true).finally(() => {
    memory.isFull = false;
  });
  const second = writes.write([put('b', 'small')], true);
  const told = writes.write([put('c', 'server')], false);
  await expect(first).rejects.toMatchObject({ code: 'disk-full' });
  await expect(second).rejects.toMatchObject({ code: 'disk-full' });
  await told;
  expect(Array.from(memory.rows.keys())).toEqual(['c']);
  await writes.write([put('d', 'later')], true);
  expect(Array.from(memory.rows.keys())).toEqual(['c', 'd']);
});

test('local writes: the store fails -> all that waits is rejected, and all that comes', async () => {
  const memory = new LocalMemory();
  const writes = new LocalWrites(new MemoryLocalStore(memory));
  memory.isBroken = true;
  const all = [writes.write([put('a', '')], false), writes.write([put('b', '')], true)];
  for (const written of all) await expect(written).rejects.toMatchObject({ code: 'storage-failed' });
  await expect(writes.write([put('c', '')], true)).rejects.toMatchObject({ code: 'storage-failed' });
  expect(memory.rows.size).toBe(0);
});
