import { SeededRandom } from '../base/seeded-random.ts';
import { encodeStamp } from '../crdt/patch-codec.ts';
import { makeEdgeId } from '../crdt/routing.ts';
import { bytesOf } from './heap.ts';
import { createNodes } from './node-heap.ts';
import { PartitionsInMemory, REPLICA } from './partitions-in-memory.ts';
import { againstLimit, type Benchmark } from './report.ts';
import { batches, type Pair, randomPairs } from './workload.ts';

const NODES = 20_000;
const BYTES_MAX = 300;

export const edgeHeap: Benchmark = {
  name: 'heap-edges',
  title:
    'memory of an edge without properties, both directions, in 16 partitions: view and document, without the store',
  peers: 'none: a fixed limit; heapUsed and arrayBuffers after collections, ids made by the server',
  async run(run) {
    const count = run.quick ? 40_000 : 200_000;
    const warm = new PartitionsInMemory();
    createEdges(warm, randomPairs(createNodes(warm, 200), 200, new SeededRandom(5)));
    const graph = new PartitionsInMemory();
    const ids = createNodes(graph, NODES);
    const pairs = randomPairs(ids, count, new SeededRandom(6));
    const { bytes } = await bytesOf(() => createEdges(graph, pairs));
    run.figure(againstLimit('bytes an edge, as written', bytes / count, 'B', { atMost: BYTES_MAX }));
    const nodesOnly = new PartitionsInMemory();
    createNodes(nodesOnly, NODES);
    const [withEdges, without] = [graph.encode(), nodesOnly.encode()];
    const whole = await bytesOf(() => new PartitionsInMemory(withEdges));
    const nodes = await bytesOf(() => new PartitionsInMemory(without));
    const hydrated = (whole.bytes - nodes.bytes) / count;
    run.figure(againstLimit('bytes an edge, as hydrated', hydrated, 'B', { atMost: BYTES_MAX }));
    // All graphs stay alive until here, or collecting one would count for another.
    if (whole.built.view.edges.capacity !== count || nodes.built.view.edges.capacity !== 0) {
      throw new Error('edges were lost');
    }
  },
};

function createEdges(graph: PartitionsInMemory, pairs: readonly Pair[]): void {
  const { view, clock } = graph;
  for (const batch of batches(pairs)) {
    graph.write(
      batch.flatMap(({ from, to }) => {
        const stamp = { clock: clock.tick(), replica: REPLICA };
        const home = view.partitionOf(from);
        const id = makeEdgeId(home, encodeStamp(stamp.clock, stamp.replica));
        const ends = { ...stamp, id, type: 'KNOWS', from, to };
        return [
          [home, { kind: 'edge-create', ...ends, properties: {} }],
          [view.partitionOf(to), { kind: 'stub-create', ...ends }],
        ] as const;
      }),
    );
  }
}
