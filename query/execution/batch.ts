/**
 * Rows as columns. A slot holds a node or a relationship as its ordinal, -1 for null, or any value; which, the plan says.
 * A batch belongs to the operator that filled it and is valid until that operator is asked for the next one; whoever
 * reads it may change it in place.
 */
import type { RuntimeValue } from '../values/runtime-value.ts';

/** Rows of a full batch: large enough that calls between operators cost nothing, small enough to stay in the cache. */
const BATCH_ROWS = 1024;
/** Rows of the first batches of a run: most queries have few. */
const FIRST_ROWS = 16;

export type SlotKind = 'node' | 'edge' | 'value';
export type Column = Int32Array | RuntimeValue[];
export type Columns = Column[];

/** The ordinals that stand for null. */
export const NULL_ORDINAL = -1;

const NO_COLUMN = new Int32Array(0);

export class Batch {
  readonly kinds: readonly SlotKind[];
  readonly columns: Columns;
  /** Rows that there is room for. */
  capacity: number;
  size = 0;
  /** How many equal rows each row stands for, if that is not one. Only what aggregates is given such batches. */
  weights: Int32Array | undefined;
  #isDelivered = false;
  /** Rows when it was handed out: whoever reads it may take some away. */
  #delivered = 0;

  /** @param slots that have a column from the start; others get one when somebody writes it (`ordinals`) */
  constructor(kinds: readonly SlotKind[], slots: Iterable<number>, capacity = FIRST_ROWS) {
    this.kinds = kinds;
    this.capacity = capacity;
    this.columns = kinds.map((kind) => (kind === 'value' ? [] : NO_COLUMN));
    for (const slot of slots) if (kinds[slot] !== 'value') this.columns[slot] = new Int32Array(capacity);
  }

  /** Before rows are added: empties the batch if it was handed out, else goes on with what it holds. */
  begin(): void {
    if (!this.#isDelivered) return;
    this.#isDelivered = false;
    // One that was full before gets more room.
    if (this.#delivered >= this.capacity && this.capacity < BATCH_ROWS) this.reserve(this.capacity * 4);
    this.size = 0;
  }

  /** The batch, to be handed out; undefined if it is empty. */
  deliver(): Batch | undefined {
    if (this.size === 0) return undefined;
    this.#isDelivered = true;
    this.#delivered = this.size;
    return this;
  }

  /** Forgets everything, also what values it holds on to. */
  clear(): void {
    this.#isDelivered = false;
    this.size = 0;
    for (const column of this.columns) if (Array.isArray(column) && column.length > 0) column.length = 0;
  }

  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    for (let slot = 0; slot < this.columns.length; slot++) {
      const column = this.columns[slot];
      if (column instanceof Int32Array && column.length > 0) {
        const grown = new Int32Array(rows);
        grown.set(column);
        this.columns[slot] = grown;
      }
    }
    this.capacity = rows;
  }

  /** The column of a slot of ordinals, with room for all rows. */
  ordinals(slot: number): Int32Array {
    const column = this.columns[slot] as Int32Array;
    if (column.length >= this.capacity) return column;
    const made = new Int32Array(this.capacity);
    made.set(column);
    this.columns[slot] = made;
    return made;
  }
}

/**
 * Copies rows of some slots. Slots of ordinals and of values are kept apart: an access that meets both kinds of column is
 * an order of magnitude slower.
 */
export class SlotCopy {
  readonly #ordinals: readonly number[];
  /** Those of values. */
  readonly values: readonly number[];

  constructor(kinds: readonly SlotKind[], slots: Iterable<number>) {
    const all = Array.from(new Set(slots));
    this.#ordinals = all.filter((slot) => kinds[slot] !== 'value');
    this.values = all.filter((slot) => kinds[slot] === 'value');
  }

  get isEmpty(): boolean {
    return this.#ordinals.length === 0 && this.values.length === 0;
  }

  /** Whether it copies nothing, or nothing but this slot of ordinals. */
  isAtMost(slot: number): boolean {
    return this.values.length === 0 && this.#ordinals.every((each) => each === slot);
  }

  /** The target has columns for the slots. */
  row(from: Columns, row: number, to: Columns, at: number): void {
    const ordinals = this.#ordinals;
    for (let i = 0; i < ordinals.length; i++) {
      const slot = ordinals[i] as number;
      (to[slot] as Int32Array)[at] = (from[slot] as Int32Array)[row] as number;
    }
    const values = this.values;
    for (let i = 0; i < values.length; i++) {
      const slot = values[i] as number;
      (to[slot] as RuntimeValue[])[at] = (from[slot] as RuntimeValue[])[row] as RuntimeValue;
    }
  }

  /** The same row to all rows from `start` up to `end`. */
  fill(from: Columns, row: number, to: Columns, start: number, end: number): void {
    if (start === end) return;
    const ordinals = this.#ordinals;
    for (let i = 0; i < ordinals.length; i++) {
      const slot = ordinals[i] as number;
      (to[slot] as Int32Array).fill((from[slot] as Int32Array)[row] as number, start, end);
    }
    const values = this.values;
    for (let i = 0; i < values.length; i++) {
      const slot = values[i] as number;
      const value = (from[slot] as RuntimeValue[])[row] as RuntimeValue;
      const column = to[slot] as RuntimeValue[];
      for (let at = start; at < end; at++) column[at] = value;
    }
  }

  /** Puts the given rows of a batch, which are in order, at its beginning. */
  gather(columns: Columns, rows: Int32Array, count: number): void {
    for (const slot of this.#ordinals) {
      const column = columns[slot] as Int32Array;
      for (let at = 0; at < count; at++) column[at] = column[rows[at] as number] as number;
    }
    for (const slot of this.values) {
      const column = columns[slot] as RuntimeValue[];
      for (let at = 0; at < count; at++) column[at] = column[rows[at] as number] as RuntimeValue;
    }
  }

  /** Moves one row within a batch. */
  move(columns: Columns, from: number, to: number): void {
    if (from !== to) this.row(columns, from, columns, to);
  }
}
