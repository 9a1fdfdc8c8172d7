/**
 * Plans the pattern of a MATCH: where to start, and which relationship to follow next. Greedy: of all steps that are
 * possible, the one that is expected to leave the fewest rows. Every condition is tested as soon as its variables are
 * there. Without optimisation the pattern is walked as it is written.
 */
import type { Direction } from '../../graph/model.ts';
import type { Expression, NodePattern, PatternPart, RelationshipPattern } from '../syntax/ast.ts';
import type { ExpressionBinder } from './bind-expression.ts';
import { labelTest } from './bind-expression.ts';
import type { BoundExpression, PathStep } from './bound-expression.ts';
import { allowedTypes, conjuncts, demandedLabels, freeVariables } from './expression-facts.ts';
import type { Operator } from './operator.ts';
import type { Condition, PatternNode } from './pattern.ts';
import type { PlannerContext } from './planned-statement.ts';
import { extend, type PlanTable, reference, type Scope, type Variable } from './scope.ts';
import { chooseStart } from './start-point.ts';

interface PatternEdge {
  readonly name: string;
  readonly pattern: RelationshipPattern;
  readonly left: PatternNode;
  readonly right: PatternNode;
  readonly shortest: 'single' | 'all' | undefined;
}

export interface MatchResult {
  readonly operator: Operator;
  readonly scope: Scope;
}

export class MatchPlanner {
  readonly #table: PlanTable;
  readonly #binder: ExpressionBinder;
  readonly #context: PlannerContext;
  #anonymous = 0;

  constructor(table: PlanTable, binder: ExpressionBinder, context: PlannerContext) {
    this.#table = table;
    this.#binder = binder;
    this.#context = context;
  }

  plan(parts: readonly PatternPart[], where: Expression | undefined, input: Operator, scope: Scope): MatchResult {
    const state = new MatchState(this.#table, this.#binder, this.#context, input, scope);
    for (const part of parts) this.#addPart(part, state);
    for (const condition of conjuncts(where)) state.addWhere(condition);
    return state.solve();
  }

  #name(prefix: string): string {
    return `  ${prefix}${this.#anonymous++}`;
  }

  #addPart(part: PatternPart, state: MatchState): void {
    const nodes = part.nodes.map((node) => state.addNode(node, node.variable?.text ?? this.#name('node')));
    const edges = part.relationships.map((pattern, i) =>
      state.addEdge({
        name: pattern.variable?.text ?? this.#name('edge'),
        pattern,
        left: nodes[i] as PatternNode,
        right: nodes[i + 1] as PatternNode,
        shortest: part.shortest,
      }),
    );
    if (part.variable !== undefined) state.addPath(part.variable.text, nodes, edges);
  }
}

class MatchState {
  readonly #table: PlanTable;
  readonly #binder: ExpressionBinder;
  readonly #context: PlannerContext;
  readonly #outer: Scope;
  #scope: Scope;
  #operator: Operator;
  #rows = 1;
  readonly #nodes = new Map<string, PatternNode>();
  readonly #nodeOrder: PatternNode[] = [];
  #edges: PatternEdge[] = [];
  readonly #paths: {
    readonly name: string;
    readonly nodes: readonly PatternNode[];
    readonly edges: readonly PatternEdge[];
  }[] = [];
  #conditions: Condition[] = [];
  /** Relationships that are there, from which new ones must differ. */
  readonly #solved: { readonly variable: Variable; readonly types: readonly string[] | undefined }[] = [];

  constructor(table: PlanTable, binder: ExpressionBinder, context: PlannerContext, input: Operator, scope: Scope) {
    this.#table = table;
    this.#binder = binder;
    this.#context = context;
    this.#outer = scope;
    this.#scope = scope;
    this.#operator = input;
  }

