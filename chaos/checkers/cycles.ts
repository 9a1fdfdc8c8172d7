/**
 * Cycles of dependencies: transactions of which each must come before the next cannot all be in one order. What kinds of
 * dependencies a cycle needs tells which anomaly it is (Adya, 1999; the names with `-realtime` are Elle's: without real
 * time there would be an order).
 */
import { present } from '../../base/assert.ts';
import { latestMs } from './call.ts';
import { answeredBefore, type Dependency, type DependencyKind } from './dependencies.ts';
import type { Transaction } from './transaction.ts';

export interface Cycle {
  readonly anomaly: string;
  /** The `to` of each is the `from` of the next, and of the last that of the first. */
  readonly dependencies: readonly Dependency[];
}

interface Pattern {
  readonly anomaly: string;
  readonly first: DependencyKind;
  /** What may follow, and what of it must. */
  readonly rest: readonly DependencyKind[];
  readonly must: readonly DependencyKind[];
}

/** The gravest first: a cycle is called by the first that it fits. */
const PATTERNS: readonly Pattern[] = [
  { anomaly: 'G0 (write cycle)', first: 'ww', rest: ['ww'], must: [] },
  { anomaly: 'G1c (circular information flow)', first: 'wr', rest: ['ww', 'wr'], must: [] },
  { anomaly: 'G-single (read skew)', first: 'rw', rest: ['ww', 'wr'], must: [] },
  { anomaly: 'G2 (anti-dependency cycle)', first: 'rw', rest: ['ww', 'wr', 'rw'], must: ['rw'] },
  { anomaly: 'G0-realtime', first: 'ww', rest: ['ww', 'rt'], must: ['rt'] },
  { anomaly: 'G1c-realtime', first: 'wr', rest: ['ww', 'wr', 'rt'], must: ['rt'] },
  { anomaly: 'G-single-realtime', first: 'rw', rest: ['ww', 'wr', 'rt'], must: ['rt'] },
  { anomaly: 'G2-realtime', first: 'rw', rest: ['ww', 'wr', 'rw', 'rt'], must: ['rw', 'rt'] },
];

/** Dependencies looked at to name one knot and to find its shortest cycle: a second or so. */
const WORK_MAX = 5_000_000;

type Graph = ReadonlyMap<Transaction, readonly Dependency[]>;

/** One cycle, short and of the gravest kind there is, from each set of transactions that depend on each other. */
export function findCycles(dependencies: readonly Dependency[]): Cycle[] {
  return knotsOf(graphOf(dependencies)).map((knot) => {
    const members = new Set(knot);
    const within = dependencies.filter(({ from, to }) => members.has(from) && members.has(to));
    return nameCycle(within);
  });
}

function graphOf(dependencies: readonly Dependency[]): Graph {
  const graph = new Map<Transaction, Dependency[]>();
  for (const dependency of dependencies) {
    const known = graph.get(dependency.from);
    if (known === undefined) graph.set(dependency.from, [dependency]);
    else known.push(dependency);
  }
  return graph;
}

function nameCycle(dependencies: readonly Dependency[]): Cycle {
  const graph = graphOf(dependencies);
  const budget = { left: WORK_MAX };
  for (const pattern of PATTERNS) {
    const cycle = shortestCycle(graph, dependencies, pattern, budget);
    if (cycle !== undefined) return { anomaly: pattern.anomaly, dependencies: withoutDetours(cycle, pattern) };
  }
  // Too much to look at for a name: any cycle will do.
  const [any] = dependencies;
  const back = pathBack(graph, present(any, 'a knot has dependencies'), ['ww', 'wr', 'rw', 'rt'], [], {
    left: Number.POSITIVE_INFINITY,
  });
  return { anomaly: 'a cycle that was not named', dependencies: present(back, 'a knot has cycles') };
}

