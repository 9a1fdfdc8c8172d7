/**
 * Aggregates over groups: each running aggregate holds the states of all groups, by the group's dense number, so that a
 * grouped count is an increment in an array. Nulls are skipped by all but `count(*)`.
 */
import { Float, float } from '../../graph/value.ts';
import { FUNCTIONS, MADE_VALUES, TEMPORAL } from '../parts.ts';
import { runtimeError } from '../query-error.ts';
import { DurationValue } from '../temporal/temporal-value.ts';
import { add, isNumeric, toDouble } from '../values/arithmetic.ts';
import { compareForOrder, groupKey } from '../values/order.ts';
import { type RuntimeValue, typeName } from '../values/runtime-value.ts';

/** Numbers of some rows. */
export interface PackedValues {
  /** By row; longer than there are rows. */
  readonly numbers: Float64Array;
  readonly size: number;
  /** As in `PackedNumbers`. */
  readonly kind: 'integer' | 'float' | 'mixed';
  /** There is no more than their sum, which is exact, as is that of all rows so far. */
  readonly onlySum: boolean;
  readonly sum: number;
}

export interface RunningAggregate {
  /** @param second the second argument, evaluated for the row; only percentiles have one */
  add(group: number, value: RuntimeValue, second: RuntimeValue): void;
  /**
   * Adds a number of each row to the group that stands beside it, or all to group 0. Absent where `add` must be called for
   * each.
   */
  addPacked?(groups: Int32Array | undefined, values: PackedValues): void;
  /** Whether Integers and Floats among them need not be told apart. */
  readonly mayMix?: boolean;
  /** Whether of Integers that go to one group it reads only how many there are, and their sum. */
  readonly takesSums?: boolean;
  /** What the group has come to; also of a group to which nothing was added. */
  result(group: number): RuntimeValue;
  /** Values that are held, for the memory budget. */
  readonly held: number;
}

export interface AggregateFunction {
  readonly name: string;
  readonly arguments: 1 | 2;
  start(): RunningAggregate;
}

export function wrongType(name: string, value: RuntimeValue): Error {
  return runtimeError(
    'TypeError',
    'InvalidArgumentType',
    `${name}() does not apply to a value of type ${typeName(value)}`,
  );
}

/** A number for each group, 0 at first. */
class GroupTotals {
  #totals = new Float64Array(16);

  /** The totals, with room for all of these groups. */
  of(groups: Int32Array | undefined, size: number): Float64Array {
    if (groups === undefined) return this.#totals;
    let greatest = 0;
    for (let i = 0; i < size; i++) if ((groups[i] as number) > greatest) greatest = groups[i] as number;
    this.#reserve(greatest);
    return this.#totals;
  }

  add(group: number, value: number): void {
    this.#reserve(group);
    this.#totals[group] = (this.#totals[group] as number) + value;
  }

  at(group: number): number {
    return this.#totals[group] ?? 0;
  }

