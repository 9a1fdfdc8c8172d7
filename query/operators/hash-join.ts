/** Joins the rows of two inputs that agree in all keys: the right one is read into memory, the left one passes by. */
import { Batch, type Columns, SlotCopy, type SlotKind } from '../execution/batch.ts';
import { RowStore } from '../execution/row-store.ts';
import type { Run } from '../execution/run.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import { groupKey } from '../values/order.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';

export interface HashJoinOptions {
  readonly leftKeys: readonly Evaluate[];
  readonly rightKeys: readonly Evaluate[];
  readonly kinds: readonly SlotKind[];
  readonly leftSlots: readonly number[];
  /** Those that only the right input has. */
  readonly rightSlots: readonly number[];
}

export class HashJoinOperator extends PlanOperator {
  readonly #run: Run;
  readonly #left: InputRows;
  readonly #right: PlanOperator;
  readonly #options: HashJoinOptions;
  readonly #rows: RowStore;
  readonly #leftCopy: SlotCopy;
  readonly #rightCopy: SlotCopy;
  readonly #out: Batch;
  #byKey = new Map<string, number[]>();
  #batch: Batch | undefined;
  #row = 0;
  #isBuilt = false;
  #matches: readonly number[] | undefined;
  #at = 0;

  constructor(run: Run, left: PlanOperator, right: PlanOperator, options: HashJoinOptions) {
    super();
    this.#run = run;
    this.#left = new InputRows(left);
    this.#right = right;
    this.#options = options;
    this.#leftCopy = new SlotCopy(options.kinds, options.leftSlots);
    this.#rightCopy = new SlotCopy(options.kinds, options.rightSlots);
    this.#rows = new RowStore(run, options.kinds, options.rightSlots);
    this.#out = new Batch(options.kinds, [...options.leftSlots, ...options.rightSlots]);
  }

  open(): void {
    this.#left.open();
    this.#right.open();
    this.#forget();
  }

  override clear(): void {
    this.#left.clear();
    this.#right.clear();
    this.#forget();
  }

  #forget(): void {
    this.#rows.clear();
    this.#out.clear();
    this.#byKey = new Map();
    this.#batch = undefined;
    this.#isBuilt = false;
    this.#matches = undefined;
  }

  #build(): void {
    for (;;) {
      if (this.#batch === undefined) {
        this.#batch = this.#right.next();
        this.#row = 0;
        if (this.#batch === undefined) {
          this.#isBuilt = true;
          return;
        }
      }
      const batch = this.#batch;
      for (; this.#row < batch.size; this.#row++) {
        const key = keyOf(this.#options.rightKeys, batch.columns, this.#row);
        if (key === undefined) continue;
        const at = this.#rows.add(batch.columns, this.#row);
        const list = this.#byKey.get(key);
        if (list === undefined) this.#byKey.set(key, [at]);
        else list.push(at);
      }
      this.#batch = undefined;
      this.#run.tick(batch.size);
    }
  }

  next(): Batch | undefined {
    if (!this.#isBuilt) this.#build();
    const { leftKeys } = this.#options;
    const out = this.#out;
    out.begin();
    while (out.size < out.capacity) {
      const batch = this.#left.current();
      if (batch === undefined) break;
      if (this.#matches === undefined) {
        const key = keyOf(leftKeys, batch.columns, this.#left.row);
        this.#matches = key === undefined ? [] : (this.#byKey.get(key) ?? []);
        this.#at = 0;
      }
      while (this.#at < this.#matches.length && out.size < out.capacity) {
        this.#leftCopy.row(batch.columns, this.#left.row, out.columns, out.size);
        this.#rightCopy.row(this.#rows.columns, this.#matches[this.#at++] as number, out.columns, out.size);
        out.size++;
      }
      if (this.#at < this.#matches.length) break;
      this.#matches = undefined;
      this.#left.advance();
      this.#run.tick(1);
    }
    return out.deliver();
  }
}

/** Undefined if a key is null: it agrees with nothing. */
function keyOf(keys: readonly Evaluate[], columns: Columns, row: number): string | undefined {
  let text = '';
  for (const key of keys) {
    const value = key(columns, row);
    if (value === null || (typeof value === 'number' && Number.isNaN(value))) return undefined;
    const part = groupKey(value);
    text += typeof part === 'string' ? `${part.length}:${part}` : `#${part};`;
  }
  return text;
}
