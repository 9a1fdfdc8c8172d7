import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LevelLocalStore } from './level-local-store.ts';
import { localStoreConformance } from './local-store.conformance.ts';
import type { LocalStore } from './local-store.ts';
import { LocalMemory, MemoryLocalStore } from './memory-local-store.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-local-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Opens the store anew, and closes the one before. */
function reopening(open: () => LocalStore | Promise<LocalStore>): () => Promise<LocalStore> {
  let current: LocalStore | undefined;
  return async () => {
    await current?.close();
    current = await open();
    return current;
  };
}

const memory = new LocalMemory();
localStoreConformance(
  'memory',
  reopening(() => new MemoryLocalStore(memory)),
);
localStoreConformance(
  'level in Node',
  reopening(() => LevelLocalStore.open(join(folder, 'store'))),
);

test('level: a second one on the same folder -> data-locked', async () => {
  const store = await LevelLocalStore.open(join(folder, 'locked'));
  await expect(LevelLocalStore.open(join(folder, 'locked'))).rejects.toMatchObject({ code: 'data-locked' });
  await store.close();
});
