/** Builds the operators of a pattern, step by step, each on top of what there is. */
import { assertNever, BugError } from '../../base/assert.ts';
import type { Direction } from '../../graph/model.ts';
import type { RelationshipPattern } from '../syntax/ast.ts';
import type { ExpressionBinder } from './bind-expression.ts';
import type { BoundExpression, PathStep } from './bound-expression.ts';
import type { IndexSeek, Operator, ProjectItem, SeekBound } from './operator.ts';
import type { Condition, Pattern, PatternEdge, PatternNode, Seekable, Step } from './pattern.ts';
import { type PlanTable, reference, type Scope, type Variable } from './scope.ts';

type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;

export interface MatchBuilderOptions {
  readonly table: PlanTable;
  readonly binder: ExpressionBinder;
  readonly pattern: Pattern;
  readonly input: Operator;
  /** What is known before. */
  readonly scope: Scope;
  /** Whether conditions that ask for rows of a sub-query become operators. */
  readonly semiJoins: boolean;
}

/** A relationship that was found, or a list of them. */
interface Found {
  readonly variable: Variable;
  readonly types: readonly string[] | undefined;
}

export class MatchBuilder {
  readonly #options: MatchBuilderOptions;
  readonly #table: PlanTable;
  readonly #binder: ExpressionBinder;
  readonly #pattern: Pattern;
  readonly #scope: Map<string, Variable>;
  readonly #own: ReadonlySet<string>;
  #operator: Operator;
  #conditions: readonly Condition[];
  #rows = 1;
  /** Relationships that are there, from which new ones must differ. */
  readonly #found: Found[] = [];

  constructor(options: MatchBuilderOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#binder = options.binder;
    this.#pattern = options.pattern;
    this.#scope = new Map(options.scope);
    this.#operator = options.input;
    const { nodes, edges, conditions, paths } = options.pattern;
    this.#conditions = conditions;
    const names = [...nodes, ...edges].map(({ name }) => name);
    this.#own = new Set([...names, ...paths].filter((name) => !options.scope.has(name)));
  }

  /** Prepares what is known from before, and tests the conditions that need no more. */
  begin(): void {
    this.#convertKnown();
    this.#test();
  }

  /** Variables from before that the pattern uses as nodes and relationships get slots of that kind, and are not null. */
  #convertKnown(): void {
    const items: ProjectItem[] = [];
    const convert = (name: string, kind: 'node' | 'edge') => {
      const variable = this.#scope.get(name);
      if (variable === undefined || variable.kind === kind) return;
      const converted = this.#table.add(kind, name);
      items.push({ slot: converted.slot, expression: reference(variable) });
      this.#scope.set(name, converted);
    };
    for (const { name } of this.#pattern.nodes) convert(name, 'node');
    for (const { name, pattern, shortest } of this.#pattern.edges) {
      if (pattern.range === undefined && shortest === undefined) convert(name, 'edge');
    }
    if (items.length > 0) this.#operator = { kind: 'Project', input: this.#operator, items };
    // Nothing leads from null, but a node that stands alone is not followed.
    for (const node of this.#pattern.nodes) {
      const variable = this.#scope.get(node.name);
      const isAlone = this.#pattern.edges.every(({ left, right }) => left !== node && right !== node);
      if (variable !== undefined && isAlone) {
        this.#filter({ kind: 'unary', operator: 'isNotNull', of: reference(variable) }, 1);
      }
    }
  }

  variable(name: string): Variable {
    const variable = this.#scope.get(name);
    if (variable === undefined) throw new BugError(`the pattern was solved without ${name}`);
    return variable;
  }

  addPath(name: string, steps: readonly PathStep[]): void {
    const variable = this.#table.add('value', name);
    this.#scope.set(name, variable);
    const items: ProjectItem[] = [{ slot: variable.slot, expression: { kind: 'path', steps } }];
    this.#operator = { kind: 'Project', input: this.#operator, items };
    this.#test();
  }

