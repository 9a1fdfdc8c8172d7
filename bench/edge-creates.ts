import type { NodeId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import type { EngineGraph } from '../src/graphs/graph.ts';
import { onMemory } from './engine-under-test.ts';
import { takeTurns } from './measure.ts';
import { reportAgainstYMap } from './rates.ts';
import type { Benchmark } from './report.ts';
import { BATCH, batches, createPeople, LEAD, people, randomPairs, sustained, writeBatches } from './workload.ts';
import { setInYMap } from './y-map-peer.ts';

export const edgeCreates: Benchmark = {
  name: 'edges',
  title: 'edge creates without properties between 20,000 nodes, batches of 100, 16 in flight, memory store',
  peers:
    'one Y.Map, set(new id, {type, from, to}) as object or as JSON text: no check of endpoints, one direction only',
  async run(run) {
    const count = run.quick ? 30_000 : 100_000;
    const createNodes = batches(createPeople(people(20_000)));
    const pairsOf = (ids: readonly NodeId[]) => randomPairs(ids, count + LEAD * BATCH, new SeededRandom(2));
    const peerIds = Array.from({ length: 20_000 }, (_, i) => `-Nq0ZtB-${i + 1_000_000}` as NodeId);
    const values = batches(pairsOf(peerIds).map((ends) => ({ type: 'KNOWS', ...ends })));
    const edgesOf = async (graph: EngineGraph, nodes: readonly Operation[][]): Promise<Operation[][]> => {
      const ids = (await writeBatches(graph, nodes)).flat();
      return batches(pairsOf(ids).map((pair) => ({ op: 'createEdge', type: 'KNOWS', ...pair, properties: {} })));
    };
    const rounds = await takeTurns(
      {
        ours: () =>
          onMemory(async (graph) => {
            const work = await edgesOf(graph, createNodes);
            return sustained(work, (some) => writeBatches(graph, some));
          }),
        'Y.Map object': () => setInYMap(values, 'object'),
        'Y.Map text': () => setInYMap(values, 'text'),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    reportAgainstYMap(run, { what: 'edges created', headlinePerSecond: 250_000, rounds });
  },
};
