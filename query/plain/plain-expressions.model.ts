/**
 * Expressions by recursion over the parser's tree: the variables of one row, or of a group of rows where aggregates may
 * stand. Patterns and queries inside of an expression are asked of whoever calls.
 */
import type {
  BinaryExpression,
  CaseExpression,
  ComparisonOperator,
  Expression,
  LabelExpression,
  MapProjection,
  PatternPart,
  QuantifierExpression,
  Query,
  SliceExpression,
} from '../syntax/ast.ts';
import { callAggregate, callFunction, integerOf, isAggregate, sum } from './plain-functions.model.ts';
import {
  allOf,
  anyOf,
  isPlainList,
  isPlainMap,
  isPlainNumber,
  NotModelled,
  not,
  type Plain,
  PlainEdge,
  PlainError,
  PlainNode,
  plainEqual,
  plainLess,
  type Row,
  type Truth,
} from './plain-values.model.ts';

export interface Surroundings {
  /** Rows that a pattern adds to a row. */
  matches(pattern: readonly PatternPart[], where: Expression | undefined, row: Row): readonly Row[];
  /** Rows of a query in braces that sees the variables of a row. */
  answers(query: Query, row: Row): readonly (readonly Plain[])[];
}

export interface Scope {
  readonly row: Row;
  /** What aggregates are of; undefined where there can be none. */
  readonly group: readonly Row[] | undefined;
  readonly around: Surroundings;
}

function truthOf(value: Plain): Truth {
  if (value === null || typeof value === 'boolean') return value;
  throw new PlainError('no boolean');
}

export function holds(expression: Expression | undefined, scope: Scope): boolean {
  return expression === undefined || truthOf(evaluate(expression, scope)) === true;
}

/** Whether an aggregate stands in it that belongs to this query. */
export function hasAggregate(tree: unknown): boolean {
  if (typeof tree !== 'object' || tree === null) return false;
  const { kind, name } = tree as { readonly kind?: string; readonly name?: { readonly text?: string } };
  if (kind === 'countStar' || (kind === 'call' && isAggregate((name?.text ?? '').toLowerCase()))) return true;
  return kind !== 'subquery' && Object.values(tree).some(hasAggregate);
}

