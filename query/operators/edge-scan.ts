/** Relationships with their ends from a cursor of the graph, once for each row of the input. */
import type { Direction } from '../../graph/model.ts';
import type { OrdinalCursor } from '../../graph/query-graph.ts';
import { Batch, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';
import type { OpenCursor } from './scan.ts';

export interface EdgeScanOptions {
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  /** `both`: each also the other way round, unless it is a loop. */
  readonly direction: Direction;
  readonly openCursor: OpenCursor;
  readonly kinds: readonly SlotKind[];
  readonly copies: readonly number[];
}

export class EdgeScanOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #options: EdgeScanOptions;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  #cursor: OrdinalCursor | undefined;
  readonly #found = new Int32Array(256);
  #count = 0;
  #at = 0;
  /** Whether the relationship at hand was given out in its own direction. */
  #isTurned = false;

  constructor(run: Run, input: PlanOperator, options: EdgeScanOptions) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#options = options;
    this.#copies = new SlotCopy(options.kinds, options.copies);
    this.#out = new Batch(options.kinds, [...options.copies, options.edge, options.from, options.to]);
  }

  open(): void {
    this.#input.open();
    this.#cursor = undefined;
    this.#count = 0;
    this.#at = 0;
    this.#isTurned = false;
    this.#out.clear();
  }

  override clear(): void {
    this.#input.clear();
    this.#cursor = undefined;
    this.#out.clear();
  }

  next(): Batch | undefined {
    const out = this.#out;
    out.begin();
    while (out.size < out.capacity) {
      const batch = this.#input.current();
      if (batch === undefined) break;
      if (this.#cursor === undefined) this.#cursor = this.#options.openCursor(batch.columns, this.#input.row);
      if (this.#at >= this.#count) {
        const count = this.#cursor?.next(this.#found, 0, this.#found.length) ?? 0;
        this.#count = count;
        this.#at = 0;
        if (count === 0) {
          this.#cursor = undefined;
          this.#input.advance();
          continue;
        }
      }
      this.#emit(batch);
      this.#run.tick(1);
    }
    return out.deliver();
  }

  #emit(batch: Batch): void {
    const { edge: edgeSlot, from: fromSlot, to: toSlot, direction } = this.#options;
    const out = this.#out;
    const edge = this.#found[this.#at] as number;
    const from = this.#run.graph.from(edge);
    const to = this.#run.graph.to(edge);
    const isForward = direction === 'out' || (direction === 'both' && !this.#isTurned);
    this.#copies.row(batch.columns, this.#input.row, out.columns, out.size);
    out.ordinals(edgeSlot)[out.size] = edge;
    out.ordinals(fromSlot)[out.size] = isForward ? from : to;
    out.ordinals(toSlot)[out.size] = isForward ? to : from;
    out.size++;
    if (direction === 'both' && !this.#isTurned && from !== to) {
      this.#isTurned = true;
    } else {
      this.#isTurned = false;
      this.#at++;
    }
  }
}
