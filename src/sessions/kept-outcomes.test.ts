import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../base/ids.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import { increment, LARGE, node, put, run, TINY, WriteGate } from '../engine-on-disk.model.ts';
import type { Graph, IdempotencyKey, QueryOptions } from '../engine-port.ts';
import { Cluster } from '../replication/cluster.model.ts';

const KEY: IdempotencyKey = { key: 'k', fingerprint: 'f' };
const WRITE: QueryOptions = { accessMode: 'write', isCancelled: () => false };
const count = async (graph: Graph) => (await graph.node('c' as NodeId)).element.properties.n;

/** Adds one to the counter, by operation or by query. Gives whether it was done before. */
const WAYS: readonly [string, (graph: Graph, key?: IdempotencyKey) => Promise<boolean>][] = [
  [
    'operation',
    async (graph, key = KEY) => (await graph.write([increment('c', 'n'), node('made')], key))[0]?.replayed === true,
  ],
  [
    'query',
    async (graph, key = KEY) => {
      const text = "MATCH (c) WHERE elementId(c) = 'c' SET c.n = c.n + 1 RETURN c.n AS n";
      const { answers, replayed } = await graph.transactionOnce([{ text, parameters: {} }], WRITE, key);
      expect(answers[0]?.rows).toEqual([[1]]);
      return replayed;
    },
  ],
];

describe.each(WAYS)('a write with a key, by %s', (_, add) => {
  test.each([
    ['everything', LARGE],
    ['nothing', TINY],
  ])(
    'the answer is lost and the server killed, %s in memory -> the retry gets it, and nothing happens twice',
    async (_, memoryBudgetBytes) => {
      const disk = new MemoryDisk();
      const first = await run({ disk, memoryBudgetBytes });
      await first.graph.write([put('c', { n: 0 })]);
      expect(await add(first.graph)).toBe(false);
      disk.kill();
      const second = await run({ disk, memoryBudgetBytes });
      expect(await add(second.graph)).toBe(true);
      expect(await count(second.graph)).toBe(1);
      await expect(add(second.graph, { ...KEY, fingerprint: 'another request' })).rejects.toMatchObject({
        code: 'idempotency-key-reused',
      });
      await second.engine.close();
    },
  );

  test('the power fails before the commit is durable -> the retry does it', async () => {
    const disk = new MemoryDisk();
    const before = await run({ disk });
    await before.graph.write([put('c', { n: 0 })]);
    await before.engine.close();
    const gate = new WriteGate();
    const first = await run({ disk, beforeWrite: gate.beforeWrite });
    gate.close();
    const arrived = gate.arrival();
    const lost = add(first.graph);
    lost.catch(() => undefined);
    await arrived;
    disk.crash();
    gate.open();
    const second = await run({ disk });
    expect(await add(second.graph)).toBe(false);
    expect(await count(second.graph)).toBe(1);
    await second.engine.close();
  });

  test('the retry goes to another server, which has the write -> its answer', async () => {
    const cluster = new Cluster('a', 'b', 'c');
    const [a, b, c] = await cluster.startAll();
    if (a === undefined || b === undefined || c === undefined) throw new Error('three servers were started');
    await a.graph.write([put('c', { n: 0 })]);
    expect(await add(a.graph)).toBe(false);
    await cluster.converge(a, b, c);
    expect(await add(b.graph)).toBe(true);
    await cluster.converge(a, b, c);
    expect(await count(c.graph)).toBe(1);
    expect(cluster.bugs).toEqual([]);
  });
});

test('an outcome and its write: one commit', async () => {
  const { graph, engine, store } = await run();
  await graph.write([put('c', { n: 0 })]);
  const seq = (await store.readCommits(engine.replicaId, 0, 100)).length;
  await graph.write([increment('c', 'n')], KEY);
  const commits = await store.readCommits(engine.replicaId, seq, 100);
  expect(commits.map(({ parts }) => parts.map(({ graphKey }) => graphKey).sort())).toEqual([['default', 'outcomes']]);
  await engine.close();
});

test('a batch whose answer is longer than a patch -> done, and answered the same again, after a restart too', async () => {
  const disk = new MemoryDisk();
  const first = await run({ disk });
  const name = 'x'.repeat(300);
  const operations = Array.from({ length: 4000 }, (_, i) => node(`n${i}`, { name }));
  const results = await first.graph.write(operations, KEY);
  expect(results.length).toBe(4000);
  await first.engine.close();
  const second = await run({ disk, memoryBudgetBytes: TINY });
  const again = await second.graph.write(operations, KEY);
  expect(again).toEqual(results.map((result) => ({ ...result, replayed: true })));
  await second.engine.close();
});

test('a write that is refused -> nothing is kept, and the key may be used when it can be done', async () => {
  const { graph, engine } = await run();
  await graph.write([node('n')]);
  await expect(graph.write([node('n')], KEY)).rejects.toMatchObject({ code: 'node-exists' });
  await graph.write([{ op: 'deleteNode', id: 'n' as NodeId, detach: false }]);
  expect((await graph.write([node('n')], KEY))[0]).toMatchObject({ created: true });
  await engine.close();
});
