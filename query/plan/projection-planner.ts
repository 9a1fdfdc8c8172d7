/**
 * WITH and RETURN: grouping, DISTINCT, ORDER BY, SKIP, LIMIT and WHERE. A variable that is only passed on keeps its slot;
 * everything else gets a new one. Where rows are neither grouped nor made distinct, ORDER BY and WHERE still see the
 * variables from before.
 */
import type { Expression, ProjectionClause, ProjectionItem } from '../syntax/ast.ts';
import type { ExpressionBinder } from './bind-expression.ts';
import type { BoundExpression } from './bound-expression.ts';
import { containsAggregate, expressionKey, isAggregate, partsOf } from './expression-facts.ts';
import type { AggregateItem, Operator, ProjectItem, Sort } from './operator.ts';
import { extend, type PlanTable, reference, type Scope, type Variable } from './scope.ts';

export interface Projected {
  readonly operator: Operator;
  /** What is projected, and the constants. */
  readonly scope: Scope;
  readonly columns: readonly { readonly name: string; readonly slot: number }[];
}

interface Item {
  readonly name: string;
  readonly expression: Expression;
}

export class ProjectionPlanner {
  readonly #table: PlanTable;
  readonly #binder: ExpressionBinder;
  readonly #text: string;

  /** @param text of the statement, which names columns */
  constructor(table: PlanTable, binder: ExpressionBinder, text: string) {
    this.#table = table;
    this.#binder = binder;
    this.#text = text;
  }

