/**
 * Groups rows by keys and computes aggregates for each group. Groups have dense numbers; what a row adds is evaluated
 * completely before anything is added, so that a row that throws can be repeated.
 */
import { Batch, type Column, type SlotKind } from '../execution/batch.ts';
import { RowStore } from '../execution/row-store.ts';
import type { Run } from '../execution/run.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import { type AggregateFunction, DistinctAggregate, type RunningAggregate } from '../functions/aggregates.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { type RowKey, rowKey } from './group-keys.ts';
import { PlanOperator } from './plan-operator.ts';
import { type CompiledItem, store } from './project.ts';

export interface CompiledAggregate {
  readonly slot: number;
  /** Undefined counts rows. */
  readonly function: AggregateFunction | undefined;
  readonly distinct: boolean;
  readonly arguments: readonly Evaluate[];
  /** The argument is this slot of ordinals, and the aggregate counts different ones. */
  readonly distinctSlot: number | undefined;
}

export class AggregateOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #keys: readonly CompiledItem[];
  readonly #aggregates: readonly CompiledAggregate[];
  readonly #keyOf: (columns: Batch['columns'], row: number) => RowKey;
  readonly #out: Batch;
  readonly #groups: RowStore;
  #groupOf = new Map<RowKey, number>();
  #running: RunningAggregate[] = [];
  #rowCounts: number[] = [];
  #groupCount = 0;
  #lastKey: RowKey | undefined;
  #lastGroup = 0;
  /** Indexes of aggregates that are more than a count of rows. */
  readonly #computed: readonly number[];
  #batch: Batch | undefined;
  #row = 0;
  #isRead = false;
  #at = 0;
  #held = 0;
  readonly #values: RuntimeValue[] = [];
  readonly #seconds: RuntimeValue[] = [];
  readonly #seen = new SeenOrdinals();
  /** No keys, and nothing but `count(*)`: batches count as a whole. */
  readonly #onlyCounts: boolean;
  /** No keys, and one `count(DISTINCT node)`. */
  readonly #distinctSlot: number | undefined;

  constructor(
    run: Run,
    input: PlanOperator,
    {
      keys,
      aggregates,
      kinds,
    }: {
      readonly keys: readonly CompiledItem[];
      readonly aggregates: readonly CompiledAggregate[];
      readonly kinds: readonly SlotKind[];
    },
  ) {
    super();
    this.#run = run;
    this.#input = input;
    this.#keys = keys;
    this.#aggregates = aggregates;
    const slots = keys.map(({ slot }) => slot);
    this.#keyOf = rowKey(slots, kinds);
    this.#groups = new RowStore(kinds, slots);
    this.#out = new Batch(kinds, [...slots, ...aggregates.map(({ slot }) => slot)]);
    this.#computed = aggregates.flatMap((each, i) => (each.function === undefined ? [] : [i]));
    this.#onlyCounts = keys.length === 0 && aggregates.every((each) => each.function === undefined);
    const [only] = aggregates;
    this.#distinctSlot = keys.length === 0 && aggregates.length === 1 ? only?.distinctSlot : undefined;
  }

  open(): void {
    this.#input.open();
    this.#forget();
    this.#running = this.#aggregates.map((aggregate) => {
      const started = aggregate.function?.start() ?? NOTHING;
      return aggregate.distinct ? new DistinctAggregate(started) : started;
    });
    if (this.#distinctSlot !== undefined) this.#seen.begin(this.#run.graph.nodeCapacity);
  }

  override clear(): void {
    this.#input.clear();
    this.#forget();
  }

  #forget(): void {
    if (this.#groupOf.size > 0) this.#groupOf = new Map();
    this.#groups.clear();
    this.#out.clear();
    this.#running = [];
    this.#rowCounts = [];
    this.#groupCount = 0;
    this.#lastKey = undefined;
    this.#batch = undefined;
    this.#row = 0;
    this.#isRead = false;
    this.#at = 0;
    this.#held = 0;
  }

  next(): Batch | undefined {
    while (!this.#isRead) this.#readBatch();
    const out = this.#out;
    out.begin();
    // Without keys there is one group, also of no rows.
    const groups = this.#keys.length === 0 ? 1 : this.#groupCount;
    while (this.#at < groups && out.size < out.capacity) this.#emit(this.#at++);
    return out.deliver();
  }

  #emit(group: number): void {
    const out = this.#out;
    for (const { slot } of this.#keys) {
      (out.columns[slot] as RuntimeValue[])[out.size] = (this.#groups.columns[slot] as RuntimeValue[])[
        group
      ] as RuntimeValue;
    }
    for (let i = 0; i < this.#aggregates.length; i++) {
      const { slot, function: called } = this.#aggregates[i] as CompiledAggregate;
      const value =
        called === undefined || this.#distinctSlot !== undefined
          ? (this.#rowCounts[group] ?? 0)
          : (this.#running[i] as RunningAggregate).result(group);
      store(out, slot, out.size, value);
    }
    out.size++;
  }

  #readBatch(): void {
    if (this.#batch === undefined) {
      this.#batch = this.#input.next();
      this.#row = 0;
      if (this.#batch === undefined) {
        this.#isRead = true;
        return;
      }
    }
    const batch = this.#batch;
    if (this.#onlyCounts) this.#rowCounts[0] = (this.#rowCounts[0] ?? 0) + batch.size;
    else if (this.#distinctSlot !== undefined) {
      const column = batch.columns[this.#distinctSlot] as Int32Array;
      this.#rowCounts[0] = (this.#rowCounts[0] ?? 0) + this.#seen.add(column, batch.size);
    } else {
      for (; this.#row < batch.size; this.#row++) this.#addRow(batch, this.#row);
    }
    this.#batch = undefined;
    this.#accountHeld();
    this.#run.tick(batch.size);
  }

  #accountHeld(): void {
    let held = this.#groupCount * (this.#groups.width + this.#aggregates.length);
    for (const running of this.#running) held += running.held;
    const more = held - this.#held;
    this.#held = held;
    this.#run.hold(more);
  }

  #addRow(batch: Batch, row: number): void {
    const { columns } = batch;
    for (const { slot, evaluate, ordinal } of this.#keys) {
      if (ordinal !== undefined) batch.ordinals(slot)[row] = ordinal(columns, row);
      else store(batch, slot, row, evaluate(columns, row));
    }
    for (const i of this.#computed) {
      const args = (this.#aggregates[i] as CompiledAggregate).arguments;
      this.#values[i] = args[0]?.(columns, row) ?? null;
      if (args.length > 1) this.#seconds[i] = args[1]?.(columns, row) ?? null;
    }
    const group = this.#groupAt(columns, row);
    this.#rowCounts[group] = (this.#rowCounts[group] ?? 0) + 1;
    for (const i of this.#computed) {
      this.#running[i]?.add(group, this.#values[i] as RuntimeValue, this.#seconds[i] as RuntimeValue);
    }
  }

  #groupAt(columns: Column[], row: number): number {
    if (this.#keys.length === 0) return 0;
    const key = this.#keyOf(columns, row);
    // Rows that were expanded from one row come one after the other.
    if (key === this.#lastKey) return this.#lastGroup;
    let group = this.#groupOf.get(key);
    if (group === undefined) {
      group = this.#groups.add(columns, row);
      this.#groupOf.set(key, group);
      this.#groupCount++;
    }
    this.#lastKey = key;
    this.#lastGroup = group;
    return group;
  }
}

/** In the place of an aggregate that only counts rows. */
const NOTHING: RunningAggregate = { add: () => undefined, result: () => null, held: 0 };

/** A set of ordinals: a stamp for each in an array that is kept from run to run, so that emptying it costs nothing. */
class SeenOrdinals {
  #stamps = new Uint32Array(0);
  #stamp = 0;
  /** Instead, where ordinals are too large for an array. */
  #large: Set<number> | undefined;

  begin(capacity: number): void {
    this.#stamp++;
    if (capacity > ARRAY_MAX) {
      this.#large = new Set();
      return;
    }
    this.#large = undefined;
    if (capacity > this.#stamps.length) this.#stamps = new Uint32Array(capacity + (capacity >> 2) + 16);
  }

  /** How many of them were not in it yet. Negative ones stand for null and do not count. */
  add(column: Int32Array, size: number): number {
    let added = 0;
    const stamps = this.#stamps;
    const stamp = this.#stamp;
    for (let row = 0; row < size; row++) {
      const ordinal = column[row] as number;
      if (ordinal < 0) continue;
      if (this.#large !== undefined || ordinal >= stamps.length) {
        this.#large ??= new Set();
        if (this.#large.has(ordinal)) continue;
        this.#large.add(ordinal);
        added++;
      } else if (stamps[ordinal] !== stamp) {
        stamps[ordinal] = stamp;
        added++;
      }
    }
    return added;
  }
}

/** Ordinals up to which a stamp each is kept. */
const ARRAY_MAX = 2 ** 27;
