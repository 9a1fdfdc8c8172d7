/** Reads all of its input before it gives out the first row. */
import { Batch, type SlotKind } from '../execution/batch.ts';
import { RowStore } from '../execution/row-store.ts';
import type { Run } from '../execution/run.ts';
import { PlanOperator } from './plan-operator.ts';

export class EagerOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #rows: RowStore;
  readonly #out: Batch;
  #isRead = false;
  #at = 0;

  constructor(run: Run, input: PlanOperator, kinds: readonly SlotKind[], slots: readonly number[]) {
    super();
    this.#run = run;
    this.#input = input;
    this.#rows = new RowStore(run, kinds, slots);
    this.#out = new Batch(kinds, slots);
  }

  open(): void {
    this.#input.open();
    this.#rows.clear();
    this.#out.clear();
    this.#isRead = false;
    this.#at = 0;
  }

  override clear(): void {
    this.#input.clear();
    this.#rows.clear();
    this.#out.clear();
  }

  next(): Batch | undefined {
    while (!this.#isRead) {
      const batch = this.#input.next();
      if (batch === undefined) this.#isRead = true;
      else {
        for (let row = 0; row < batch.size; row++) this.#rows.add(batch.columns, row);
        this.#run.tick(batch.size);
      }
    }
    const out = this.#out;
    out.begin();
    while (this.#at < this.#rows.size && out.size < out.capacity) this.#rows.copyTo(this.#at++, out);
    return out.deliver();
  }
}
