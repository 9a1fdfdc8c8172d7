/** Leaves out the first rows. */
import type { Batch, SlotCopy } from '../execution/batch.ts';
import { PlanOperator } from './plan-operator.ts';

export class SkipOperator extends PlanOperator {
  readonly #input: PlanOperator;
  readonly #countOf: () => number;
  readonly #slots: SlotCopy;
  #left = 0;

  constructor(input: PlanOperator, countOf: () => number, slots: SlotCopy) {
    super();
    this.#input = input;
    this.#countOf = countOf;
    this.#slots = slots;
  }

  open(): void {
    this.#left = this.#countOf();
    this.#input.open();
  }

  override clear(): void {
    this.#input.clear();
  }

  next(): Batch | undefined {
    for (;;) {
      const batch = this.#input.next();
      if (batch === undefined) return undefined;
      if (this.#left >= batch.size) {
        this.#left -= batch.size;
        continue;
      }
      const skipped = this.#left;
      this.#left = 0;
      if (skipped > 0) {
        for (let row = skipped; row < batch.size; row++) this.#slots.move(batch.columns, row, row - skipped);
        batch.size -= skipped;
      }
      return batch;
    }
  }
}