  /** The plan, and its variables without internal ones. */
  end(): { readonly operator: Operator; readonly scope: Scope } {
    if (this.#conditions.length > 0) throw new BugError('a condition of a pattern was not tested');
    const { scope } = this.#options;
    const visible = Array.from(this.#scope).filter(([name]) => !name.startsWith('  ') || scope.has(name));
    return { operator: this.#operator, scope: new Map(visible) };
  }

  step(step: Step): void {
    switch (step.kind) {
      case 'findNode':
        this.#rows = step.rows;
        this.#findNode(step);
        break;
      case 'findEdge':
        this.#rows = step.rows;
        this.#findEdge(step);
        break;
      case 'endsOf':
        this.#endsOf(step.edge);
        break;
      case 'follow':
        this.#rows = step.rows;
        this.#follow(step);
        break;
      case 'join':
        this.#join(step);
        this.#rows = step.rows;
        break;
      default:
        assertNever(step);
    }
    this.#test();
  }

  // --- conditions

  /** Tests what can be tested now. */
  #test(): void {
    const isOpen = (name: string) => this.#own.has(name) && !this.#scope.has(name);
    const ready: Condition[] = [];
    const waiting: Condition[] = [];
    for (const condition of this.#conditions) {
      (Array.from(condition.needs).some(isOpen) ? waiting : ready).push(condition);
    }
    this.#conditions = waiting;
    // What is cheap comes first; else the text decides, where a condition may guard the next one.
    ready.sort((a, b) => Number(a.isHeavy) - Number(b.isHeavy));
    for (const condition of ready) this.#testOne(condition);
  }

  #testOne(condition: Condition): void {
    const { expression, share } = condition;
    const existence =
      expression === undefined || !this.#options.semiJoins
        ? undefined
        : this.#binder.bindExistence(expression, this.#scope);
    if (existence === undefined) {
      this.#filter(condition.bind(this.#scope), share);
      return;
    }
    this.#rows *= share;
    this.#operator = { kind: 'SemiApply', input: this.#operator, ...existence, estimatedRows: this.#rows };
  }

  #filter(predicate: BoundExpression, share: number): void {
    this.#rows *= share;
    this.#operator = { kind: 'Filter', input: this.#operator, predicate, estimatedRows: this.#rows };
  }