export function evaluate(expression: Expression, scope: Scope): Plain {
  const value = (each: Expression): Plain => evaluate(each, scope);
  const inside = (name: string, bound: Plain): Scope => ({ ...scope, row: new Map(scope.row).set(name, bound) });
  switch (expression.kind) {
    case 'literal':
      return literal(expression.value);
    case 'variable': {
      const found = scope.row.get(expression.name);
      if (found === undefined) throw new NotModelled(`${expression.name} is not there`);
      return found;
    }
    case 'property':
      return propertyOf(value(expression.of), expression.name.text);
    case 'index':
      return itemOf(value(expression.of), value(expression.index));
    case 'slice':
      return slice(expression, value);
    case 'unary': {
      const of = value(expression.of);
      if (expression.operator === 'isNull') return of === null;
      if (expression.operator === 'isNotNull') return of !== null;
      if (expression.operator === 'not') return not(truthOf(of));
      if (of === null || expression.operator === '+') return of;
      return typeof of === 'bigint' ? -of : -Number(of);
    }
    case 'binary':
      return binary(expression.operator, value(expression.left), value(expression.right));
    case 'comparison': {
      const operands = expression.operands.map(value);
      return allOf(
        expression.operators.map((operator, i) => comparison(operator, operands[i] as Plain, operands[i + 1] as Plain)),
      );
    }
    case 'labels': {
      const of = value(expression.of);
      if (of === null) return null;
      if (of instanceof PlainNode) return hasLabels(of.labels, expression.labels, value);
      if (of instanceof PlainEdge) return hasLabels(new Set([of.type]), expression.labels, value);
      throw new PlainError('no labels');
    }
    case 'typed': {
      const of = value(expression.of);
      return expression.types.some(({ name, notNull }) => {
        if (name !== 'INTEGER') throw new NotModelled(name);
        return of === null ? !notNull : typeof of === 'bigint';
      });
    }
    case 'list':
      return expression.items.map(value);
    case 'map':
      return new Map(expression.entries.map((entry) => [entry.key.text, value(entry.value)]));
    case 'case':
      return choice(expression, value);
    case 'countStar':
      return BigInt((scope.group ?? []).length);
    case 'call': {
      const name = expression.name.text.toLowerCase();
      if (!isAggregate(name)) return callFunction(name, expression.arguments.map(value));
      const [argument] = expression.arguments;
      if (scope.group === undefined || argument === undefined) throw new NotModelled('an aggregate here');
      const values = scope.group.map((row) => evaluate(argument, { ...scope, row, group: undefined }));
      return callAggregate(name, values, expression.distinct);
    }
    case 'listComprehension': {
      const { variable, where, map } = expression;
      const list = listOrNull(value(expression.list));
      if (list === null) return null;
      const scopes = list.map((item) => inside(variable.text, item)).filter((each) => holds(where, each));
      return scopes.map((each) => (map === undefined ? (each.row.get(variable.text) as Plain) : evaluate(map, each)));
    }
    case 'patternComprehension': {
      const rows = scope.around.matches([expression.pattern], expression.where, scope.row);
      return rows.map((row) => evaluate(expression.map, { ...scope, row }));
    }
    case 'quantifier':
      return quantifier(expression, listOrNull(value(expression.list)), inside);
    case 'reduce': {
      const list = listOrNull(value(expression.list));
      if (list === null) return null;
      return list.reduce((accumulated: Plain, item) => {
        const row = new Map(scope.row)
          .set(expression.accumulator.text, accumulated)
          .set(expression.variable.text, item);
        return evaluate(expression.map, { ...scope, row });
      }, value(expression.initial));
    }
    case 'mapProjection':
      return projection(expression, value);
    case 'pattern': {
      if (expression.pattern.shortest !== undefined) throw new NotModelled('a shortest path as a value');
      return scope.around.matches([expression.pattern], undefined, scope.row).length > 0;
    }
    case 'subquery': {
      const rows = scope.around.answers(expression.query, scope.row);
      if (expression.mode === 'exists') return rows.length > 0;
      return expression.mode === 'count' ? BigInt(rows.length) : rows.map(([first]) => first as Plain);
    }
    default:
      throw new NotModelled(expression.kind);
  }
}

function literal(value: null | boolean | number | bigint | string | { readonly value: number }): Plain {
  if (typeof value === 'object' && value !== null) return value.value;
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
}

function listOrNull(value: Plain): readonly Plain[] | null {
  if (value === null || isPlainList(value)) return value;
  throw new PlainError('no list');
}

export function propertyOf(of: Plain, name: string): Plain {
  if (of === null) return null;
  if (isPlainMap(of)) return of.get(name) ?? null;
  if (of instanceof PlainNode || of instanceof PlainEdge) return of.properties.get(name) ?? null;
  throw new PlainError('no properties');
}

function itemOf(of: Plain, index: Plain): Plain {
  if (of === null || index === null) return null;
  if (typeof index === 'string') return propertyOf(of, index);
  if (!isPlainList(of) || typeof index !== 'bigint') throw new PlainError('no item');
  return of.at(Number(index)) ?? null;
}

function slice({ of, from, to }: SliceExpression, value: (each: Expression) => Plain): Plain {
  const list = listOrNull(value(of));
  const start = from === undefined ? 0n : value(from);
  const end = to === undefined ? BigInt(list?.length ?? 0) : value(to);
  if (list === null || start === null || end === null) return null;
  if (typeof start !== 'bigint' || typeof end !== 'bigint') throw new PlainError('no bounds');
  return list.slice(Number(start), Number(end));
}

