import type { NodeId } from '../base/ids.ts';
import { bytesOf } from './heap.ts';
import { PartitionsInMemory, patchesOfPeople } from './partitions-in-memory.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { BATCH } from './workload.ts';

const BYTES_MAX = 400;

export const nodeHeap: Benchmark = {
  name: 'heap-nodes',
  title: 'memory of a node with three properties in 16 partitions: view and document, without the store',
  peers: 'none: a fixed limit; heapUsed and arrayBuffers after collections, ids made by the server',
  async run(run) {
    const count = run.quick ? 30_000 : 100_000;
    // Compiled code, shared labels and the like are there before anything is measured.
    createNodes(new PartitionsInMemory(), 2 * BATCH);
    const { bytes, built } = await bytesOf(() => {
      const graph = new PartitionsInMemory();
      createNodes(graph, count);
      return graph;
    });
    run.figure(againstLimit('bytes a node, as written', bytes / count, 'B', { atMost: BYTES_MAX }));
    run.remark(`the residency estimates ${Math.round(built.estimatedBytes() / count)} B a node for the view alone`);
    const states = built.encode();
    const hydrated = await bytesOf(() => new PartitionsInMemory(states));
    run.figure(againstLimit('bytes a node, as hydrated', hydrated.bytes / count, 'B', { atMost: BYTES_MAX }));
    if (hydrated.built.encode().size !== states.size) throw new Error('a partition was lost');
  },
};

/** Creates people, a batch of 100 at a time, and returns their ids. */
export function createNodes(graph: PartitionsInMemory, count: number): NodeId[] {
  const ids: NodeId[] = [];
  for (let start = 0; start < count; start += BATCH) {
    const patches = patchesOfPeople(BATCH, start, graph.clock);
    graph.write(patches.map((patch) => [graph.view.partitionOf(patch.id), patch]));
    for (const { id } of patches) ids.push(id as NodeId);
  }
  return ids;
}
