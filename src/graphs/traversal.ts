/**
 * Breadth-first searches over ordinals, for graphs that are open as a whole. "Seen" is an array of round numbers, not a
 * Set: clearing it costs nothing and a look-up is one load.
 */
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { GraphView } from '../../crdt/graph-view.ts';
import { forEachEdge } from '../../crdt/view-reads.ts';
import type { Direction } from '../../graph/model.ts';

const NO_EDGE = -1;

/** Marks nodes as seen in the current round. */
class Seen {
  #rounds = new Uint32Array(0);
  #round = 0;

  begin(capacity: number): void {
    if (capacity > this.#rounds.length) this.#rounds = new Uint32Array(capacity + (capacity >> 2));
    if (++this.#round > 0xffff_fff0) {
      this.#rounds.fill(0);
      this.#round = 1;
    }
  }

  /** True the first time in a round. */
  add(node: number): boolean {
    if (this.#rounds[node] === this.#round) return false;
    this.#rounds[node] = this.#round;
    return true;
  }

  has(node: number): boolean {
    return this.#rounds[node] === this.#round;
  }
}

export class Traversal {
  readonly #view: GraphView;
  readonly #seen = new Seen();
  readonly #seenBackward = new Seen();
  /** Edge by which a node was reached, per side; valid for nodes seen in this round. */
  #parent = new Int32Array(0);
  #parentBackward = new Int32Array(0);

  constructor(view: GraphView) {
    this.#view = view;
  }

  /** Ordinals of the distinct nodes within `depth` hops, without the start, nearest first. */
  within(start: number, direction: Direction, type: number | undefined, depth: number): number[] {
    this.#seen.begin(this.#view.nodes.capacity);
    this.#seen.add(start);
    const found: number[] = [];
    let levelStart = 0;
    let frontier = [start];
    for (let hop = 0; hop < depth && frontier.length > 0; hop++) {
      for (const node of frontier) {
        forEachEdge(this.#view, node, direction, type, (_edge, neighbor) => {
          if (this.#seen.add(neighbor)) found.push(neighbor);
          return undefined;
        });
      }
      checkVisited(found.length);
      frontier = found.slice(levelStart);
      levelStart = found.length;
    }
    return found;
  }

  /**
   * Edge ordinals of a path with the fewest edges from `from` to `to`, in order; undefined if none has at most
   * `maxDepth`. Searches from both ends, always growing the smaller frontier.
   */
  shortestPath(
    from: number,
    to: number,
    direction: Direction,
    type: number | undefined,
    maxDepth: number,
  ): number[] | undefined {
    if (from === to) return [];
    const capacity = this.#view.nodes.capacity;
    this.#seen.begin(capacity);
    this.#seenBackward.begin(capacity);
    if (this.#parent.length < capacity) {
      this.#parent = new Int32Array(capacity);
      this.#parentBackward = new Int32Array(capacity);
    }
    this.#seen.add(from);
    this.#seenBackward.add(to);
    this.#parent[from] = NO_EDGE;
    this.#parentBackward[to] = NO_EDGE;
    const backward: Direction = direction === 'out' ? 'in' : direction === 'in' ? 'out' : 'both';
    let forwardFrontier = [from];
    let backwardFrontier = [to];
    let visited = 2;
    for (let depth = 0; depth < maxDepth; depth++) {
      if (forwardFrontier.length === 0 || backwardFrontier.length === 0) return undefined;
      const forward = forwardFrontier.length <= backwardFrontier.length;
      const grown = forward
        ? this.#grow(forwardFrontier, direction, type, this.#seen, this.#seenBackward, this.#parent)
        : this.#grow(backwardFrontier, backward, type, this.#seenBackward, this.#seen, this.#parentBackward);
      if (grown.meeting !== undefined) return this.#join(grown.meeting);
      if (forward) forwardFrontier = grown.frontier;
      else backwardFrontier = grown.frontier;
      visited += grown.frontier.length;
      checkVisited(visited);
    }
    return undefined;
  }

  /** One level of one side. Meeting the other side's nodes ends the search: both sides are whole levels. */
  #grow(
    frontier: readonly number[],
    direction: Direction,
    type: number | undefined,
    own: Seen,
    other: Seen,
    parent: Int32Array,
  ): { frontier: number[]; meeting: number | undefined } {
    const next: number[] = [];
    let meeting: number | undefined;
    for (const node of frontier) {
      forEachEdge(this.#view, node, direction, type, (edge, neighbor) => {
        if (!own.add(neighbor)) return undefined;
        parent[neighbor] = edge;
        next.push(neighbor);
        if (!other.has(neighbor)) return undefined;
        meeting = neighbor;
        return false;
      });
      if (meeting !== undefined) break;
    }
    return { frontier: next, meeting };
  }

  #join(meeting: number): number[] {
    const path: number[] = [];
    for (let node = meeting; ; ) {
      const edge = this.#parent[node] as number;
      if (edge === NO_EDGE) break;
      path.push(edge);
      node = this.#otherEnd(edge, node);
    }
    path.reverse();
    for (let node = meeting; ; ) {
      const edge = this.#parentBackward[node] as number;
      if (edge === NO_EDGE) break;
      path.push(edge);
      node = this.#otherEnd(edge, node);
    }
    return path;
  }

  #otherEnd(edge: number, node: number): number {
    const { from, to } = this.#view.edges;
    return (from[edge] === node ? to[edge] : from[edge]) as number;
  }
}

export function checkVisited(count: number): void {
  if (count <= LIMITS.visitedNodesMax) return;
  throw new WeftError(
    'invalid-request',
    `the search visits more than ${LIMITS.visitedNodesMax} nodes; give a type or a smaller depth`,
  );
}
