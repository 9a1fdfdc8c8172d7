/** Aggregates of statistics: deviations and percentiles. */
import { type Float, float } from '../../graph/value.ts';
import { runtimeError } from '../query-error.ts';
import { isNumeric, toDouble } from '../values/arithmetic.ts';
import { compareForOrder } from '../values/order.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { type AggregateFunction, type RunningAggregate, wrongType } from './aggregates.ts';

/** Welford's algorithm: one pass, no cancellation. Source: Knuth, TAOCP 2, 4.2.2. */
class Deviation implements RunningAggregate {
  readonly held = 0;
  readonly #name: string;
  /** Subtracted from the number of values: 1 for a sample, 0 for all there are. */
  readonly #less: 0 | 1;
  readonly #variance: boolean;
  readonly #counts: number[] = [];
  readonly #means: number[] = [];
  readonly #squares: number[] = [];
  constructor(name: string, less: 0 | 1, variance = false) {
    this.#name = name;
    this.#less = less;
    this.#variance = variance;
  }
  add(group: number, value: RuntimeValue): void {
    if (value === null) return;
    if (!isNumeric(value)) throw wrongType(this.#name, value);
    const x = toDouble(value);
    const count = (this.#counts[group] ?? 0) + 1;
    const before = this.#means[group] ?? 0;
    const mean = before + (x - before) / count;
    this.#counts[group] = count;
    this.#means[group] = mean;
    this.#squares[group] = (this.#squares[group] ?? 0) + (x - before) * (x - mean);
  }
  result(group: number): RuntimeValue {
    const count = (this.#counts[group] ?? 0) - this.#less;
    const variance = count <= 0 ? 0 : (this.#squares[group] as number) / count;
    return float(this.#variance ? variance : Math.sqrt(variance));
  }
}

class Percentile implements RunningAggregate {
  held = 0;
  readonly #name: string;
  readonly #continuous: boolean;
  readonly #values: (number | bigint | Float)[][] = [];
  readonly #percentile: number[] = [];
  constructor(name: string, continuous: boolean) {
    this.#name = name;
    this.#continuous = continuous;
  }
  add(group: number, value: RuntimeValue, percentile: RuntimeValue): void {
    if (!isNumeric(percentile)) throw wrongType(this.#name, percentile);
    const at = toDouble(percentile);
    if (!(at >= 0 && at <= 1)) {
      throw runtimeError(
        'ArgumentError',
        'NumberOutOfRange',
        `${this.#name}(): the percentile lies between 0.0 and 1.0`,
      );
    }
    this.#percentile[group] ??= at;
    if (value === null) return;
    if (!isNumeric(value)) throw wrongType(this.#name, value);
    this.held++;
    const values = this.#values[group];
    if (values === undefined) this.#values[group] = [value];
    else values.push(value);
  }
  result(group: number): RuntimeValue {
    const values = this.#values[group];
    if (values === undefined) return null;
    const sorted = values.sort(compareForOrder);
    const at = this.#percentile[group] as number;
    if (!this.#continuous) {
      return sorted[Math.max(0, Math.ceil(at * sorted.length) - 1)] as RuntimeValue;
    }
    const position = at * (sorted.length - 1);
    const low = Math.floor(position);
    const from = toDouble(sorted[low] as number);
    const to = toDouble(sorted[Math.min(low + 1, sorted.length - 1)] as number);
    return float(from + (to - from) * (position - low));
  }
}

export const STATISTICS: readonly AggregateFunction[] = [
  { name: 'stDev', arguments: 1, start: () => new Deviation('stDev', 1) },
  { name: 'stDevP', arguments: 1, start: () => new Deviation('stDevP', 0) },
  { name: 'variance', arguments: 1, start: () => new Deviation('variance', 1, true) },
  { name: 'varianceP', arguments: 1, start: () => new Deviation('varianceP', 0, true) },
  { name: 'percentileCont', arguments: 2, start: () => new Percentile('percentileCont', true) },
  { name: 'percentileDisc', arguments: 2, start: () => new Percentile('percentileDisc', false) },
];
