/** Looks at all elements of some scans, and then has rows. It goes on where it was after `NotResident`. */
import type { OrdinalCursor } from '../../graph/query-graph.ts';
import type { Run } from '../execution/run.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';

const SEEN_AT_ONCE = 1024;

export type Row = readonly RuntimeValue[];

export interface Scan {
  readonly cursor: OrdinalCursor;
  readonly see: (element: number) => void;
}

export class Survey implements IterableIterator<Row> {
  readonly #run: Run;
  readonly #scans: Scan[];
  readonly #rows: () => readonly Row[];
  readonly #ordinals = new Int32Array(SEEN_AT_ONCE);
  #found: Iterator<Row> | undefined;

  /** @param rows asked once, after everything was seen */
  constructor(run: Run, scans: readonly Scan[], rows: () => readonly Row[]) {
    this.#run = run;
    this.#scans = [...scans];
    this.#rows = rows;
  }

  /** @throws NotResident, and may be called again then */
  next(): IteratorResult<Row> {
    this.#found ??= this.#survey();
    return this.#found.next();
  }

  #survey(): Iterator<Row> {
    for (let scan = this.#scans[0]; scan !== undefined; scan = this.#scans[0]) {
      const count = scan.cursor.next(this.#ordinals, 0, SEEN_AT_ONCE);
      if (count === 0) this.#scans.shift();
      for (let i = 0; i < count; i++) scan.see(this.#ordinals[i] as number);
      this.#run.tick(count);
    }
    return this.#rows()[Symbol.iterator]();
  }

  [Symbol.iterator](): this {
    return this;
  }
}
