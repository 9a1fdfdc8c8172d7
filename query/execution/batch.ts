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

export class Batch {
  readonly kinds: readonly SlotKind[];
  readonly columns: Columns;
  /** Rows that there is room for. */
  capacity: number;
  size = 0;

  constructor(kinds: readonly SlotKind[], capacity = FIRST_ROWS) {
    this.kinds = kinds;
    this.capacity = capacity;
    this.columns = kinds.map((kind) => (kind === 'value' ? [] : new Int32Array(capacity)));
  }

  /** Empties the batch; one that was full before gets more room, up to `BATCH_ROWS`. */
  reset(): void {
    if (this.size >= this.capacity && this.capacity < BATCH_ROWS) this.grow(this.capacity * 4);
    this.size = 0;
  }

  grow(rows: number): void {
    const capacity = Math.max(rows, this.capacity);
    for (let slot = 0; slot < this.columns.length; slot++) {
      const column = this.columns[slot];
      if (column instanceof Int32Array && column.length < capacity) {
        const grown = new Int32Array(capacity);
        grown.set(column);
        this.columns[slot] = grown;
      }
    }
    this.capacity = capacity;
  }
}

/** Copies one row of some slots. */
export function copyRow(slots: readonly number[], from: Columns, row: number, to: Columns, at: number): void {
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number;
    (to[slot] as RuntimeValue[])[at] = (from[slot] as RuntimeValue[])[row] as RuntimeValue;
  }
}
