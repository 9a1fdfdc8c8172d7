/**
 * Groups rows by keys and computes aggregates for each group. Groups have dense numbers. A batch goes through column by
 * column: first all that must be evaluated, which may throw and goes on where it was, then what it adds, which may not.
 */
import { Batch, type SlotKind } from '../execution/batch.ts';
import { HeldValues } from '../execution/held-values.ts';
import type { Run } from '../execution/run.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import type { NodeProperty } from '../expressions/node-property.ts';
import { type AggregateFunction, DistinctAggregate, type RunningAggregate } from '../functions/aggregates.ts';
import type { PackedInput } from '../packed/packed-input.ts';
import { PACKED_COLUMNS } from '../parts.ts';
import { isList, type RuntimeValue } from '../values/runtime-value.ts';
import { Grouping } from './grouping.ts';
import { PlanOperator } from './plan-operator.ts';
import { type CompiledItem, store } from './project.ts';

export interface CompiledAggregate {
  readonly slot: number;
  /** Undefined counts rows. */
  readonly function: AggregateFunction | undefined;
  readonly distinct: boolean;
  readonly arguments: readonly Evaluate[];
  /** What its one argument is, if that is a property of a node. */
  readonly property: NodeProperty | undefined;
  /** The argument is this slot of ordinals, and the aggregate counts different ones. */
  readonly distinctSlot: number | undefined;
}

