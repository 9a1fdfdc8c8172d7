/** The first row of each different content of some slots, in the batch of its input. */
import type { Batch, SlotCopy, SlotKind } from '../execution/batch.ts';
import { HeldValues } from '../execution/held-values.ts';
import type { Run } from '../execution/run.ts';
import { type RowKey, rowKey } from './group-keys.ts';
import { PlanOperator } from './plan-operator.ts';

export class DistinctOperator extends PlanOperator {
  readonly #held: HeldValues;
  readonly #input: PlanOperator;
  readonly #keyOf: (columns: Batch['columns'], row: number) => RowKey;
  readonly #slots: SlotCopy;
  #seen = new Set<RowKey>();

  /** @param slots that are used above; `by` are among them */
  constructor(
    run: Run,
    input: PlanOperator,
    {
      by,
      kinds,
      slots,
    }: { readonly by: readonly number[]; readonly kinds: readonly SlotKind[]; readonly slots: SlotCopy },
  ) {
    super();
    this.#held = new HeldValues(run);
    this.#input = input;
    this.#keyOf = rowKey(by, kinds);
    this.#slots = slots;
  }

  open(): void {
    this.#input.open();
    this.#held.begin();
    if (this.#seen.size > 0) this.#seen = new Set();
  }

  override clear(): void {
    this.#input.clear();
    this.#seen = new Set();
  }

  next(): Batch | undefined {
    for (;;) {
      const batch = this.#input.next();
      if (batch === undefined) return undefined;
      let kept = 0;
      for (let row = 0; row < batch.size; row++) {
        const key = this.#keyOf(batch.columns, row);
        if (this.#seen.has(key)) continue;
        this.#seen.add(key);
        this.#held.add(key);
        this.#slots.move(batch.columns, row, kept++);
      }
      this.#held.set(this.#seen.size);
      batch.size = kept;
      if (kept > 0) return batch;
    }
  }
}
