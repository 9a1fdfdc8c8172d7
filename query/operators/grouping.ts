/** The groups of an aggregation: their dense numbers, what they are grouped by, and how many rows each has. */
import type { Batch, Columns, SlotKind } from '../execution/batch.ts';
import { RowStore } from '../execution/row-store.ts';
import type { Run } from '../execution/run.ts';
import type { PackedGroups } from '../packed/packed-groups.ts';
import { PACKED_COLUMNS } from '../parts.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { GroupNumbers } from './group-numbers.ts';
import type { CompiledItem } from './project.ts';

export class Grouping {
  readonly #slots: readonly number[];
  /** By number of the group. */
  readonly #keys: RowStore;
  #rows = new Float64Array(16);
  count = 0;
  readonly #numbers: GroupNumbers;
  /** Groups that `#numbers` knows: the first so many. */
  #numbered = 0;
  readonly #packed: PackedGroups | undefined;
  #isTaken = false;
  /** By row of the batch. */
  #groupOf = new Int32Array(0);

  constructor(run: Run, keys: readonly CompiledItem[], kinds: readonly SlotKind[]) {
    this.#slots = keys.map(({ slot }) => slot);
    this.#keys = new RowStore(run, kinds, this.#slots);
    this.#numbers = new GroupNumbers(this.#slots, kinds);
    const [key] = keys;
    const packed = PACKED_COLUMNS.ifThere;
    const isPacked = packed !== undefined && keys.length === 1 && key?.property !== undefined;
    this.#packed = isPacked ? new packed.PackedGroups(run, key.property) : undefined;
  }

  clear(): void {
    this.#keys.clear();
    this.#rows = new Float64Array(16);
    this.count = 0;
    this.#numbers.clear();
    this.#numbered = 0;
    this.#packed?.clear();
    this.#isTaken = false;
  }

  /** Whether the rows of a batch can be grouped without evaluating what they are grouped by. */
  take(batch: Batch): boolean {
    this.#isTaken = this.#packed?.take(batch) === true;
    return this.#isTaken;
  }

  /** The group of each row of a batch that was taken, or whose keys are in their slots; counts the rows. */
  add(batch: Batch): Int32Array {
    const { size, weights } = batch;
    if (this.#groupOf.length < size) this.#groupOf = new Int32Array(Math.max(size, batch.capacity));
    const groupOf = this.#groupOf;
    if (this.#isTaken) this.#addPacked(batch, this.#packed as PackedGroups);
    else this.#addByKeys(batch);
    const rows = this.#rows;
    if (weights === undefined) for (let row = 0; row < size; row++) (rows[groupOf[row] as number] as number)++;
    else for (let row = 0; row < size; row++) (rows[groupOf[row] as number] as number) += weights[row] as number;
    return groupOf;
  }

  rowsOf(group: number): number {
    return this.#rows[group] as number;
  }

  /** Puts the keys of groups from number `from` up to `to` into their slots. */
  copyKeys(from: number, to: number, into: Columns, at: number): void {
    for (const slot of this.#slots) {
      const held = this.#keys.columns[slot] as RuntimeValue[];
      const column = into[slot] as RuntimeValue[];
      for (let group = from; group < to; group++) column[at + group - from] = held[group] as RuntimeValue;
    }
  }

  #addByKeys({ columns, size }: Batch): void {
    this.#numberAll();
    for (let row = 0; row < size; row++) {
      const group = this.#numbers.of(columns, row);
      this.#groupOf[row] = group;
      if (group === this.count) this.#begin(columns, row);
    }
    this.#numbered = this.count;
  }

  #addPacked({ columns, size }: Batch, packed: PackedGroups): void {
    const [slot] = this.#slots as [number];
    for (let row = 0; row < size; row++) {
      let group = packed.groupAt(row);
      if (group < 0) {
        const value = packed.valueAt(row);
        group = this.#groupOfCode(packed, value);
        packed.learn(row, group);
        if (group === this.count) {
          (columns[slot] as RuntimeValue[])[row] = value;
          this.#begin(columns, row);
        }
      }
      this.#groupOf[row] = group;
    }
  }

  /** Of a value whose code was not met before: a new group if all groups have met codes. */
  #groupOfCode(packed: PackedGroups, value: RuntimeValue): number {
    if (packed.learned === this.count) return this.count;
    this.#numberAll();
    const group = this.#numbers.ofValue(value);
    if (group === this.#numbered) this.#numbered++;
    return group;
  }

  /** Tells `#numbers` of groups that came packed, which have one key each. */
  #numberAll(): void {
    if (this.#numbered === this.count) return;
    const held = this.#keys.columns[this.#slots[0] as number] as RuntimeValue[];
    while (this.#numbered < this.count) this.#numbers.ofValue(held[this.#numbered++] as RuntimeValue);
  }

  /** A group begins with a row. */
  #begin(columns: Columns, row: number): void {
    this.#keys.add(columns, row);
    if (this.count === this.#rows.length) {
      const grown = new Float64Array(2 * this.count);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    this.count++;
  }
}