  addNode(pattern: NodePattern, name: string): PatternNode {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { name, labels: [] };
      this.#nodes.set(name, node);
      this.#nodeOrder.push(node);
    }
    const { labels, properties, where } = pattern;
    node.labels.push(...demandedLabels(labels));
    if (labels !== undefined) {
      const test = labelTest(labels);
      this.#conditions.push({
        needs: new Set([name]),
        expression: { kind: 'labels', of: variableOf(name, pattern), labels, start: pattern.start, end: pattern.end },
        bind: (scope) => ({ kind: 'labels', of: reference(scope.get(name) as Variable), test }),
      });
    }
    this.#addProperties(name, properties, pattern);
    if (where !== undefined) for (const each of conjuncts(where)) this.addWhere(each);
    return node;
  }

  addEdge(edge: PatternEdge): PatternEdge {
    this.#edges.push(edge);
    const { pattern, name, shortest } = edge;
    if (pattern.range === undefined && shortest === undefined) {
      this.#addProperties(name, pattern.properties, pattern);
      if (allowedTypes(pattern.types) === undefined && pattern.types !== undefined) {
        const test = labelTest(pattern.types);
        this.#conditions.push({
          needs: new Set([name]),
          expression: undefined,
          bind: (scope) => ({ kind: 'labels', of: reference(scope.get(name) as Variable), test }),
        });
      }
      if (pattern.where !== undefined) for (const each of conjuncts(pattern.where)) this.addWhere(each);
    }
    return edge;
  }

  addPath(name: string, nodes: readonly PatternNode[], edges: readonly PatternEdge[]): void {
    this.#paths.push({ name, nodes, edges });
  }

  #addProperties(name: string, properties: NodePattern['properties'], at: { start: number; end: number }): void {
    if (properties === undefined || properties.kind === 'parameter') return;
    for (const { key, value } of properties.entries) {
      const property: Expression = {
        kind: 'property',
        of: variableOf(name, at),
        name: key,
        start: key.start,
        end: key.end,
      };
      this.addWhere({
        kind: 'comparison',
        operators: ['='],
        operands: [property, value],
        start: key.start,
        end: value.end,
      });
    }
  }

  addWhere(expression: Expression): void {
    this.#conditions.push({
      needs: freeVariables(expression),
      expression,
      bind: (scope) => this.#binder.bind(expression, scope),
    });
  }

  // --- solving

  solve(): MatchResult {
    this.#convertBound();
    this.#applyConditions();
    while (this.#step());
    this.#addPaths();
    this.#applyConditions();
    return { operator: this.#operator, scope: this.#visible() };
  }

  /** Without internal names. */
  #visible(): Scope {
    return new Map(Array.from(this.#scope).filter(([name]) => !name.startsWith('  ') || this.#outer.has(name)));
  }

  /** Variables from before that the pattern uses as nodes and relationships get slots of that kind. */
  #convertBound(): void {
    const items: { slot: number; expression: BoundExpression }[] = [];
    const convert = (name: string, kind: 'node' | 'edge') => {
      const variable = this.#scope.get(name);
      if (variable === undefined || variable.kind === kind) return;
      const converted = this.#table.add(kind);
      items.push({ slot: converted.slot, expression: reference(variable) });
      this.#scope = extend(this.#scope, [[name, converted]]);
    };
    for (const { name } of this.#nodeOrder) convert(name, 'node');
    for (const { name, pattern, shortest } of this.#edges) {
      if (pattern.range === undefined && shortest === undefined) convert(name, 'edge');
    }
    if (items.length > 0) this.#operator = { kind: 'Project', input: this.#operator, items };
  }

  #has(name: string): boolean {
    return this.#scope.has(name);
  }

  /** Names that the pattern itself brings and are still missing. */
  #isOpen(name: string): boolean {
    if (this.#has(name)) return false;
    return (
      this.#nodes.has(name) ||
      this.#edges.some((edge) => edge.name === name) ||
      this.#paths.some((path) => path.name === name)
    );
  }

  #applyConditions(): void {
    const left: Condition[] = [];
    for (const condition of this.#conditions) {
      if (Array.from(condition.needs).some((name) => this.#isOpen(name))) left.push(condition);
      else this.#filter(condition.bind(this.#scope));
    }
    this.#conditions = left;
  }

  #filter(predicate: BoundExpression): void {
    this.#rows *= 0.5;
    this.#operator = { kind: 'Filter', input: this.#operator, predicate, estimatedRows: this.#rows };
  }

  /** Does the most promising step. False if nothing is left to do. */
  #step(): boolean {
    const next = this.#nextEdge();
    if (next !== undefined) {
      this.#solveEdge(next);
      this.#applyConditions();
      return true;
    }
    const open = this.#nodeOrder.filter(({ name }) => !this.#has(name));
    if (open.length === 0) return false;
    this.#start(open);
    this.#applyConditions();
    return true;
  }

  /** The next relationship that hangs together with what is there. */
  #nextEdge(): PatternEdge | undefined {
    let best: PatternEdge | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const edge of this.#edges) {
      const left = this.#has(edge.left.name);
      const right = this.#has(edge.right.name);
      if (edge.shortest !== undefined ? !(left && right) : !left && !right) continue;
      const cost = this.#costOf(edge, left && right);
      if (cost < bestCost) {
        best = edge;
        bestCost = cost;
      }
      if (!this.#context.optimise && best !== undefined) return best;
    }
    return best;
  }

  #costOf({ name, pattern, left, right, shortest }: PatternEdge, closed: boolean): number {
    if (this.#has(name)) return 0.01;
    if (closed) return shortest === undefined ? 0.1 : 1;
    const { statistics } = this.#context;
    const nodes = Math.max(1, statistics.nodeCount());
    const types = allowedTypes(pattern.types) ?? [];
    const edges =
      types.length === 0 ? statistics.edgeCount() : types.reduce((sum, type) => sum + statistics.edgeCount(type), 0);
    const degree = Math.max(0.01, (edges / nodes) * (pattern.arrow === 'left' || pattern.arrow === 'right' ? 1 : 2));
    const target = this.#has(left.name) ? right : left;
    const share = target.labels.reduce((least, label) => Math.min(least, statistics.nodeCount(label) / nodes), 1);
    const hops = pattern.range === undefined ? 1 : Math.min(pattern.range.max ?? 8, 8);
    return degree ** hops * Math.max(share, 0.001);
  }

  #start(open: readonly PatternNode[]): void {
    const candidates = this.#context.optimise ? open : open.slice(0, 1);
    const { node, operator, rows, used } = chooseStart({
      candidates,
      conditions: this.#conditions,
      input: this.#operator,
      scope: this.#scope,
      isOpen: (name) => this.#isOpen(name),
      table: this.#table,
      binder: this.#binder,
      context: this.#context,
    });
    this.#conditions = this.#conditions.filter((condition) => !used.has(condition));
    this.#rows *= rows;
    this.#operator = { ...operator, estimatedRows: this.#rows };
    this.#scope = extend(this.#scope, [[node.name, { slot: operator.node, kind: 'node' }]]);
  }

  #solveEdge(edge: PatternEdge): void {
    this.#edges = this.#edges.filter((each) => each !== edge);
    if (edge.shortest !== undefined) this.#solveShortest(edge);
    else if (edge.pattern.range !== undefined) this.#solveVarLength(edge, edge.pattern.range);
    else this.#solveSingle(edge);
  }

  /** From the end that is there to the other, and the direction as seen from there. */
  #orient(edge: PatternEdge): { readonly from: PatternNode; readonly to: PatternNode; readonly direction: Direction } {
    const { pattern, left, right } = edge;
    const forward = pattern.arrow === 'right' ? 'out' : pattern.arrow === 'left' ? 'in' : 'both';
    if (this.#has(left.name)) return { from: left, to: right, direction: forward };
    const backward = forward === 'out' ? 'in' : forward === 'in' ? 'out' : 'both';
    return { from: right, to: left, direction: backward };
  }

  #unlike(types: readonly string[] | undefined): { readonly unlike: number[]; readonly unlikeLists: number[] } {
    const unlike: number[] = [];
    const unlikeLists: number[] = [];
    for (const { variable, types: held } of this.#solved) {
      const apart =
        types !== undefined &&
        held !== undefined &&
        types.length > 0 &&
        held.length > 0 &&
        !types.some((type) => held.includes(type));
      if (apart) continue;
      if (variable.kind === 'edge') unlike.push(variable.slot);
      else unlikeLists.push(variable.slot);
    }
    return { unlike, unlikeLists };
  }

  #nodeSlot(node: PatternNode): number {
    const known = this.#scope.get(node.name);
    if (known !== undefined) return known.slot;
    const added = this.#table.add('node');
    this.#scope = extend(this.#scope, [[node.name, added]]);
    return added.slot;
  }

  #solveSingle(edge: PatternEdge): void {
    const { from, to, direction } = this.#orient(edge);
    const types = allowedTypes(edge.pattern.types);
    const into = this.#has(to.name);
    const bound = this.#scope.get(edge.name);
    const variable = bound ?? this.#table.add('edge');
    const fromSlot = this.#nodeSlot(from);
    this.#rows *= into ? 0.1 : 4;
    this.#operator = {
      kind: 'Expand',
      input: this.#operator,
      from: fromSlot,
      edge: variable.slot,
      to: this.#nodeSlot(to),
      direction,
      types: types ?? [],
      into,
      bound: bound !== undefined,
      ...this.#unlike(types),
      estimatedRows: this.#rows,
    };
    this.#scope = extend(this.#scope, [[edge.name, variable]]);
    this.#solved.push({ variable, types });
  }

  #condition(edge: PatternEdge): { readonly edge: number; readonly predicate: BoundExpression } | undefined {
    const { pattern } = edge;
    const slot = this.#table.add('edge');
    const predicates: BoundExpression[] = [];
    if (pattern.properties?.kind === 'map') {
      for (const { key, value } of pattern.properties.entries) {
        predicates.push({
          kind: 'binary',
          operator: '=',
          left: { kind: 'property', of: reference(slot), name: key.text },
          right: this.#binder.bind(value, this.#scope),
        });
      }
    }
    if (allowedTypes(pattern.types) === undefined && pattern.types !== undefined) {
      predicates.push({ kind: 'labels', of: reference(slot), test: labelTest(pattern.types) });
    }
    if (pattern.where !== undefined) {
      const inner = pattern.variable === undefined ? this.#scope : extend(this.#scope, [[pattern.variable.text, slot]]);
      predicates.push(this.#binder.bind(pattern.where, inner));
    }
    if (predicates.length === 0) return undefined;
    const predicate = predicates.reduce((left, right) => ({ kind: 'binary', operator: 'and', left, right }));
    return { edge: slot.slot, predicate };
  }

  #solveVarLength(edge: PatternEdge, range: NonNullable<RelationshipPattern['range']>): void {
    const condition = this.#condition(edge);
    const { from, to, direction } = this.#orient(edge);
    const types = allowedTypes(edge.pattern.types);
    const into = this.#has(to.name);
    const bound = this.#scope.get(edge.name);
    const list = this.#table.add('value');
    const isReversed = from === edge.right;
    const fromSlot = this.#nodeSlot(from);
    const unlike = this.#unlike(types);
    this.#rows *= 8;
    this.#operator = {
      kind: 'VarLengthExpand',
      input: this.#operator,
      from: fromSlot,
      edges: list.slot,
      to: this.#nodeSlot(to),
      direction,
      types: types ?? [],
      min: range.min ?? 1,
      max: range.max,
      into,
      condition,
      ...unlike,
      estimatedRows: this.#rows,
    };
    this.#solved.push({ variable: list, types });
    let held = list;
    if (isReversed) {
      // The list goes from left to right, however the pattern was walked.
      held = this.#table.add('value');
      const expression: BoundExpression = { kind: 'call', name: 'reverse', arguments: [reference(list)] };
      this.#operator = { kind: 'Project', input: this.#operator, items: [{ slot: held.slot, expression }] };
    }
    if (bound !== undefined) {
      this.#filter({ kind: 'binary', operator: '=', left: reference(held), right: reference(bound) });
    } else this.#scope = extend(this.#scope, [[edge.name, held]]);
  }

  #solveShortest(edge: PatternEdge): void {
    const condition = this.#condition(edge);
    const list = this.#table.add('value');
    const { range, arrow, types } = edge.pattern;
    this.#operator = {
      kind: 'ShortestPath',
      input: this.#operator,
      from: this.#nodeSlot(edge.left),
      to: this.#nodeSlot(edge.right),
      edges: list.slot,
      direction: arrow === 'right' ? 'out' : arrow === 'left' ? 'in' : 'both',
      types: allowedTypes(types) ?? [],
      min: range === undefined ? 1 : (range.min ?? 1),
      max: range === undefined ? 1 : range.max,
      all: edge.shortest === 'all',
      condition,
      estimatedRows: this.#rows,
    };
    this.#scope = extend(this.#scope, [[edge.name, list]]);
    this.#solved.push({ variable: list, types: allowedTypes(types) });
  }

  #addPaths(): void {
    const items = this.#paths.map(({ name, nodes, edges }) => {
      const steps: PathStep[] = [];
      nodes.forEach((node, i) => {
        steps.push({ kind: 'node', slot: this.#nodeSlot(node) });
        const edge = edges[i];
        if (edge === undefined) return;
        const { slot, kind } = this.#scope.get(edge.name) as Variable;
        steps.push({ kind: kind === 'edge' ? 'edge' : 'list', slot });
      });
      const variable = this.#table.add('value');
      this.#scope = extend(this.#scope, [[name, variable]]);
      return { slot: variable.slot, expression: { kind: 'path', steps } as const };
    });
    if (items.length > 0) this.#operator = { kind: 'Project', input: this.#operator, items };
  }
}

function variableOf(name: string, { start, end }: { readonly start: number; readonly end: number }): Expression {
  return { kind: 'variable', name, start, end };
}
