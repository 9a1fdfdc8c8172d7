/**
 * The order in which a pattern is solved: where to begin, which relationship to follow next, what to join.
 *
 * Each connected part of the pattern is tried from every node and relationship that it can be entered at; from there on
 * the step that leaves the fewest rows is next. The cheapest way counts, by the rows that it makes on the way. Parts that
 * do not hang together are joined by an equality where there is one; only without it is each combined with each.
 */
import type { GraphStatistics } from '../../graph/query-graph.ts';
import type { Expression } from '../syntax/ast.ts';
import { ALL_NODES, edgeAccesses, nodeAccesses } from './access.ts';
import { Estimates } from './estimates.ts';
import { freeVariables } from './expression-facts.ts';
import type { Condition, JoinKey, NodeAccess, Pattern, PatternEdge, PatternNode, Step } from './pattern.ts';

/** A pattern solved so far. */
interface Progress {
  readonly known: ReadonlySet<string>;
  readonly edges: readonly PatternEdge[];
  readonly conditions: readonly Condition[];
  readonly steps: readonly Step[];
  readonly rows: number;
  /** Rows made on the way. */
  readonly cost: number;
}

/** A step whose rows are not reckoned yet. */
type Proposal = Step extends infer S ? (S extends Step ? Omit<S, 'rows'> : never) : never;

/** Patterns of more relationships are followed as they are written: to compare all orders would take longer than it saves. */
const EDGES_COMPARED_MAX = 24;
/** Entries of a part that are tried to the end; fewer where more relationships must be followed each time. */
const ENTRIES_MAX = 12;
/** Of more parts that do not hang together, the first so many are compared for which comes next. */
const PARTS_COMPARED_MAX = 24;
/** A node that so few rows are expected of is found by itself, even where a relationship leads to it. */
const FEW_ROWS = 2;

export interface OrderOptions {
  readonly statistics: GraphStatistics;
  /** Whether a part may be found before the rows that it is joined to. */
  readonly mayJoin: boolean;
  /** Rows that are there before, each of which is matched. */
  readonly rows: number;
}

/** @param known names that have a value before */
export function orderPattern(pattern: Pattern, known: ReadonlySet<string>, options: OrderOptions): readonly Step[] {
  return new PatternOrder(pattern, known, options).best();
}

/** As the text has it, from left to right, without looking at the graph. */
export function orderAsWritten(pattern: Pattern, before: ReadonlySet<string>): readonly Step[] {
  const known = new Set(before);
  const own = namesOf(pattern, before);
  const steps: Step[] = [];
  let edges = pattern.edges;
  for (;;) {
    const edge = edges.find((each) => canFollow(each, known, own));
    if (edge !== undefined) {
      const [from, to] = known.has(edge.left.name) ? [edge.left, edge.right] : [edge.right, edge.left];
      steps.push({ kind: 'follow', edge, from, to, rows: 1 });
      edges = edges.filter((each) => each !== edge);
      for (const name of [edge.name, to.name]) known.add(name);
      continue;
    }
    const node = pattern.nodes.find(({ name }) => !known.has(name));
    if (node === undefined) return steps;
    steps.push({ kind: 'findNode', node, access: { ...ALL_NODES, rows: 1 }, rows: 1 });
    known.add(node.name);
  }
}

/** Names that the pattern brings. */
function namesOf({ nodes, edges }: Pattern, known: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...nodes, ...edges].map(({ name }) => name).filter((name) => !known.has(name)));
}

/** A relationship can be followed from an end that is known; a shortest path needs both. */
function canFollow(
  { left, right, shortest, needs }: PatternEdge,
  known: ReadonlySet<string>,
  own: ReadonlySet<string>,
): boolean {
  for (const name of needs) if (own.has(name) && !known.has(name)) return false;
  const hasLeft = known.has(left.name);
  const hasRight = known.has(right.name);
  return shortest === undefined ? hasLeft || hasRight : hasLeft && hasRight;
}

class PatternOrder {
  readonly #pattern: Pattern;
  readonly #known: ReadonlySet<string>;
  readonly #estimates: Estimates;
  readonly #options: OrderOptions;
  /** Names that the pattern brings. */
  readonly #own: ReadonlySet<string>;

  constructor(pattern: Pattern, known: ReadonlySet<string>, options: OrderOptions) {
    this.#pattern = pattern;
    this.#known = known;
    this.#options = options;
    this.#estimates = new Estimates(options.statistics);
    this.#own = namesOf(pattern, known);
  }

