import { describe, expect, it } from 'vitest';
import type { EdgeId, NodeId, PartitionId } from '../../base/ids.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import type { Operation } from '../../graph/model.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { Store } from '../../storage/store.ts';
import {
  contents,
  edge,
  increment,
  LARGE,
  memberOf,
  node,
  put,
  type Running,
  run,
  TINY,
  turns,
} from '../engine-on-disk.model.ts';

const at = (id: string) => id as NodeId;
const text = 'x'.repeat(2000);
const scopes = Array.from({ length: 30 }, (_, i) => `s${i}!n`);

/** Counts what the engine asks of the store. */
function counted() {
  const calls = { reads: 0, snapshots: 0 };
  const wrap = (store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        if (name === 'readPartition') calls.reads++;
        if (name === 'writeSnapshot') calls.snapshots++;
        const member = Reflect.get(target, name, target) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  return { calls, wrap };
}

describe('memory budget', () => {
  it('more data than fits -> the rest is passivated, and read again when it is asked for', async () => {
    const { graph, engine } = await run({ memoryBudgetBytes: 20_000 });
    for (const id of scopes) await graph.write([put(id, { text })]);
    await turns();
    const metrics = engine.metrics();
    expect(metrics.residentBytes).toBeLessThanOrEqual(20_000);
    expect(metrics.hydratedPartitions).toBeLessThan(scopes.length);
    expect(metrics.passivationsTotal).toBeGreaterThan(10);
    for (const id of scopes) expect((await graph.node(at(id))).element.properties).toEqual({ text });
    expect(engine.metrics().hydrationsTotal).toBeGreaterThan(metrics.hydrationsTotal);
    await turns();
    expect(engine.metrics().residentBytes).toBeLessThanOrEqual(20_000);
  });

  it('a budget for all -> nothing is passivated, and reading touches the store once a partition', async () => {
    const { calls, wrap } = counted();
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.graph.write(scopes.map((id) => put(id)));
    await first.engine.close();
    const { graph, engine } = await run({ disk, wrap, memoryBudgetBytes: LARGE });
    await graph.counts();
    const { reads } = calls;
    for (let round = 0; round < 3; round++) {
      await graph.counts();
      for (const id of scopes) await graph.node(at(id));
    }
    expect(calls.reads).toBe(reads);
    expect(engine.metrics().passivationsTotal).toBe(0);
  });

  it('reads only -> documents are not hydrated', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.graph.write([...scopes.map((id) => put(id)), edge('e', String(scopes[0]), String(scopes[1]))]);
    await first.engine.close();
    const { graph, engine } = await run({ disk });
    await contents(graph);
    await graph.shortestPath({ from: at('s0!n'), to: at('s1!n'), direction: 'out', maxDepth: 3 });
    expect(engine.metrics().hydratedDocuments).toBe(0);
    await graph.write([increment('s0!n', 'x')]);
    expect(engine.metrics().hydratedDocuments).toBe(1);
  });

  it('many readers of one cold partition -> it is read from the store once', async () => {
    const { calls, wrap } = counted();
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.graph.write([put('s!a', { x: 1 })]);
    await first.engine.close();
    const { graph } = await run({ disk, wrap });
    calls.reads = 0;
    const found = await Promise.all(Array.from({ length: 20 }, () => graph.node(at('s!a'))));
    expect(found.every(({ element }) => element.properties.x === 1)).toBe(true);
    expect(calls.reads).toBe(1);
  });

  it('an import of nodes everywhere, with everything closed -> memory stays near the budget from the start', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    for (const id of scopes) await first.graph.write([put(id, { text })]);
    await first.engine.close();
    let look: () => void = () => undefined;
    let peak = 0;
    const wrap = (store: Store): Store => {
      const readPartition: Store['readPartition'] = (key, want) => {
        look();
        return store.readPartition(key, want);
      };
      return new Proxy(store, {
        get(target, name) {
          const member = name === 'readPartition' ? readPartition : (Reflect.get(target, name, target) as unknown);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
    };
    const { graph, engine } = await run({ disk, wrap, memoryBudgetBytes: 20_000 });
    look = () => {
      peak = Math.max(peak, engine.metrics().residentBytes);
    };
    const { failures } = await graph.load(
      scopes.map((id) => put(id, { n: 1 })),
      { stopAtFirst: true },
    );
    expect(failures).toEqual([]);
    expect(peak).toBeGreaterThan(5_000);
    expect(peak).toBeLessThan(30_000);
  });

  it('nodes of scopes that nobody wrote are asked for -> nothing is kept of them', async () => {
    const { graph, engine } = await run();
    const before = engine.metrics().hydratedPartitions;
    for (let i = 0; i < 300; i++) {
      await expect(graph.node(at(`no${i}!x`))).rejects.toMatchObject({ code: 'node-not-found' });
      await expect(graph.write([increment(`never${i}!x`, 'n')])).rejects.toMatchObject({ code: 'node-not-found' });
    }
    expect(engine.metrics().hydratedPartitions - before).toBeLessThan(100);
  });

  it('more concurrent writers than fit -> all are done, and the graph is whole', async () => {
    const { graph } = await run({ memoryBudgetBytes: TINY });
    await graph.write(scopes.map((id) => node(id)));
    const writes = scopes.flatMap((id, i) => [
      graph.write([edge(`e${i}`, id, String(scopes[(i + 1) % scopes.length]))]),
      graph.write([increment(id, 'n'), increment(String(scopes[(i + 7) % scopes.length]), 'n')]),
      graph.edgesOf(at(id), { direction: 'both' }, { limit: 9 }),
    ]);
    await Promise.all(writes);
    expect(await graph.counts()).toEqual({ nodes: 30, edges: 30 });
    for (const id of scopes) expect((await graph.node(at(id))).element.properties).toEqual({ n: 2 });
    expect(await graph.integrity()).toMatchObject({ orphanStubs: [], missingStubs: [], hiddenEdges: [] });
  });
});

describe('snapshots', () => {
  it('a long tail, then passivation -> a snapshot, from which the same graph is read', async () => {
    const { calls, wrap } = counted();
    const { graph, disk } = await run({ wrap, memoryBudgetBytes: TINY });
    await graph.write([node('s!a'), node('t!b'), edge('e', 's!a', 't!b')]);
    for (let i = 0; i < 40; i++) await graph.write([put('s!a', { i, text: text.repeat(5) }, [`L${i % 3}`])]);
    await turns();
    expect(calls.snapshots).toBeGreaterThan(0);
    const before = await graph.digest();
    const state = disk.readPartition({ graphKey: 'default', partition: 's!' as PartitionId });
    expect(state.snapshot?.view).toBeDefined();
    expect(state.tail.length).toBeLessThan(40);
    disk.crash();
    const again = await run({ disk, memoryBudgetBytes: LARGE });
    expect(await again.graph.digest()).toEqual(before);
    await again.graph.write([increment('s!a', 'i')]);
    expect((await again.graph.node(at('s!a'))).element).toMatchObject({ labels: ['L0'], properties: { i: 40 } });
    expect((await again.graph.edge('e' as never)).element).toMatchObject({ from: 's!a', to: 't!b' });
  });

  it('a clean stop after a long tail -> a snapshot; nothing is lost or changed', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    for (let i = 0; i < 40; i++) await first.graph.write([put('s!a', { i, text: text.repeat(5) })]);
    const before = await first.graph.digest();
    await first.engine.close();
    expect(disk.readPartition({ graphKey: 'default', partition: 's!' as PartitionId }).tail).toEqual([]);
    const second = await run({ disk });
    expect(await second.graph.digest()).toEqual(before);
  });
});

describe('compaction', () => {
  it.each([
    ['large', LARGE],
    ['tiny', TINY],
  ])(
    'many overwrites, %s memory budget -> the document stays small, every answer the same, after a crash too',
    async (_, budget) => {
      const { graph, engine, disk } = await run({ memoryBudgetBytes: budget });
      const ids = Array.from({ length: 20 }, (_, i) => `s!n${i}`);
      await graph.write([
        ...ids.map((id) => node(id)),
        ...ids.map((id, i) => edge(`e${i}`, id, String(ids[(i + 1) % 20]))),
      ]);
      for (let round = 0; round < 60; round++) {
        const overwrites = ids.map((id, i) => (i % 3 === 0 ? increment(id, 'n') : put(id, { round }, ['L'])));
        await graph.write([overwrites, overwrites, overwrites, overwrites, overwrites].flat());
        if (round % 50 === 7)
          await graph.write([{ op: 'deleteNode', id: at('s!n0'), detach: true }, node('s!n0', { n: 1000 })]);
      }
      expect(engine.metrics().compactionsTotal).toBeGreaterThan(0);
      const before = await graph.digest();
      const held = await contents(graph);
      expect(held.nodes.find(({ id }) => id === 's!n3')?.properties).toEqual({ n: 300 });
      expect(held.nodes.find(({ id }) => id === 's!n0')?.properties).toEqual({ n: 1000 + 2 * 5 });
      expect(held.edges).toHaveLength(18);
      disk.crash();
      const again = await run({ disk, memoryBudgetBytes: budget });
      expect(await contents(again.graph)).toEqual(held);
      expect(await again.graph.digest()).toEqual(before);
      await again.graph.write([increment('s!n3', 'n')]);
      expect((await again.graph.node(at('s!n3'))).element.properties).toEqual({ n: 301 });
    },
  );
});

it('compaction: a large value is overwritten, fewer times than there are patches in many a document -> its memory stays within a few of it', async () => {
  const { graph, engine } = await run();
  const text = 'x'.repeat(100_000);
  let most = 0;
  for (let round = 0; round < 400; round++) {
    await graph.write([put('n', { text, round })]);
    most = Math.max(most, engine.metrics().residentBytes);
  }
  expect(most).toBeLessThan(12_000_000);
  expect(engine.metrics().compactionsTotal).toBeGreaterThan(1);
  await engine.close();
});

it.each(['node', 'edge'] as const)(
  'the estimate of memory: large values are set on a small %s, and taken away -> it follows them, opened again too',
  async (kind) => {
    const disk = new MemoryDisk();
    const { graph, engine } = await run({ disk });
    await graph.write([node('a'), node('b'), edge('e', 'a', 'b')]);
    const set = (value: string): Operation => {
      const properties = { text: { kind: 'set', value } } as const;
      return kind === 'node'
        ? { op: 'patchNode', id: at('a'), properties }
        : { op: 'patchEdge', id: 'e' as EdgeId, properties };
    };
    const views = async (running: Running) => {
      await contents(running.graph);
      await running.graph.digest();
      return running.engine.metrics().residentBytes;
    };
    await graph.write([set('x'.repeat(400_000))]);
    await engine.close();
    const second = await run({ disk });
    expect(await views(second)).toBeGreaterThan(400_000);
    for (let i = 0; i < 4; i++) await second.graph.write([set(''), set(`${i}`.repeat(400_000))]);
    await second.graph.write([set('')]);
    await second.engine.close();
    const third = await run({ disk });
    expect(await views(third)).toBeLessThan(100_000);
    await third.engine.close();
  },
);

describe('compaction in a cluster', () => {
  const overwritten = async (isElected: boolean) => {
    const { graph, engine } = await run({ cluster: memberOf() });
    engine.replica.electCompactor(() => isElected);
    const batch = Array.from({ length: 1000 }, (_, i) => put('n', { i }));
    const rounds: number[] = [];
    for (let round = 1; round <= 40; round++) {
      await graph.write(batch);
      if (engine.metrics().compactionsTotal > rounds.length) rounds.push(round);
    }
    await engine.close();
    return rounds;
  };

  it('this server is the one that compacts -> it does; another one is, which never writes -> this one does all the same, later', async () => {
    const [own, others] = [await overwritten(true), await overwritten(false)];
    expect(others.length).toBeGreaterThan(1);
    expect(own.length).toBeGreaterThan(2 * others.length);
  });
});

describe('damage', () => {
  it('one partition is damaged -> it alone is refused, by name; others are read and written', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.graph.write([put('s!a')]);
    const { lastLsn } = first.store.status();
    await first.graph.write([put('t!b'), put('n1')]);
    await first.engine.close();
    disk.damage({ kind: 'row', graphKey: 'default', partition: 's!' as PartitionId, lsn: lastLsn });
    const { graph, engine } = await run({ disk });
    expect(engine.health()).toMatchObject({ canRead: true, canWrite: true });
    expect(engine.health().reasons.join()).toContain('s!');
    await expect(graph.node(at('s!a'))).rejects.toMatchObject({ code: 'partition-recovering' });
    await expect(graph.write([put('s!a')])).rejects.toMatchObject({ code: 'partition-recovering' });
    await expect(graph.write([put('t!b', { x: 1 }), put('s!a')])).rejects.toMatchObject({
      code: 'partition-recovering',
    });
    expect((await graph.node(at('t!b'))).element.properties).toEqual({});
    await graph.write([put('t!b', { x: 2 }), edge('e', 't!b', 'n1')]);
    expect((await graph.node(at('t!b'))).element.properties).toEqual({ x: 2 });
    await expect(graph.counts()).rejects.toMatchObject({ code: 'partition-recovering' });
    expect(partitionOfNode('s!a', 16)).toBe('s!');
  });
});
