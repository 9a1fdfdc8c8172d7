/** Makes nodes and relationships for each row, in the batch of its input. */
import type { Batch } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import { PlanOperator } from './plan-operator.ts';
import { type CompiledElement, createElement } from './write-elements.ts';

export class CreateOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #elements: readonly CompiledElement[];
  #batch: Batch | undefined;
  #row = 0;
  #element = 0;

  constructor(run: Run, input: PlanOperator, elements: readonly CompiledElement[]) {
    super();
    this.#run = run;
    this.#input = input;
    this.#elements = elements;
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
    if (this.#batch === undefined) {
      this.#batch = this.#input.next();
      if (this.#batch === undefined) return undefined;
      this.#row = 0;
      this.#element = 0;
    }
    const batch = this.#batch;
    for (; this.#row < batch.size; this.#row++, this.#element = 0) {
      for (; this.#element < this.#elements.length; this.#element++) {
        createElement(this.#run, this.#elements[this.#element] as CompiledElement, batch, this.#row, 'drop');
      }
    }
    this.#batch = undefined;
    return batch;
  }
}
