/** Dense numbers of groups: rows have one number exactly if some slots hold the same. The next new group has the next one. */
import type { Columns, SlotKind } from '../execution/batch.ts';
import { groupKey } from '../values/order.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { type RowKey, rowKey } from './group-keys.ts';

export class GroupNumbers {
  readonly #keyOf: (columns: Columns, row: number) => RowKey;
  /** The slot of values by which alone is grouped; -1 for other keys. */
  readonly #valueSlot: number;
  #byKey = new Map<RowKey, number>();
  /** Groups of text by the text itself, which is cheaper than making a key of it. */
  #byText = new Map<string, number>();
  #count = 0;
  #lastText: string | undefined;
  #lastTextNumber = 0;
  #lastKey: RowKey | undefined;
  #lastKeyNumber = 0;

  constructor(slots: readonly number[], kinds: readonly SlotKind[]) {
    const [first] = slots;
    this.#keyOf = rowKey(slots, kinds);
    this.#valueSlot = first !== undefined && slots.length === 1 && kinds[first] === 'value' ? first : -1;
  }

  of(columns: Columns, row: number): number {
    if (this.#valueSlot < 0) return this.#ofKey(this.#keyOf(columns, row));
    return this.ofValue((columns[this.#valueSlot] as RuntimeValue[])[row] as RuntimeValue);
  }

  /** The same where one value is what is grouped by. */
  ofValue(value: RuntimeValue): number {
    if (typeof value !== 'string') return this.#ofKey(groupKey(value));
    if (value === this.#lastText) return this.#lastTextNumber;
    let number = this.#byText.get(value);
    if (number === undefined) {
      number = this.#count++;
      this.#byText.set(value, number);
    }
    this.#lastText = value;
    this.#lastTextNumber = number;
    return number;
  }

  /** Rows that were expanded from one row come one after the other. */
  #ofKey(key: RowKey): number {
    if (key === this.#lastKey) return this.#lastKeyNumber;
    let number = this.#byKey.get(key);
    if (number === undefined) {
      number = this.#count++;
      this.#byKey.set(key, number);
    }
    this.#lastKey = key;
    this.#lastKeyNumber = number;
    return number;
  }

  clear(): void {
    if (this.#byKey.size > 0) this.#byKey = new Map();
    if (this.#byText.size > 0) this.#byText = new Map();
    this.#count = 0;
    this.#lastText = undefined;
    this.#lastKey = undefined;
  }
}
