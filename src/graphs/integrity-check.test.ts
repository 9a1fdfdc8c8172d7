import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { type EdgeId, graphName, type NodeId, type PartitionId, replicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Patch } from '../../crdt/patch.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { clockOfWallMs } from '../../crdt/stamp.ts';
import type { Operation } from '../../graph/model.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { Store } from '../../storage/store.ts';
import {
  commitOf,
  edge,
  LARGE,
  node,
  put,
  type Running,
  remove,
  removeEdge,
  run,
  spreadIds,
  TINY,
  turns,
  watched,
} from '../engine-on-disk.model.ts';
import type { Graph } from '../engine-port.ts';
import type { EngineGraph } from './graph.ts';

const [a, b, c] = spreadIds(3) as [NodeId, NodeId, NodeId];
const SOUND = {
  hiddenEdges: [],
  orphanStubs: [],
  missingStubs: [],
  duplicateEdges: [],
  indexDifferences: [],
  found: { hiddenEdges: 0, orphanStubs: 0, missingStubs: 0, duplicateEdges: 0, indexDifferences: 0 },
  repaired: 0,
};

const SOON = 1_760_000_000_000;

const viewOf = (graph: Graph) => (graph as EngineGraph).resident.view;
const partitionAt = (id: string) => partitionOfNode(id, 16);

async function rows(graph: Graph, text: string): Promise<unknown> {
  const options = { accessMode: 'write', isCancelled: () => false } as const;
  return (await graph.queryRows({ text, parameters: {} }, options)).rows;
}

async function started(): Promise<Running> {
  const running = await run();
  const { graph } = running;
  await graph.write([
    node(a, { x: 1 }, ['L']),
    node(b, { x: 2 }, ['L']),
    node(c, { x: 1 }, ['L', 'M']),
    edge('e', a, b),
    edge('f', a, c),
  ]);
  await rows(graph, 'CREATE INDEX FOR (n:L) ON (n.x)');
  expect(await rows(graph, 'MATCH (n:L) WHERE n.x = 1 RETURN count(n)')).toEqual([[2]]);
  await graph.nodes({}, { limit: 9 });
  return running;
}

