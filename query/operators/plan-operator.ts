/**
 * A running operator: gives out batches until there is none. `next` is synchronous and repeatable: if it throws
 * `NotResident` or `Pause`, calling it again goes on where it was (see `Run`). So every operator moves its cursors only
 * after what can throw, and rows that it has put into its output stay there.
 */
import type { Batch, Columns } from '../execution/batch.ts';

export abstract class PlanOperator {
  /** Begins again, for a new run or another row of the plan around it. */
  abstract open(): void;
  /** The next rows, at least one; undefined at the end, also when called again. */
  abstract next(): Batch | undefined;
  /** Forgets what it holds; it is opened again before its next use. */
  clear(): void {}
}

/** The row that a plan runs for. Whoever runs it sets it before `open`. */
export class ArgumentRow {
  columns: Columns = [];
  row = 0;

  set(columns: Columns, row: number): void {
    this.columns = columns;
    this.row = row;
  }
}

/**
 * The rows of an input, one after the other, for operators that need several steps for a row.
 * `current` moves to the next row only when `advance` was called.
 */
export class InputRows {
  readonly #input: PlanOperator;
  #batch: Batch | undefined;
  row = 0;

  constructor(input: PlanOperator) {
    this.#input = input;
  }

  open(): void {
    this.#input.open();
    this.#batch = undefined;
    this.row = 0;
  }

  clear(): void {
    this.#input.clear();
    this.#batch = undefined;
  }

  /** The batch whose row `row` is at hand, or undefined at the end. May throw like `next`. */
  current(): Batch | undefined {
    if (this.#batch !== undefined && this.row < this.#batch.size) return this.#batch;
    this.#batch = undefined;
    const batch = this.#input.next();
    this.row = 0;
    this.#batch = batch;
    return batch;
  }

  advance(): void {
    this.row++;
  }
}