  #satisfied(conditions: ReadonlySet<Condition>): void {
    this.#conditions = this.#conditions.filter((condition) => !conditions.has(condition));
  }

  // --- finding

  #findNode({ node, access }: StepOf<'findNode'>): void {
    const input = this.#operator;
    const estimatedRows = this.#rows;
    const seeks = access.seeks.map((seek) => ({ seek, value: this.#binder.bind(seek.value, this.#scope) }));
    const { slot } = this.#add(node.name, 'node');
    const [first] = seeks;
    const { label = '', property = '' } = access;
    if (access.kind === 'all') this.#operator = { kind: 'AllNodesScan', input, node: slot, estimatedRows };
    else if (access.kind === 'label' || first === undefined) {
      this.#operator = { kind: 'LabelScan', input, node: slot, label, estimatedRows };
    } else if (access.kind === 'id') {
      this.#operator = { kind: 'NodeByIdSeek', input, node: slot, ids: first.value, estimatedRows };
    } else {
      const seek = indexSeek(seeks);
      this.#operator = { kind: 'IndexSeek', input, node: slot, label, property, seek, estimatedRows };
    }
    this.#satisfied(access.satisfies);
  }

  #findEdge({ edge, access }: StepOf<'findEdge'>): void {
    const ids = access.seek === undefined ? undefined : this.#binder.bind(access.seek.value, this.#scope);
    const variable = this.#add(edge.name, 'edge');
    // Drawn from right to left, the relationship begins at the right end.
    const isTurned = edge.pattern.arrow === 'left';
    const left = this.#add(edge.left.name, 'node').slot;
    const right = this.#add(edge.right.name, 'node').slot;
    const place = {
      input: this.#operator,
      edge: variable.slot,
      from: isTurned ? right : left,
      to: isTurned ? left : right,
      direction: directionFrom(edge, edge.left) === 'both' ? ('both' as const) : ('out' as const),
      estimatedRows: this.#rows,
    };
    if (ids === undefined) this.#operator = { kind: 'EdgeScan', ...place, types: edge.types ?? [] };
    else {
      this.#operator = { kind: 'EdgeByIdSeek', ...place, ids };
      if (edge.types !== undefined && edge.types.length > 0) {
        const tests = edge.types.map((name) => ({ kind: 'label', name }) as const);
        this.#filter({ kind: 'labels', of: reference(variable), test: { kind: 'or', tests } }, 1);
      }
    }
    for (const predicate of this.#differences([{ variable, types: edge.types }])) this.#filter(predicate, 1);
    this.#found.push({ variable, types: edge.types });
    this.#satisfied(access.satisfies);
  }

  /** The left end of a relationship that is known: one of its two ends, which following it then tells. */
  #endsOf(edge: PatternEdge): void {
    const relationship = reference(this.variable(edge.name));
    const end = (name: string): BoundExpression => ({ kind: 'call', name, arguments: [relationship] });
    const direction = directionFrom(edge, edge.left);
    const [from, to] = [end('startNode'), end('endNode')];
    const list: BoundExpression =
      direction === 'both'
        ? {
            kind: 'case',
            of: undefined,
            // A loop has one end, from which it is followed once.
            whens: [
              {
                when: { kind: 'binary', operator: '=', left: from, right: to },
                result: { kind: 'list', items: [from] },
              },
            ],
            otherwise: { kind: 'list', items: [from, to] },
          }
        : { kind: 'list', items: [direction === 'out' ? from : to] };
    const item = this.#table.add('value');
    const unwound: Operator = { kind: 'Unwind', input: this.#operator, list, slot: item.slot };
    const { slot } = this.#add(edge.left.name, 'node');
    this.#operator = { kind: 'Project', input: unwound, items: [{ slot, expression: reference(item) }] };
  }

  /** What is found on its own sees nothing of the rows that it is joined to. */
  #join({ steps, keys }: StepOf<'join'>): void {
    const names = new Set(namesOf(steps));
    const conditions = this.#conditions.filter(({ needs }) => Array.from(needs).every((name) => names.has(name)));
    const right = new MatchBuilder({
      ...this.#options,
      pattern: { ...this.#pattern, conditions },
      input: { kind: 'Argument' },
      scope: new Map(),
    });
    for (const step of steps) right.step(step);
    this.#operator = {
      kind: 'HashJoin',
      input: this.#operator,
      right: right.#operator,
      keys: keys.map((key) => ({
        left: this.#binder.bind(key.left, this.#scope),
        right: this.#binder.bind(key.right, right.#scope),
      })),
      estimatedRows: this.#rows,
    };
    for (const predicate of this.#differences(right.#found)) this.#filter(predicate, 1);
    for (const [name, variable] of right.#scope) this.#scope.set(name, variable);
    this.#found.push(...right.#found);
    this.#satisfied(new Set(conditions));
  }

  /** A relationship is matched once by a pattern, also by parts of it that were found apart. */
  #differences(added: readonly Found[]): BoundExpression[] {
    return added.flatMap(({ variable, types }) =>
      this.#found.filter((found) => mayBeSame(found.types, types)).map((found) => difference(found.variable, variable)),
    );
  }

  // --- following

  #add(name: string, kind: 'node' | 'edge' | 'value'): Variable {
    const variable = this.#table.add(kind, name);
    this.#scope.set(name, variable);
    return variable;
  }

  #follow({ edge, from, to }: StepOf<'follow'>): void {
    if (edge.shortest !== undefined) this.#shortestPath(edge);
    else if (edge.pattern.range !== undefined) this.#followMany(edge, edge.pattern.range, from, to);
    else this.#followOne(edge, from, to);
  }

  #unlike(types: readonly string[] | undefined): { readonly unlike: number[]; readonly unlikeLists: number[] } {
    const others = this.#found.filter((found) => mayBeSame(found.types, types)).map(({ variable }) => variable);
    return {
      unlike: others.filter(({ kind }) => kind === 'edge').map(({ slot }) => slot),
      unlikeLists: others.filter(({ kind }) => kind !== 'edge').map(({ slot }) => slot),
    };
  }

  #end(node: PatternNode): number {
    return (this.#scope.get(node.name) ?? this.#add(node.name, 'node')).slot;
  }

  #followOne(edge: PatternEdge, from: PatternNode, to: PatternNode): void {
    const { types } = edge;
    const into = this.#scope.has(to.name);
    const bound = this.#scope.get(edge.name);
    const variable = bound ?? this.#add(edge.name, 'edge');
    this.#operator = {
      kind: 'Expand',
      input: this.#operator,
      from: this.variable(from.name).slot,
      edge: variable.slot,
      to: this.#end(to),
      direction: directionFrom(edge, from),
      types: types ?? [],
      into,
      bound: bound !== undefined,
      ...this.#unlike(types),
      estimatedRows: this.#rows,
    };
    this.#found.push({ variable, types });
  }

  /** What each relationship of a path must meet. */
  #eachMust({
    pattern,
    types,
  }: PatternEdge): { readonly edge: number; readonly predicate: BoundExpression } | undefined {
    const variable = this.#table.add('edge', pattern.variable?.text);
    const predicates: BoundExpression[] = [];
    if (pattern.properties?.kind === 'map') {
      for (const { key, value } of pattern.properties.entries) {
        const left: BoundExpression = { kind: 'property', of: reference(variable), name: key.text };
        predicates.push({ kind: 'binary', operator: '=', left, right: this.#binder.bind(value, this.#scope) });
      }
    }
    if (types === undefined && pattern.types !== undefined) {
      predicates.push(this.#binder.labels(reference(variable), pattern.types, this.#scope));
    }
    if (pattern.where !== undefined) {
      const inner = new Map(this.#scope);
      if (pattern.variable !== undefined) inner.set(pattern.variable.text, variable);
      predicates.push(this.#binder.bind(pattern.where, inner));
    }
    const [first, ...rest] = predicates;
    if (first === undefined) return undefined;
    const predicate = rest.reduce((left, right): BoundExpression => {
      return { kind: 'binary', operator: 'and', left, right };
    }, first);
    return { edge: variable.slot, predicate };
  }

  #followMany(
    edge: PatternEdge,
    range: NonNullable<RelationshipPattern['range']>,
    from: PatternNode,
    to: PatternNode,
  ): void {
    const { types } = edge;
    const condition = this.#eachMust(edge);
    const into = this.#scope.has(to.name);
    const bound = this.#scope.get(edge.name);
    const isTurned = from === edge.right && edge.left !== edge.right;
    const list = this.#table.add('value', isTurned ? undefined : edge.name);
    this.#operator = {
      kind: 'VarLengthExpand',
      input: this.#operator,
      from: this.variable(from.name).slot,
      edges: list.slot,
      to: this.#end(to),
      direction: directionFrom(edge, from),
      types: types ?? [],
      min: range.min ?? 1,
      max: range.max,
      into,
      condition,
      ...this.#unlike(types),
      estimatedRows: this.#rows,
    };
    this.#found.push({ variable: list, types });
    let held = list;
    if (isTurned) {
      // The list goes from left to right, however the pattern was walked.
      held = this.#table.add('value', edge.name);
      const expression: BoundExpression = { kind: 'call', name: 'reverse', arguments: [reference(list)] };
      this.#operator = { kind: 'Project', input: this.#operator, items: [{ slot: held.slot, expression }] };
    }
    if (bound === undefined) this.#scope.set(edge.name, held);
    else this.#filter({ kind: 'binary', operator: '=', left: reference(held), right: reference(bound) }, 1);
  }

  #shortestPath(edge: PatternEdge): void {
    const { pattern, types } = edge;
    const condition = this.#eachMust(edge);
    const list = this.#table.add('value', edge.name);
    this.#operator = {
      kind: 'ShortestPath',
      input: this.#operator,
      from: this.variable(edge.left.name).slot,
      to: this.variable(edge.right.name).slot,
      edges: list.slot,
      direction: directionFrom(edge, edge.left),
      types: types ?? [],
      min: pattern.range?.min ?? 1,
      max: pattern.range === undefined ? 1 : pattern.range.max,
      all: edge.shortest === 'all',
      condition,
      estimatedRows: this.#rows,
    };
    this.#scope.set(edge.name, list);
    this.#found.push({ variable: list, types });
  }
}

