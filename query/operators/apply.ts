/** Runs a plan for each row of the input and gives out its rows, which carry the row along. */
import { Batch, NULL_ORDINAL, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { type ArgumentRow, InputRows, PlanOperator } from './plan-operator.ts';

/** What becomes of a row for which the inner plan has none. */
export interface OptionalRows {
  readonly nullable: readonly number[];
  readonly kinds: readonly SlotKind[];
  readonly copies: readonly number[];
}

/** Slots of the row that rows of the inner plan lack. */
export interface RestoredSlots {
  readonly kinds: readonly SlotKind[];
  readonly slots: readonly number[];
}

export class ApplyOperator extends PlanOperator {
  readonly #input: InputRows;
  readonly #inner: PlanOperator;
  readonly #argument: ArgumentRow;
  readonly #optional: OptionalRows | undefined;
  readonly #nulls: Batch | undefined;
  readonly #restored: SlotCopy | undefined;
  readonly #restoredOrdinals: readonly number[];
  readonly #copy: SlotCopy | undefined;
  #isOpen = false;
  #hasRows = false;

  /** @param optional gives a row of nulls where the inner plan has no row */
  constructor(
    input: PlanOperator,
    inner: PlanOperator,
    {
      argument,
      optional,
      restored,
    }: {
      readonly argument: ArgumentRow;
      readonly optional: OptionalRows | undefined;
      readonly restored: RestoredSlots;
    },
  ) {
    super();
    this.#input = new InputRows(input);
    this.#inner = inner;
    this.#argument = argument;
    this.#optional = optional;
    this.#restored = restored.slots.length === 0 ? undefined : new SlotCopy(restored.kinds, restored.slots);
    this.#restoredOrdinals = restored.slots.filter((slot) => restored.kinds[slot] !== 'value');
    this.#copy = optional === undefined ? undefined : new SlotCopy(optional.kinds, optional.copies);
    this.#nulls =
      optional === undefined ? undefined : new Batch(optional.kinds, [...optional.copies, ...optional.nullable], 1);
  }

  open(): void {
    this.#input.open();
    this.#isOpen = false;
  }

  override clear(): void {
    this.#input.clear();
    this.#inner.clear();
    this.#nulls?.clear();
  }

  next(): Batch | undefined {
    for (;;) {
      const batch = this.#input.current();
      if (batch === undefined) return undefined;
      if (!this.#isOpen) {
        this.#argument.set(batch.columns, this.#input.row);
        this.#inner.open();
        this.#isOpen = true;
        this.#hasRows = false;
      }
      const found = this.#inner.next();
      if (found !== undefined) {
        this.#hasRows = true;
        if (this.#restored !== undefined) {
          for (const slot of this.#restoredOrdinals) found.ordinals(slot);
          this.#restored.fill(batch.columns, this.#input.row, found.columns, 0, found.size);
        }
        return found;
      }
      this.#isOpen = false;
      const row = this.#input.row;
      this.#input.advance();
      if (!this.#hasRows && this.#nulls !== undefined) return this.#nullRow(batch, row, this.#nulls);
    }
  }

  #nullRow(batch: Batch, row: number, nulls: Batch): Batch | undefined {
    const { nullable, kinds } = this.#optional as OptionalRows;
    nulls.begin();
    nulls.size = 1;
    this.#copy?.row(batch.columns, row, nulls.columns, 0);
    for (const slot of nullable) {
      if (kinds[slot] === 'value') (nulls.columns[slot] as RuntimeValue[])[0] = null;
      else nulls.ordinals(slot)[0] = NULL_ORDINAL;
    }
    return nulls.deliver();
  }
}
