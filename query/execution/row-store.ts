/** Rows that an operator keeps: to sort them, to hold them back, to give them out later. */
import type { RuntimeValue } from '../values/runtime-value.ts';
import { Batch, type Columns, SlotCopy, type SlotKind } from './batch.ts';

export class RowStore {
  readonly #copy: SlotCopy;
  /** Values that one row takes. */
  readonly width: number;
  readonly #batch: Batch;

  /** @param slots that are kept */
  constructor(kinds: readonly SlotKind[], slots: readonly number[]) {
    this.#copy = new SlotCopy(kinds, slots);
    this.width = slots.length + 1;
    this.#batch = new Batch(kinds, slots);
  }

  get size(): number {
    return this.#batch.size;
  }

  get columns(): Columns {
    return this.#batch.columns;
  }

  /** The number of the row. */
  add(columns: Columns, row: number): number {
    const batch = this.#batch;
    if (batch.size === batch.capacity) batch.reserve(batch.capacity * 2);
    this.#copy.row(columns, row, batch.columns, batch.size);
    return batch.size++;
  }

  /** Puts a row in the place of another. */
  replace(at: number, columns: Columns, row: number): void {
    this.#copy.row(columns, row, this.#batch.columns, at);
  }

  copyTo(row: number, into: Batch): void {
    this.#copy.row(this.#batch.columns, row, into.columns, into.size);
    into.size++;
  }

  set(slot: number, row: number, value: RuntimeValue): void {
    (this.#batch.columns[slot] as RuntimeValue[])[row] = value;
  }

  clear(): void {
    this.#batch.clear();
  }
}
