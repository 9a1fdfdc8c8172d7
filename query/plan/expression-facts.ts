/** What can be said of an expression of the text without evaluating it. */
import { findAggregate } from '../functions/aggregates.ts';
import { findFunction } from '../functions/registry.ts';
import type {
  Clause,
  Expression,
  LabelExpression,
  Name,
  NodePattern,
  PatternPart,
  Query,
  RelationshipPattern,
  RemoveItem,
  SetItem,
} from '../syntax/ast.ts';

/** The expressions directly inside of one; those of patterns and sub-queries are not among them. */
export function partsOf(expression: Expression): readonly Expression[] {
  const present = (...parts: readonly (Expression | undefined)[]) => parts.filter((part) => part !== undefined);
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'variable':
    case 'countStar':
    case 'pattern':
    case 'patternComprehension':
    case 'subquery':
      return [];
    case 'property':
    case 'unary':
    case 'typed':
      return [expression.of];
    case 'labels':
      return [expression.of, ...computedIn(expression.labels)];
    case 'index':
      return [expression.of, expression.index];
    case 'slice':
      return present(expression.of, expression.from, expression.to);
    case 'binary':
      return [expression.left, expression.right];
    case 'comparison':
      return expression.operands;
    case 'list':
      return expression.items;
    case 'map':
      return expression.entries.map(({ value }) => value);
    case 'case':
      return present(
        expression.of,
        ...expression.whens.flatMap(({ when, then }) => [when, then]),
        expression.otherwise,
      );
    case 'call':
      return expression.arguments;
    case 'listComprehension':
      return present(expression.list, expression.where, expression.map);
    case 'quantifier':
      return present(expression.list, expression.where);
    case 'reduce':
      return [expression.initial, expression.list, expression.map];
    case 'mapProjection':
      return [
        expression.of,
        ...expression.items.flatMap((item) =>
          item.kind === 'entry' ? [item.value] : item.kind === 'variable' ? [item.variable] : [],
        ),
      ];
  }
}

export function isAggregate(expression: Expression): boolean {
  return (
    expression.kind === 'countStar' || (expression.kind === 'call' && findAggregate(expression.name.text) !== undefined)
  );
}

export function containsAggregate(expression: Expression): boolean {
  return isAggregate(expression) || partsOf(expression).some(containsAggregate);
}

/** Whether a pattern or sub-query in it looks for elements. */
export function asksGraph(expression: Expression): boolean {
  const isPattern = ['pattern', 'patternComprehension', 'subquery'].includes(expression.kind);
  return isPattern || partsOf(expression).some(asksGraph);
}

/**
 * Whether its value may differ from row to row though the variables do not, as that of `rand()`. Takes expressions of the text
 * with all that is in them, sub-queries too, and bound ones; parts are looked through without regard to what they are.
 */
export function isVolatile(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false;
  if (Array.isArray(part)) return part.some(isVolatile);
  const { kind, name } = part as { readonly kind?: unknown; readonly name?: Name | string };
  const called = typeof name === 'object' ? name.text : name;
  if (kind === 'call' && called !== undefined && findFunction(called)?.pure === false) return true;
  return Object.values(part).some(isVolatile);
}

/** The parts of a condition all of which must hold. */
export function conjuncts(expression: Expression | undefined): readonly Expression[] {
  if (expression === undefined) return [];
  if (expression.kind === 'binary' && expression.operator === 'and') {
    return [...conjuncts(expression.left), ...conjuncts(expression.right)];
  }
  return [expression];
}

/** Names of variables that an expression reads from around it, those of its patterns and sub-queries included. */
export function freeVariables(expression: Expression | undefined): Set<string> {
  const names = new Set<string>();
  if (expression !== undefined) visit(expression, new Set(), names);
  return names;
}

function visit(expression: Expression, bound: ReadonlySet<string>, names: Set<string>): void {
  switch (expression.kind) {
    case 'variable':
      if (!bound.has(expression.name)) names.add(expression.name);
      return;
    case 'listComprehension':
    case 'quantifier': {
      visit(expression.list, bound, names);
      const inner = new Set([...bound, expression.variable.text]);
      if (expression.where !== undefined) visit(expression.where, inner, names);
      if (expression.kind === 'listComprehension' && expression.map !== undefined) visit(expression.map, inner, names);
      return;
    }
    case 'reduce': {
      visit(expression.initial, bound, names);
      visit(expression.list, bound, names);
      visit(expression.map, new Set([...bound, expression.accumulator.text, expression.variable.text]), names);
      return;
    }
    case 'pattern':
      visitPattern(expression.pattern, bound, names);
      return;
    case 'patternComprehension': {
      visitPattern(expression.pattern, bound, names);
      // Variables of the pattern count as free, too: those that are not bound around are its own and harm nobody.
      if (expression.where !== undefined) visit(expression.where, bound, names);
      visit(expression.map, bound, names);
      return;
    }
    case 'subquery':
      visitQuery(expression.query, bound, names);
      return;
    default:
      for (const part of partsOf(expression)) visit(part, bound, names);
  }
}

