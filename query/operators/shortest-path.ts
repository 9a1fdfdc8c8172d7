/**
 * Shortest trails between two nodes, by breadth-first search from both ends: always the side with the smaller frontier
 * goes on by one level. Each node remembers all relationships by which a shortest trail reaches it, so that all shortest
 * trails can be told when the sides meet.
 */

import type { Direction } from '../../graph/model.ts';
import type { EdgeBuffer } from '../../graph/query-graph.ts';
import { Batch, type Columns, SlotCopy, type SlotKind } from '../execution/batch.ts';
import { HeldValues } from '../execution/held-values.ts';
import type { Run } from '../execution/run.ts';
import type { Test } from '../expressions/evaluate.ts';
import type { ShortestPath } from '../plan/operator.ts';
import { RelationshipValue } from '../values/runtime-value.ts';
import { InputRows, PlanOperator } from './plan-operator.ts';
import { SearchSide } from './search-side.ts';
import { TypeNames } from './type-names.ts';

export class ShortestPathOperator extends PlanOperator {
  readonly #run: Run;
  readonly #input: InputRows;
  readonly #plan: ShortestPath;
  readonly #condition: Test | undefined;
  readonly #copies: SlotCopy;
  readonly #out: Batch;
  readonly #types: TypeNames;
  readonly #buffer: EdgeBuffer = { edges: new Int32Array(64), neighbors: new Int32Array(64), length: 0 };
  readonly #forward = new SearchSide();
  readonly #backward = new SearchSide();
  /** Whether the search of the row at hand has begun. */
  #isBegun = false;
  /** Trails that were found for the row and are not put out yet. */
  #trails: number[][] | undefined;
  readonly #held: HeldValues;

