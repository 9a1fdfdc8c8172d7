/** Rows that an operator keeps: to sort them, to hold them back, to give them out later. */
import type { RuntimeValue } from '../values/runtime-value.ts';
import { Batch, type Columns, SlotCopy, type SlotKind } from './batch.ts';
import { HeldValues } from './held-values.ts';
import type { Run } from './run.ts';

/** Rows that are accounted for at a time. */
const ROWS_PER_ACCOUNT = 16;

export class RowStore {
  readonly #copy: SlotCopy;
  readonly #batch: Batch;
  /** What is kept of the rows, also elsewhere. */
  readonly held: HeldValues;
  /** Values that one row takes. */
  readonly #width: number;

  /**
   * @param slots that are kept
   * @param more values that are kept of each row elsewhere
   */
  constructor(run: Run, kinds: readonly SlotKind[], slots: readonly number[], more = 0) {
    this.held = new HeldValues(run);
    this.#copy = new SlotCopy(kinds, slots);
    this.#width = slots.length + 1 + more;
    this.#batch = new Batch(kinds, slots);
  }

  get size(): number {
    return this.#batch.size;
  }

  get columns(): Columns {
    return this.#batch.columns;
  }

  /** The number of the row. @throws QueryError if its values take more memory than there is */
  add(columns: Columns, row: number): number {
    const batch = this.#batch;
    if (batch.size % ROWS_PER_ACCOUNT === 0) this.held.set((batch.size + ROWS_PER_ACCOUNT) * this.#width);
    for (const slot of this.#copy.values) this.held.add((columns[slot] as RuntimeValue[])[row] as RuntimeValue);
    if (batch.size === batch.capacity) batch.reserve(batch.capacity * 2);
    this.#copy.row(columns, row, batch.columns, batch.size);
    return batch.size++;
  }

  copyTo(row: number, into: Batch): void {
    this.#copy.row(this.#batch.columns, row, into.columns, into.size);
    into.size++;
  }

  clear(): void {
    this.#batch.clear();
    this.held.begin();
  }
}