function binary(operator: BinaryExpression['operator'], a: Plain, b: Plain): Plain {
  switch (operator) {
    case 'and':
      return allOf([truthOf(a), truthOf(b)]);
    case 'or':
      return anyOf([truthOf(a), truthOf(b)]);
    case 'xor': {
      const [x, y] = [truthOf(a), truthOf(b)];
      return x === null || y === null ? null : x !== y;
    }
    case 'in': {
      const list = listOrNull(b);
      return list === null ? null : anyOf(list.map((item) => plainEqual(a, item)));
    }
  }
  if (a === null || b === null) return null;
  if (operator === '+') {
    if (isPlainList(a)) return [...a, ...(isPlainList(b) ? b : [b])];
    if (isPlainList(b)) return [a, ...b];
    return sum(a, b);
  }
  if (!isPlainNumber(a) || !isPlainNumber(b)) throw new PlainError('no numbers');
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    if (operator === '-') return integerOf(a - b);
    if (operator === '*') return integerOf(a * b);
  } else {
    if (operator === '-') return Number(a) - Number(b);
    if (operator === '*') return Number(a) * Number(b);
  }
  throw new NotModelled(operator);
}

function comparison(operator: ComparisonOperator, a: Plain, b: Plain): Truth {
  switch (operator) {
    case '=':
      return plainEqual(a, b);
    case '<>':
      return not(plainEqual(a, b));
    case '<':
      return plainLess(a, b);
    case '>':
      return plainLess(b, a);
    case '<=':
    case '>=': {
      const less = operator === '<=' ? plainLess(a, b) : plainLess(b, a);
      return less === null ? null : anyOf([less, plainEqual(a, b)]);
    }
  }
}

export function hasLabels(
  labels: ReadonlySet<string>,
  expression: LabelExpression | undefined,
  value: (each: Expression) => Plain,
): boolean {
  if (expression === undefined) return true;
  switch (expression.kind) {
    case 'label':
      return labels.has(expression.name);
    case 'any':
      return labels.size > 0;
    case 'not':
      return !hasLabels(labels, expression.of, value);
    case 'computed':
      return computedNames(value(expression.names)).every((name) => labels.has(name));
    case 'and':
      return hasLabels(labels, expression.left, value) && hasLabels(labels, expression.right, value);
    case 'or':
      return hasLabels(labels, expression.left, value) || hasLabels(labels, expression.right, value);
    default:
      throw new NotModelled('a label');
  }
}

/** A name, or a list of names. */
export function computedNames(value: Plain): readonly string[] {
  const names = Array.isArray(value) ? (value as readonly Plain[]) : [value];
  return names.map((name) => {
    if (typeof name !== 'string') throw new PlainError('a name is a String');
    return name;
  });
}

function choice({ of, whens, otherwise }: CaseExpression, value: (each: Expression) => Plain): Plain {
  const found = whens.find(({ when }) =>
    of === undefined ? truthOf(value(when)) === true : plainEqual(value(of), value(when)) === true,
  );
  const chosen = found === undefined ? otherwise : found.then;
  return chosen === undefined ? null : value(chosen);
}

function quantifier(
  { quantifier, variable, where }: QuantifierExpression,
  list: readonly Plain[] | null,
  inside: (name: string, bound: Plain) => Scope,
): Truth {
  if (list === null) return null;
  const truths = list.map((item) => truthOf(where === undefined ? item : evaluate(where, inside(variable.text, item))));
  switch (quantifier) {
    case 'all':
      return allOf(truths);
    case 'any':
      return anyOf(truths);
    case 'none':
      return not(anyOf(truths));
    case 'single': {
      const sure = truths.filter((truth) => truth === true).length;
      if (sure > 1) return false;
      return truths.includes(null) ? null : sure === 1;
    }
  }
}

function projection({ of, items }: MapProjection, value: (each: Expression) => Plain): Plain {
  const base = value(of);
  if (base === null) return null;
  const map = new Map<string, Plain>();
  for (const item of items) {
    switch (item.kind) {
      case 'all':
        for (const [key, each] of callFunction('properties', [base]) as ReadonlyMap<string, Plain>) map.set(key, each);
        break;
      case 'property':
        map.set(item.name.text, propertyOf(base, item.name.text));
        break;
      case 'variable':
        map.set(item.variable.name, value(item.variable));
        break;
      case 'entry':
        map.set(item.key.text, value(item.value));
    }
  }
  return map;
}
