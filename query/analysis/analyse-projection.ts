/** Checks WITH and RETURN: names of columns, grouping, and what ORDER BY, SKIP, LIMIT and WHERE may see. */
import { containsAggregate, expressionKey, isAggregate, partsOf } from '../plan/expression-facts.ts';
import type { Expression, ProjectionClause, ProjectionItem } from '../syntax/ast.ts';
import { type ExpressionAnalysis, place } from './analyse-expression.ts';
import { type Names, type Report, withNames } from './analysis-scope.ts';
import { maybe, type StaticType } from './static-type.ts';

export interface ProjectedNames {
  readonly names: Names;
  readonly columns: readonly string[];
}

export class ProjectionAnalysis {
  readonly #report: Report;
  readonly #expressions: ExpressionAnalysis;

  constructor(report: Report, expressions: ExpressionAnalysis) {
    this.#report = report;
    this.#expressions = expressions;
  }

  /** @param constants names from around a sub-query, which stay visible after the clause */
  check(clause: ProjectionClause, names: Names, constants: Names): ProjectedNames {
    const columns = new Map<string, StaticType>();
    if (clause.all) {
      if (names.size === 0 && clause.kind === 'return') {
        this.#report.fail(clause, 'NoVariablesInScope', '`*` stands for all variables, and there is none');
      }
      for (const name of Array.from(names.keys()).sort()) columns.set(name, names.get(name) as StaticType);
    }
    const types = clause.items.map(({ expression }) =>
      this.#expressions.check(expression, place(names, { aggregates: 'allowed' })),
    );
    const grouped = clause.items.some(({ expression }) => containsAggregate(expression));
    if (grouped) for (const { expression } of clause.items) this.#checkGrouping(expression, clause, names);
    // Sorting by what is no grouping key is ambiguous, whether the items have names or not: that is said first.
    if (grouped) this.#checkOrder(clause, names, { constants, grouped, types });
    clause.items.forEach((item, i) => {
      const name = this.#nameOf(item, clause);
      if (columns.has(name)) {
        this.#report.fail(item, 'ColumnNameConflict', `there are two columns of the name \`${name}\``);
      }
      const isPassed = item.expression.kind === 'variable' && item.expression.name === name;
      if (clause.kind === 'with' && constants.has(name) && !isPassed) {
        this.#report.alreadyBound(item.alias ?? item, name);
      }
      columns.set(name, types[i] as StaticType);
    });
    if (!grouped) this.#checkOrder(clause, names, { constants, grouped, types });
    for (const count of [clause.skip, clause.limit]) if (count !== undefined) this.#checkRowCount(count);
    if (clause.where !== undefined) {
      const visible = withNames(grouped || clause.distinct ? constants : names, columns);
      this.#checkKnown(clause.where, clause, visible, true);
    }
    return { names: withNames(constants, columns), columns: Array.from(columns.keys()) };
  }