function indexSeek(seeks: readonly { readonly seek: Seekable; readonly value: BoundExpression }[]): IndexSeek['seek'] {
  let from: SeekBound | undefined;
  let to: SeekBound | undefined;
  for (const { seek, value } of seeks) {
    switch (seek.operator) {
      case '=':
        return { kind: 'equal', value };
      case 'in':
        return { kind: 'in', list: value };
      case 'startsWith':
        return { kind: 'prefix', prefix: value };
      case '<':
      case '<=':
        to = { value, inclusive: seek.operator === '<=' };
        break;
      default:
        from = { value, inclusive: seek.operator === '>=' };
    }
  }
  return { kind: 'range', from, to };
}

/** The direction of a relationship as seen from one of its ends. */
function directionFrom({ pattern, left }: PatternEdge, from: PatternNode): Direction {
  if (pattern.arrow === 'none' || pattern.arrow === 'both') return 'both';
  return (pattern.arrow === 'right') === (from === left) ? 'out' : 'in';
}

function mayBeSame(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0) return true;
  return a.some((type) => b.includes(type));
}

/** That two variables of one pattern share no relationship. Either may hold one, or a list. */
function difference(a: Variable, b: Variable): BoundExpression {
  const [left, right] = [reference(a), reference(b)];
  if (a.kind === 'edge' && b.kind === 'edge') return { kind: 'binary', operator: '<>', left, right };
  const [item, list] = a.kind === 'edge' ? [left, right] : [right, left];
  return { kind: 'unary', operator: 'not', of: { kind: 'binary', operator: 'in', left: item, right: list } };
}

function namesOf(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case 'findNode':
        return [step.node.name];
      case 'findEdge':
      case 'endsOf':
        return [step.edge.name, step.edge.left.name, step.edge.right.name];
      case 'follow':
        return [step.edge.name, step.to.name];
      case 'join':
        return namesOf(step.steps);
      default:
        return assertNever(step);
    }
  });
}
