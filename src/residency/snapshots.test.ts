/** Snapshots of all partitions, while memory is short and others push out what they just brought in. */
import { expect, test } from 'vitest';
import { replicaId } from '../../base/ids.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import { encodePatch } from '../../crdt/patch-codec.ts';
import { HybridClock } from '../../crdt/stamp.ts';
import { MemoryDisk, openMemoryStore } from '../../storage/memory-store.ts';
import { DEFAULT, put, run, TINY } from '../engine-on-disk.model.ts';
import { testEnv } from '../test-env.model.ts';
import { Residency } from './residency.ts';
import { ResidentGraph } from './resident-graph.ts';
import { snapshotAll } from './snapshots.ts';

/** Of promises, between two of the event loop. */
const TURNS = 100;
const NODES = Array.from({ length: 40 }, (_, i) => `n${i}`);

test('at every moment somebody asks for memory -> no partition goes between its document and its snapshot', async () => {
  const disk = new MemoryDisk();
  const { engine, graph } = await run({ disk });
  await graph.write(NODES.map((id) => put(id)));
  const { settings } = engine.listGraphs()[0] as { settings: ConstructorParameters<typeof ResidentGraph>[2] };
  disk.crash();

  const store = await openMemoryStore({ disk, durability: 'disk' });
  const env = testEnv();
  const clock = new HybridClock(env.clock);
  const residency = new Residency({ env, store, replica: 1 as never, clock, budgetBytes: TINY });
  residency.add(new ResidentGraph(DEFAULT, 'default', settings));
  let isOver = false;
  const pressure = (async () => {
    for (let turn = 1; !isOver; turn++) {
      residency.relieve();
      await (turn % TURNS === 0 ? env.scheduler.yield() : undefined);
    }
  })();
  await snapshotAll({ residency, store, isDropped: () => false }).finally(() => {
    isOver = true;
  });
  await pressure;
  await residency.settled();
  expect(residency.counts().documents).toBe(0);
  const { snapshot } = await store.readPartition({ graphKey: 'default', partition: '0' as never }, { document: true });
  expect(snapshot).toBeDefined();
});

test.each([false, true])(
  'of a graph that is not in use, what the rest builds on is missing, dropped: %s -> only what was dropped goes',
  async (isDropped) => {
    const replica = replicaId(1);
    const document = PartitionDocument.hydrate('x/0', replica, []);
    const written = ['a', 'b'].map((id, i) =>
      document.append([
        encodePatch({ kind: 'node-create', clock: 4096 * (i + 1), replica, id, labels: [], properties: {} }),
      ]),
    );
    const store = await openMemoryStore({ disk: new MemoryDisk(), durability: 'disk' });
    const env = testEnv();
    const residency = new Residency({ env, store, replica, clock: new HybridClock(env.clock), budgetBytes: TINY });
    const key = { graphKey: 'x', partition: '0' as never };
    const update = written[1] ?? new Uint8Array();
    await store.append({ origin: replica, seq: 1, clock: 8192, parts: [{ ...key, update }], locators: [], after: [] });
    await snapshotAll({ residency, store, isDropped: () => isDropped });
    expect(await store.listPartitions('x')).toEqual(isDropped ? [] : ['0']);
    const { snapshot } = await store.readPartition(key, { document: true });
    expect(snapshot).toBeUndefined();
  },
);
