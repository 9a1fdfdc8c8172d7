/** Nodes from a cursor of the graph (a scan, a seek, a list of ids), once for each row of the input. */
import type { OrdinalCursor } from '../../graph/query-graph.ts';
import { Batch, type Columns, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';

/** Undefined if there is nothing for the row. May throw as expressions do. */
export type OpenCursor = (columns: Columns, row: number) => OrdinalCursor | undefined;

export class ScanOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #slot: number;
  readonly #openCursor: OpenCursor;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  #cursor: OrdinalCursor | undefined;

  constructor(
    run: Run,
    input: PlanOperator,
    {
      slot,
      openCursor,
      kinds,
      copies,
    }: {
      readonly slot: number;
      readonly openCursor: OpenCursor;
      readonly kinds: readonly SlotKind[];
      readonly copies: readonly number[];
    },
  ) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#slot = slot;
    this.#openCursor = openCursor;
    this.#copies = new SlotCopy(kinds, copies);
    this.#out = new Batch(kinds, [...copies, slot]);
  }

  open(): void {
    this.#input.open();
    this.#cursor = undefined;
    this.#out.clear();
  }

  override clear(): void {
    this.#input.clear();
    this.#cursor = undefined;
    this.#out.clear();
  }

  next(): Batch | undefined {
    const out = this.#out;
    const input = this.#input;
    out.begin();
    while (out.size < out.capacity) {
      const batch = input.current();
      if (batch === undefined) break;
      if (this.#cursor === undefined) this.#cursor = this.#openCursor(batch.columns, input.row);
      const start = out.size;
      const count = this.#cursor?.next(out.ordinals(this.#slot), start, out.capacity - start) ?? 0;
      if (count === 0) {
        this.#cursor = undefined;
        input.advance();
        continue;
      }
      this.#copies.fill(batch.columns, input.row, out.columns, start, start + count);
      out.size = start + count;
      this.#run.tick(count);
    }
    return out.deliver();
  }
}
