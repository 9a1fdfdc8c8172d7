/**
 * The edges of nodes in one direction as queries follow them: for each node that was asked for, its existing edges and
 * their far ends side by side, so that following them reads memory in order and asks nothing of each edge. A slice is
 * made when it is first asked for, and forgotten when an edge of the node changes. Whether the far ends are visible it
 * does not say.
 */
import { grown } from './columns.ts';

/** The type of a slice whose edges have several, or of one without edges. */
export const MIXED = -1;

/** Bytes of an entry. */
const ENTRY_BYTES = 8;
/** Entries for each that is in use beyond which all slices are dropped: forgotten ones leave holes. */
const WASTE_FACTOR = 2;
const WASTE_MIN = 65_536;

export class EdgeSlices {
  edges: Int32Array = new Int32Array(0);
  neighbors: Int32Array = new Int32Array(0);
  #used = 0;
  /** Entries of slices that are not forgotten. */
  #held = 0;
  /** Whether there may be slices, also such without entries. */
  #keeps = false;
  /** By node. */
  #start = new Int32Array(0);
  /** One more than the length; 0 where there is no slice. */
  #length = new Int32Array(0);
  #type = new Int32Array(0);

  has(node: number): boolean {
    return node < this.#length.length && this.#length[node] !== 0;
  }

  /** Of a node that has a slice, as all below. */
  start(node: number): number {
    return this.#start[node] as number;
  }

  end(node: number): number {
    return (this.#start[node] as number) + (this.#length[node] as number) - 1;
  }

  length(node: number): number {
    return (this.#length[node] as number) - 1;
  }

  /** The type of all of its edges, or `MIXED`. */
  type(node: number): number {
    return this.#type[node] as number;
  }

  /**
   * Begins a slice with room for `most` edges. Its entries go to `edges` and `neighbors` from the index that is returned;
   * `keep` ends it. @param nodes one past the largest ordinal of a node
   */
  begin(most: number, nodes: number): number {
    if (nodes > this.#length.length) {
      this.#start = grown(this.#start, nodes);
      this.#length = grown(this.#length, nodes);
      this.#type = grown(this.#type, nodes);
    }
    if (this.#used + most > WASTE_FACTOR * (this.#held + most) + WASTE_MIN) this.#clear();
    this.edges = grown(this.edges, this.#used + most);
    this.neighbors = grown(this.neighbors, this.#used + most);
    return this.#used;
  }

  keep(node: number, length: number, type: number): void {
    this.#start[node] = this.#used;
    this.#length[node] = length + 1;
    this.#type[node] = type;
    this.#used += length;
    this.#held += length;
    this.#keeps = true;
  }

  /** An edge of the node changed. */
  forget(node: number): void {
    if (node < 0 || node >= this.#length.length) return;
    const length = this.#length[node] as number;
    if (length === 0) return;
    this.#length[node] = 0;
    this.#held -= length - 1;
  }

  #clear(): void {
    this.#length.fill(0);
    this.#used = 0;
    this.#held = 0;
    this.#keeps = false;
  }

  /** Drops all slices, to give their memory back. */
  drop(): void {
    if (!this.#keeps) return;
    this.#clear();
    this.edges = new Int32Array(0);
    this.neighbors = new Int32Array(0);
  }

  get bytes(): number {
    return this.edges.length * ENTRY_BYTES;
  }
}