describe('integrity: an index that is damaged', () => {
  const damages: readonly (readonly [string, object, (graph: Graph) => void])[] = [
    [
      'a label list without a node',
      { index: 'label', of: 'L', partition: partitionAt(a) },
      (graph) => {
        const list = viewOf(graph).need(partitionAt(a)).labelled('L');
        if (list !== undefined) list.length = 0;
      },
    ],
    [
      'a property index without a value',
      { index: 'property', of: 'L(x)' },
      (graph) => viewOf(graph).indexes.use('L', 'x').clear(),
    ],
    [
      'a node without its outgoing edge',
      { index: 'adjacency', of: 'out', partition: partitionAt(a) },
      (graph) => {
        const { nodes } = viewOf(graph);
        nodes.out.remove(nodes.find(a) as number, nodes.out.edgeAt(nodes.find(a) as number, 0));
      },
    ],
    [
      'a node with an incoming edge too many',
      { index: 'adjacency', of: 'in', partition: partitionAt(b) },
      (graph) => {
        const { nodes } = viewOf(graph);
        nodes.in.add(nodes.find(b) as number, nodes.in.edgeAt(nodes.find(c) as number, 0));
      },
    ],
    [
      'a node without edges that has an outgoing one',
      { index: 'adjacency', of: 'out', partition: partitionAt(c) },
      (graph) => {
        const { nodes } = viewOf(graph);
        nodes.out.add(nodes.find(c) as number, nodes.out.edgeAt(nodes.find(a) as number, 0));
      },
    ],
    [
      'a node that has one outgoing edge twice in place of another',
      { index: 'adjacency', of: 'out', partition: partitionAt(a) },
      (graph) => {
        const { nodes } = viewOf(graph);
        const at = nodes.find(a) as number;
        nodes.out.remove(at, nodes.out.edgeAt(at, 0));
        nodes.out.add(at, nodes.out.edgeAt(at, 0));
      },
    ],
    [
      'a count of hidden nodes',
      { index: 'count', of: 'hidden nodes' },
      (graph) => {
        viewOf(graph).nodes.hidden++;
      },
    ],
    [
      'a list that is kept for paging',
      { index: 'count', of: 'nodes', partition: partitionAt(c) },
      (graph) => {
        const view = viewOf(graph);
        const partition = view.need(partitionAt(c));
        partition.revision++;
        partition.sorted(
          undefined,
          () => false,
          () => 0,
        );
      },
    ],
  ];

  it.each(damages)('%s -> named, and made anew', async (_, difference, damage) => {
    const { graph } = await started();
    expect(await graph.integrity()).toMatchObject(SOUND);
    damage(graph);
    const found = { indexDifferences: [difference], found: { ...SOUND.found, indexDifferences: 1 } };
    expect(await graph.integrity()).toMatchObject({ ...SOUND, ...found, repaired: 0 });
    expect(await graph.repair()).toMatchObject({ ...SOUND, ...found, repaired: 1 });
    expect(await graph.integrity()).toMatchObject({ ...SOUND, nodes: 3, edges: 2 });
    expect(await rows(graph, 'MATCH (n:L) WHERE n.x = 1 RETURN count(n)')).toEqual([[2]]);
    expect((await graph.edgesOf(a, { direction: 'out' }, { limit: 9 })).items).toHaveLength(2);
    expect((await graph.edgesOf(b, { direction: 'in' }, { limit: 9 })).items).toHaveLength(1);
    expect((await graph.nodes({}, { limit: 9 })).items).toHaveLength(3);
  });

  it('an edge of a chosen id that its locator does not place -> named, and placed again, over a restart', async () => {
    const lost = new Set<string>();
    const wrap = (store: Store): Store =>
      new Proxy(store, {
        get(target, name) {
          if (name === 'locate') {
            return async (key: string, ids: readonly string[]) =>
              (await target.locate(key, ids)).map((places, i) => (lost.has(ids[i] as string) ? [] : places));
          }
          if (name === 'appendAll') {
            return (commits: Parameters<Store['appendAll']>[0]) => {
              for (const { locators } of commits) for (const { edge: id } of locators) lost.delete(id);
              return target.appendAll(commits);
            };
          }
          const value = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    const disk = new MemoryDisk();
    const { graph, engine } = await run({ disk, memoryBudgetBytes: TINY, wrap });
    await graph.write([node(a), node(b), edge('e', a, b, 'T', { x: 1 })]);
    const before = await graph.digest();
    lost.add('e');
    const difference = { index: 'edge-id', of: 'e', partition: partitionAt(a) };
    expect(await graph.integrity()).toMatchObject({ indexDifferences: [difference], repaired: 0 });
    expect(await graph.repair()).toMatchObject({ indexDifferences: [difference], repaired: 1 });
    expect(await graph.integrity()).toMatchObject(SOUND);
    expect((await graph.edge('e' as EdgeId)).element.properties).toEqual({ x: 1 });
    expect(await graph.digest()).toEqual(before);
    await engine.close();
    const again = await run({ disk });
    expect((await again.graph.edge('e' as EdgeId)).element.properties).toEqual({ x: 1 });
    expect(await again.graph.digest()).toEqual(before);
  });
});

it('integrity: an edge of a long scope, with an id made by the server -> found by it though its partition is closed', async () => {
  const scope = `${'s'.repeat(200)}!`;
  const { graph } = await run({ memoryBudgetBytes: TINY });
  const { id, ...unnamed } = edge('', `${scope}a`, `${scope}b`) as Extract<Operation, { op: 'createEdge' }>;
  const [, , made] = await graph.write([node(`${scope}a`), node(`${scope}b`), unnamed]);
  expect(await graph.integrity()).toMatchObject({ ...SOUND, edges: 1 });
  expect((await graph.edge(made?.id as EdgeId)).element.from).toBe(`${scope}a`);
});

describe('integrity: more damage than a report names', () => {
  it('hidden edges -> the first are named, all counted and put right', async () => {
    const disk = new MemoryDisk();
    const other = replicaId(77);
    const stamp = (tick: number) => ({ clock: clockOfWallMs(1_749_000_000_000) + tick, replica: other });
    const placed: { at: string; patch: Patch }[] = [
      { at: a, patch: { kind: 'node-create', ...stamp(1), id: a, labels: [], properties: {} } },
    ];
    for (let i = 0; i < 30; i++) {
      const ends = { id: `e${i}`, type: 'T', from: a, to: b };
      placed.push({ at: a, patch: { kind: 'edge-create', ...stamp(2), ...ends, properties: {} } });
      placed.push({ at: b, patch: { kind: 'stub-create', ...stamp(2), ...ends } });
    }
    await commitOf(disk, other, placed);
    const { graph } = await run({ disk });
    const report = await graph.integrity({ idsMax: 3 });
    expect(report.hiddenEdges).toHaveLength(3);
    expect(report).toMatchObject({ edges: 0, found: { hiddenEdges: 30, orphanStubs: 0, missingStubs: 0 } });
    expect((await graph.integrity({ partition: partitionAt(a) as PartitionId })).found.hiddenEdges).toBe(30);
    expect((await graph.integrity({ partition: partitionAt(c) as PartitionId })).found.hiddenEdges).toBe(0);
    expect(await graph.repair({ idsMax: 0 })).toMatchObject({ hiddenEdges: [], repaired: 30 });
    expect(await graph.integrity()).toMatchObject(SOUND);
  });
});

describe('integrity: expired elements', () => {
  it('an edge and the end of another one have expired -> neither is damage', async () => {
    const { graph, env } = await run();
    const expiresAt = env.clock.wallMs() + 1000;
    await graph.write([node(a), node(b), node(c, { expiresAt }), edge('e', a, b, 'T', { expiresAt }), edge('f', a, c)]);
    env.advance(1000);
    expect(await graph.repair()).toMatchObject({ ...SOUND, nodes: 2, edges: 0 });
  });

  it.each([
    ['the end of an edge', { expiresAt: SOON }, {}],
    ['an edge', {}, { expiresAt: SOON }],
  ])(
    '%s has expired, its stub is missing, an extension is on its way -> written again, the edge stays',
    async (_, ofNode, ofEdge) => {
      const disk = new MemoryDisk();
      const other = replicaId(77);
      const stamp = (tick: number) => ({ clock: clockOfWallMs(SOON - 10_000) + tick, replica: other });
      await commitOf(disk, other, [
        { at: a, patch: { kind: 'node-create', ...stamp(1), id: a, labels: [], properties: {} } },
        { at: b, patch: { kind: 'node-create', ...stamp(2), id: b, labels: [], properties: ofNode } },
        {
          at: a,
          patch: { kind: 'edge-create', ...stamp(3), id: 'e', type: 'T', from: a, to: b, properties: ofEdge },
        },
      ]);
      const { graph, env, engine } = await run({ disk });
      env.advance(SOON + 1 - env.clock.wallMs());
      expect((await graph.repair()).missingStubs).toEqual(['e']);
      expect(await graph.integrity()).toMatchObject({ ...SOUND, edges: 0 });
      await engine.close();
      const later = { properties: { expiresAt: SOON + 3_600_000 } };
      await commitOf(disk, other, [
        { at: b, patch: { kind: 'node-update', ...stamp(4), id: b, ...later } },
        { at: a, patch: { kind: 'edge-update', ...stamp(5), id: 'e', ...later } },
      ]);
      const again = await run({ disk });
      again.env.advance(SOON + 1 - again.env.clock.wallMs());
      expect(await again.graph.integrity()).toMatchObject({ ...SOUND, nodes: 2, edges: 1 });
      expect((await again.graph.edgesOf(b, { direction: 'in' }, { limit: 9 })).items).toHaveLength(1);
    },
  );
});

describe.each([
  ['everything in memory', LARGE],
  ['nothing stays in memory', TINY],
])('integrity beside writes, %s', (_, memoryBudgetBytes) => {
  const NODES = memoryBudgetBytes === LARGE ? 3 * LIMITS.integritySliceRows : LIMITS.integritySliceRows;

  async function filled() {
    const { engine } = await run({ memoryBudgetBytes });
    await engine.createGraph(graphName('g'), { partitions: 2 });
    const graph = engine.graph(graphName('g'));
    const nodes = Array.from({ length: NODES }, (_, i) => put(`n${i}`, { x: i }, ['L']));
    const edges = Array.from({ length: NODES }, (_, i) => edge(`e${i}`, `n${i}`, `n${(i * 7 + 1) % NODES}`));
    await graph.load([...nodes, ...edges], { stopAtFirst: true });
    return graph;
  }

  it('edges and nodes come and go meanwhile -> nothing is reported that is not so', async () => {
    const graph = await filled();
    let isOver = false;
    let written = 0;
    const writing = (async () => {
      for (let i = 0; !isOver; i = (i + 1) % NODES) {
        const to = `n${(i * 7 + 1) % NODES}`;
        await graph.write([removeEdge(`e${i}`), put(`m${i}`, {}, ['L', 'M']), edge(`e${i}`, `m${i}`, to, 'U')]);
        await turns(1);
        await graph.write([removeEdge(`e${i}`), remove(`m${i}`), edge(`e${i}`, `n${i}`, to)]);
        written++;
        await turns(1);
      }
    })();
    for (let i = 0; i < 3; i++) expect(await graph.integrity()).toMatchObject(SOUND);
    isOver = true;
    await writing;
    expect(written).toBeGreaterThan(0);
    expect(await graph.integrity()).toMatchObject({ ...SOUND, nodes: NODES, edges: NODES });
  });

  it('a read that comes later -> is answered before the check ends', async () => {
    const graph = await filled();
    const check = graph.integrity();
    const state = watched(check);
    await graph.node('n1' as NodeId);
    expect(state.settled).toBe(false);
    await check;
  });

  it('nobody waits for it any more -> it ends after the slice', async () => {
    const graph = await filled();
    let asked = 0;
    const error = await graph.integrity({ isCancelled: () => ++asked > 1 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WeftError);
    expect(error).toMatchObject({ code: 'query-cancelled' });
    expect(asked).toBe(2);
  });
});
