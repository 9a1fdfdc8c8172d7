/**
 * How many relationships lead from nodes to one target. Where row after row asks for the same target, its neighbours are
 * counted once in an array by ordinal, and each row is one look into that.
 */
import type { Direction } from '../../graph/model.ts';
import type { EdgeBuffer, TypeTokens } from '../../graph/query-graph.ts';
import type { Run } from '../execution/run.ts';

/** Ordinals up to which there is an array. */
const ARRAY_MAX = 2 ** 26;

export class TargetMarks {
  readonly #run: Run;
  readonly #direction: Direction;
  readonly #buffer: EdgeBuffer = { edges: new Int32Array(64), neighbors: new Int32Array(64), length: 0 };
  #times = new Int32Array(0);
  #asked = -1;
  /** The target whose neighbours are in the array. */
  #marked = -1;

  /** @param direction from the nodes to the target */
  constructor(run: Run, direction: Direction) {
    this.#run = run;
    this.#direction = direction === 'both' ? 'both' : direction === 'out' ? 'in' : 'out';
  }

  /** Before the first row, and whenever the graph may have changed. */
  reset(): void {
    this.#unmark();
    this.#asked = -1;
  }

  /** Undefined if it is cheaper to ask the node. May throw as `expand` does. */
  count(node: number, target: number, types: TypeTokens): number | undefined {
    if (target === this.#marked) return this.#times[node] ?? 0;
    if (target !== this.#asked || target < 0) {
      this.#asked = target;
      return undefined;
    }
    return this.#mark(target, types) ? (this.#times[node] ?? 0) : undefined;
  }

  /** The first row from `row` on of which this does not know already that nothing leads to its target. */
  skip(nodes: Int32Array, targets: Int32Array, row: number, end: number): number {
    const marked = this.#marked;
    if (marked < 0) return row;
    const times = this.#times;
    let at = row;
    while (at < end && targets[at] === marked && times[nodes[at] as number] === 0) at++;
    return at;
  }

  #mark(target: number, types: TypeTokens): boolean {
    this.#unmark();
    const { graph } = this.#run;
    const { nodeCapacity } = graph;
    if (nodeCapacity > ARRAY_MAX) return false;
    const buffer = this.#buffer;
    graph.expand(target, this.#direction, types, buffer);
    if (nodeCapacity > this.#times.length) this.#times = new Int32Array(nodeCapacity + (nodeCapacity >> 2) + 16);
    for (let i = 0; i < buffer.length; i++) {
      const neighbor = buffer.neighbors[i] as number;
      this.#times[neighbor] = (this.#times[neighbor] as number) + 1;
    }
    this.#marked = target;
    return true;
  }

  #unmark(): void {
    const { neighbors, length } = this.#buffer;
    if (this.#marked >= 0) for (let i = 0; i < length; i++) this.#times[neighbors[i] as number] = 0;
    this.#buffer.length = 0;
    this.#marked = -1;
  }
}
