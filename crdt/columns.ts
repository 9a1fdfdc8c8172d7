/** Growable typed columns: the graph's tables are structures of arrays, indexed by dense ordinals. */

type Column = Int32Array | Uint32Array | Uint8Array | Float64Array;

/** Entries up to which a column doubles: a partition that is opened fills some thousand, and each step copies all columns. */
const DOUBLED_MAX = 16_384;

/** `column` with room for at least `length` entries; the same array while it is long enough. New entries are 0. */
export function grown<C extends Column>(column: C, length: number): C {
  if (length <= column.length) return column;
  const Grown = column.constructor as new (length: number) => C;
  const factor = column.length < DOUBLED_MAX ? 2 : 1.25;
  const copy = new Grown(Math.max(length, Math.ceil(column.length * factor) + 64));
  copy.set(column as never);
  return copy;
}

/** A list of 32-bit integers without the overhead of a JavaScript array. */
export class Int32List {
  #items = new Int32Array(4);
  length = 0;

  /** Makes room for so many more. */
  makeRoom(more: number): void {
    if (this.length + more > this.#items.length) this.#items = grown(this.#items, this.length + more);
  }

  push(item: number): void {
    if (this.length === this.#items.length) {
      const copy = new Int32Array(this.#items.length + Math.max(4, this.#items.length >> 1));
      copy.set(this.#items);
      this.#items = copy;
    }
    this.#items[this.length++] = item;
  }

  at(index: number): number {
    return this.#items[index] as number;
  }

  /** Copies `count` items from index `from` on. */
  copyTo(into: Int32Array, at: number, from: number, count: number): void {
    into.set(this.#items.subarray(from, from + count), at);
  }

  /** The items, valid until the next `push`. */
  items(): Int32Array {
    return this.#items.subarray(0, this.length);
  }

  get bytes(): number {
    return this.#items.byteLength;
  }
}

/** As a `Map` from ordinals, but found without hashing, which takes room for all ordinals up to the highest that is set. */
export class SparseColumn<T> {
  readonly #entries: (T | undefined)[] = [];

  get(ordinal: number): T | undefined {
    return ordinal < this.#entries.length ? this.#entries[ordinal] : undefined;
  }

  has(ordinal: number): boolean {
    return this.get(ordinal) !== undefined;
  }

  set(ordinal: number, entry: T): void {
    while (this.#entries.length <= ordinal) this.#entries.push(undefined);
    this.#entries[ordinal] = entry;
  }

  delete(ordinal: number): void {
    if (ordinal < this.#entries.length) this.#entries[ordinal] = undefined;
  }
}

/** Hands out dense ordinals and takes released ones back. */
export class Ordinals {
  readonly #free: number[] = [];
  #next = 0;

  /** One past the largest ordinal ever given. */
  get capacity(): number {
    return this.#next;
  }

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  release(ordinal: number): void {
    this.#free.push(ordinal);
  }
}