  #nameOf({ alias, expression, start, end }: ProjectionItem, clause: ProjectionClause): string {
    if (alias !== undefined) return alias.text;
    if (expression.kind === 'variable') return expression.name;
    if (clause.kind === 'with') {
      this.#report.fail(expression, 'NoExpressionAlias', 'an expression in WITH needs a name: add `AS name`');
    }
    return this.#report.text.slice(start, end);
  }

  /** What stands beside an aggregate must be a grouping key. */
  #checkGrouping(expression: Expression, clause: ProjectionClause, names: Names): void {
    if (!containsAggregate(expression)) return;
    const keys = keysOf(clause, names);
    const visit = (part: Expression): void => {
      if (isAggregate(part)) return;
      if (part.kind === 'variable' || part.kind === 'property') {
        if (isKey(part, keys)) return;
        const message = 'what stands beside an aggregate must be a grouping key; project it with WITH before';
        this.#report.fail(part, 'AmbiguousAggregationExpression', message);
      }
      if (isLocal(part)) for (const inner of partsOf(part)) visit(inner);
    };
    visit(expression);
  }

  #checkOrder(
    clause: ProjectionClause,
    names: Names,
    {
      constants,
      grouped,
      types,
    }: { readonly constants: Names; readonly grouped: boolean; readonly types: readonly StaticType[] },
  ): void {
    const aliases = clause.items.flatMap((item, i): [string, StaticType][] => {
      const name = item.alias?.text ?? (item.expression.kind === 'variable' ? item.expression.name : undefined);
      return name === undefined ? [] : [[name, types[i] as StaticType]];
    });
    const own: Names = new Map([...(clause.all ? names : constants), ...aliases]);
    for (const { expression } of clause.orderBy) {
      if (containsAggregate(expression) && !grouped) {
        const known = new Set(clause.items.map((item) => expressionKey(item.expression)));
        if (!known.has(expressionKey(expression))) {
          this.#report.fail(expression, 'InvalidAggregation', 'ORDER BY aggregates only where the columns do');
        }
      }
      if (grouped || clause.distinct) this.#checkKnown(expression, clause, own, false);
      else this.#expressions.check(expression, place(withNames(names, own)));
    }
  }

  /** An expression of which columns may be parts, where nothing but columns is visible. */
  #checkKnown(expression: Expression, clause: ProjectionClause, visible: Names, isCondition: boolean): void {
    const items = clause.items.map((item) => item.expression);
    const known = new Set(items.map(expressionKey));
    const isMixed = containsAggregate(expression);
    let replaced = false;
    const visit = (part: Expression): void => {
      if (known.has(expressionKey(part)) && !(isMixed && part !== expression && !isSimple(part))) {
        replaced = true;
        return;
      }
      if (part.kind === 'variable' && !visible.has(part.name)) this.#hidden(part, part, items);
      if (part.kind === 'property' && part.of.kind === 'variable' && !visible.has(part.of.name)) {
        this.#hidden(part, part.of, items);
      }
      if (isAggregate(part) && !partsOf(part).every((inner) => isVisible(inner, visible))) {
        for (const inner of partsOf(part)) visit(inner);
      }
      if (!isAggregate(part) && isLocal(part)) for (const inner of partsOf(part)) visit(inner);
    };
    visit(expression);
    if (replaced) return;
    if (isCondition) this.#expressions.condition(expression, place(visible));
    else this.#expressions.check(expression, place(visible, { aggregates: 'allowed' }));
  }

  #hidden(part: Expression, variable: Extract<Expression, { kind: 'variable' }>, items: readonly Expression[]): never {
    const key = expressionKey(part);
    if (items.some((item) => !isAggregate(item) && contains(item, key) && expressionKey(item) !== key)) {
      const message = 'what stands beside an aggregate must be a grouping key; project it with WITH before';
      this.#report.fail(part, 'AmbiguousAggregationExpression', message);
    }
    return this.#report.undefinedVariable(variable, variable.name);
  }

  #checkRowCount(expression: Expression): void {
    const literal = literalNumber(expression);
    if (literal === undefined) {
      const variable = firstVariable(expression);
      if (variable !== undefined) {
        this.#report.fail(variable, 'NonConstantExpression', 'SKIP and LIMIT cannot depend on a row');
      }
    } else if (typeof literal === 'number' && literal < 0) {
      this.#report.fail(expression, 'NegativeIntegerArgument', 'SKIP and LIMIT take no negative number');
    }
    const type = this.#expressions.check(expression, place(new Map()));
    if (!maybe(type, 'integer')) {
      this.#report.fail(expression, 'InvalidArgumentType', `SKIP and LIMIT take an integer, not a ${type.kind}`);
    }
  }
}

/** Keys and names of what is grouped by. */
function keysOf(clause: ProjectionClause, names: Names): ReadonlySet<string> {
  const keys = new Set<string>();
  if (clause.all) for (const name of names.keys()) keys.add(`=${name}`);
  for (const { expression } of clause.items) {
    if (containsAggregate(expression)) continue;
    keys.add(expressionKey(expression));
    if (expression.kind === 'variable') keys.add(`=${expression.name}`);
  }
  return keys;
}

function isKey(part: Expression, keys: ReadonlySet<string>): boolean {
  if (keys.has(expressionKey(part))) return true;
  if (part.kind === 'variable') return keys.has(`=${part.name}`);
  return part.kind === 'property' && isKey(part.of, keys);
}

/** Variables that it names are those around it. */
function isLocal({ kind }: Expression): boolean {
  return kind !== 'listComprehension' && kind !== 'quantifier' && kind !== 'reduce';
}

function isSimple(expression: Expression): boolean {
  return expression.kind === 'variable' || expression.kind === 'property' || isAggregate(expression);
}

function contains(expression: Expression, key: string): boolean {
  return expressionKey(expression) === key || partsOf(expression).some((part) => contains(part, key));
}

function isVisible(expression: Expression, names: Names): boolean {
  if (expression.kind === 'variable') return names.has(expression.name);
  return partsOf(expression).every((part) => isVisible(part, names));
}

function firstVariable(expression: Expression): Expression | undefined {
  if (expression.kind === 'variable') return expression;
  for (const part of partsOf(expression)) {
    const found = firstVariable(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

function literalNumber(expression: Expression): unknown {
  return expression.kind === 'literal' ? expression.value : undefined;
}
