/** How many values one operator holds of the memory of a statement: until it begins again, as it does for each row of an outer query. */
import type { Run } from './run.ts';

export class HeldValues {
  readonly #run: Run;
  #sequence = 0;
  #count = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  /** @throws QueryError beyond the budget */
  set(count: number): void {
    this.#run.hold(count - this.#count);
    this.#count = count;
  }

  /** What was held in a run before this one no longer counts. */
  begin(): void {
    if (this.#sequence === this.#run.sequence) this.set(0);
    this.#sequence = this.#run.sequence;
    this.#count = 0;
  }
}
