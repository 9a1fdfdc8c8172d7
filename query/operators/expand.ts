/** Follows the relationships of a node: one row for each. */
import type { EdgeBuffer } from '../../graph/query-graph.ts';
import { Batch, type Columns, SlotCopy, type SlotKind } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { Expand } from '../plan/operator.ts';
import { RelationshipValue, type RuntimeValue } from '../values/runtime-value.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';
import { TargetMarks } from './target-marks.ts';
import { TypeNames } from './type-names.ts';

export class ExpandOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #plan: Expand;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  readonly #types: TypeNames;
  readonly #marks: TargetMarks;
  readonly #buffer: EdgeBuffer = { edges: new Int32Array(64), neighbors: new Int32Array(64), length: 0 };
  /** Position in the buffer; -1 while the row at hand is not expanded. */
  #at = -1;
  readonly #keepsEdge: boolean;

  constructor(
    run: Run,
    input: PlanOperator,
    {
      plan,
      kinds,
      copies,
      needed,
    }: {
      readonly plan: Expand;
      readonly kinds: readonly SlotKind[];
      readonly copies: readonly number[];
      readonly needed: ReadonlySet<number>;
    },
  ) {
    super();
    this.#run = run;
    this.#input = new InputRows(input);
    this.#plan = plan;
    this.#copies = new SlotCopy(kinds, copies);
    this.#keepsEdge = needed.has(plan.edge) && !plan.bound;
    this.#out = new Batch(kinds, [...copies, plan.to, ...(this.#keepsEdge ? [plan.edge] : [])]);
    this.#types = new TypeNames(plan.types, run);
    this.#marks = new TargetMarks(run, plan.direction);
  }

  open(): void {
    this.#input.open();
    this.#at = -1;
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
    out.begin();
    while (out.size < out.capacity) {
      const batch = input.current();
      if (batch === undefined) break;
      if (this.#at < 0) {
        this.#fill(batch.columns, input.row);
        this.#at = 0;
        this.#run.tick(1 + this.#buffer.length);
      }
      this.#emit(batch.columns, input.row);
      if (this.#at < this.#buffer.length) break;
      this.#at = -1;
      input.advance();
    }
    return out.deliver();
  }

  /** Expands the row into the buffer. */
  #fill(columns: Columns, row: number): void {
    const { from, to, edge, direction, into, bound } = this.#plan;
    const buffer = this.#buffer;
    buffer.length = 0;
    const node = (columns[from] as Int32Array)[row] as number;
    if (node < 0) return;
    if (bound) {
      this.#fillBound(node, (columns[edge] as Int32Array)[row] as number);
      return;
    }
    const types = this.#types.tokens();
    if (into && this.#marks.count(node, (columns[to] as Int32Array)[row] as number, types) === 0) return;
    this.#run.graph.expand(node, direction, types, buffer);
  }

  #fillBound(node: number, edge: number): void {
    const { direction, types } = this.#plan;
    const { graph } = this.#run;
    if (edge < 0 || !graph.edgeExists(edge)) return;
    if (types.length > 0 && !types.includes(graph.type(edge))) return;
    const buffer = this.#buffer;
    const add = (neighbor: number) => {
      buffer.edges[buffer.length] = edge;
      buffer.neighbors[buffer.length++] = neighbor;
    };
    const from = graph.from(edge);
    const to = graph.to(edge);
    if (direction !== 'in' && from === node) add(to);
    if (direction !== 'out' && to === node && !(direction === 'both' && from === to)) add(from);
  }

  /** Puts out what there is room for. */
  #emit(columns: Columns, row: number): void {
    const { to, edge: edgeSlot, into, unlike, unlikeLists } = this.#plan;
    const out = this.#out;
    const { edges, neighbors, length } = this.#buffer;
    const outTo = into ? undefined : out.ordinals(to);
    const outEdge = this.#keepsEdge ? out.ordinals(edgeSlot) : undefined;
    const start = out.size;
    let size = start;
    let at = this.#at;
    if (!into && unlike.length + unlikeLists.length === 0) {
      const count = Math.min(length - at, out.capacity - size);
      outTo?.set(neighbors.subarray(at, at + count), size);
      outEdge?.set(edges.subarray(at, at + count), size);
      at += count;
      size += count;
    } else {
      const { capacity } = out;
      const target = into ? ((columns[to] as Int32Array)[row] as number) : -1;
      const single = unlike.length === 1 && unlikeLists.length === 0 ? edgeAt(columns, unlike[0] as number, row) : -2;
      for (; at < length && size < capacity; at++) {
        const neighbor = neighbors[at] as number;
        if (into && neighbor !== target) continue;
        const edge = edges[at] as number;
        if (single === -2 ? isAmong(edge, unlike, unlikeLists, columns, row) : edge === single) continue;
        if (outTo !== undefined) outTo[size] = neighbor;
        if (outEdge !== undefined) outEdge[size] = edge;
        size++;
      }
    }
    this.#copies.fill(columns, row, out.columns, start, size);
    out.size = size;
    this.#at = at;
  }
}

/** The relationship in a slot of either kind, -1 for none. */
export function edgeAt(columns: Columns, slot: number, row: number): number {
  const held = (columns[slot] as Int32Array | RuntimeValue[])[row];
  if (typeof held === 'number') return held;
  return held instanceof RelationshipValue ? held.edge : -1;
}

/** Whether a relationship is one of those that the row has already. */
export function isAmong(
  edge: number,
  slots: readonly number[],
  lists: readonly number[],
  columns: Columns,
  row: number,
): boolean {
  for (let i = 0; i < slots.length; i++) {
    const column = columns[slots[i] as number] as Int32Array | RuntimeValue[];
    const held = column[row];
    if (held === edge || (held instanceof RelationshipValue && held.edge === edge)) return true;
  }
  for (let i = 0; i < lists.length; i++) {
    const list = (columns[lists[i] as number] as RuntimeValue[])[row];
    if (!Array.isArray(list)) continue;
    for (const item of list) if (item instanceof RelationshipValue && item.edge === edge) return true;
  }
  return false;
}