/** Goes straight from one to another that was called after its answer, past all that lies between, if the name allows. */
function withoutDetours(
  cycle: readonly Dependency[],
  { rest, must }: Pick<Pattern, 'rest' | 'must'>,
): readonly Dependency[] {
  if (!rest.includes('rt')) return cycle;
  for (let i = 1; i < cycle.length; i++) {
    for (let j = cycle.length - 1; j > i; j--) {
      const [{ from }, { to }] = [cycle[i] as Dependency, cycle[j] as Dependency];
      if (latestMs(from) >= to.invokedMs) continue;
      const straight = cycle.toSpliced(i, j - i + 1, answeredBefore(from, to));
      const kinds = new Set(straight.slice(1).map(({ kind }) => kind));
      if (must.every((kind) => kinds.has(kind))) return withoutDetours(straight, { rest, must });
    }
  }
  return cycle;
}

function shortestCycle(
  graph: Graph,
  dependencies: readonly Dependency[],
  { first, rest, must }: Pattern,
  budget: { left: number },
): readonly Dependency[] | undefined {
  let shortest: readonly Dependency[] | undefined;
  for (const start of dependencies) {
    if (start.kind !== first || budget.left <= 0) continue;
    const cycle = pathBack(graph, start, rest, must, budget);
    if (cycle === undefined || (shortest !== undefined && cycle.length >= shortest.length)) continue;
    shortest = cycle;
    if (shortest.length <= 2) break;
  }
  return shortest;
}

interface Step {
  readonly dependency: Dependency;
  readonly before: Step | undefined;
  /** Which of `must` occurred so far. */
  readonly met: number;
}

/** The shortest cycle that begins with `start`, by breadth-first search. */
function pathBack(
  graph: Graph,
  start: Dependency,
  rest: readonly DependencyKind[],
  must: readonly DependencyKind[],
  budget: { left: number },
): readonly Dependency[] | undefined {
  const all = 2 ** must.length - 1;
  const visited = Array.from({ length: all + 1 }, () => new Set<Transaction>());
  let steps: Step[] = [{ dependency: start, before: undefined, met: 0 }];
  while (steps.length > 0) {
    const next: Step[] = [];
    for (const step of steps) {
      for (const dependency of graph.get(step.dependency.to) ?? []) {
        budget.left--;
        if (!rest.includes(dependency.kind)) continue;
        const met = step.met | (must.includes(dependency.kind) ? 1 << must.indexOf(dependency.kind) : 0);
        const along: Step = { dependency, before: step, met };
        if (dependency.to === start.from && met === all) return unwind(along);
        if (visited[met]?.has(dependency.to)) continue;
        visited[met]?.add(dependency.to);
        next.push(along);
      }
    }
    if (budget.left <= 0) return undefined;
    steps = next;
  }
  return undefined;
}

function unwind(last: Step): Dependency[] {
  const path: Dependency[] = [];
  for (let step: Step | undefined = last; step !== undefined; step = step.before) path.push(step.dependency);
  return path.reverse();
}

/** Strongly connected components of more than one transaction (Tarjan, 1972), without recursion. */
function knotsOf(graph: Graph): Transaction[][] {
  const index = new Map<Transaction, number>();
  const low = new Map<Transaction, number>();
  const open: Transaction[] = [];
  const isOpen = new Set<Transaction>();
  const knots: Transaction[][] = [];
  const lowOf = (transaction: Transaction) => low.get(transaction) ?? 0;
  for (const root of graph.keys()) {
    if (index.has(root)) continue;
    const path: { readonly at: Transaction; next: number }[] = [];
    const enter = (at: Transaction) => {
      index.set(at, index.size);
      low.set(at, index.size - 1);
      open.push(at);
      isOpen.add(at);
      path.push({ at, next: 0 });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { at } = top;
      const to = graph.get(at)?.[top.next++]?.to;
      if (to !== undefined) {
        if (!index.has(to)) enter(to);
        else if (isOpen.has(to)) low.set(at, Math.min(lowOf(at), index.get(to) ?? 0));
        continue;
      }
      path.pop();
      const below = path.at(-1);
      if (below !== undefined) low.set(below.at, Math.min(lowOf(below.at), lowOf(at)));
      if (lowOf(at) !== index.get(at)) continue;
      const knot = open.splice(open.lastIndexOf(at));
      for (const member of knot) isOpen.delete(member);
      if (knot.length > 1) knots.push(knot);
    }
  }
  return knots;
}