  best(): readonly Step[] {
    const { edges, conditions } = this.#pattern;
    const { rows } = this.#options;
    let progress = this.#tested({ known: this.#known, edges, conditions, steps: [], rows, cost: 0 });
    for (;;) {
      progress = this.#followed(progress);
      const before = progress;
      const parts = this.#openParts(before);
      if (parts.length === 0) return progress.steps;
      progress = cheapest(parts.slice(0, PARTS_COMPARED_MAX).map((part) => this.#entered(part, before)));
    }
  }

  // --- one step

  /** Conditions that can be tested now have been. */
  #tested(progress: Progress): Progress {
    let { rows } = progress;
    const conditions = progress.conditions.filter((condition) => {
      for (const name of condition.needs) if (this.#own.has(name) && !progress.known.has(name)) return true;
      rows *= condition.share;
      return false;
    });
    return { ...progress, rows, conditions };
  }

  /** @param factor rows that the step makes of each one */
  #after(progress: Progress, step: Proposal, factor: number, names: readonly string[]): Progress {
    const rows = progress.rows * factor;
    return {
      ...progress,
      known: new Set([...progress.known, ...names]),
      steps: [...progress.steps, { ...step, rows } as Step],
      rows,
      cost: progress.cost + progress.rows + rows,
    };
  }

  #follow(progress: Progress, edge: PatternEdge, from: PatternNode, to: PatternNode): Progress {
    const isClosed = progress.known.has(to.name);
    const isFixed = this.#known.has(edge.name) || edge.shortest !== undefined;
    const factor = isFixed ? 1 : this.#estimates.follow(edge, from, isClosed);
    const after = this.#after(progress, { kind: 'follow', edge, from, to }, factor, [edge.name, to.name]);
    return this.#tested({ ...after, edges: progress.edges.filter((each) => each !== edge) });
  }

