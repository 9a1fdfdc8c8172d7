/** How many values one operator or expression holds of the memory of a statement: until it begins again, as it does for each row of an outer query. */
import { MADE_VALUES } from '../parts.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import type { LargeValues } from './made-values.ts';
import type { Run } from './run.ts';

export class HeldValues {
  readonly #run: Run;
  readonly #large: LargeValues | undefined;
  #sequence = 0;
  #count = 0;

  constructor(run: Run) {
    this.#run = run;
    this.#large = MADE_VALUES.ifThere && new MADE_VALUES.ifThere.LargeValues(run);
  }

  /** @throws QueryError beyond the budget */
  set(count: number): void {
    this.#run.hold(count - this.#count);
    this.#count = count;
  }

  /** A value is among them, which may be large by itself. @throws QueryError beyond the budget */
  add(value: RuntimeValue): void {
    this.#large?.add(value);
  }

  /** What was held in a run before this one no longer counts. */
  begin(): void {
    if (this.#sequence === this.#run.sequence) this.set(0);
    this.#sequence = this.#run.sequence;
    this.#count = 0;
    this.#large?.begin();
  }
}