function visitPattern(part: PatternPart, bound: ReadonlySet<string>, names: Set<string>): void {
  const visitElement = (element: NodePattern | RelationshipPattern) => {
    const { variable, properties, where } = element;
    if (variable !== undefined && !bound.has(variable.text)) names.add(variable.text);
    if (properties !== undefined) visit(properties, bound, names);
    if (where !== undefined) visit(where, bound, names);
    for (const each of computedIn('types' in element ? element.types : element.labels)) visit(each, bound, names);
  };
  part.nodes.forEach(visitElement);
  part.relationships.forEach(visitElement);
}

/** More names than needed: what a sub-query makes itself is not told from what it takes. */
function visitQuery(query: Query, bound: ReadonlySet<string>, names: Set<string>): void {
  for (const single of query.singles) for (const clause of single.clauses) visitClause(clause, bound, names);
}

function visitClause(clause: Clause, bound: ReadonlySet<string>, names: Set<string>): void {
  for (const part of patternsOf(clause)) visitPattern(part, bound, names);
  for (const expression of expressionsOf(clause)) if (expression !== undefined) visit(expression, bound, names);
  if (clause.kind === 'foreach') for (const inner of clause.clauses) visitClause(inner, bound, names);
  if (clause.kind === 'subquery') visitQuery(clause.query, bound, names);
}

function patternsOf(clause: Clause): readonly PatternPart[] {
  if (clause.kind === 'match' || clause.kind === 'create') return clause.pattern;
  return clause.kind === 'merge' ? [clause.pattern] : [];
}

function expressionsOf(clause: Clause): readonly (Expression | undefined)[] {
  switch (clause.kind) {
    case 'match':
      return [clause.where];
    case 'unwind':
    case 'foreach':
      return [clause.list];
    case 'with':
    case 'return':
      return [
        ...clause.items.map(({ expression }) => expression),
        ...clause.orderBy.map(({ expression }) => expression),
        clause.skip,
        clause.limit,
        clause.where,
      ];
    case 'set':
    case 'remove':
      return clause.items.flatMap(partsOfItem);
    case 'merge':
      return [...clause.onCreate, ...clause.onMatch].flatMap(partsOfItem);
    case 'delete':
      return clause.values;
    case 'procedure':
      return [...(clause.arguments ?? []), clause.where];
    case 'create':
    case 'subquery':
      return [];
  }
}

function partsOfItem(item: SetItem | RemoveItem): readonly Expression[] {
  return [item.target, ...('value' in item ? [item.value] : []), ...('computed' in item ? item.computed : [])];
}

/** Two expressions have one key if they are written alike, wherever they stand; names of functions have no case. */
export function expressionKey(expression: Expression): string {
  return JSON.stringify(expression, (name, value) => {
    if (name === 'start' || name === 'end') return undefined;
    if (value?.kind === 'call') return { ...value, name: value.name.text.toLowerCase() };
    if (typeof value === 'bigint') return `${value}n`;
    // JSON has no such numbers and would write null for all of them.
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
}

/** Whether the relationship of a pattern stands for any number of them. */
export function isPath({ range }: RelationshipPattern, { shortest }: PatternPart): boolean {
  return range !== undefined || shortest !== undefined;
}

/** What labels or types are computed from. */
export function computedIn(labels: LabelExpression | undefined): readonly Expression[] {
  switch (labels?.kind) {
    case 'computed':
      return [labels.names];
    case 'not':
      return computedIn(labels.of);
    case 'and':
    case 'or':
      return [...computedIn(labels.left), ...computedIn(labels.right)];
    default:
      return [];
  }
}

/** Labels that a label expression demands. */
export function demandedLabels(labels: LabelExpression | undefined): readonly string[] {
  if (labels === undefined) return [];
  if (labels.kind === 'label') return [labels.name];
  return labels.kind === 'and' ? [...demandedLabels(labels.left), ...demandedLabels(labels.right)] : [];
}

/** Types that a type expression allows, or undefined if it is more than a choice of types. */
export function allowedTypes(types: LabelExpression | undefined): readonly string[] | undefined {
  if (types === undefined) return [];
  if (types.kind === 'label') return [types.name];
  if (types.kind !== 'or') return undefined;
  const left = allowedTypes(types.left);
  const right = allowedTypes(types.right);
  return left === undefined || right === undefined ? undefined : Array.from(new Set([...left, ...right]));
}
