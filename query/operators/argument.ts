/** The leaf of every plan: one row, that of the plan around it. */
import { Batch, SlotCopy, type SlotKind } from '../execution/batch.ts';
import { type ArgumentRow, PlanOperator } from './plan-operator.ts';

export class ArgumentOperator extends PlanOperator {
  readonly #source: ArgumentRow;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  #isDone = false;

  constructor(source: ArgumentRow, kinds: readonly SlotKind[], copies: readonly number[]) {
    super();
    this.#source = source;
    this.#copies = new SlotCopy(kinds, copies);
    this.#out = new Batch(kinds, copies, 1);
  }

  open(): void {
    this.#isDone = false;
  }

  next(): Batch | undefined {
    if (this.#isDone) return undefined;
    this.#isDone = true;
    this.#out.begin();
    this.#out.size = 0;
    this.#copies.row(this.#source.columns, this.#source.row, this.#out.columns, 0);
    this.#out.size = 1;
    return this.#out.deliver();
  }

  override clear(): void {
    this.#out.clear();
  }
}
