/** Keeps the rows for which a condition is true, in the batch of its input. */
import type { Batch, SlotCopy } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { Test } from '../expressions/evaluate.ts';
import { PlanOperator } from './plan-operator.ts';

export class FilterOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #test: Test;
  readonly #slots: SlotCopy;
  #batch: Batch | undefined;
  #row = 0;
  #kept = 0;

  /** @param slots that are used above */
  constructor(run: Run, input: PlanOperator, test: Test, slots: SlotCopy) {
    super();
    this.#run = run;
    this.#input = input;
    this.#test = test;
    this.#slots = slots;
  }

  open(): void {
    this.#input.open();
    this.#batch = undefined;
  }

  override clear(): void {
    this.#input.clear();
    this.#batch = undefined;
  }

  next(): Batch | undefined {
    for (;;) {
      if (this.#batch === undefined) {
        this.#batch = this.#input.next();
        if (this.#batch === undefined) return undefined;
        this.#row = 0;
        this.#kept = 0;
      }
      const batch = this.#batch;
      const { columns, size } = batch;
      const test = this.#test;
      for (let row = this.#row; row < size; this.#row = ++row) {
        if (!test(columns, row)) continue;
        this.#slots.move(columns, row, this.#kept);
        this.#kept++;
      }
      const kept = this.#kept;
      this.#batch = undefined;
      batch.size = kept;
      if (kept > 0) return batch;
      this.#run.tick(size);
    }
  }
}
