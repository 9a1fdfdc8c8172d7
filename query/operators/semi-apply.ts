/** Keeps the rows for which a plan has a row, or has none. */
import type { Batch, SlotCopy } from '../execution/batch.ts';
import { type ArgumentRow, PlanOperator } from './plan-operator.ts';

export class SemiApplyOperator extends PlanOperator {
  readonly #input: PlanOperator;
  readonly #inner: PlanOperator;
  readonly #argument: ArgumentRow;
  readonly #anti: boolean;
  readonly #slots: SlotCopy;
  #batch: Batch | undefined;
  #row = 0;
  #kept = 0;
  #isOpen = false;

  constructor(
    input: PlanOperator,
    inner: PlanOperator,
    { argument, anti, slots }: { readonly argument: ArgumentRow; readonly anti: boolean; readonly slots: SlotCopy },
  ) {
    super();
    this.#input = input;
    this.#inner = inner;
    this.#argument = argument;
    this.#anti = anti;
    this.#slots = slots;
  }

  open(): void {
    this.#input.open();
    this.#batch = undefined;
    this.#isOpen = false;
  }

  override clear(): void {
    this.#input.clear();
    this.#inner.clear();
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
      for (; this.#row < batch.size; this.#row++) {
        if (!this.#isOpen) {
          this.#argument.set(batch.columns, this.#row);
          this.#inner.open();
          this.#isOpen = true;
        }
        const has = this.#inner.next() !== undefined;
        this.#isOpen = false;
        if (has !== this.#anti) this.#slots.move(batch.columns, this.#row, this.#kept++);
      }
      this.#batch = undefined;
      batch.size = this.#kept;
      if (batch.size > 0) return batch;
    }
  }
}