  /** @param constants variables from around a sub-query, which stay visible after the clause */
  plan(clause: ProjectionClause, input: Operator, scope: Scope, constants: Scope): Projected {
    const items = this.#items(clause, scope);
    const grouped = items.some(({ expression }) => containsAggregate(expression));
    const projected = grouped ? this.#group(clause, items, input, scope) : this.#project(items, input, scope);
    const { columns } = projected;
    let { operator } = projected;
    const own: Scope = new Map(columns.map(({ name, slot }) => [name, this.#variable(slot)]));
    const after = extend(constants, own);
    const mayUse = clause.kind === 'with' || clause.orderBy.length > 0;
    if (grouped && mayUse && after.size > own.size) {
      // Groups have lost the row that the sub-query runs for: it is joined to them again.
      operator = { kind: 'Apply', input: { kind: 'Argument' }, inner: operator };
    }
    if (clause.distinct) {
      operator = { kind: 'Distinct', input: operator, slots: columns.map(({ slot }) => slot) };
    }
    const visible = grouped || clause.distinct ? after : extend(scope, own);
    // What is written again in ORDER BY or WHERE is there already.
    const known = new Map(projected.known);
    items.forEach(({ expression }, i) => {
      const column = columns[i];
      if (expression.kind !== 'variable' && column !== undefined) {
        known.set(expressionKey(expression), reference(this.#variable(column.slot)));
      }
    });
    const bind = (expression: Expression) => this.#binder.bind(expression, visible, known);
    operator = this.#order(clause, operator, bind);
    if (clause.where !== undefined) operator = { kind: 'Filter', input: operator, predicate: bind(clause.where) };
    return { operator, scope: after, columns };
  }

  #variable(slot: number): Variable {
    return { slot, kind: this.#table.slots[slot] ?? 'value' };
  }

  #items(clause: ProjectionClause, scope: Scope): Item[] {
    const named = clause.items.map((item) => ({ name: this.#nameOf(item), expression: item.expression }));
    if (!clause.all) return named;
    const all = Array.from(scope.keys())
      .filter((name) => !name.startsWith('  '))
      .sort()
      .map((name): Item => ({ name, expression: { kind: 'variable', name, start: clause.start, end: clause.end } }));
    return [...all, ...named];
  }

  #nameOf({ alias, expression, start, end }: ProjectionItem): string {
    if (alias !== undefined) return alias.text;
    return expression.kind === 'variable' ? expression.name : this.#text.slice(start, end);
  }

  #project(items: readonly Item[], input: Operator, scope: Scope) {
    const computed: ProjectItem[] = [];
    const columns = items.map(({ name, expression }) => {
      if (expression.kind === 'variable') return { name, slot: (scope.get(expression.name) as Variable).slot };
      const { slot } = this.#table.add('value');
      computed.push({ slot, expression: this.#binder.bind(expression, scope) });
      return { name, slot };
    });
    const operator: Operator = computed.length === 0 ? input : { kind: 'Project', input, items: computed };
    return { operator, columns, known: new Map<string, BoundExpression>() };
  }

  /** Items without aggregates are the keys; the others are computed from keys and aggregates afterwards. */
  #group(clause: ProjectionClause, items: readonly Item[], input: Operator, scope: Scope) {
    const known = new Map<string, BoundExpression>();
    const keys: ProjectItem[] = [];
    const aggregates: AggregateItem[] = [];
    const after: ProjectItem[] = [];
    const slots = new Map<Item, number>();
    let grouped: Scope = new Map();
    for (const item of items) {
      if (containsAggregate(item.expression)) continue;
      const bound = this.#binder.bind(item.expression, scope);
      const variable = this.#table.add(bound.kind === 'slot' ? bound.slotKind : 'value');
      keys.push({ slot: variable.slot, expression: bound });
      slots.set(item, variable.slot);
      known.set(expressionKey(item.expression), reference(variable));
      if (item.expression.kind === 'variable') grouped = extend(grouped, [[item.expression.name, variable]]);
    }
    const collect = (expression: Expression): void => {
      if (!isAggregate(expression)) {
        if (!known.has(expressionKey(expression))) for (const part of partsOf(expression)) collect(part);
        return;
      }
      const key = expressionKey(expression);
      if (known.has(key)) return;
      const variable = this.#table.add('value');
      aggregates.push(this.#aggregate(expression, variable.slot, scope));
      known.set(key, reference(variable));
    };
    for (const { expression } of items) collect(expression);
    for (const { expression } of clause.orderBy) if (containsAggregate(expression)) collect(expression);
    const columns = items.map((item) => {
      const { name, expression } = item;
      const key = slots.get(item);
      if (key !== undefined) return { name, slot: key };
      const held = isAggregate(expression) ? known.get(expressionKey(expression)) : undefined;
      if (held?.kind === 'slot') return { name, slot: held.slot };
      const { slot } = this.#table.add('value');
      after.push({ slot, expression: this.#binder.bind(expression, grouped, known) });
      return { name, slot };
    });
    let operator: Operator = { kind: 'Aggregate', input, keys, aggregates };
    if (after.length > 0) operator = { kind: 'Project', input: operator, items: after };
    return { operator, columns, known };
  }

  #aggregate(expression: Expression, slot: number, scope: Scope): AggregateItem {
    if (expression.kind !== 'call') return { slot, function: 'count', distinct: false, arguments: [] };
    return {
      slot,
      function: expression.name.text,
      distinct: expression.distinct,
      arguments: expression.arguments.map((argument) => this.#binder.bind(argument, scope)),
    };
  }

  #order(
    { orderBy, skip, limit }: ProjectionClause,
    input: Operator,
    bind: (expression: Expression) => BoundExpression,
  ): Operator {
    let operator = input;
    const count = (expression: Expression) => this.#binder.bind(expression, new Map());
    if (orderBy.length > 0) {
      const by: Sort['by'] = orderBy.map(({ expression, descending }) => ({
        expression: bind(expression),
        descending,
      }));
      operator = { kind: 'Sort', input: operator, by, limit: topRows(skip, limit, count) };
    }
    if (skip !== undefined) operator = { kind: 'Skip', input: operator, count: count(skip) };
    if (limit !== undefined) operator = { kind: 'Limit', input: operator, count: count(limit) };
    return operator;
  }
}

/** How many rows a sort must keep: those that are skipped, too. An Integer may not hold their sum. */
function topRows(
  skip: Expression | undefined,
  limit: Expression | undefined,
  count: (expression: Expression) => BoundExpression,
): readonly BoundExpression[] | undefined {
  if (limit === undefined) return undefined;
  return skip === undefined ? [count(limit)] : [count(skip), count(limit)];
}