  /** Follows relationships from what is known until none is left. */
  #followed(before: Progress): Progress {
    let progress = before;
    for (;;) {
      const choices: Progress[] = [];
      for (const edge of progress.edges) {
        const way = this.#way(progress, edge);
        if (way !== undefined) choices.push(way);
        if (choices.length > 0 && progress.edges.length > EDGES_COMPARED_MAX) break;
      }
      if (choices.length === 0) return progress;
      progress = fewestRows(choices);
    }
  }

  /** What can be done next about a relationship. */
  #way(progress: Progress, edge: PatternEdge): Progress | undefined {
    const { known } = progress;
    const { left, right } = edge;
    const hasLeft = known.has(left.name);
    const hasRight = known.has(right.name);
    if (!canFollow(edge, known, this.#own)) {
      // A single relationship from before has its ends with it.
      const hasEnds = this.#known.has(edge.name) && edge.pattern.range === undefined && edge.shortest === undefined;
      return hasEnds ? this.#after(progress, { kind: 'endsOf', edge }, 1, [left.name]) : undefined;
    }
    if (hasLeft && hasRight) return this.#follow(progress, edge, left, right);
    const [from, to] = hasLeft ? [left, right] : [right, left];
    const followed = this.#follow(progress, edge, from, to);
    // The other end may be found by itself; then it remains to be told whether the relationship is there.
    const found = this.#accesses(progress, to)
      .filter(({ rows }) => rows <= FEW_ROWS)
      .map((access) => this.#follow(this.#findNode(progress, to, access), edge, from, to));
    return cheapest([followed, ...found]);
  }

  #accesses(progress: Progress, node: PatternNode): NodeAccess[] {
    const isKnown = (name: string) => progress.known.has(name) || !this.#own.has(name);
    return nodeAccesses(node, progress.conditions, this.#estimates, isKnown);
  }

  #findNode(progress: Progress, node: PatternNode, access: NodeAccess): Progress {
    const after = this.#after(progress, { kind: 'findNode', node, access }, access.rows, [node.name]);
    const conditions = progress.conditions.filter((condition) => !access.satisfies.has(condition));
    return this.#tested({ ...after, conditions });
  }

  // --- parts that do not hang together with what is known

  /** Nodes that are not known, by what relationships connect. */
  #openParts({ known, edges }: Progress): PatternNode[][] {
    const parts = new Map<string, PatternNode[]>();
    for (const node of this.#pattern.nodes) if (!known.has(node.name)) parts.set(node.name, [node]);
    for (const { left, right, shortest } of edges) {
      const a = parts.get(left.name);
      const b = parts.get(right.name);
      if (shortest !== undefined || a === undefined || b === undefined || a === b) continue;
      const joined = [...a, ...b];
      for (const { name } of joined) parts.set(name, joined);
    }
    return Array.from(new Set(parts.values()));
  }

  /** The cheapest way to add a part. */
  #entered(part: readonly PatternNode[], progress: Progress): Progress {
    const nested = this.#bestEntry(part, progress);
    const joined = this.#options.mayJoin ? this.#joined(part, progress) : undefined;
    return joined !== undefined && joined.cost < nested.cost ? joined : nested;
  }

  /** Entered at its best place, once for each row that there is. */
  #bestEntry(part: readonly PatternNode[], progress: Progress): Progress {
    const names = new Set(part.map(({ name }) => name));
    const isKnown = (name: string) => progress.known.has(name) || !this.#own.has(name);
    const entries = part.flatMap((node) =>
      this.#accesses(progress, node).map((access) => this.#findNode(progress, node, access)),
    );
    for (const edge of progress.edges) {
      if (!names.has(edge.left.name) || edge.left === edge.right || this.#known.has(edge.name)) continue;
      for (const access of edgeAccesses(edge, progress.conditions, this.#estimates, isKnown)) {
        const ends = [edge.name, edge.left.name, edge.right.name];
        const after = this.#after(progress, { kind: 'findEdge', edge, access }, access.rows, ends);
        const edges = progress.edges.filter((each) => each !== edge);
        const conditions = progress.conditions.filter((condition) => !access.satisfies.has(condition));
        entries.push(this.#tested({ ...after, edges, conditions }));
      }
    }
    const share = Math.min(1, EDGES_COMPARED_MAX / progress.edges.length);
    const tried = Math.max(1, Math.floor(ENTRIES_MAX * share));
    const promising = entries.length <= tried ? entries : entries.toSorted((a, b) => a.cost - b.cost);
    return cheapest(promising.slice(0, tried).map((entry) => this.#followed(entry)));
  }

  /** Found on its own and joined by equalities, or combined with each row without finding it again for each. */
  #joined(part: readonly PatternNode[], progress: Progress): Progress | undefined {
    const names = new Set(part.map(({ name }) => name));
    const edges = progress.edges.filter(({ left }) => names.has(left.name));
    if (edges.some(({ right, name }) => !names.has(right.name) || this.#known.has(name))) return undefined;
    // That two paths share no relationship is told while the second one is followed.
    const isMany = ({ pattern, shortest }: PatternEdge) => pattern.range !== undefined || shortest !== undefined;
    const isSolved = (edge: PatternEdge) => !progress.edges.includes(edge);
    if (edges.some(isMany) && this.#pattern.edges.some((edge) => isMany(edge) && isSolved(edge))) return undefined;
    for (const { name } of edges) names.add(name);
    // What is found on its own sees no row that is there, and may have to be entered more than once.
    if (edges.some(({ needs }) => needs.size > 0)) return undefined;
    const isInside = ({ needs, isVolatile }: Condition) =>
      !isVolatile && Array.from(needs).every((name) => names.has(name));
    const right = this.#bestEntry(part, {
      known: new Set(),
      edges,
      conditions: progress.conditions.filter(isInside),
      steps: [],
      rows: 1,
      cost: 0,
    });
    const keys = progress.conditions.flatMap((condition) => keysOf(condition, names, progress.known));
    const rows = progress.rows * right.rows;
    const step: Step = { kind: 'join', steps: right.steps, keys: keys.map(({ key }) => key), rows };
    const share = keys.reduce((product, { condition }) => product * condition.share, 1);
    return this.#tested({
      known: new Set([...progress.known, ...right.known]),
      edges: progress.edges.filter((edge) => !edges.includes(edge)),
      conditions: progress.conditions.filter((condition) => !isInside(condition)),
      steps: [...progress.steps, step],
      rows,
      cost: progress.cost + right.cost + right.rows + progress.rows + rows * share,
    });
  }
}

/** The condition as a key of a join: one side is known, the other one within the part. */
function keysOf(
  condition: Condition,
  names: ReadonlySet<string>,
  known: ReadonlySet<string>,
): { readonly condition: Condition; readonly key: JoinKey }[] {
  const { expression, isHeavy, isVolatile } = condition;
  if (isHeavy || isVolatile || expression?.kind !== 'comparison' || expression.operators.length !== 1) return [];
  const [a, b] = expression.operands;
  if (expression.operators[0] !== '=' || a === undefined || b === undefined) return [];
  const isOf = (side: Expression, among: ReadonlySet<string>) => {
    const free = Array.from(freeVariables(side));
    return free.length > 0 && free.every((name) => among.has(name));
  };
  if (isOf(a, known) && isOf(b, names)) return [{ condition, key: { left: a, right: b } }];
  if (isOf(b, known) && isOf(a, names)) return [{ condition, key: { left: b, right: a } }];
  return [];
}

/** The first of those that are equal: then the text decides. */
function cheapest(choices: readonly Progress[]): Progress {
  return choices.reduce((best, each) => (each.cost < best.cost ? each : best));
}

function fewestRows(choices: readonly Progress[]): Progress {
  return choices.reduce((best, each) => (each.rows < best.rows ? each : best));
}
