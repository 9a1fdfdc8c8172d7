import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PartitionId } from '../base/ids.ts';
import { replicaId } from '../base/ids.ts';
import { testEnv } from '../src/test-env.model.ts';
import { locatorKey } from '../storage/keys.ts';
import { openDatabase } from '../storage/level-database.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { addLostKeys, LOST_KEYS } from '../storage/lost-keys.ts';
import { describeReport, verify } from './verify.ts';

const env = testEnv();
let data = '';
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'weft-verify-'));
});
afterEach(() => rm(data, { recursive: true, force: true }));

it('the row that tells where an edge is found by its id has another byte -> named as damage', async () => {
  const store = await openLevelStore({ directory: data, durability: 'disk', env });
  const partition = '0' as PartitionId;
  const place = { graphKey: 'g', partition };
  const parts = [{ ...place, update: new Uint8Array([1, 2, 3]) }];
  const locators = ['e', 'f'].map((edge) => ({ ...place, edge }));
  await store.append({ origin: replicaId(1), seq: 1, clock: 1, parts, locators, after: [] });
  await store.close();
  expect(await verify(data, env)).toMatchObject({ damaged: [], damagedEdges: [] });

  const sizes = { cacheBytes: 8_388_608, writeBufferBytes: 8_388_608 };
  const db = await openDatabase({ directory: join(data, 'level'), ...sizes }, true);
  const key = locatorKey('g', 'e');
  const row = (await db.get(key)) as Buffer;
  await db.put(key, Buffer.from(row.map((byte, at) => (at === row.length - 1 ? byte ^ 1 : byte))));
  await db.close();
  expect(await verify(data, env)).toMatchObject({ damaged: [], damagedEdges: [{ graphKey: 'g', edge: 'e' }] });
});

it('rows of edges by their ids were lost with a table -> named, with what to do; others are missed by what reads them', async () => {
  const store = await openLevelStore({ directory: data, durability: 'disk', env });
  await store.append({ origin: replicaId(1), seq: 1, clock: 1, parts: [], locators: [], after: [] });
  await store.close();
  const rows = (from: string, to: string) => ({ from: Buffer.from(from), to: Buffer.from(to) });
  await addLostKeys(join(data, LOST_KEYS), [rows('t/g/a', 't/g/b')]);
  const before = await verify(data, env);
  expect(before).toMatchObject({ lostKeys: [] });
  expect(describeReport(before)).toContain('all is well');

  const [from, to] = [locatorKey('g', 'e'), locatorKey('g', 'f')];
  await addLostKeys(join(data, LOST_KEYS), [rows(from, to)]);
  const after = await verify(data, env);
  expect(after).toMatchObject({ damaged: [], damagedEdges: [], lostKeys: [{ from, to }] });
  const page = describeReport(after);
  expect(page).toMatch(/"l\/g\/e\\u0000" to "l\/g\/f\\u0000"\n.*restore a backup/);
  expect(page).not.toContain('all is well');
});
