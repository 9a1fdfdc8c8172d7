/** Rows that an operator keeps: to sort them, to hold them back, to give them out later. */
import type { RuntimeValue } from '../values/runtime-value.ts';
import { Batch, type Columns, copyRow, type SlotKind } from './batch.ts';

export class RowStore {
  readonly #slots: readonly number[];
  readonly #batch: Batch;

  /** @param slots that are kept */
  constructor(kinds: readonly SlotKind[], slots: readonly number[]) {
    this.#slots = slots;
    this.#batch = new Batch(kinds, slots);
  }

  get size(): number {
    return this.#batch.size;
  }

  /** Values that one row takes. */
  get width(): number {
    return this.#slots.length + 1;
  }

  get columns(): Columns {
    return this.#batch.columns;
  }

  /** The number of the row. */
  add(columns: Columns, row: number): number {
    const batch = this.#batch;
    if (batch.size === batch.capacity) batch.reserve(batch.capacity * 2);
    copyRow(this.#slots, columns, row, batch.columns, batch.size);
    return batch.size++;
  }

  /** Puts a row in the place of another. */
  replace(at: number, columns: Columns, row: number): void {
    copyRow(this.#slots, columns, row, this.#batch.columns, at);
  }

  copyTo(row: number, into: Batch): void {
    copyRow(this.#slots, this.#batch.columns, row, into.columns, into.size);
    into.size++;
  }

  set(slot: number, row: number, value: RuntimeValue): void {
    (this.#batch.columns[slot] as RuntimeValue[])[row] = value;
  }

  clear(): void {
    this.#batch.clear();
  }
}
