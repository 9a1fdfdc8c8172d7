/**
 * Sorts all rows by some expressions; rows that compare equal keep their order. With a limit only the first rows are
 * kept: whenever twice as many have come together, the later half is dropped.
 */
import { Batch, type SlotKind } from '../execution/batch.ts';
import { RowStore } from '../execution/row-store.ts';
import type { Run } from '../execution/run.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import { compareForOrder } from '../values/order.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { PlanOperator } from './plan-operator.ts';

export interface SortKey {
  readonly evaluate: Evaluate;
  readonly descending: boolean;
}

/** Rows beyond a limit that are kept before the surplus is dropped. */
const SURPLUS_ROWS = 1024;

export class SortOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #by: readonly SortKey[];
  readonly #limitOf: (() => number) | undefined;
  readonly #out: Batch;
  #rows: RowStore;
  #spare: RowStore;
  /** Values of each key by row of `#rows`. */
  #keys: RuntimeValue[][];
  #limit = Number.POSITIVE_INFINITY;
  #batch: Batch | undefined;
  #row = 0;
  #order: number[] | undefined;
  #at = 0;
  /** Greatest row that can still be among the first, once there are enough. */
  #bound: readonly RuntimeValue[] | undefined;
  readonly #candidate: RuntimeValue[] = [];

  constructor(
    run: Run,
    input: PlanOperator,
    {
      by,
      limitOf,
      kinds,
      slots,
    }: {
      readonly by: readonly SortKey[];
      readonly limitOf: (() => number) | undefined;
      readonly kinds: readonly SlotKind[];
      readonly slots: readonly number[];
    },
  ) {
    super();
    this.#run = run;
    this.#input = input;
    this.#by = by;
    this.#limitOf = limitOf;
    this.#rows = new RowStore(run, kinds, slots, by.length);
    this.#spare = new RowStore(run, kinds, slots, by.length);
    this.#keys = by.map(() => []);
    this.#out = new Batch(kinds, slots);
  }

  open(): void {
    this.#input.open();
    this.#forget();
    this.#limit = this.#limitOf?.() ?? Number.POSITIVE_INFINITY;
  }

  override clear(): void {
    this.#input.clear();
    this.#forget();
  }

  #forget(): void {
    this.#rows.clear();
    this.#spare.clear();
    this.#out.clear();
    this.#keys = this.#by.map(() => []);
    this.#batch = undefined;
    this.#row = 0;
    this.#order = undefined;
    this.#at = 0;
    this.#bound = undefined;
  }

  next(): Batch | undefined {
    while (this.#order === undefined) this.#readBatch();
    const out = this.#out;
    out.begin();
    const end = Math.min(this.#order.length, this.#limit);
    while (this.#at < end && out.size < out.capacity) this.#rows.copyTo(this.#order[this.#at++] as number, out);
    return out.deliver();
  }

  #readBatch(): void {
    if (this.#batch === undefined) {
      this.#batch = this.#input.next();
      this.#row = 0;
      if (this.#batch === undefined) {
        this.#order = this.#sorted();
        return;
      }
    }
    const batch = this.#batch;
    for (; this.#row < batch.size; this.#row++) this.#addRow(batch, this.#row);
    this.#batch = undefined;
    if (this.#rows.size >= 2 * this.#limit + SURPLUS_ROWS) this.#dropSurplus();
    this.#run.tick(batch.size);
  }

  #addRow(batch: Batch, row: number): void {
    if (this.#limit === 0) return;
    const bound = this.#bound;
    // Until a key tells the row from the bound: 0, and -1 from then on.
    let order = 0;
    for (let i = 0; i < this.#by.length; i++) {
      const { evaluate, descending } = this.#by[i] as SortKey;
      const value = evaluate(batch.columns, row);
      this.#candidate[i] = value;
      if (bound === undefined || order < 0) continue;
      order = compareForOrder(value, bound[i] as RuntimeValue) * (descending ? -1 : 1);
      if (order > 0) return;
    }
    if (bound !== undefined && order === 0) return;
    const at = this.#rows.add(batch.columns, row);
    for (let i = 0; i < this.#by.length; i++) {
      const value = this.#candidate[i] as RuntimeValue;
      this.#rows.held.add(value);
      (this.#keys[i] as RuntimeValue[])[at] = value;
    }
  }

  #sorted(): number[] {
    const order: number[] = [];
    for (let i = 0; i < this.#rows.size; i++) order.push(i);
    const keys = this.#keys;
    const signs = this.#by.map(({ descending }) => (descending ? -1 : 1));
    return order.sort((a, b) => {
      for (let i = 0; i < keys.length; i++) {
        const values = keys[i] as RuntimeValue[];
        const found = compareForOrder(values[a] as RuntimeValue, values[b] as RuntimeValue);
        if (found !== 0) return found * (signs[i] as number);
      }
      return a - b;
    });
  }

  #dropSurplus(): void {
    const order = this.#sorted().slice(0, this.#limit);
    const keys = this.#by.map((): RuntimeValue[] => []);
    for (const row of order) {
      const at = this.#spare.add(this.#rows.columns, row);
      for (let i = 0; i < keys.length; i++) {
        (keys[i] as RuntimeValue[])[at] = (this.#keys[i] as RuntimeValue[])[row] as RuntimeValue;
      }
    }
    this.#rows.clear();
    [this.#rows, this.#spare] = [this.#spare, this.#rows];
    this.#keys = keys;
    const last = order.length - 1;
    this.#bound = keys.map((values) => values[last] as RuntimeValue);
  }
}
