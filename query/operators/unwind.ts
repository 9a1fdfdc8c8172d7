/** One row for each item of a list. */
import { Batch, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import { isList, type RuntimeValue } from '../values/runtime-value.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';
import { store } from './project.ts';

export class UnwindOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #list: Evaluate;
  readonly #slot: number;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  #items: readonly RuntimeValue[] | undefined;
  #at = 0;

  constructor(
    run: Run,
    input: PlanOperator,
    {
      list,
      slot,
      kinds,
      copies,
    }: {
      readonly list: Evaluate;
      readonly slot: number;
      readonly kinds: readonly SlotKind[];
      readonly copies: readonly number[];
    },
  ) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#list = list;
    this.#slot = slot;
    this.#copies = new SlotCopy(kinds, copies);
    this.#out = new Batch(kinds, [...copies, slot]);
  }

  open(): void {
    this.#input.open();
    this.#items = undefined;
    this.#out.clear();
  }

  override clear(): void {
    this.#input.clear();
    this.#items = undefined;
    this.#out.clear();
  }

  next(): Batch | undefined {
    const out = this.#out;
    out.begin();
    while (out.size < out.capacity) {
      const batch = this.#input.current();
      if (batch === undefined) break;
      if (this.#items === undefined) {
        const value = this.#list(batch.columns, this.#input.row);
        this.#items = value === null ? [] : isList(value) ? value : [value];
        this.#at = 0;
      }
      const items = this.#items;
      const end = Math.min(items.length, this.#at + out.capacity - out.size);
      const rows = end - this.#at;
      this.#copies.fill(batch.columns, this.#input.row, out.columns, out.size, out.size + rows);
      for (let at = this.#at; at < end; at++) {
        store(out, this.#slot, out.size, items[at] as RuntimeValue);
        out.size++;
        this.#at = at + 1;
      }
      if (this.#at < items.length) break;
      this.#items = undefined;
      this.#input.advance();
      this.#run.tick(items.length);
    }
    return out.deliver();
  }
}
