/** Counts the rows and the time of an operator, its inputs included, for PROFILE. */

import { PlanOperator } from '../operators/plan-operator.ts';
import type { Batch } from './batch.ts';
import type { Run } from './run.ts';

export interface ProfileEntry {
  rows: number;
  /** Time of the operator and all below it, in milliseconds. */
  timeMs: number;
}

export class ProfiledOperator extends PlanOperator {
  readonly #inner: PlanOperator;
  readonly #entry: ProfileEntry;
  readonly #run: Run;

  constructor(inner: PlanOperator, entry: ProfileEntry, run: Run) {
    super();
    this.#inner = inner;
    this.#entry = entry;
    this.#run = run;
  }

  open(): void {
    this.#inner.open();
  }

  override clear(): void {
    this.#inner.clear();
  }

  next(): Batch | undefined {
    const start = this.#run.monotonicMs();
    try {
      const batch = this.#inner.next();
      this.#entry.rows += batch?.size ?? 0;
      return batch;
    } finally {
      this.#entry.timeMs += this.#run.monotonicMs() - start;
    }
  }
}
