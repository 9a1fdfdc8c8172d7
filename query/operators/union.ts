/** The rows of one input after the other. */
import type { Batch } from '../execution/batch.ts';
import { PlanOperator } from './plan-operator.ts';

export class UnionOperator extends PlanOperator {
  readonly #inputs: readonly PlanOperator[];
  #at = 0;
  #isOpen = false;

  constructor(inputs: readonly PlanOperator[]) {
    super();
    this.#inputs = inputs;
  }

  open(): void {
    this.#at = 0;
    this.#isOpen = false;
  }

  override clear(): void {
    for (const input of this.#inputs) input.clear();
  }

  next(): Batch | undefined {
    for (; this.#at < this.#inputs.length; this.#at++, this.#isOpen = false) {
      const input = this.#inputs[this.#at] as PlanOperator;
      if (!this.#isOpen) {
        input.open();
        this.#isOpen = true;
      }
      const batch = input.next();
      if (batch !== undefined) return batch;
    }
    return undefined;
  }
}
