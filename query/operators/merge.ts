/**
 * Finds a pattern or makes it, for each row. All matches of a row are read before any is written to, because what is
 * written could change what is still to be found.
 */
import { Batch, SlotCopy, type SlotKind } from '../execution/batch.ts';
import { RowStore } from '../execution/row-store.ts';
import type { Run } from '../execution/run.ts';
import { type ArgumentRow, InputRows, PlanOperator } from './plan-operator.ts';
import { type CompiledElement, type CompiledSet, createElement, setItem } from './write-elements.ts';

export interface MergeOptions {
  readonly argument: ArgumentRow;
  readonly elements: readonly CompiledElement[];
  readonly onMatch: readonly CompiledSet[];
  readonly onCreate: readonly CompiledSet[];
  readonly kinds: readonly SlotKind[];
  /** Slots of the input that creating a row takes over. */
  readonly copies: readonly number[];
  /** All slots that are used above or by the items. */
  readonly slots: readonly number[];
}

export class MergeOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #inner: PlanOperator;
  readonly #options: MergeOptions;
  readonly #out: Batch;
  readonly #copyIn: SlotCopy;
  readonly #copyOut: SlotCopy;
  readonly #matches: RowStore;
  readonly #made: Batch;
  #stage: 'find' | 'match' | 'create' = 'find';
  #isOpen = false;
  /** Row of the matches, or element; then item of SET. */
  #step = 0;
  #item = 0;

  constructor(run: Run, input: PlanOperator, inner: PlanOperator, options: MergeOptions) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#inner = inner;
    this.#options = options;
    const { kinds, slots } = options;
    this.#out = new Batch(kinds, slots);
    this.#copyIn = new SlotCopy(kinds, options.copies);
    this.#copyOut = new SlotCopy(kinds, slots);
    this.#matches = new RowStore(run, kinds, slots);
    this.#made = new Batch(kinds, slots, 1);
  }

  open(): void {
    this.#input.open();
    this.#out.clear();
    this.#beginRow();
  }

  override clear(): void {
    this.#input.clear();
    this.#inner.clear();
    this.#out.clear();
    this.#matches.clear();
    this.#made.clear();
  }

  #beginRow(): void {
    this.#matches.clear();
    this.#stage = 'find';
    this.#isOpen = false;
    this.#step = 0;
    this.#item = 0;
  }

  next(): Batch | undefined {
    const out = this.#out;
    out.begin();
    while (out.size < out.capacity) {
      const batch = this.#input.current();
      if (batch === undefined) break;
      if (this.#stage === 'find') this.#find(batch);
      if (this.#stage === 'match' && !this.#emitMatches()) break;
      if (this.#stage === 'create') this.#create(batch);
      this.#beginRow();
      this.#input.advance();
    }
    return out.deliver();
  }

  #find(batch: Batch): void {
    if (!this.#isOpen) {
      this.#options.argument.set(batch.columns, this.#input.row);
      this.#inner.open();
      this.#isOpen = true;
    }
    for (;;) {
      const found = this.#inner.next();
      if (found === undefined) break;
      for (let row = 0; row < found.size; row++) this.#matches.add(found.columns, row);
    }
    this.#stage = this.#matches.size > 0 ? 'match' : 'create';
  }

  /** False if there is no more room. */
  #emitMatches(): boolean {
    const { onMatch } = this.#options;
    const out = this.#out;
    for (; this.#step < this.#matches.size; this.#step++, this.#item = 0) {
      if (out.size === out.capacity) return false;
      for (; this.#item < onMatch.length; this.#item++) {
        setItem(this.#run, onMatch[this.#item] as CompiledSet, this.#matches.columns, this.#step);
      }
      this.#matches.copyTo(this.#step, out);
    }
    return true;
  }

  #create(batch: Batch): void {
    const { elements, onCreate } = this.#options;
    const made = this.#made;
    if (this.#step === 0) this.#copyIn.row(batch.columns, this.#input.row, made.columns, 0);
    made.size = 1;
    for (; this.#step < elements.length; this.#step++) {
      createElement(this.#run, elements[this.#step] as CompiledElement, made, 0, 'refuse');
    }
    for (; this.#item < onCreate.length; this.#item++) {
      setItem(this.#run, onCreate[this.#item] as CompiledSet, made.columns, 0);
    }
    this.#copyOut.row(made.columns, 0, this.#out.columns, this.#out.size);
    this.#out.size++;
  }
}
