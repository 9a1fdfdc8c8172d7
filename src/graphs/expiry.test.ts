import { expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { edgeId, type NodeId, nodeId, type PartitionId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import type { Operation } from '../../graph/model.ts';
import { Temporal, type Value } from '../../graph/value.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { PartitionKey } from '../../storage/store.ts';
import { DEFAULT, edge, LARGE, put, run, spreadIds, TINY, turns } from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';
import { Cluster, type Server } from '../replication/cluster.model.ts';
import type { EngineGraph } from './graph.ts';

const HOUR_MS = 60 * 60 * 1000;

const PAGE = { limit: 100 };
const out = { direction: 'out', depth: 1 } as const;

async function rows(graph: Graph, text: string): Promise<unknown> {
  return (await graph.queryRows({ text, parameters: {} }, { accessMode: 'write', isCancelled: () => false })).rows;
}

/** What each way to read shows. */
async function seen(graph: Graph) {
  const single = await graph.node(nodeId('s')).then(
    () => true,
    () => false,
  );
  const exported: string[] = [];
  for await (const one of await graph.export()) exported.push(one.kind === 'node' ? one.node.id : one.edge.id);
  return {
    single,
    listed: (await graph.nodes({ label: 'N' }, PAGE)).items.map(({ id }) => id).sort(),
    edges: (await graph.edgesOf(nodeId('a'), { direction: 'both' }, PAGE)).items.map(({ id }) => id),
    neighbors: (await graph.neighbors(nodeId('a'), out, PAGE)).items.map(({ id }) => id),
    exported: exported.sort(),
    counts: await graph.counts(),
    queried: await rows(graph, 'MATCH (n:N) RETURN count(n)'),
    expanded: await rows(graph, "MATCH (n:N {k: 'a'})-->(m) RETURN count(m)"),
  };
}

test.each([
  ['everything', LARGE],
  ['nothing', TINY],
])(
  'expiry, %s in memory: the moment comes -> no read shows it, its id is free, its edges stay away',
  async (_, memoryBudgetBytes) => {
    const { graph, env } = await run({ memoryBudgetBytes });
    const soon = env.clock.wallMs() + HOUR_MS;
    await graph.write([
      put('a', { k: 'a' }, ['N']),
      put('s', { k: 's', expiresAt: soon }, ['N']),
      put('t', { k: 't' }, ['N']),
      edge('a-s', 'a', 's'),
      edge('a-t', 'a', 't', 'T', { expiresAt: new Temporal('DateTime', new Date(soon).toISOString()) }),
    ]);
    const all = await seen(graph);
    expect(all).toMatchObject({ single: true, listed: ['a', 's', 't'], edges: ['a-s', 'a-t'], neighbors: ['s', 't'] });
    const digest = await graph.digest();
    env.advance(HOUR_MS - 1);
    expect(await seen(graph)).toEqual(all);
    env.advance(1);
    expect(await seen(graph)).toEqual({
      single: false,
      listed: ['a', 't'],
      edges: [],
      neighbors: [],
      exported: ['a', 't'],
      counts: { nodes: 2, edges: 0 },
      queried: [[2]],
      expanded: [[0]],
    });
    expect(await graph.digest(), 'a digest does not depend on clocks').toEqual(digest);
    await expect(graph.write([{ op: 'patchNode', id: nodeId('s'), properties: {} }])).rejects.toMatchObject({
      code: 'node-not-found',
    });
    await expect(graph.write([{ op: 'deleteEdge', id: edgeId('a-t') }])).rejects.toMatchObject({
      code: 'edge-not-found',
    });
    await graph.write([put('s', { k: 'new' }, ['N']), edge('a-t', 'a', 't')]);
    expect((await graph.node(nodeId('s'))).element.properties).toEqual({ k: 'new' });
    expect((await seen(graph)).edges).toEqual(['a-t']);
  },
);

test('expiry: extended or taken out before the moment -> stays; a value that names no moment -> stays', async () => {
  const { graph, env } = await run();
  const at = env.clock.wallMs() + HOUR_MS;
  const iso = new Date(at).toISOString();
  const set = (id: string, expiresAt: Value) => put(id, { expiresAt }, ['N']);
  await graph.write([
    set('longer', at),
    set('free', iso),
    set('no', 'tomorrow'),
    set('zone', `${iso.slice(0, 19)}[UTC]`),
  ]);
  await rows(graph, "MATCH (n:N) WHERE n.expiresAt = 'x' OR elementId(n) = 'free' REMOVE n.expiresAt");
  await graph.write([
    { op: 'patchNode', id: nodeId('longer'), properties: { expiresAt: { kind: 'set', value: at + HOUR_MS } } },
  ]);
  env.advance(HOUR_MS);
  expect((await graph.nodes({}, PAGE)).items.map(({ id }) => id).sort()).toEqual(['free', 'longer', 'no', 'zone']);
  env.advance(HOUR_MS);
  expect((await graph.nodes({}, PAGE)).items.map(({ id }) => id).sort()).toEqual(['free', 'no', 'zone']);
});

test('expiry: the server was away when the moment came -> the first statement after the start does not show it', async () => {
  const disk = new MemoryDisk();
  const first = await run({ disk });
  const expiresAt = first.env.clock.wallMs() - 1 + HOUR_MS;
  await first.graph.write([put('s', { expiresAt }, ['N']), put('t', {}, ['N'])]);
  await first.engine.close();
  const { graph, env } = await run({ disk });
  env.advance(HOUR_MS);
  expect(await rows(graph, 'MATCH (n:N) RETURN count(n)')).toEqual([[1]]);
});

test('expiry: the grace has passed -> deleted with its edges, seen in digest and metric; before it -> kept', async () => {
  const { graph, env, engine } = await run();
  const empty = await graph.digest();
  const expiresAt = env.clock.wallMs() + 1000;
  await graph.write([put('a', { expiresAt }), put('b', { expiresAt }), edge('e', 'a', 'b')]);
  env.advance(1000);
  expect((await graph.nodes({}, PAGE)).items).toEqual([]);
  const purged = async (ms: number) => {
    env.advance(ms);
    for (let i = 0; i < 20; i++) await turns();
    return engine.metrics().expiredPurgedTotal;
  };
  expect(await purged(LIMITS.expiryGraceMs - LIMITS.expiryPurgeMs)).toBe(0);
  for (let i = 0; i < 3; i++) await purged(LIMITS.expiryPurgeMs);
  expect(engine.metrics().expiredPurgedTotal).toBe(2);
  expect(await graph.digest()).toEqual(empty);
  expect(await graph.integrity()).toMatchObject({ hiddenEdges: [], orphanStubs: [] });
});

/** An engine on a disk where the document of one partition is damaged. */
function runDamaged(disk: MemoryDisk, damaged: PartitionId) {
  return run({
    disk,
    wrap: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === 'readPartition') {
            return async (key: PartitionKey, want: { document: boolean }) => {
              if (key.partition === damaged && want.document) throw new WeftError('partition-recovering', 'damaged');
              return target.readPartition(key, want);
            };
          }
          const value = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  });
}

test('expiry: what expired hangs together with a damaged partition -> what does not is deleted, in the same partition too', async () => {
  const disk = new MemoryDisk();
  const [here, there] = spreadIds(2) as [NodeId, NodeId];
  const damaged = partitionOfNode(there, 16);
  const beside = Array.from({ length: 1000 }, (_, i) => nodeId(`n${i}`)).filter(
    (id) => id !== here && partitionOfNode(id, 16) === partitionOfNode(here, 16),
  );
  const [source, target, alone] = beside as [NodeId, NodeId, NodeId];
  const before = await run({ disk });
  const expiresAt = before.env.clock.wallMs() + 1000;
  await before.graph.write([put(there), put(here), ...[source, target, alone].map((id) => put(id, { expiresAt }))]);
  await before.graph.write([
    edge('out', source, there),
    edge('in', there, target),
    { ...edge('stays', here, there), properties: { expiresAt } } as Operation,
    { ...edge('goes', here, here), properties: { expiresAt } } as Operation,
  ]);
  await before.engine.close();
  const { graph, env, engine } = await runDamaged(disk, damaged);
  env.advance(1000);
  expect((await graph.nodes({}, PAGE)).items.map(({ id }) => id).sort()).toEqual([here, there].sort());
  env.advance(LIMITS.expiryGraceMs);
  for (let i = 0; i < 3; i++) {
    env.advance(LIMITS.expiryPurgeMs);
    for (let j = 0; j < 20; j++) await turns();
  }
  expect(engine.metrics().expiredPurgedTotal).toBe(2);
  const { view } = (graph as EngineGraph).resident;
  const { expiries } = view.need(partitionOfNode(here, 16));
  const { ids } = view.nodes;
  expect(Array.from(expiries.nodes.keys(), (row) => ids[row]).sort()).toEqual([source, target].sort());
});

test.each([0, 1])('expiry: partition %i of two is damaged -> what expired in the other is deleted', async (which) => {
  const disk = new MemoryDisk();
  const ids = spreadIds(2);
  const before = await run({ disk });
  const expiresAt = before.env.clock.wallMs() + 1000;
  await before.graph.write(ids.map((id) => put(id, { expiresAt })));
  await before.engine.close();
  const damaged = partitionOfNode(ids[which] as string, 16);
  const { graph, env, engine } = await runDamaged(disk, damaged);
  env.advance(1000);
  expect((await graph.nodes({}, PAGE)).items).toEqual([]);
  env.advance(LIMITS.expiryGraceMs);
  for (let i = 0; i < 3; i++) {
    env.advance(LIMITS.expiryPurgeMs);
    for (let j = 0; j < 20; j++) await turns();
  }
  expect(engine.metrics().expiredPurgedTotal).toBe(1);
});

test('expiry: an extension in time that a cut held back -> hidden here, shown there, shown everywhere after the heal', async () => {
  const cluster = new Cluster('a', 'b');
  const [a, b] = (await cluster.startAll()) as [Server, Server];
  await cluster.linked(a, b);
  const expiresAt = cluster.network.env.clock.wallMs() + 10_000;
  await cluster.during(a.graph.write([put('n', { expiresAt }), put('m', { expiresAt })]));
  await cluster.converge(a, b);
  cluster.cut(a, b);
  const later = { expiresAt: { kind: 'set', value: expiresAt + HOUR_MS } } as const;
  await cluster.during(b.graph.write([{ op: 'patchNode', id: nodeId('n'), properties: later }]));
  await cluster.run(10_000);
  const ids = async ({ graph }: Server) => (await cluster.during(graph.nodes({}, PAGE))).items.map(({ id }) => id);
  expect([await ids(a), await ids(b)]).toEqual([[], ['n']]);
  cluster.heal(a, b);
  await cluster.linked(a, b);
  await cluster.converge(a, b);
  expect([await ids(a), await ids(b)]).toEqual([['n'], ['n']]);
});

test('a time to live of the graph: made in every way without expiresAt -> gone after it; with one, that counts', async () => {
  const { graph, engine, env } = await run();
  await engine.changePolicy(DEFAULT, { expiresAfterMs: HOUR_MS, expiresAfterMsByLabel: { L: 2 * HOUR_MS, T: 1000 } });
  const expiresAt = env.clock.wallMs() + 3 * HOUR_MS;
  await graph.write([
    put('a'),
    put('b', {}, ['L']),
    put('own', { expiresAt }),
    edge('e', 'a', 'b'),
    edge('f', 'a', 'b', 'U'),
  ]);
  await rows(graph, "CREATE ({name: 'statement'})");
  await graph.load([put('loaded')], { stopAtFirst: true });
  const seen = async () => (await graph.counts()).nodes;
  expect(await graph.counts()).toEqual({ nodes: 5, edges: 2 });
  env.advance(1001);
  expect(await graph.counts()).toEqual({ nodes: 5, edges: 1 });
  env.advance(HOUR_MS);
  expect((await graph.nodes({}, PAGE)).items.map(({ id }) => id).sort()).toEqual(['b', 'own']);
  await graph.write([put('b', { again: true }, ['L'])]);
  env.advance(HOUR_MS);
  expect(await seen()).toBe(2);
  env.advance(HOUR_MS);
  expect(await seen()).toBe(0);
});
