/** Fills slots from expressions, in the batch of its input. */
import type { Batch, Columns, SlotKind } from '../execution/batch.ts';
import { ordinalOf } from '../expressions/compile.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import type { NodeProperty } from '../expressions/node-property.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { PlanOperator } from './plan-operator.ts';

export interface CompiledItem {
  readonly slot: number;
  readonly kind: SlotKind;
  readonly evaluate: Evaluate;
  /** For slots of ordinals, without a wrapped value between. */
  readonly ordinal: ((columns: Columns, row: number) => number) | undefined;
  /** What it is, if that is a property of a node. */
  readonly property: NodeProperty | undefined;
}

/** Puts a value into a slot of any kind. */
export function store(batch: Batch, slot: number, row: number, value: RuntimeValue): void {
  const kind = batch.kinds[slot];
  if (kind === 'node' || kind === 'edge') batch.ordinals(slot)[row] = ordinalOf(value, kind);
  else (batch.columns[slot] as RuntimeValue[])[row] = value;
}

export class ProjectOperator extends PlanOperator {
  readonly #input: PlanOperator;
  readonly #items: readonly CompiledItem[];
  #batch: Batch | undefined;
  #item = 0;
  #row = 0;

  constructor(input: PlanOperator, items: readonly CompiledItem[]) {
    super();
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
      this.#item = 0;
      this.#row = 0;
    }
    const batch = this.#batch;
    const { size } = batch;
    for (; this.#item < this.#items.length; this.#item++) {
      const { slot, kind, evaluate, ordinal } = this.#items[this.#item] as CompiledItem;
      if (kind === 'value') {
        const column = batch.columns[slot] as RuntimeValue[];
        for (let row = this.#row; row < size; this.#row = ++row) column[row] = evaluate(batch.columns, row);
      } else if (ordinal !== undefined) {
        const column = batch.ordinals(slot);
        for (let row = this.#row; row < size; this.#row = ++row) column[row] = ordinal(batch.columns, row);
      }
      this.#row = 0;
    }
    this.#batch = undefined;
    return batch;
  }
}
