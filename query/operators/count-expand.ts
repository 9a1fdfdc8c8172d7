/**
 * Follows the relationships of a node for those who only count them: each row of the input once, with the number of rows
 * that an expansion would make of it as its weight. Mostly the graph knows that number without looking at a relationship.
 */
import type { EdgeBuffer } from '../../graph/query-graph.ts';
import { Batch, type Columns, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { Expand } from '../plan/operator.ts';
import { edgeAt, isAmong } from './expand.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';
import { TargetMarks } from './target-marks.ts';
import { TypeNames } from './type-names.ts';

export class CountExpandOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #plan: Expand;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  readonly #types: TypeNames;
  readonly #marks: TargetMarks;
  readonly #buffer: EdgeBuffer = { edges: new Int32Array(64), neighbors: new Int32Array(64), length: 0 };

  /** @param plan whose relationship and far end nobody reads, and whose relationship is not bound before */
  constructor(
    run: Run,
    input: PlanOperator,
    {
      plan,
      kinds,
      copies,
    }: { readonly plan: Expand; readonly kinds: readonly SlotKind[]; readonly copies: readonly number[] },
  ) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#plan = plan;
    this.#copies = new SlotCopy(kinds, copies);
    this.#out = new Batch(kinds, copies);
    this.#out.weights = new Int32Array(this.#out.capacity);
    this.#types = new TypeNames(plan.types, run);
    this.#marks = new TargetMarks(run, plan.direction);
  }

  open(): void {
    this.#input.open();
    this.#out.clear();
    this.#marks.reset();
  }

  override clear(): void {
    this.#input.clear();
    this.#out.clear();
    this.#marks.reset();
  }

  next(): Batch | undefined {
    const out = this.#out;
    const input = this.#input;
    const { from, to, into } = this.#plan;
    out.begin();
    let weights = out.weights as Int32Array;
    if (weights.length < out.capacity) {
      const grown = new Int32Array(out.capacity);
      grown.set(weights);
      weights = grown;
      out.weights = grown;
    }
    while (out.size < out.capacity) {
      const batch = input.current();
      if (batch === undefined) break;
      const { columns } = batch;
      if (into) {
        const begun = input.row;
        input.row = this.#marks.skip(columns[from] as Int32Array, columns[to] as Int32Array, begun, batch.size);
        this.#run.tick(input.row - begun);
        if (input.row === batch.size) continue;
      }
      const { row } = input;
      const count = this.#count(columns, row);
      if (count > 0) {
        this.#copies.row(columns, row, out.columns, out.size);
        weights[out.size++] = count;
      }
      input.advance();
      this.#run.tick(1);
    }
    return out.deliver();
  }

  #count(columns: Columns, row: number): number {
    const { from, to, into, direction, unlikeLists } = this.#plan;
    const node = (columns[from] as Int32Array)[row] as number;
    if (node < 0) return 0;
    const types = this.#types.tokens();
    if (into) {
      const target = (columns[to] as Int32Array)[row] as number;
      const among = target < 0 ? 0 : this.#marks.count(node, target, types);
      if (among === 0) return 0;
      if (among === undefined || unlikeLists.length > 0) return this.#countOneByOne(columns, row, node, target);
      return among - this.#taken(columns, row, node, target);
    }
    if (unlikeLists.length > 0) return this.#countOneByOne(columns, row, node, undefined);
    const { graph } = this.#run;
    return graph.degree(node, direction, types) - this.#taken(columns, row, node, undefined);
  }

  /** Relationships of the node that the row has already and that are therefore not followed. */
  #taken(columns: Columns, row: number, node: number, target: number | undefined): number {
    const { unlike, direction, types } = this.#plan;
    const { graph } = this.#run;
    let taken = 0;
    for (let i = 0; i < unlike.length; i++) {
      const edge = edgeAt(columns, unlike[i] as number, row);
      if (edge < 0) continue;
      const starts = graph.from(edge) === node;
      const ends = graph.to(edge) === node;
      if (!((direction !== 'in' && starts) || (direction !== 'out' && ends))) continue;
      const other = starts ? graph.to(edge) : graph.from(edge);
      if (target !== undefined && other !== target) continue;
      if (types.length > 0 && !types.includes(graph.type(edge))) continue;
      // What others deleted meanwhile is not among those that were counted.
      if (!graph.edgeExists(edge) || !graph.nodeExists(other)) continue;
      if (isRepeated(columns, unlike, i, row, edge)) continue;
      taken++;
    }
    return taken;
  }

  #countOneByOne(columns: Columns, row: number, node: number, target: number | undefined): number {
    const { direction, unlike, unlikeLists } = this.#plan;
    const buffer = this.#buffer;
    buffer.length = 0;
    this.#run.graph.expand(node, direction, this.#types.tokens(), buffer);
    let count = 0;
    for (let i = 0; i < buffer.length; i++) {
      if (target !== undefined && buffer.neighbors[i] !== target) continue;
      if (isAmong(buffer.edges[i] as number, unlike, unlikeLists, columns, row)) continue;
      count++;
    }
    return count;
  }
}

/** Whether an earlier slot holds the same relationship. */
function isRepeated(columns: Columns, slots: readonly number[], at: number, row: number, edge: number): boolean {
  for (let i = 0; i < at; i++) if (edgeAt(columns, slots[i] as number, row) === edge) return true;
  return false;
}
