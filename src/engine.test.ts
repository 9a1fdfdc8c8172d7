import { describe, expect, it } from 'vitest';
import { edgeId, graphName, nodeId } from '../base/ids.ts';
import type { PropertyChange } from '../graph/model.ts';
import { MemoryDisk } from '../storage/memory-disk.ts';
import { openMemoryStore } from '../storage/memory-store.ts';
import { openEngine } from './engine.ts';
import { testEnv } from './test-env.model.ts';

const a = nodeId('a');
const b = nodeId('b');
const DEFAULT = graphName('default');
let seeds = 1;

async function open(disk = new MemoryDisk(), memoryBudgetBytes = 1e9) {
  const env = testEnv(seeds++);
  const store = await openMemoryStore({ disk, durability: 'disk' });
  const engine = await openEngine({ env, store, name: 'test', memoryBudgetBytes });
  return { engine, graph: engine.graph(DEFAULT), disk, env };
}

describe('engine', () => {
  it('write: a node -> read back with its version', async () => {
    const { graph } = await open();
    const [result] = await graph.write([{ op: 'createNode', id: a, labels: ['L'], properties: { x: 1 } }]);
    expect(result).toMatchObject({ id: 'a', created: true, element: { id: 'a', labels: ['L'], properties: { x: 1 } } });
    const read = await graph.node(a);
    expect(read.element).toEqual({ id: 'a', labels: ['L'], properties: { x: 1 } });
    expect(read.version).toBe(result?.version);
  });

  it('batch: one operation fails -> nothing of it happened', async () => {
    const { graph } = await open();
    await expect(
      graph.write([
        { op: 'createNode', id: a, labels: [], properties: {} },
        { op: 'createEdge', type: 'T', from: a, to: b, properties: {} },
      ]),
    ).rejects.toMatchObject({ code: 'endpoint-missing', context: { operation: 1 } });
    await expect(graph.node(a)).rejects.toMatchObject({ code: 'node-not-found' });
  });

  it('batch: an edge of nodes that it creates -> neighbours and path', async () => {
    const { graph } = await open();
    await graph.write([
      { op: 'createNode', id: a, labels: [], properties: {} },
      { op: 'createNode', id: b, labels: [], properties: {} },
      { op: 'createEdge', id: edgeId('e'), type: 'T', from: a, to: b, properties: { w: 2 } },
    ]);
    const around = await graph.neighbors(b, { direction: 'in', depth: 1 }, { limit: 10 });
    expect(around.items.map(({ id }) => id)).toEqual(['a']);
    const path = await graph.shortestPath({ from: a, to: b, direction: 'out', maxDepth: 3 });
    expect(path?.edges.map(({ id }) => id)).toEqual(['e']);
    await expect(graph.write([{ op: 'deleteNode', id: b, detach: false }])).rejects.toMatchObject({
      code: 'node-has-edges',
    });
    await graph.write([{ op: 'deleteNode', id: b, detach: true }]);
    expect((await graph.edgesOf(a, { direction: 'both' }, { limit: 10 })).items).toEqual([]);
    expect(await graph.integrity()).toMatchObject({ nodes: 1, edges: 0, hiddenEdges: [], orphanStubs: [] });
  });

  it('increment: a float total that an assignment replaced, then an integer -> an integer', async () => {
    const { graph } = await open();
    const change = (x: PropertyChange) => graph.write([{ op: 'patchNode', id: a, properties: { x } }]);
    await graph.write([{ op: 'createNode', id: a, labels: [], properties: {} }]);
    await change({ kind: 'increment', by: 0.5 });
    await change({ kind: 'set', value: 5 });
    await change({ kind: 'increment', by: 1 });
    expect((await graph.node(a)).element.properties).toEqual({ x: 6 });
  });

  it('restart: a crash [unsynced writes lost] -> every acknowledged write is there', async () => {
    const first = await open();
    await first.graph.write([{ op: 'createNode', id: a, labels: ['L'], properties: { x: 1 } }]);
    await first.graph.write([{ op: 'patchNode', id: a, properties: { x: { kind: 'increment', by: 2 } } }]);
    const before = await first.graph.digest();
    first.disk.crash();
    const second = await open(first.disk);
    expect((await second.graph.node(a)).element.properties).toEqual({ x: 3 });
    expect(await second.graph.digest()).toEqual(before);
    expect(second.engine.replicaId).not.toBe(first.engine.replicaId);
    await second.graph.write([{ op: 'patchNode', id: a, properties: { x: { kind: 'increment', by: 5 } } }]);
    expect((await second.graph.node(a)).element.properties).toEqual({ x: 8 });
  });
});
