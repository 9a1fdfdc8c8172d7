/**
 * Plans a query clause by clause: each takes the plan so far as its input. What keeps the reads and writes of different
 * clauses apart is added to the whole plan at the end (`insert-eager.ts`).
 *
 * The text was analysed before: names are bound, types fit as far as can be known, clauses stand where they may.
 */
import { BugError } from '../../base/assert.ts';
import type {
  Clause,
  CreateClause,
  Expression,
  ForeachClause,
  IndexExpression,
  MatchClause,
  MergeClause,
  PatternPart,
  ProcedureClause,
  Query,
  RemoveItem,
  SetItem as SetItemOfText,
  SetLabels,
  SingleQuery,
  SubqueryClause,
} from '../syntax/ast.ts';
import { ExpressionBinder } from './bind-expression.ts';
import type { BoundExpression, PathStep } from './bound-expression.ts';
import { allowedTypes, asksGraph, computedIn, demandedLabels, freeVariables } from './expression-facts.ts';
import { insertEager } from './insert-eager.ts';
import { MatchPlanner } from './match-planner.ts';
import type { CreateElement, Operator, Plan, ProjectItem, SetItem } from './operator.ts';
import { writes } from './plan-facts.ts';
import type { PlannerContext } from './planned-statement.ts';
import { ProjectionPlanner } from './projection-planner.ts';
import { extend, PlanTable, reference, type Scope } from './scope.ts';

const ARGUMENT: Operator = { kind: 'Argument' };
const NOTHING: Scope = new Map();

interface Planned {
  readonly operator: Operator;
  readonly scope: Scope;
  /** Of a RETURN, or of a procedure call that stands alone. */
  readonly columns: readonly { readonly name: string; readonly slot: number }[] | undefined;
}

export function planQuery(query: Query, text: string, context: PlannerContext): Plan {
  const planner = new QueryPlanner(text, context);
  return planner.plan(query);
}

class QueryPlanner {
  readonly #table = new PlanTable();
  readonly #context: PlannerContext;
  readonly #binder: ExpressionBinder;
  readonly #projections: ProjectionPlanner;
  readonly #matches: MatchPlanner;

