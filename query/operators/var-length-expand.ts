/** Trails of several relationships from a node, depth first: one row for each trail whose length is wanted. */
import type { EdgeBuffer } from '../../graph/query-graph.ts';
import { Batch, type Columns, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { Test } from '../expressions/evaluate.ts';
import type { VarLengthExpand } from '../plan/operator.ts';
import { RelationshipValue } from '../values/runtime-value.ts';
import { isAmong } from './expand.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';
import { TypeNames } from './type-names.ts';

/** The relationships of one node on the trail, and which of them is next. */
interface Frame extends EdgeBuffer {
  at: number;
}

export class VarLengthExpandOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #plan: VarLengthExpand;
  readonly #condition: Test | undefined;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  readonly #types: TypeNames;
  readonly #frames: Frame[] = [];
  /** Frames in use: one more than relationships on the trail, or none before the row was begun. */
  #depth = 0;
  readonly #trail: number[] = [];
  #isBegun = false;

  constructor(
    run: Run,
    input: PlanOperator,
    {
      plan,
      condition,
      kinds,
      copies,
    }: {
      readonly plan: VarLengthExpand;
      readonly condition: Test | undefined;
      readonly kinds: readonly SlotKind[];
      readonly copies: readonly number[];
    },
  ) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#plan = plan;
    this.#condition = condition;
    this.#copies = new SlotCopy(kinds, copies);
    this.#out = new Batch(kinds, [...copies, plan.to, plan.edges]);
    this.#types = new TypeNames(plan.types, run);
  }

  open(): void {
    this.#input.open();
    this.#depth = 0;
    this.#trail.length = 0;
    this.#isBegun = false;
    this.#out.clear();
  }

  override clear(): void {
    this.#input.clear();
    this.#out.clear();
    this.#frames.length = 0;
  }

  next(): Batch | undefined {
    const out = this.#out;
    out.begin();
    while (out.size < out.capacity) {
      const batch = this.#input.current();
      if (batch === undefined) break;
      if (!this.#isBegun) {
        this.#begin(batch.columns, this.#input.row);
        continue;
      }
      if (this.#depth === 0) {
        this.#isBegun = false;
        this.#input.advance();
        continue;
      }
      this.#step(batch, this.#input.row);
      this.#run.tick(1);
    }
    return out.deliver();
  }

  #begin(columns: Columns, row: number): void {
    const { from, min, max = Number.POSITIVE_INFINITY } = this.#plan;
    const node = (columns[from] as Int32Array)[row] as number;
    this.#depth = 0;
    this.#trail.length = 0;
    if (node >= 0 && max > 0) this.#push(node);
    this.#isBegun = true;
    if (node >= 0 && min === 0) this.#emit(columns, row, node);
  }

  /** Expands a node as the next frame. Throws before it changes anything that counts. */
  #push(node: number): void {
    let frame = this.#frames[this.#depth];
    if (frame === undefined) {
      frame = { edges: new Int32Array(16), neighbors: new Int32Array(16), length: 0, at: 0 };
      this.#frames[this.#depth] = frame;
    }
    frame.length = 0;
    frame.at = 0;
    this.#run.graph.expand(node, this.#plan.direction, this.#types.tokens(), frame);
    this.#depth++;
  }

  /** Follows the next relationship of the last frame, or goes back. */
  #step(batch: Batch, row: number): void {
    const { min, max = Number.POSITIVE_INFINITY, unlike, unlikeLists, condition } = this.#plan;
    const { columns } = batch;
    const frame = this.#frames[this.#depth - 1] as Frame;
    if (frame.at >= frame.length) {
      this.#depth--;
      this.#trail.pop();
      return;
    }
    const edge = frame.edges[frame.at] as number;
    const neighbor = frame.neighbors[frame.at] as number;
    if (this.#trail.includes(edge) || isAmong(edge, unlike, unlikeLists, columns, row)) {
      frame.at++;
      return;
    }
    if (condition !== undefined && this.#condition !== undefined) {
      batch.ordinals(condition.edge)[row] = edge;
      if (!this.#condition(columns, row)) {
        frame.at++;
        return;
      }
    }
    const length = this.#depth;
    const goesOn = length < max;
    if (goesOn) this.#push(neighbor);
    frame.at++;
    this.#trail.push(edge);
    if (length >= min) this.#emit(columns, row, neighbor);
    if (!goesOn) this.#trail.pop();
  }

  #emit(columns: Columns, row: number, end: number): void {
    const { to, edges, into } = this.#plan;
    if (into && (columns[to] as Int32Array)[row] !== end) return;
    const out = this.#out;
    this.#copies.row(columns, row, out.columns, out.size);
    if (!into) out.ordinals(to)[out.size] = end;
    (out.columns[edges] as unknown[])[out.size] = this.#trail.map((edge) => new RelationshipValue(edge));
    out.size++;
  }
}
