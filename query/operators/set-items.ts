/** Changes properties and labels for each row, one item after the other, and passes the batch on. */
import type { Batch } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import { PlanOperator } from './plan-operator.ts';
import { type CompiledSet, setItem } from './write-elements.ts';

export class SetItemsOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #items: readonly CompiledSet[];
  #batch: Batch | undefined;
  #row = 0;
  #item = 0;

  constructor(run: Run, input: PlanOperator, items: readonly CompiledSet[]) {
    super();
    this.#run = run;
    this.#input = input;
    this.#items = items;
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
      this.#item = 0;
    }
    const batch = this.#batch;
    for (; this.#row < batch.size; this.#row++, this.#item = 0) {
      for (; this.#item < this.#items.length; this.#item++) {
        setItem(this.#run, this.#items[this.#item] as CompiledSet, batch.columns, this.#row);
      }
    }
    this.#batch = undefined;
    return batch;
  }
}
