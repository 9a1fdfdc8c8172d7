import { onMemory } from './engine-under-test.ts';
import { takeTurns } from './measure.ts';
import { reportAgainstYMap } from './rates.ts';
import type { Benchmark } from './report.ts';
import { BATCH, batches, createPeople, LEAD, people, sustained, writeBatches } from './workload.ts';
import { setInYMap } from './y-map-peer.ts';

export const nodeCreates: Benchmark = {
  name: 'nodes',
  title: 'node creates, three properties, batches of 100, 16 in flight, memory store',
  peers:
    'one Y.Map, set(new id, {labels, properties}) as object or as JSON text, a transaction a batch, update listener',
  async run(run) {
    const count = run.quick ? 30_000 : 100_000;
    const persons = people(count + LEAD * BATCH);
    const work = batches(createPeople(persons));
    const values = batches(persons.map((properties) => ({ labels: ['Person'], properties })));
    const rounds = await takeTurns(
      {
        ours: () => onMemory((graph) => sustained(work, (some) => writeBatches(graph, some))),
        'Y.Map object': () => setInYMap(values, 'object'),
        'Y.Map text': () => setInYMap(values, 'text'),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    reportAgainstYMap(run, { what: 'nodes created', headlinePerSecond: 300_000, rounds });
  },
};