  constructor(text: string, context: PlannerContext) {
    this.#context = context;
    this.#binder = new ExpressionBinder(this.#table, {
      pattern: (part, where, scope) => this.#matches.plan([part], where, ARGUMENT, scope),
      query: (query, scope) => {
        const { operator, columns = [] } = this.#query(query, () => scope, scope);
        return { operator, columns };
      },
    });
    this.#projections = new ProjectionPlanner(this.#table, this.#binder, text);
    this.#matches = new MatchPlanner(this.#table, this.#binder, context);
  }

  plan(query: Query): Plan {
    const { operator, columns = [] } = this.#query(query, () => NOTHING, NOTHING);
    const { subplans } = this.#table;
    return {
      root: writes(operator) ? insertEager(operator, subplans, columns.length > 0) : operator,
      slots: this.#table.slots,
      names: this.#table.names,
      columns,
      writes: writes(operator),
      subplans,
    };
  }

  /**
   * @param scopeOf what each single query begins with
   * @param constants of a sub-query: variables from around it, which no WITH inside takes away
   */
  #query(query: Query, scopeOf: (single: SingleQuery) => Scope, constants: Scope): Planned {
    const singles = query.singles.map(({ clauses }, i) => {
      return this.#single(clauses, scopeOf(query.singles[i] as SingleQuery), constants);
    });
    const [first] = singles;
    if (first === undefined) throw new BugError('a query has a single query');
    if (singles.length === 1) return first;
    return this.#union(
      singles,
      query.unions.every(({ all }) => all),
    );
  }

  #union(singles: readonly Planned[], all: boolean): Planned {
    const [first] = singles;
    if (first?.columns === undefined) {
      // Parts that only write have no rows, and a sub-query of such parts none for its outer row.
      const operator: Operator = { kind: 'Union', inputs: singles.map((single) => single.operator) };
      return { operator, columns: undefined, scope: new Map() };
    }
    const names = first.columns.map(({ name }) => name);
    const columns = names.map((name) => {
      const kinds = singles.map((single) => this.#kindOf(single, name));
      const kind = kinds.every((each) => each === kinds[0]) ? (kinds[0] ?? 'value') : 'value';
      return { name, ...this.#table.add(kind, name) };
    });
    const inputs = singles.map((single): Operator => {
      const items = columns.map(({ name, slot }): ProjectItem => {
        const held = single.columns?.find((column) => column.name === name)?.slot ?? 0;
        return { slot, expression: reference({ slot: held, kind: this.#table.slots[held] ?? 'value' }) };
      });
      return { kind: 'Project', input: single.operator, items };
    });
    let operator: Operator = { kind: 'Union', inputs };
    if (!all) operator = { kind: 'Distinct', input: operator, slots: columns.map(({ slot }) => slot) };
    return { operator, columns, scope: new Map(columns.map(({ name, slot, kind }) => [name, { slot, kind }])) };
  }

  #kindOf(single: Planned, name: string) {
    const slot = single.columns?.find((column) => column.name === name)?.slot;
    return slot === undefined ? 'value' : (this.#table.slots[slot] ?? 'value');
  }

  #single(clauses: readonly Clause[], scope: Scope, constants: Scope): Planned {
    let planned: Planned = { operator: ARGUMENT, scope, columns: undefined };
    for (const clause of clauses) {
      planned = this.#clause(clause, planned.operator, planned.scope, { isAlone: clauses.length === 1, constants });
    }
    return planned;
  }

  #clause(
    clause: Clause,
    input: Operator,
    scope: Scope,
    { isAlone, constants }: { readonly isAlone: boolean; readonly constants: Scope },
  ): Planned {
    const passed = (operator: Operator): Planned => ({ operator, scope, columns: undefined });
    switch (clause.kind) {
      case 'match':
        return this.#match(clause, input, scope);
      case 'unwind': {
        const item = this.#table.add('value', clause.variable.text);
        const list = this.#binder.bind(clause.list, scope);
        const operator: Operator = { kind: 'Unwind', input, list, slot: item.slot };
        return { operator, scope: extend(scope, [[clause.variable.text, item]]), columns: undefined };
      }
      case 'with':
      case 'return': {
        const { operator, scope: own, columns } = this.#projections.plan(clause, input, scope, constants);
        // FINISH is a RETURN of no columns.
        const isReturn = clause.kind === 'return' && columns.length > 0;
        return { operator, scope: own, columns: isReturn ? columns : undefined };
      }
      case 'create':
        return this.#create(clause, input, scope);
      case 'merge':
        return this.#merge(clause, input, scope);
      case 'set':
        return passed({ kind: 'SetItems', input: input, items: this.#setItems(clause.items, scope) });
      case 'remove': {
        const items = clause.items.map((item) => this.#removeItem(item, scope));
        return passed({ kind: 'SetItems', input: input, items });
      }
      case 'delete': {
        const values = clause.values.map((value) => this.#binder.bind(value, scope));
        return passed({ kind: 'Delete', input: input, values, detach: clause.detach });
      }
      case 'foreach':
        return passed(this.#foreach(clause, input, scope));
      case 'procedure':
        return this.#procedure(clause, input, scope, isAlone);
      case 'subquery':
        return this.#subquery(clause, input, scope);
    }
  }

  // --- reading

  #match(clause: MatchClause, input: Operator, scope: Scope): Planned {
    if (!clause.optional) {
      return { ...this.#matches.plan(clause.pattern, clause.where, input, scope), columns: undefined };
    }
    const inner = this.#matches.plan(clause.pattern, clause.where, ARGUMENT, scope);
    const added = Array.from(inner.scope).filter(([name, variable]) => scope.get(name)?.slot !== variable.slot);
    // Variables from before keep their slots: where the pattern does not match, only new ones are null.
    const entries = added.filter(([name]) => !scope.has(name));
    const nullable = entries.map(([, { slot }]) => slot);
    const operator: Operator = { kind: 'OptionalApply', input, inner: inner.operator, nullable };
    return { operator, scope: extend(scope, entries), columns: undefined };
  }

  #procedure(clause: ProcedureClause, input: Operator, scope: Scope, isAlone: boolean): Planned {
    const signature = this.#context.procedure(clause.name.text);
    if (signature === undefined) throw new BugError(`analysis let the procedure ${clause.name.text} pass`);
    const args =
      clause.arguments?.map((argument) => this.#binder.bind(argument, scope)) ??
      signature.arguments
        .filter(({ optional }) => optional !== true)
        .map(({ name }): BoundExpression => ({ kind: 'parameter', name }));
    const taken =
      clause.yields === 'all' || (clause.yields === undefined && isAlone)
        ? signature.results.map(({ name }) => ({ name, alias: name }))
        : (clause.yields ?? []).map(({ name, alias }) => ({ name: name.text, alias: alias?.text ?? name.text }));
    const results = taken.map(({ name, alias }) => ({
      alias,
      index: signature.results.findIndex((result) => result.name === name),
      variable: this.#table.add('value', alias),
    }));
    const isOptional = clause.optional && results.length > 0;
    let operator: Operator = {
      kind: 'ProcedureCall',
      input: isOptional ? ARGUMENT : input,
      name: signature.name,
      arguments: args,
      results: results.map(({ index, variable }) => ({ index, slot: variable.slot })),
      isVoid: signature.results.length === 0,
    };
    if (isOptional) {
      const nullable = results.map(({ variable }) => variable.slot);
      operator = { kind: 'OptionalApply', input, inner: operator, nullable };
    }
    const own = extend(
      scope,
      results.map(({ alias, variable }) => [alias, variable] as const),
    );
    if (clause.where !== undefined) {
      operator = { kind: 'Filter', input: operator, predicate: this.#binder.bind(clause.where, own) };
    }
    const columns = isAlone ? results.map(({ alias, variable }) => ({ name: alias, slot: variable.slot })) : undefined;
    return { operator, scope: own, columns };
  }

  #subquery(clause: SubqueryClause, input: Operator, scope: Scope): Planned {
    const { imports } = clause;
    const names = imports === 'all' ? undefined : new Set((imports ?? []).map(({ text }) => text));
    const constants = names === undefined ? scope : new Map(Array.from(scope).filter(([name]) => names.has(name)));
    // A first WITH imports what it names.
    const scopeOf = ({ clauses }: SingleQuery) =>
      imports === undefined && clauses[0]?.kind === 'with' ? scope : constants;
    const inner = this.#query(clause.query, scopeOf, constants);
    if (inner.columns === undefined) {
      const item = this.#table.add('value');
      const list: BoundExpression = { kind: 'list', items: [{ kind: 'literal', value: null }] };
      const operator: Operator = {
        kind: 'Foreach',
        input: input,
        inner: inner.operator,
        list,
        slot: item.slot,
      };
      return { operator, scope, columns: undefined };
    }
    const nullable = inner.columns.map(({ slot }) => slot);
    const operator: Operator = clause.optional
      ? { kind: 'OptionalApply', input, inner: inner.operator, nullable }
      : { kind: 'Apply', input, inner: inner.operator };
    const own = extend(
      scope,
      inner.columns.map(({ name, slot }) => [name, { slot, kind: this.#table.slots[slot] ?? 'value' }] as const),
    );
    return { operator, scope: own, columns: undefined };
  }

  // --- writing

  /**
   * What a pattern makes: nodes and relationships that are not there yet.
   * @param isEarly whether what asks the graph is among `conversions`, so that no row sees what was made for another
   */
  #elements(
    parts: readonly PatternPart[],
    scope: Scope,
    isEarly: boolean,
  ): {
    readonly elements: CreateElement[];
    readonly scope: Scope;
    readonly conversions: ProjectItem[];
    readonly paths: ProjectItem[];
  } {
    const elements: CreateElement[] = [];
    const conversions: ProjectItem[] = [];
    const paths: ProjectItem[] = [];
    const own = new Map(scope);
    const bindValue = (value: Expression) => {
      const bound = this.#binder.bind(value, own);
      const usesMade = Array.from(freeVariables(value)).some((name) => own.has(name) && !scope.has(name));
      if (!isEarly || usesMade || !asksGraph(value)) return bound;
      const variable = this.#table.add('value');
      conversions.push({ slot: variable.slot, expression: bound });
      return reference(variable);
    };
    for (const part of parts) {
      const steps: PathStep[] = [];
      const slots = part.nodes.map((node) => {
        const known = node.variable === undefined ? undefined : own.get(node.variable.text);
        if (known?.kind === 'node') return known.slot;
        const variable = this.#table.add('node', node.variable?.text);
        if (known !== undefined) conversions.push({ slot: variable.slot, expression: reference(known) });
        else {
          const properties = node.properties && bindValue(node.properties);
          const computed = computedIn(node.labels).map((each) => bindValue(each));
          elements.push({
            kind: 'node',
            slot: variable.slot,
            labels: demandedLabels(node.labels),
            computed,
            properties,
          });
        }
        if (node.variable !== undefined) own.set(node.variable.text, variable);
        return variable.slot;
      });
      part.relationships.forEach((relationship, i) => {
        const left = slots[i] as number;
        const right = slots[i + 1] as number;
        const isLeft = relationship.arrow === 'left';
        const variable = this.#table.add('edge', relationship.variable?.text);
        const properties = relationship.properties && bindValue(relationship.properties);
        const [named] = computedIn(relationship.types);
        const type = named === undefined ? (allowedTypes(relationship.types)?.[0] ?? '') : bindValue(named);
        elements.push({
          kind: 'edge',
          slot: variable.slot,
          type,
          from: isLeft ? right : left,
          to: isLeft ? left : right,
          properties,
        });
        if (relationship.variable !== undefined) own.set(relationship.variable.text, variable);
        steps.push({ kind: 'node', slot: left }, { kind: 'edge', slot: variable.slot });
      });
      steps.push({ kind: 'node', slot: slots.at(-1) as number });
      if (part.variable !== undefined) {
        const path = this.#table.add('value', part.variable.text);
        paths.push({ slot: path.slot, expression: { kind: 'path', steps } });
        own.set(part.variable.text, path);
      }
    }
    return { elements, scope: own, conversions, paths };
  }

  #create(clause: CreateClause, input: Operator, scope: Scope): Planned {
    const { elements, scope: own, conversions, paths } = this.#elements(clause.pattern, scope, true);
    const before = projected(input, conversions);
    const operator = projected({ kind: 'Create', input: before, elements }, paths);
    return { operator, scope: own, columns: undefined };
  }

  #merge(clause: MergeClause, input: Operator, scope: Scope): Planned {
    const pattern = named(clause.pattern);
    const made = this.#elements([{ ...pattern, variable: undefined }], scope, false);
    const match = this.#matches.plan([{ ...pattern, variable: undefined }], undefined, ARGUMENT, scope);
    // What is found goes where it would be made.
    const items: ProjectItem[] = [];
    for (const [name, { slot }] of made.scope) {
      const found = match.scope.get(name);
      if (found !== undefined && found.slot !== slot) items.push({ slot, expression: reference(found) });
    }
    let operator: Operator = {
      kind: 'Merge',
      input: projected(input, made.conversions),
      inner: projected(match.operator, items),
      elements: made.elements,
      onMatch: this.#setItems(clause.onMatch, made.scope),
      onCreate: this.#setItems(clause.onCreate, made.scope),
    };
    let own: Scope = made.scope;
    if (pattern.variable !== undefined) {
      const path = this.#table.add('value', pattern.variable.text);
      const steps = pathThrough(pattern, own);
      operator = projected(operator, [{ slot: path.slot, expression: { kind: 'path', steps } }]);
      own = extend(own, [[pattern.variable.text, path]]);
    }
    const visible = new Map(Array.from(own).filter(([name]) => !name.startsWith(' ')));
    return { operator, scope: visible, columns: undefined };
  }

  #setItems(items: readonly SetItemOfText[], scope: Scope): SetItem[] {
    return items.map((item): SetItem => {
      switch (item.kind) {
        case 'property':
          return {
            kind: 'property',
            target: this.#binder.bind(item.target.of, scope),
            name: item.target.name.text,
            value: this.#binder.bind(item.value, scope),
          };
        case 'all':
          return {
            kind: 'all',
            target: this.#binder.bind(item.target, scope),
            value: this.#binder.bind(item.value, scope),
            keep: item.keep,
          };
        case 'item':
          return { ...this.#item(item.target, scope), value: this.#binder.bind(item.value, scope) };
        default:
          return { kind: 'addLabels', ...this.#labels(item, scope) };
      }
    });
  }

  #item({ of, index }: IndexExpression, scope: Scope): Omit<Extract<SetItem, { kind: 'item' }>, 'value'> {
    return { kind: 'item', target: this.#binder.bind(of, scope), key: this.#binder.bind(index, scope) };
  }

  #labels(
    { target, labels, computed }: SetLabels,
    scope: Scope,
  ): Omit<Extract<SetItem, { kind: 'addLabels' | 'removeLabels' }>, 'kind'> {
    return {
      target: this.#binder.bind(target, scope),
      labels: labels.map(({ text }) => text),
      computed: computed.map((each) => this.#binder.bind(each, scope)),
    };
  }

  #removeItem(item: RemoveItem, scope: Scope): SetItem {
    if (item.kind === 'labels') return { kind: 'removeLabels', ...this.#labels(item, scope) };
    const value = { kind: 'literal', value: null } as const;
    if (item.kind === 'item') return { ...this.#item(item.target, scope), value };
    return { kind: 'property', target: this.#binder.bind(item.target.of, scope), name: item.target.name.text, value };
  }

  #foreach(clause: ForeachClause, input: Operator, scope: Scope): Operator {
    const item = this.#table.add('value', clause.variable.text);
    const list = this.#binder.bind(clause.list, scope);
    const inner = this.#single(clause.clauses, extend(scope, [[clause.variable.text, item]]), NOTHING);
    return { kind: 'Foreach', input: input, inner: inner.operator, list, slot: item.slot };
  }
}

/** The pattern with a name for each element that has none; no variable of a text begins with a blank. */
function named(part: PatternPart): PatternPart {
  const { start, end } = part;
  return {
    ...part,
    nodes: part.nodes.map((node, i) =>
      node.variable === undefined ? { ...node, variable: { text: ` node${i}`, start, end } } : node,
    ),
    relationships: part.relationships.map((edge, i) =>
      edge.variable === undefined ? { ...edge, variable: { text: ` edge${i}`, start, end } } : edge,
    ),
  };
}

function pathThrough(part: PatternPart, scope: Scope): PathStep[] {
  const slotOf = (name: string | undefined) => (name === undefined ? 0 : (scope.get(name)?.slot ?? 0));
  return part.nodes.flatMap((node, i): PathStep[] => {
    const step: PathStep = { kind: 'node', slot: slotOf(node.variable?.text) };
    const edge = part.relationships[i];
    return edge === undefined ? [step] : [step, { kind: 'edge', slot: slotOf(edge.variable?.text) }];
  });
}

function projected(input: Operator, items: readonly ProjectItem[]): Operator {
  return items.length === 0 ? input : { kind: 'Project', input, items };
}
