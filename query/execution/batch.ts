/**
 * Rows as columns. A slot holds a node or a relationship as its ordinal, -1 for null, or any value; which, the plan says.
 * A batch belongs to the operator that filled it and is valid until that operator is asked for the next one; whoever
 * reads it may change it in place.
 */
import type { RuntimeValue } from '../values/runtime-value.ts';

/** Rows of a full batch: large enough that calls between operators cost nothing, small enough to stay in the cache. */
export const BATCH_ROWS = 1024;
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
  #isDelivered = false;

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
    if (this.size >= this.capacity && this.capacity < BATCH_ROWS) this.reserve(this.capacity * 4);
    this.size = 0;
  }

  /** The batch, to be handed out; undefined if it is empty. */
  deliver(): Batch | undefined {
    if (this.size === 0) return undefined;
    this.#isDelivered = true;
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

/** Copies one row of some slots. The target has columns for them. */
export function copyRow(slots: readonly number[], from: Columns, row: number, to: Columns, at: number): void {
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number;
    (to[slot] as RuntimeValue[])[at] = (from[slot] as RuntimeValue[])[row] as RuntimeValue;
  }
}

/** Moves one row within a batch. */
export function moveRow(columns: Columns, slots: readonly number[], from: number, to: number): void {
  if (from !== to) copyRow(slots, columns, from, columns, to);
}