export class AggregateOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: PlanOperator;
  readonly #keys: readonly CompiledItem[];
  readonly #aggregates: readonly CompiledAggregate[];
  readonly #out: Batch;
  readonly #groups: Grouping;
  #running: RunningAggregate[] = [];
  /** Without keys: how many rows there are, or different ones of what is counted. */
  #rows = 0;
  /** Indexes of aggregates that are more than a count of rows. */
  readonly #computed: readonly number[];
  #batch: Batch | undefined;
  /** What is evaluated for the batch at hand: keys first, then the arguments of aggregates. */
  readonly #evaluations: readonly Evaluation[];
  #evaluation = 0;
  #row = 0;
  #isRead = false;
  #at = 0;
  readonly #held: HeldValues;
  readonly #values: RuntimeValue[][];
  readonly #seconds: RuntimeValue[][];
  /** By aggregate: its argument where that may come packed, and whether it did for the batch at hand. */
  readonly #packed: readonly (PackedInput | undefined)[];
  readonly #isTaken: boolean[] = [];
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
    this.#groups = new Grouping(run, keys, kinds);
    this.#held = new HeldValues(run);
    this.#out = new Batch(kinds, [...slots, ...aggregates.map(({ slot }) => slot)]);
    this.#computed = aggregates.flatMap((each, i) => (each.function === undefined ? [] : [i]));
    this.#onlyCounts = keys.length === 0 && aggregates.every((each) => each.function === undefined);
    this.#values = aggregates.map(() => []);
    this.#seconds = aggregates.map(() => []);
    const packed = PACKED_COLUMNS.ifThere;
    this.#packed = aggregates.map(({ property }) => property && packed && new packed.PackedInput(run, property));
    this.#evaluations = [
      ...keys.map((key) => ({ key, evaluate: key.evaluate, into: undefined, aggregate: -1 })),
      ...aggregates.flatMap(({ function: called, arguments: given }, i) =>
        called === undefined
          ? []
          : given.map((evaluate, at) => ({
              key: undefined,
              evaluate,
              into: (at === 0 ? this.#values[i] : this.#seconds[i]) as RuntimeValue[],
              aggregate: i,
            })),
      ),
    ];
    const [only] = aggregates;
    this.#distinctSlot = keys.length === 0 && aggregates.length === 1 ? only?.distinctSlot : undefined;
  }

  open(): void {
    this.#input.open();
    this.#held.begin();
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
    for (const values of [...this.#values, ...this.#seconds]) if (values.length > 0) values.length = 0;
    this.#groups.clear();
    this.#out.clear();
    this.#running = [];
    this.#rows = 0;
    this.#evaluation = 0;
    this.#batch = undefined;
    this.#row = 0;
    this.#isRead = false;
    this.#at = 0;
  }

  next(): Batch | undefined {
    while (!this.#isRead) this.#readBatch();
    const out = this.#out;
    out.begin();
    // Without keys there is one group, also of no rows.
    const groups = this.#keys.length === 0 ? 1 : this.#groups.count;
    const end = Math.min(groups, this.#at + out.capacity - out.size);
    if (this.#at < end) this.#emit(this.#at, end);
    this.#at = end;
    return out.deliver();
  }

  /** Groups up to `end`. */
  #emit(from: number, end: number): void {
    const out = this.#out;
    this.#groups.copyKeys(from, end, out.columns, out.size);
    for (let i = 0; i < this.#aggregates.length; i++) {
      const { slot, function: called } = this.#aggregates[i] as CompiledAggregate;
      const counts = called === undefined || this.#distinctSlot !== undefined;
      for (let group = from; group < end; group++) {
        const value = counts ? this.#rowsOf(group) : (this.#running[i] as RunningAggregate).result(group);
        store(out, slot, out.size + group - from, value);
        if (!isList(value)) continue;
        // The aggregate has let go of it.
        this.#accountHeld();
        this.#held.add(value);
      }
    }
    out.size += end - from;
  }

  #rowsOf(group: number): number {
    return this.#keys.length === 0 ? this.#rows : this.#groups.rowsOf(group);
  }

  #readBatch(): void {
    if (this.#batch === undefined) {
      this.#batch = this.#input.next();
      this.#evaluation = 0;
      this.#row = 0;
      if (this.#batch === undefined) {
        this.#isRead = true;
        return;
      }
    }
    const batch = this.#batch;
    if (this.#onlyCounts) this.#rows += rowsOf(batch);
    else if (this.#distinctSlot !== undefined) {
      const column = batch.columns[this.#distinctSlot] as Int32Array;
      this.#rows += this.#seen.add(column, batch.size);
    } else {
      this.#evaluate(batch);
      this.#addRows(batch);
    }
    this.#batch = undefined;
    this.#accountHeld();
    this.#run.tick(batch.size);
  }

  #accountHeld(): void {
    let held = this.#groups.count * this.#aggregates.length;
    for (const running of this.#running) held += running.held;
    this.#held.set(held);
  }

  /** Goes on where it threw. */
  #evaluate(batch: Batch): void {
    const { size } = batch;
    for (; this.#evaluation < this.#evaluations.length; this.#evaluation++) {
      const { key, evaluate, into, aggregate } = this.#evaluations[this.#evaluation] as Evaluation;
      const { columns } = batch;
      if (this.#row === 0 && this.#takePacked(batch, aggregate)) continue;
      if (key?.ordinal !== undefined) {
        const ordinals = batch.ordinals(key.slot);
        for (let row = this.#row; row < size; this.#row = ++row) ordinals[row] = key.ordinal(columns, row);
      } else {
        const values = into ?? (columns[(key as CompiledItem).slot] as RuntimeValue[]);
        for (let row = this.#row; row < size; this.#row = ++row) values[row] = evaluate(columns, row);
      }
      this.#row = 0;
    }
  }

  /** Whether what is evaluated next, for the keys (-1) or an aggregate, is there without being evaluated. */
  #takePacked(batch: Batch, aggregate: number): boolean {
    if (aggregate < 0) return this.#groups.take(batch);
    const { addPacked, mayMix = false, takesSums = false } = this.#running[aggregate] as RunningAggregate;
    const sumAfter = takesSums && this.#keys.length === 0 ? this.#rows : undefined;
    const isTaken = addPacked !== undefined && this.#packed[aggregate]?.take(batch, { mayMix, sumAfter }) === true;
    this.#isTaken[aggregate] = isTaken;
    return isTaken;
  }

  #addRows(batch: Batch): void {
    const { size } = batch;
    const groups = this.#keys.length === 0 ? undefined : this.#groups.add(batch);
    if (groups === undefined) this.#rows += rowsOf(batch);
    for (const i of this.#computed) {
      const running = this.#running[i] as RunningAggregate;
      if (this.#isTaken[i] === true) {
        running.addPacked?.(groups, this.#packed[i] as PackedInput);
        continue;
      }
      const values = this.#values[i] as RuntimeValue[];
      const seconds = this.#seconds[i] as RuntimeValue[];
      for (let row = 0; row < size; row++) {
        running.add(
          groups === undefined ? 0 : (groups[row] as number),
          values[row] as RuntimeValue,
          seconds[row] as RuntimeValue,
        );
      }
    }
  }
}

/** Something that is evaluated for each row of a batch: a key, into its slot, or an argument. */
interface Evaluation {
  readonly key: CompiledItem | undefined;
  readonly evaluate: Evaluate;
  readonly into: RuntimeValue[] | undefined;
  /** The aggregate whose argument it is; -1 for a key. */
  readonly aggregate: number;
}

/** The rows that a batch stands for. */
function rowsOf({ size, weights }: Batch): number {
  if (weights === undefined) return size;
  let rows = 0;
  for (let row = 0; row < size; row++) rows += weights[row] as number;
  return rows;
}

/** In the place of an aggregate that only counts rows. */
const NOTHING: RunningAggregate = { add: () => undefined, result: () => null, held: 0 };

/** A set of ordinals: a stamp for each in an array that is kept from run to run, so that emptying it costs nothing. */
class SeenOrdinals {
  #stamps = new Uint32Array(0);
  #stamp = 0;
  /** Those beyond the array: too large for it, or given since it was made. */
  #large: Set<number> | undefined;

  begin(capacity: number): void {
    this.#stamp++;
    this.#large = undefined;
    if (capacity > ARRAY_MAX || capacity <= this.#stamps.length) return;
    this.#stamps = new Uint32Array(capacity + (capacity >> 2) + 16);
  }

  /** How many of them were not in it yet. Negative ones stand for null and do not count. */
  add(column: Int32Array, size: number): number {
    let added = 0;
    const stamps = this.#stamps;
    const stamp = this.#stamp;
    for (let row = 0; row < size; row++) {
      const ordinal = column[row] as number;
      if (ordinal < 0) continue;
      if (ordinal >= stamps.length) {
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
