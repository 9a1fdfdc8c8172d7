/**
 * What a programmer would write by hand over integer arrays, for each of the queries: the yardstick of what a query costs
 * beyond the work itself. Sets of nodes are arrays of stamps that are never cleared.
 */
import type { Edges, PeopleGraph } from './people-graph.ts';

export class PeopleLoops {
  readonly #graph: PeopleGraph;
  readonly #seen: Int32Array;
  readonly #ahead: Int32Array;
  readonly #behind: Int32Array;
  readonly #times: Int32Array;
  #stamp = 0;

  constructor(graph: PeopleGraph) {
    this.#graph = graph;
    this.#seen = new Int32Array(graph.nodes);
    this.#ahead = new Int32Array(graph.nodes);
    this.#behind = new Int32Array(graph.nodes);
    this.#times = new Int32Array(graph.nodes);
  }

  age(uid: number): number {
    return this.#graph.age[uid] as number;
  }

  /** The people that one knows, each as often as there are edges. */
  known(uid: number): number[] {
    const { start, targets } = this.#graph.out;
    const found: number[] = [];
    for (let i = start[uid] as number; i < (start[uid + 1] as number); i++) found.push(targets[i] as number);
    return found;
  }

  /** Different people two edges away. */
  twoHops(uid: number): number {
    const { start, targets } = this.#graph.out;
    const seen = this.#seen;
    const stamp = ++this.#stamp;
    let count = 0;
    for (let i = start[uid] as number; i < (start[uid + 1] as number); i++) {
      const middle = targets[i] as number;
      for (let j = start[middle] as number; j < (start[middle + 1] as number); j++) {
        const end = targets[j] as number;
        if (seen[end] === stamp) continue;
        seen[end] = stamp;
        count++;
      }
    }
    return count;
  }

  /** Paths of three different edges. */
  threeHops(uid: number): number {
    const { start, targets } = this.#graph.out;
    let count = 0;
    for (let i = start[uid] as number; i < (start[uid + 1] as number); i++) {
      const second = targets[i] as number;
      for (let j = start[second] as number; j < (start[second + 1] as number); j++) {
        const third = targets[j] as number;
        // No edge leads to its own start, so only the third can be the first again.
        for (let k = start[third] as number; k < (start[third + 1] as number); k++) if (k !== i) count++;
      }
    }
    return count;
  }

  /** Edges of a shortest path along the edges, -1 beyond `most`. Searches from both ends, the smaller frontier first. */
  distance(from: number, to: number, most: number): number {
    if (from === to) return 0;
    const forward = this.#ahead;
    const backward = this.#behind;
    const base = ++this.#stamp;
    let ahead = [from];
    let behind = [to];
    forward[from] = base;
    backward[to] = base;
    for (let length = 1; length <= most && ahead.length > 0 && behind.length > 0; length++) {
      const isForward = ahead.length <= behind.length;
      const next = isForward
        ? level(this.#graph.out, ahead, forward, backward, base)
        : level(this.#graph.in, behind, backward, forward, base);
      if (next === undefined) return length;
      if (isForward) ahead = next;
      else behind = next;
    }
    return -1;
  }

  countAbove(age: number): number {
    const ages = this.#graph.age;
    let count = 0;
    for (let node = 0; node < ages.length; node++) if ((ages[node] as number) > age) count++;
    return count;
  }

  meanFrom(age: number): number {
    const ages = this.#graph.age;
    let count = 0;
    let sum = 0;
    for (let node = 0; node < ages.length; node++) {
      const held = ages[node] as number;
      if (held < age) continue;
      count++;
      sum += held;
    }
    return sum / count;
  }

  /** The people with most edges, each with their number. */
  topByDegree(k: number): (readonly [uid: number, degree: number])[] {
    const { start } = this.#graph.out;
    const degree = (node: number) => (start[node + 1] as number) - (start[node] as number);
    const top: number[] = [];
    for (let node = 0; node < this.#graph.nodes; node++) {
      const own = degree(node);
      const last = top[top.length - 1];
      if (top.length === k && last !== undefined && own <= degree(last)) continue;
      let at = top.length;
      while (at > 0 && degree(top[at - 1] as number) < own) at--;
      top.splice(at, 0, node);
      if (top.length > k) top.pop();
    }
    return top.map((node) => [node, degree(node)]);
  }

  /** Number of people and sum of ages by city. */
  byCity(cities: number): { readonly counts: Int32Array; readonly ages: Int32Array } {
    const { city, age, nodes } = this.#graph;
    const counts = new Int32Array(cities);
    const ages = new Int32Array(cities);
    for (let node = 0; node < nodes; node++) {
      const at = city[node] as number;
      counts[at] = (counts[at] as number) + 1;
      ages[at] = (ages[at] as number) + (age[node] as number);
    }
    return { counts, ages };
  }

  /** Cycles of three edges, each counted from all of its three nodes. */
  triangles(): number {
    const { out, in: back, nodes } = this.#graph;
    const times = this.#times;
    let count = 0;
    for (let a = 0; a < nodes; a++) {
      const first = back.start[a] as number;
      const last = back.start[a + 1] as number;
      for (let i = first; i < last; i++) {
        const c = back.targets[i] as number;
        times[c] = (times[c] as number) + 1;
      }
      for (let i = out.start[a] as number; i < (out.start[a + 1] as number); i++) {
        const b = out.targets[i] as number;
        for (let j = out.start[b] as number; j < (out.start[b + 1] as number); j++) {
          count += times[out.targets[j] as number] as number;
        }
      }
      for (let i = first; i < last; i++) times[back.targets[i] as number] = 0;
    }
    return count;
  }
}

/** The next level of a search, or undefined if it meets the other side. */
function level(
  { start, targets }: Edges,
  frontier: readonly number[],
  own: Int32Array,
  other: Int32Array,
  stamp: number,
): number[] | undefined {
  const next: number[] = [];
  for (const node of frontier) {
    for (let i = start[node] as number; i < (start[node + 1] as number); i++) {
      const neighbor = targets[i] as number;
      if (other[neighbor] === stamp) return undefined;
      if (own[neighbor] === stamp) continue;
      own[neighbor] = stamp;
      next.push(neighbor);
    }
  }
  return next;
}
