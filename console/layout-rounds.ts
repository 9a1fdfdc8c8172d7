/** Rounds of a layout in slices: after each slice whoever runs them gets to do something else. */

/** Numbers of a node in the matrix of `graphology-layout-forceatlas2`, of which the first two are its place. */
export const NODE_NUMBERS = 10;

export class LayoutRounds {
  readonly nodes: Float32Array<ArrayBuffer>;
  readonly #round: () => void;
  #left: number;

  constructor(
    count: number,
    { round, nodes }: { readonly round: () => void; readonly nodes: Float32Array<ArrayBuffer> },
  ) {
    this.nodes = nodes;
    this.#round = round;
    this.#left = count;
  }

  /** Rounds that are still to be run. */
  get left(): number {
    return this.#left;
  }

  /** At least one round, and no further one once `ms` have passed. @returns how many are left */
  slice(ms: number, nowMs: () => number): number {
    const begunMs = nowMs();
    while (this.#left > 0) {
      this.#round();
      this.#left--;
      if (nowMs() - begunMs >= ms) break;
    }
    return this.#left;
  }
}

export function placesOf(nodes: Float32Array): Float32Array<ArrayBuffer> {
  const places = new Float32Array((nodes.length / NODE_NUMBERS) * 2);
  for (let node = 0, at = 0; node < nodes.length; node += NODE_NUMBERS) {
    places[at++] = nodes[node] as number;
    places[at++] = nodes[node + 1] as number;
  }
  return places;
}
