/** The elements that benchmarks write: the same ones for us and for the peers, from one seed. */
import type { Random } from '../base/env.ts';
import type { NodeId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import type { Operation } from '../graph/model.ts';
import type { Graph } from '../src/engine-port.ts';
import { measured, type Sample } from './measure.ts';

export const BATCH = 100;
/** Batches with which each round begins before the clock runs: an engine or a document that was just made is compiled for anew. */
export const LEAD = 200;
/** Batches that wait for their commit at a time. */
export const IN_FLIGHT = 16;

export type Person = { readonly name: string; readonly age: number; readonly city: string };
type CreateNode = Extract<Operation, { op: 'createNode' }>;

/** Three properties, as they come from a parsed request: no two people have the same name. */
export function people(count: number, first = 0): Person[] {
  const random = new SeededRandom(first);
  return Array.from({ length: count }, (_, i) => {
    const draw = random.uint32();
    return JSON.parse(
      `{"name":"Person number ${first + i}","age":${draw % 100},"city":"City ${(draw >>> 8) % 500}"}`,
    ) as Person;
  });
}

export function createPeople(persons: readonly Person[]): CreateNode[] {
  return persons.map((properties) => ({ op: 'createNode', labels: ['Person'], properties }));
}

export interface Pair {
  readonly from: NodeId;
  readonly to: NodeId;
}

export function randomPairs(ids: readonly NodeId[], count: number, random: Random): Pair[] {
  const draw = () => ids[random.uint32() % ids.length] as NodeId;
  return Array.from({ length: count }, () => ({ from: draw(), to: draw() }));
}

export function batches<T>(items: readonly T[], size = BATCH): T[][] {
  const result: T[][] = [];
  for (let start = 0; start < items.length; start += size) result.push(items.slice(start, start + size));
  return result;
}

/** Measures how all batches but the first are written. */
export function sustained<T>(
  work: readonly (readonly T[])[],
  write: (batches: readonly (readonly T[])[]) => unknown,
): Promise<Sample> {
  const [lead, rest] = [work.slice(0, LEAD), work.slice(LEAD)];
  return measured(
    BATCH * rest.length,
    () => write(rest),
    () => write(lead),
  );
}

/** Writes all batches, a few at a time, and returns the ids in the order of the operations. */
export async function writeBatches(graph: Graph, work: readonly (readonly Operation[])[]): Promise<NodeId[][]> {
  const ids: NodeId[][] = new Array(work.length);
  let next = 0;
  const writer = async () => {
    while (next < work.length) {
      const at = next++;
      const results = await graph.write(work[at] as readonly Operation[]);
      ids[at] = results.map(({ id }) => id as NodeId);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, writer));
  return ids;
}
