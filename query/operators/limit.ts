/** Only the first rows. Below it nothing more is asked for, unless that writes: then the rest is done, too. */
import type { Batch } from '../execution/batch.ts';
import { PlanOperator } from './plan-operator.ts';

export class LimitOperator extends PlanOperator {
  readonly #input: PlanOperator;
  readonly #countOf: () => number;
  readonly #exhausts: boolean;
  #left = 0;

  /** @param exhausts whether the input is read to its end in any case */
  constructor(input: PlanOperator, countOf: () => number, exhausts: boolean) {
    super();
    this.#input = input;
    this.#countOf = countOf;
    this.#exhausts = exhausts;
  }

  open(): void {
    this.#left = this.#countOf();
    this.#input.open();
  }

  override clear(): void {
    this.#input.clear();
  }

  next(): Batch | undefined {
    if (this.#left > 0) {
      const batch = this.#input.next();
      if (batch === undefined) {
        this.#left = 0;
        return undefined;
      }
      batch.size = Math.min(batch.size, this.#left);
      this.#left -= batch.size;
      return batch;
    }
    if (this.#exhausts) while (this.#input.next() !== undefined);
    return undefined;
  }
}
