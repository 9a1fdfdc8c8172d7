/** Runs a plan that writes for each item of a list, for each row, and passes the batch on. */
import type { Batch } from '../execution/batch.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import { runtimeError } from '../query-error.ts';
import { isList, type RuntimeValue, typeName } from '../values/runtime-value.ts';
import { type ArgumentRow, PlanOperator } from './plan-operator.ts';
import { store } from './project.ts';

export class ForeachOperator extends PlanOperator {
  readonly #input: PlanOperator;
  readonly #inner: PlanOperator;
  readonly #argument: ArgumentRow;
  readonly #list: Evaluate;
  readonly #slot: number;
  #batch: Batch | undefined;
  #row = 0;
  #items: readonly RuntimeValue[] | undefined;
  #at = 0;
  #isOpen = false;

  constructor(
    input: PlanOperator,
    inner: PlanOperator,
    { argument, list, slot }: { readonly argument: ArgumentRow; readonly list: Evaluate; readonly slot: number },
  ) {
    super();
    this.#input = input;
    this.#inner = inner;
    this.#argument = argument;
    this.#list = list;
    this.#slot = slot;
  }

  open(): void {
    this.#input.open();
    this.#batch = undefined;
    this.#items = undefined;
    this.#isOpen = false;
  }

  override clear(): void {
    this.#input.clear();
    this.#inner.clear();
    this.#batch = undefined;
    this.#items = undefined;
  }

  next(): Batch | undefined {
    if (this.#batch === undefined) {
      this.#batch = this.#input.next();
      if (this.#batch === undefined) return undefined;
      this.#row = 0;
    }
    const batch = this.#batch;
    for (; this.#row < batch.size; this.#row++) {
      if (this.#items === undefined) {
        this.#items = itemsOf(this.#list(batch.columns, this.#row));
        this.#at = 0;
      }
      for (; this.#at < this.#items.length; this.#at++) {
        if (!this.#isOpen) {
          store(batch, this.#slot, this.#row, this.#items[this.#at] as RuntimeValue);
          this.#argument.set(batch.columns, this.#row);
          this.#inner.open();
          this.#isOpen = true;
        }
        while (this.#inner.next() !== undefined);
        this.#isOpen = false;
      }
      this.#items = undefined;
    }
    this.#batch = undefined;
    return batch;
  }
}

function itemsOf(value: RuntimeValue): readonly RuntimeValue[] {
  if (value === null) return [];
  if (isList(value)) return value;
  throw runtimeError(
    'TypeError',
    'InvalidArgumentType',
    `FOREACH takes a list, not a value of type ${typeName(value)}`,
  );
}
