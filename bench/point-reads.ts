import type { NodeId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { findNode, nodeAt } from '../crdt/view-reads.ts';
import { openOnMemory } from './engine-under-test.ts';
import { cpuRates, measured, median, ratioOf, takeTurns } from './measure.ts';
import { reportHeadline } from './rates.ts';
import type { Benchmark } from './report.ts';
import { batches, createPeople, type Person, people, writeBatches } from './workload.ts';

const HEADLINE = 1_000_000;

export const pointReads: Benchmark = {
  name: 'reads',
  title: 'point reads by id of 100,000 nodes in random order, single caller',
  peers: 'Map.get of a JavaScript Map from id to the same node objects; the same behind an async function',
  async run(run) {
    const reads = run.quick ? 200_000 : 1_000_000;
    const persons = people(100_000);
    const { engine, graph } = await openOnMemory();
    const ids = (await writeBatches(graph, batches(createPeople(persons)))).flat();
    const random = new SeededRandom(4);
    const asked = Array.from({ length: reads }, () => ids[random.uint32() % ids.length] as NodeId);
    const { view } = graph.resident;
    const map = new Map(
      ids.map((id, i) => [id as string, { id, labels: ['Person'], properties: persons[i] as Person }]),
    );
    const find = async (id: string) => map.get(id);
    const reading = (read: () => number | Promise<number>) => async () => {
      let sum = 0;
      const sample = await measured(reads, async () => {
        sum = await read();
      });
      if (!(sum > 0)) throw new Error('nothing was read');
      return sample;
    };
    const rounds = await takeTurns(
      {
        'Map.get': reading(() => {
          let sum = 0;
          for (const id of asked) sum += map.get(id)?.properties.age ?? 0;
          return sum;
        }),
        'await of Map.get': reading(async () => {
          let sum = 0;
          for (const id of asked) sum += (await find(id))?.properties.age ?? 0;
          return sum;
        }),
        view: reading(() => {
          let sum = 0;
          for (const id of asked) {
            const node = findNode(view, id);
            if (node !== undefined) sum += nodeAt(view, node).properties.age as number;
          }
          return sum;
        }),
        graph: reading(async () => {
          let sum = 0;
          for (const id of asked) sum += (await graph.node(id)).element.properties.age as number;
          return sum;
        }),
      },
      { rounds: run.quick ? 3 : 9, warmups: 3 },
    );
    await engine.close();
    for (const { way, what, peers } of [
      { way: 'view', what: 'nodes read, findNode and nodeAt', peers: ['Map.get'] },
      { way: 'graph', what: 'nodes read, await graph.node', peers: ['await of Map.get', 'Map.get'] },
    ] as const) {
      const rates = cpuRates(rounds[way]);
      for (const [i, peer] of peers.entries()) {
        const reference = cpuRates(rounds[peer]);
        run.figure({
          what,
          ours: median(rates),
          unit: '/cpu-s',
          reference: { what: peer, value: median(reference) },
          ratio: ratioOf(rates, reference),
          ...(i === 0 && { target: { atLeast: 0.3 } }),
        });
      }
      reportHeadline(run, what, rounds[way], HEADLINE);
    }
  },
};
