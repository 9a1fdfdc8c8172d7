import * as Y from 'yjs';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import type { EngineGraph } from '../src/graphs/graph.ts';
import { onMemory } from './engine-under-test.ts';
import { type Sample, takeTurns } from './measure.ts';
import { reportAgainstYMap } from './rates.ts';
import type { Benchmark } from './report.ts';
import { BATCH, batches, createPeople, LEAD, people, sustained, writeBatches } from './workload.ts';
import { transactions } from './y-map-peer.ts';

const NODES = 10_000;

interface Update {
  readonly node: number;
  readonly age: number;
}

export const propertyUpdates: Benchmark = {
  name: 'updates',
  title: 'single-property updates of 10,000 nodes, batches of 100, 16 in flight, memory store',
  peers: 'Y.Map, a transaction a batch, update listener: a Y.Map for each node, set(name, value); or one key id.name',
  async run(run) {
    const count = run.quick ? 30_000 : 100_000;
    const persons = people(NODES);
    const random = new SeededRandom(3);
    const updates: Update[] = Array.from({ length: count + LEAD * BATCH }, (_, i) => ({
      node: random.uint32() % NODES,
      age: i % 100,
    }));
    const changesOf = async (graph: EngineGraph, of: readonly Update[]): Promise<Operation[][]> => {
      const ids = (await writeBatches(graph, batches(createPeople(persons)))).flat();
      return batches(
        of.map(({ node, age }): Operation => {
          const id = ids[node];
          if (id === undefined) throw new Error('a node was not created');
          return { op: 'patchNode', id, properties: { age: { kind: 'set', value: age } } };
        }),
      );
    };
    const rounds = await takeTurns(
      {
        ours: () =>
          onMemory(async (graph) => {
            const work = await changesOf(graph, updates);
            return sustained(work, (some) => writeBatches(graph, some));
          }),
        'Y.Map a node': () => updateNested(updates),
        'Y.Map key id.name': () => updateFlat(updates),
      },
      { rounds: run.quick ? 3 : 7, warmups: 2 },
    );
    reportAgainstYMap(run, { what: 'properties updated', headlinePerSecond: 300_000, rounds });
  },
};

const idAt = (node: number) => `-Nq0ZtB-${node + 1_000_000}`;
const named = (updates: readonly Update[]) => updates.map(({ node, age }) => ({ id: idAt(node), age }));

function updateNested(updates: readonly Update[]): Promise<Sample> {
  const doc = new Y.Doc();
  const map = doc.getMap<Y.Map<unknown>>('nodes');
  doc.transact(() => {
    for (const [node, person] of people(NODES).entries()) map.set(idAt(node), new Y.Map(Object.entries(person)));
  });
  return transactions(doc, batches(named(updates)), ({ id, age }) => map.get(id)?.set('age', age));
}

function updateFlat(updates: readonly Update[]): Promise<Sample> {
  const doc = new Y.Doc();
  const map = doc.getMap('properties');
  doc.transact(() => {
    for (const [node, person] of people(NODES).entries()) {
      for (const [name, value] of Object.entries(person)) map.set(`${idAt(node)}.${name}`, value);
    }
  });
  return transactions(doc, batches(named(updates)), ({ id, age }) => map.set(`${id}.age`, age));
}