  #reserve(group: number): void {
    if (group < this.#totals.length) return;
    const grown = new Float64Array(Math.max(group + 1, 2 * this.#totals.length));
    grown.set(this.#totals);
    this.#totals = grown;
  }
}

class Count implements RunningAggregate {
  readonly held = 0;
  readonly mayMix = true;
  readonly takesSums = true;
  readonly #counts = new GroupTotals();
  add(group: number, value: RuntimeValue): void {
    if (value !== null) this.#counts.add(group, 1);
  }
  addPacked(groups: Int32Array | undefined, { size }: PackedValues): void {
    const counts = this.#counts.of(groups, size);
    if (groups === undefined) counts[0] = (counts[0] as number) + size;
    else for (let i = 0; i < size; i++) (counts[groups[i] as number] as number)++;
  }
  result(group: number): RuntimeValue {
    return this.#counts.at(group);
  }
}

class Sum implements RunningAggregate {
  readonly held = 0;
  readonly #sums: RuntimeValue[] = [];
  /** Of packed Integers, as long as a double holds the sum. */
  readonly #packed = new GroupTotals();
  add(group: number, value: RuntimeValue): void {
    if (value === null) return;
    if (!isNumeric(value) && !(value instanceof DurationValue)) throw wrongType('sum', value);
    const sum = this.#sums[group];
    this.#sums[group] = sum === undefined ? value : addUp(sum, value);
  }
  addPacked(groups: Int32Array | undefined, { numbers, size, kind }: PackedValues): void {
    if (kind === 'float') {
      for (let i = 0; i < size; i++) this.add(groups?.[i] ?? 0, float(numbers[i] as number));
      return;
    }
    const sums = this.#packed.of(groups, size);
    for (let i = 0; i < size; i++) {
      const group = groups === undefined ? 0 : (groups[i] as number);
      const sum = (sums[group] as number) + (numbers[i] as number);
      if (sum <= Number.MAX_SAFE_INTEGER && sum >= Number.MIN_SAFE_INTEGER) sums[group] = sum;
      else this.add(group, numbers[i] as number);
    }
  }
  result(group: number): RuntimeValue {
    const sum = this.#sums[group];
    const packed = this.#packed.at(group);
    return sum === undefined || packed === 0 ? (sum ?? packed) : addUp(sum, packed);
  }
}

function addUp(sum: RuntimeValue, value: RuntimeValue): RuntimeValue {
  if (sum instanceof DurationValue || value instanceof DurationValue) {
    if (!(sum instanceof DurationValue && value instanceof DurationValue)) throw wrongType('sum', value);
    return TEMPORAL.get().addDurations(sum, value, 1);
  }
  return add(sum, value);
}

class Average implements RunningAggregate {
  readonly held = 0;
  readonly mayMix = true;
  readonly takesSums = true;
  /** Of numbers. */
  readonly #sums = new GroupTotals();
  readonly #counts = new GroupTotals();
  readonly #durations: (DurationValue | undefined)[] = [];
  add(group: number, value: RuntimeValue): void {
    if (value === null) return;
    const duration = this.#durations[group];
    if (value instanceof DurationValue) {
      if (duration === undefined && this.#counts.at(group) > 0) throw wrongType('avg', value);
      this.#durations[group] = duration === undefined ? value : TEMPORAL.get().addDurations(duration, value, 1);
    } else {
      if (!isNumeric(value) || duration !== undefined) throw wrongType('avg', value);
      this.#sums.add(group, toDouble(value));
    }
    this.#counts.add(group, 1);
  }
  addPacked(groups: Int32Array | undefined, { numbers, size, onlySum, sum }: PackedValues): void {
    const sums = this.#sums.of(groups, size);
    const counts = this.#counts.of(groups, size);
    if (onlySum) {
      sums[0] = (sums[0] as number) + sum;
      counts[0] = (counts[0] as number) + size;
      return;
    }
    // One after the other, as `add` does: sums of Floats depend on the order.
    for (let i = 0; i < size; i++) {
      const group = groups === undefined ? 0 : (groups[i] as number);
      sums[group] = (sums[group] as number) + (numbers[i] as number);
      counts[group] = (counts[group] as number) + 1;
    }
  }
  result(group: number): RuntimeValue {
    const count = this.#counts.at(group);
    if (count === 0) return null;
    const duration = this.#durations[group];
    if (duration === undefined) return float(this.#sums.at(group) / count);
    if (this.#sums.at(group) !== 0) throw wrongType('avg', duration);
    return TEMPORAL.get().divideDuration(duration, count);
  }
}

/** `direction` 1 keeps the greatest in the total order, -1 the smallest. */
class Extreme implements RunningAggregate {
  readonly held = 0;
  readonly #direction: 1 | -1;
  readonly #best: RuntimeValue[] = [];
  constructor(direction: 1 | -1) {
    this.#direction = direction;
  }
  add(group: number, value: RuntimeValue): void {
    if (value === null) return;
    const best = this.#best[group];
    if (best === undefined || compareForOrder(value, best) * this.#direction > 0) this.#best[group] = value;
  }
  addPacked(groups: Int32Array | undefined, { numbers, size, kind }: PackedValues): void {
    const direction = this.#direction;
    for (let i = 0; i < size; i++) {
      const value = numbers[i] as number;
      const group = groups === undefined ? 0 : (groups[i] as number);
      const best = this.#best[group];
      const known = best instanceof Float ? best.value : best;
      // Whether it is greater decides for most without making a value of it.
      if (typeof known === 'number' && (value - known) * direction <= 0) continue;
      this.add(group, kind === 'float' ? float(value) : value);
    }
  }
  result(group: number): RuntimeValue {
    return this.#best[group] ?? null;
  }
}

class Collect implements RunningAggregate {
  held = 0;
  readonly #lists: RuntimeValue[][] = [];
  readonly #made = MADE_VALUES.ifThere;
  add(group: number, value: RuntimeValue): void {
    if (value === null) return;
    this.held += 1 + (this.#made?.takenBy(value) ?? 0);
    const list = this.#lists[group];
    if (list === undefined) this.#lists[group] = [value];
    else list.push(value);
  }
  result(group: number): RuntimeValue {
    const list = this.#lists[group] ?? [];
    // From now on whoever has the list holds it.
    this.held -= this.#made?.made(list) ?? 0;
    return list;
  }
}

/** Passes each different value of a group on once. */
export class DistinctAggregate implements RunningAggregate {
  readonly #inner: RunningAggregate;
  readonly #seen: Set<unknown>[] = [];
  #held = 0;
  constructor(inner: RunningAggregate) {
    this.#inner = inner;
  }
  get held(): number {
    return this.#held + this.#inner.held;
  }
  add(group: number, value: RuntimeValue, second: RuntimeValue): void {
    if (value === null) return;
    let seen = this.#seen[group];
    if (seen === undefined) {
      seen = new Set();
      this.#seen[group] = seen;
    }
    const key = groupKey(value);
    if (seen.has(key)) return;
    seen.add(key);
    this.#held += 1 + (MADE_VALUES.ifThere?.takenBy(key) ?? 0);
    this.#inner.add(group, value, second);
  }
  result(group: number): RuntimeValue {
    return this.#inner.result(group);
  }
}

const AGGREGATES: ReadonlyMap<string, AggregateFunction> = new Map(
  (
    [
      ['count', () => new Count()],
      ['sum', () => new Sum()],
      ['avg', () => new Average()],
      ['min', () => new Extreme(-1)],
      ['max', () => new Extreme(1)],
      ['collect', () => new Collect()],
    ] as const
  ).map(([name, start]) => [name, { name, arguments: 1, start }]),
);
/** What the names of those begin with that are a part. */
const STATISTICS = /^(stdev|variance|percentile)/;

/** @throws PartMissing */
export function findAggregate(name: string): AggregateFunction | undefined {
  const lower = name.toLowerCase();
  if (!STATISTICS.test(lower)) return AGGREGATES.get(lower);
  return FUNCTIONS.get().STATISTICS.find((each) => each.name.toLowerCase() === lower);
}

/** @throws PartMissing */
export function aggregateNames(): string[] {
  return [...AGGREGATES.values(), ...FUNCTIONS.get().STATISTICS].map(({ name }) => name).sort();
}
