/**
 * Adjacency in one direction: for each node a slice of edge ordinals, all slices in one pooled integer array.
 * A slice grows by moving to one of twice the size; freed slices are reused by size. Order within a slice is that of
 * insertion, which differs between replicas, so readers sort before they emit.
 */
import { grown } from './columns.ts';
import { EdgeSlices } from './edge-slices.ts';

/** Up to so many entries a loop copies faster than a call. */
const COPIED_MAX = 16;

export class Adjacency {
  #pool: Int32Array = new Int32Array(64);
  #used = 0;
  #start = new Int32Array(0);
  #length = new Int32Array(0);
  /** One more than log2 of the slice's capacity; 0 means that the node has no slice. */
  #size = new Uint8Array(0);
  readonly #freeBySize: number[][] = [];
  /** The same as queries read it. */
  readonly slices = new EdgeSlices();

  /** Makes room for node ordinals below `capacity`. */
  reserve(capacity: number): void {
    if (capacity <= this.#start.length) return;
    this.#start = grown(this.#start, capacity);
    this.#length = grown(this.#length, capacity);
    this.#size = grown(this.#size, capacity);
  }

  degree(node: number): number {
    return this.#length[node] ?? 0;
  }

  /** The `index`-th edge ordinal of `node`, `index` below `degree(node)`. */
  edgeAt(node: number, index: number): number {
    return this.#pool[(this.#start[node] as number) + index] as number;
  }

  add(node: number, edge: number): void {
    this.slices.forget(node);
    const length = this.#length[node] as number;
    const size = this.#size[node] as number;
    if (size === 0 || length === 1 << (size - 1)) this.#grow(node, length, size);
    this.#pool[(this.#start[node] as number) + length] = edge;
    this.#length[node] = length + 1;
  }

  /** Removes one entry of `edge`; the last entry takes its place. Nothing happens if there is none. */
  remove(node: number, edge: number): void {
    this.slices.forget(node);
    const start = this.#start[node] as number;
    const last = (this.#length[node] as number) - 1;
    for (let i = 0; i <= last; i++) {
      if (this.#pool[start + i] === edge) {
        this.#pool[start + i] = this.#pool[start + last] as number;
        this.#length[node] = last;
        return;
      }
    }
  }

  /** Frees the slice of `node`. Idempotent. */
  clear(node: number): void {
    this.slices.forget(node);
    const size = this.#size[node] ?? 0;
    if (size === 0) return;
    this.#free(size, this.#start[node] as number);
    this.#size[node] = 0;
    this.#length[node] = 0;
  }

  #grow(node: number, length: number, size: number): void {
    const start = this.#freeBySize[size + 1]?.pop() ?? this.#extend(1 << size);
    const old = this.#start[node] as number;
    if (size !== 0) {
      const pool = this.#pool;
      if (length > COPIED_MAX) pool.copyWithin(start, old, old + length);
      else for (let i = 0; i < length; i++) pool[start + i] = pool[old + i] as number;
      this.#free(size, old);
    }
    this.#start[node] = start;
    this.#size[node] = size + 1;
  }

  #extend(entries: number): number {
    const start = this.#used;
    this.#used += entries;
    this.#pool = grown(this.#pool, this.#used);
    return start;
  }

  #free(size: number, start: number): void {
    const free = this.#freeBySize[size];
    if (free === undefined) this.#freeBySize[size] = [start];
    else free.push(start);
  }
}