  constructor(
    run: Run,
    input: PlanOperator,
    {
      plan,
      condition,
      kinds,
      copies,
    }: {
      readonly plan: ShortestPath;
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
    this.#out = new Batch(kinds, [...copies, plan.edges]);
    this.#types = new TypeNames(plan.types, run);
    this.#held = new HeldValues(run);
  }

  open(): void {
    this.#input.open();
    this.#held.begin();
    this.#isBegun = false;
    this.#trails = undefined;
    this.#out.clear();
  }

  override clear(): void {
    this.#input.clear();
    this.#isBegun = false;
    this.#trails = undefined;
    this.#out.clear();
  }

  next(): Batch | undefined {
    const out = this.#out;
    out.begin();
    while (out.size < out.capacity) {
      const batch = this.#input.current();
      if (batch === undefined) break;
      this.#trails ??= this.#search(batch);
      const trail = this.#trails.pop();
      if (trail === undefined) {
        this.#trails = undefined;
        this.#held.set(0);
        this.#isBegun = false;
        this.#input.advance();
        continue;
      }
      this.#emit(batch.columns, this.#input.row, trail);
    }
    return out.deliver();
  }

  #emit(columns: Columns, row: number, trail: readonly number[]): void {
    const out = this.#out;
    this.#copies.row(columns, row, out.columns, out.size);
    (out.columns[this.#plan.edges] as unknown[])[out.size] = trail.map((edge) => new RelationshipValue(edge));
    out.size++;
  }

  /** All wanted trails of the row. Goes on where it was if it is called again after it threw. */
  #search(batch: Batch): number[][] {
    const { from, to, direction, min, max = Number.POSITIVE_INFINITY } = this.#plan;
    const row = this.#input.row;
    const start = (batch.columns[from] as Int32Array)[row] as number;
    const end = (batch.columns[to] as Int32Array)[row] as number;
    if (start < 0 || end < 0) return [];
    if (start === end) return min === 0 ? [[]] : [];
    const forward = this.#forward;
    const backward = this.#backward;
    if (!this.#isBegun) {
      const options = { capacity: this.#run.graph.nodeCapacity, all: this.#plan.all };
      forward.begin(start, direction, options);
      backward.begin(end, opposite(direction), options);
      this.#isBegun = true;
    }
    while (forward.depth + backward.depth < max) {
      const side = forward.frontier.length <= backward.frontier.length ? forward : backward;
      const other = side === forward ? backward : forward;
      if (side.frontier.length === 0) return [];
      const met = this.#expandLevel(side, other, batch, row);
      if (met >= 0) return [[...this.#wayTo(forward, met).toReversed(), ...this.#wayTo(backward, met)]];
      const meeting = this.#plan.all ? side.nextFrontier.filter((node) => other.distance(node) === other.depth) : [];
      side.nextLevel();
      if (meeting.length > 0) return this.#trailsThrough(meeting);
    }
    return [];
  }

  /** Where the sides met, if one meeting is enough; else -1. */
  #expandLevel(side: SearchSide, other: SearchSide, batch: Batch, row: number): number {
    const { condition, all } = this.#plan;
    const buffer = this.#buffer;
    for (; side.done < side.frontier.length; side.done++) {
      const node = side.frontier[side.done] as number;
      this.#run.tick(1);
      buffer.length = 0;
      this.#run.graph.expand(node, side.direction, this.#types.tokens(), buffer);
      if (condition !== undefined && this.#condition !== undefined) this.#keepHolding(condition.edge, batch, row);
      for (let i = 0; i < buffer.length; i++) {
        const neighbor = buffer.neighbors[i] as number;
        side.reach(neighbor, buffer.edges[i] as number, node);
        if (!all && other.distance(neighbor) >= 0) return neighbor;
      }
    }
    return -1;
  }

  #keepHolding(slot: number, batch: Batch, row: number): void {
    const buffer = this.#buffer;
    let kept = 0;
    for (let i = 0; i < buffer.length; i++) {
      batch.ordinals(slot)[row] = buffer.edges[i] as number;
      if (this.#condition?.(batch.columns, row) !== true) continue;
      buffer.edges[kept] = buffer.edges[i] as number;
      buffer.neighbors[kept++] = buffer.neighbors[i] as number;
    }
    buffer.length = kept;
  }

  /** Through each node where the sides met: every way from the start to it, with every way from it to the end. */
  #trailsThrough(meeting: readonly number[]): number[][] {
    // There may be more of them than atoms, so they are counted before any is made.
    const count = meeting.reduce((sum, node) => sum + this.#forward.wayCount(node) * this.#backward.wayCount(node), 0);
    this.#held.set(count * (this.#forward.depth + this.#backward.depth));
    const trails: number[][] = [];
    for (const node of meeting) {
      const heads = this.#waysTo(this.#forward, node);
      const tails = this.#waysTo(this.#backward, node);
      for (const head of heads) for (const tail of tails) trails.push([...head.toReversed(), ...tail]);
    }
    return trails;
  }

  /** Relationships from a node back to where the side began, in that order. */
  #wayTo(side: SearchSide, node: number): number[] {
    const way: number[] = [];
    for (let step = side.stepTo(node); step !== undefined; step = side.stepTo(step[1])) way.push(step[0]);
    return way;
  }

  /** All such ways. */
  #waysTo(side: SearchSide, node: number): number[][] {
    const ways: number[][] = [];
    const open: Way[] = [{ at: node, edge: -1, after: undefined }];
    for (let way = open.pop(); way !== undefined; way = open.pop()) {
      const steps = side.stepsTo(way.at);
      if (steps === undefined) ways.push(edgesOf(way));
      else for (let i = 0; i < steps.length; i += 2) open.push(step(way, steps[i] as number, steps[i + 1] as number));
    }
    return ways;
  }
}

/** A way back as far as it has come: its last relationship, and what came before that. */
interface Way {
  readonly at: number;
  readonly edge: number;
  readonly after: Way | undefined;
}

function step(after: Way, edge: number, at: number): Way {
  return { at, edge, after };
}

function edgesOf(way: Way): number[] {
  const edges: number[] = [];
  for (let each = way; each.after !== undefined; each = each.after) edges.push(each.edge);
  return edges.reverse();
}

function opposite(direction: Direction): Direction {
  return direction === 'out' ? 'in' : direction === 'in' ? 'out' : 'both';
}
