import type { PartitionId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import type { EngineGraph } from '../src/graphs/graph.ts';
import { openOn } from './engine-under-test.ts';
import { forgetfulStore } from './forgetful-store.ts';
import { bytesOf } from './heap.ts';
import { cpuRates, liveBytes, measured, wallRates } from './measure.ts';
import { PartitionsInMemory } from './partitions-in-memory.ts';
import type { Benchmark } from './report.ts';
import { batches, createPeople, people, writeBatches } from './workload.ts';

const NODES = 10_000;
/** Operations made at a time, so that those that wait take no memory worth mentioning. */
const SLICE = 20_000;

export const overwrites: Benchmark = {
  name: 'overwrites',
  title: 'ten million overwrites (one million with --quick) of 10,000 nodes through the engine, compaction included',
  peers: 'the same state hydrated afresh; the first tenth of the same run. The store keeps nothing',
  async run(run) {
    const total = run.quick ? 1_000_000 : 10_000_000;
    const tenth = total / 10;
    const before = await liveBytes();
    const { engine, graph } = await openOn(forgetfulStore());
    const ids = (await writeBatches(graph, batches(createPeople(people(NODES))))).flat();
    const random = new SeededRandom(7);
    const overwrite = async (count: number) => {
      for (let done = 0; done < count; done += SLICE) {
        const slice = Array.from({ length: SLICE }, (): Operation => {
          const id = ids[random.uint32() % NODES];
          if (id === undefined) throw new Error('a node was not created');
          return { op: 'patchNode', id, properties: { age: { kind: 'set', value: random.uint32() % 1000 } } };
        });
        await writeBatches(graph, batches(slice));
      }
    };
    // Warm-up: the first tenth must not pay for compiling.
    await overwrite(tenth / 2);
    const first = await measured(tenth, () => overwrite(tenth));
    await overwrite(total - 2.5 * tenth);
    const last = await measured(tenth, () => overwrite(tenth));
    const after = (await liveBytes()) - before;
    const { compactionsTotal } = engine.metrics();
    const states = encode(graph);
    const fresh = await bytesOf(() => new PartitionsInMemory(states));
    const rates = cpuRates([first, last]);
    const [firstRate = 0, lastRate = 0] = rates;
    run.figure({
      what: 'memory after all overwrites',
      ours: after / 1e6,
      unit: 'MB',
      reference: { what: 'hydrated afresh', value: fresh.bytes / 1e6 },
      ratio: after / fresh.bytes,
      target: { atMost: 2 },
    });
    run.figure({
      what: 'last tenth of the overwrites',
      ours: lastRate,
      unit: '/cpu-s',
      reference: { what: 'first tenth', value: firstRate },
      ratio: lastRate / firstRate,
      target: { atLeast: 0.8 },
    });
    const real = wallRates([first, last]).map((rate) => Math.round(rate / 1000));
    const bytes = Array.from(states.values()).reduce((sum, state) => sum + state.length, 0);
    run.remark(
      `${compactionsTotal} compactions; state ${(bytes / 1e6).toFixed(1)} MB; real time first ${real[0]}k/s, last ${real[1]}k/s`,
    );
    if (fresh.built.view.openPartitions().length === 0) throw new Error('nothing was hydrated');
  },
};

/** The state of each document. */
function encode({ resident }: EngineGraph): Map<PartitionId, Uint8Array> {
  const states = new Map<PartitionId, Uint8Array>();
  for (const { id, document } of resident.partitions()) {
    if (document !== undefined) states.set(id, document.encode().slice());
  }
  return states;
}
