/** Keeps the rows for which a condition on whole batches is true, in the batch of its input. */
import type { Batch, SlotCopy } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import { PlanOperator } from '../operators/plan-operator.ts';
import type { Select } from './select.ts';

export class SelectOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #select: Select;
  readonly #slots: SlotCopy;
  #batch: Batch | undefined;
  #rows = new Int32Array(0);
  /** Nothing is used above but the node that the condition asks: then it is kept without a list of rows. */
  readonly #keepsOne: boolean;
  /** Changes places with the column of that node. */
  #nodes: Int32Array = new Int32Array(0);

  /** @param slots that are used above */
  constructor(run: Run, input: PlanOperator, select: Select, slots: SlotCopy) {
    super();
    this.#run = run;
    this.#input = input;
    this.#select = select;
    this.#slots = slots;
    this.#keepsOne = select.slot !== undefined && slots.isAtMost(select.slot);
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
      this.#batch ??= this.#input.next();
      const batch = this.#batch;
      if (batch === undefined) return undefined;
      const { size } = batch;
      const kept = this.#keptNodes(batch) ?? this.#keptRows(batch);
      this.#batch = undefined;
      batch.size = kept;
      if (kept > 0) return batch;
      this.#run.tick(size);
    }
  }

  #keptNodes({ columns, size }: Batch): number | undefined {
    const { slot, keptNodes } = this.#select;
    if (!this.#keepsOne || slot === undefined || keptNodes === undefined) return undefined;
    const column = columns[slot] as Int32Array;
    if (!this.#slots.isEmpty && this.#nodes.length !== column.length) this.#nodes = new Int32Array(column.length);
    const kept = keptNodes.call(this.#select, columns, size, this.#slots.isEmpty ? undefined : this.#nodes);
    if (kept < 0) return undefined;
    if (this.#slots.isEmpty) return kept;
    columns[slot] = this.#nodes;
    this.#nodes = column;
    return kept;
  }

  #keptRows({ columns, size, capacity }: Batch): number {
    if (this.#rows.length < size) this.#rows = new Int32Array(Math.max(size, capacity));
    const kept = this.#select.all(columns, size, this.#rows);
    if (kept < size) this.#slots.gather(columns, this.#rows, kept);
    return kept;
  }
}
