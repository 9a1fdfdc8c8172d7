/**
 * One side of a breadth-first search from both ends: the nodes that it reached, each with its distance and how it was
 * reached. Nodes are remembered by a stamp in arrays that are kept from search to search, so that a search costs nothing
 * for nodes that it does not reach; where ordinals are too large for arrays, in a Map.
 */
import type { Direction } from '../../graph/model.ts';

/** Ordinals up to which arrays are kept. */
const ARRAY_MAX = 2 ** 26;

export class SearchSide {
  direction: Direction = 'both';
  frontier: number[] = [];
  nextFrontier: number[] = [];
  /** Nodes of the frontier that are expanded. */
  done = 0;
  depth = 0;
  #all = false;
  #stamp = 0;
  #stamps = new Uint32Array(0);
  #distances = new Int32Array(0);
  /** By node: the relationship that reached it first, and the node before. */
  #edges = new Int32Array(0);
  #nodes = new Int32Array(0);
  #large: Map<number, readonly [distance: number, edge: number, node: number]> | undefined;
  /** Pairs of relationship and the node before it: all that reach a node with its distance. */
  #before = new Map<number, number[]>();
  /** By node, if all ways are wanted: how many of them reach it with its distance. */
  #wayCounts = new Map<number, number>();

  /** @param all whether all shortest ways are wanted, not one */
  begin(
    start: number,
    direction: Direction,
    { capacity, all }: { readonly capacity: number; readonly all: boolean },
  ): void {
    this.direction = direction;
    this.frontier = [start];
    this.nextFrontier = [];
    this.done = 0;
    this.depth = 0;
    this.#all = all;
    this.#stamp++;
    if (this.#before.size > 0) this.#before = new Map();
    this.#wayCounts = new Map(all ? [[start, 1]] : []);
    this.#large = capacity > ARRAY_MAX ? new Map() : undefined;
    if (this.#large === undefined && capacity > this.#stamps.length) {
      const length = capacity + (capacity >> 2) + 16;
      this.#stamps = new Uint32Array(length);
      this.#distances = new Int32Array(length);
      this.#edges = new Int32Array(length);
      this.#nodes = new Int32Array(length);
    }
    this.#put(start, 0, -1, -1);
  }

  #put(node: number, distance: number, edge: number, from: number): void {
    if (this.#large !== undefined || node >= this.#stamps.length) {
      this.#large ??= new Map();
      this.#large.set(node, [distance, edge, from]);
      return;
    }
    this.#stamps[node] = this.#stamp;
    this.#distances[node] = distance;
    this.#edges[node] = edge;
    this.#nodes[node] = from;
  }

  /** Relationships from the start to a node, -1 if it was not reached. */
  distance(node: number): number {
    if (this.#stamps[node] === this.#stamp) return this.#distances[node] as number;
    return this.#large?.get(node)?.[0] ?? -1;
  }

  reach(node: number, edge: number, from: number): void {
    const known = this.distance(node);
    if (known < 0) {
      this.#put(node, this.depth + 1, edge, from);
      if (this.#all) this.#before.set(node, [edge, from]);
      this.nextFrontier.push(node);
    } else if (this.#all && known === this.depth + 1) this.#before.get(node)?.push(edge, from);
    else return;
    if (this.#all) this.#wayCounts.set(node, this.wayCount(node) + this.wayCount(from));
  }

  /** Shortest ways by which a node was reached; only where all are wanted. */
  wayCount(node: number): number {
    return this.#wayCounts.get(node) ?? 0;
  }

  nextLevel(): void {
    this.frontier = this.nextFrontier;
    this.nextFrontier = [];
    this.done = 0;
    this.depth++;
  }

  /** The relationship by which a node was reached and the node before it; undefined for the start. */
  stepTo(node: number): readonly [edge: number, node: number] | undefined {
    if (this.#stamps[node] === this.#stamp) {
      const edge = this.#edges[node] as number;
      return edge < 0 ? undefined : [edge, this.#nodes[node] as number];
    }
    const held = this.#large?.get(node);
    return held === undefined || held[1] < 0 ? undefined : [held[1], held[2]];
  }

  /** All of them, in pairs. */
  stepsTo(node: number): readonly number[] | undefined {
    return this.#before.get(node);
  }
}
