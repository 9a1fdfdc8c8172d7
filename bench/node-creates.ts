import { openOnMemory } from './engine-under-test.ts';
import { measured, takeTurns } from './measure.ts';
import { reportAgainstYMap } from './rates.ts';
import type { Benchmark } from './report.ts';
import { batches, createPeople, people, writeBatches } from './workload.ts';
import { setInYMap } from './y-map-peer.ts';

export const nodeCreates: Benchmark = {
  name: 'nodes',
  title: 'node creates, three properties, batches of 100, 16 in flight, memory store',
  peers: 'one Y.Map, set(id, {labels, properties}) as object or as JSON text, a transaction a batch, update listener',
  async run(run) {
    const count = run.quick ? 30_000 : 100_000;
    const persons = people(count);
    const work = batches(createPeople(persons));
    const entries = batches(
      persons.map((properties, i) => [`-Nq0ZtB-${i + 1_000_000}`, { labels: ['Person'], properties }] as const),
    );
    const rounds = await takeTurns(
      {
        async ours() {
          const { graph } = await openOnMemory();
          return measured(count, () => writeBatches(graph, work));
        },
        'Y.Map object': () => setInYMap(entries, 'object'),
        'Y.Map text': () => setInYMap(entries, 'text'),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    reportAgainstYMap(run, { what: 'nodes created', headlinePerSecond: 300_000, rounds });
  },
};
