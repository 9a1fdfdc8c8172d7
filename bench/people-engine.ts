/** The engine with a graph of people in it, asked in this process. */
import type { NodeId } from '../base/ids.ts';
import { Float, type Value } from '../graph/value.ts';
import type { EngineGraph } from '../src/graphs/graph.ts';
import { openOnMemory } from './engine-under-test.ts';
import { cityName, type PeopleGraph, personName } from './people-graph.ts';
import type { Parameters, Rows } from './query-workloads.ts';
import { batches, writeBatches } from './workload.ts';

const LOAD_BATCH = 1000;
const READ = { accessMode: 'read', isCancelled: () => false } as const;
export const WRITE = { accessMode: 'write', isCancelled: () => false } as const;

export interface PeopleEngine {
  readonly graph: EngineGraph;
  readonly ids: readonly NodeId[];
}

export async function openPeople(people: PeopleGraph): Promise<PeopleEngine> {
  const { graph } = await openOnMemory();
  const nodes = Array.from({ length: people.nodes }, (_, uid) => ({
    op: 'createNode' as const,
    labels: ['Person'],
    properties: {
      uid,
      name: personName(uid),
      age: people.age[uid] as number,
      city: cityName(people.city[uid] as number),
    },
  }));
  const ids = (await writeBatches(graph, batches(nodes, LOAD_BATCH))).flat();
  const edges = Array.from(people.from, (from, edge) => ({
    op: 'createEdge' as const,
    type: 'KNOWS',
    from: ids[from] as NodeId,
    to: ids[people.to[edge] as number] as NodeId,
    properties: {},
  }));
  await writeBatches(graph, batches(edges, LOAD_BATCH));
  await graph.queryRows({ text: 'CREATE INDEX person_uid FOR (p:Person) ON (p.uid)', parameters: {} }, WRITE);
  return { graph, ids };
}

export async function askEngine(graph: EngineGraph, text: string, parameters: Parameters): Promise<Rows> {
  const answered = graph.queryRows({ text, parameters: parameters as Readonly<Record<string, Value>> }, READ);
  const { rows } = answered instanceof Promise ? await answered : answered;
  return rows.map((row) => row.map((value) => (value instanceof Float ? value.value : (value as number | string))));
}

/** Asks one after the other, over and over, and returns how many rows came; waits only where the engine does. */
export async function askAll(
  graph: EngineGraph,
  text: string,
  asked: readonly Parameters[],
  count = asked.length,
): Promise<number> {
  let rows = 0;
  for (let i = 0; i < count; i++) {
    const parameters = asked[i % asked.length] as Parameters;
    const answered = graph.queryRows({ text, parameters }, READ);
    rows += (answered instanceof Promise ? await answered : answered).rows.length;
  }
  return rows;
}
