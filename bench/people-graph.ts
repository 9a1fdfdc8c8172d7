/**
 * The graph that queries are measured on: people who know each other, with the degrees of a power law, as integer arrays.
 * From it the engine and every peer are loaded, and the hand-written loops answer from it directly.
 */
import { SeededRandom } from '../base/seeded-random.ts';

/** Edges of one direction: those of node `n` lead to `targets[start[n]]` up to, not including, `targets[start[n + 1]]`. */
export interface Edges {
  readonly start: Int32Array;
  readonly targets: Int32Array;
}

export interface PeopleGraph {
  readonly nodes: number;
  readonly edges: number;
  /** Ends of the edges, in the order in which they are written. No edge leads to its own start. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly out: Edges;
  readonly in: Edges;
  readonly age: Int32Array;
  readonly city: Int32Array;
}

export const CITIES = 500;
/** Weight of the node of rank r is (r + OFFSET) ** -EXPONENT: degrees follow a power law of 2.5, the largest near 1,500. */
const EXPONENT = 1 / 1.5;
const OFFSET = 10.5;

export function peopleGraph(nodes: number, edges: number): PeopleGraph {
  const random = new SeededRandom(11);
  const sums = new Float64Array(nodes);
  let sum = 0;
  for (let rank = 0; rank < nodes; rank++) {
    sum += (rank + OFFSET) ** -EXPONENT;
    sums[rank] = sum;
  }
  // Rank and order of writing have nothing to do with each other.
  const nodeOf = random.shuffled(Array.from({ length: nodes }, (_, i) => i));
  const draw = () => {
    const wanted = (random.uint32() / 2 ** 32) * sum;
    let low = 0;
    let high = nodes - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return nodeOf[low] as number;
  };
  const from = new Int32Array(edges);
  const to = new Int32Array(edges);
  for (let edge = 0; edge < edges; ) {
    const source = draw();
    const target = draw();
    if (source === target) continue;
    from[edge] = source;
    to[edge++] = target;
  }
  const age = Int32Array.from({ length: nodes }, () => random.below(100));
  const city = Int32Array.from({ length: nodes }, () => random.below(CITIES));
  return { nodes, edges, from, to, out: grouped(nodes, from, to), in: grouped(nodes, to, from), age, city };
}

function grouped(nodes: number, by: Int32Array, other: Int32Array): Edges {
  const start = new Int32Array(nodes + 1);
  for (const node of by) start[node + 1] = (start[node + 1] as number) + 1;
  for (let node = 0; node < nodes; node++) start[node + 1] = (start[node + 1] as number) + (start[node] as number);
  const at = start.slice();
  const targets = new Int32Array(by.length);
  for (let edge = 0; edge < by.length; edge++) {
    const node = by[edge] as number;
    const place = at[node] as number;
    targets[place] = other[edge] as number;
    at[node] = place + 1;
  }
  return { start, targets };
}

export function personName(uid: number): string {
  return `Person number ${uid}`;
}

export function cityName(city: number): string {
  return `City ${city}`;
}
