/** Expressions of a plan as Cypher again, for EXPLAIN: enough to know which one is meant. */
import { Float } from '../../graph/value.ts';
import { isList, isMap, type RuntimeValue, typeName } from '../values/runtime-value.ts';
import { typeText } from '../values/value-type.ts';
import type { BinaryOperator, BoundExpression, LabelTest } from './bound-expression.ts';

/** What a slot is called. */
export type NameOf = (slot: number) => string;

const WORDS: Partial<Record<BinaryOperator, string>> = {
  and: 'AND',
  or: 'OR',
  xor: 'XOR',
  in: 'IN',
  startsWith: 'STARTS WITH',
  endsWith: 'ENDS WITH',
  contains: 'CONTAINS',
};
/** What binds less tightly than comparisons. */
const LOOSE: readonly BinaryOperator[] = ['and', 'or', 'xor'];

export function expressionText(expression: BoundExpression, nameOf: NameOf): string {
  const text = (each: BoundExpression): string => expressionText(each, nameOf);
  const inner = (each: BoundExpression): string =>
    each.kind === 'binary' || each.kind === 'chain' ? `(${text(each)})` : text(each);
  switch (expression.kind) {
    case 'literal':
      return literalText(expression.value);
    case 'parameter':
      return `$${expression.name}`;
    case 'slot':
      return nameOf(expression.slot);
    case 'property':
      return `${inner(expression.of)}.${expression.name}`;
    case 'index':
      return `${inner(expression.of)}[${text(expression.index)}]`;
    case 'slice':
      return `${inner(expression.of)}[${optional(expression.from, text)}..${optional(expression.to, text)}]`;
    case 'unary':
      return unaryText(expression.operator, inner(expression.of));
    case 'binary': {
      const operand = LOOSE.includes(expression.operator)
        ? (each: BoundExpression) =>
            each.kind === 'binary' && LOOSE.includes(each.operator) ? `(${text(each)})` : text(each)
        : inner;
      const isSame = (each: BoundExpression) => each.kind === 'binary' && each.operator === expression.operator;
      // `a AND b AND c` needs no parentheses.
      const left = isSame(expression.left) ? text(expression.left) : operand(expression.left);
      return `${left} ${WORDS[expression.operator] ?? expression.operator} ${operand(expression.right)}`;
    }
    case 'chain':
      return expression.operands
        .map((operand, i) => (i === 0 ? inner(operand) : `${expression.operators[i - 1]} ${inner(operand)}`))
        .join(' ');
    case 'list':
      return `[${expression.items.map(text).join(', ')}]`;
    case 'map':
      return `{${expression.entries.map(([key, value]) => `${key}: ${text(value)}`).join(', ')}}`;
    case 'case': {
      const whens = expression.whens.map(({ when, result }) => `WHEN ${text(when)} THEN ${text(result)}`);
      const otherwise = expression.otherwise === undefined ? [] : [`ELSE ${text(expression.otherwise)}`];
      const of = expression.of === undefined ? [] : [text(expression.of)];
      return ['CASE', ...of, ...whens, ...otherwise, 'END'].join(' ');
    }
    case 'call':
      return `${expression.name}(${expression.arguments.map(text).join(', ')})`;
    case 'labels':
      return `${inner(expression.of)}:${labelText(expression.test)}`;
    case 'computedLabels':
      return `${inner(expression.of)}:$(${text(expression.names)})`;
    case 'typed':
      return `${inner(expression.of)} IS :: ${expression.types.map(typeText).join(' | ')}`;
    case 'comprehension': {
      const where = expression.where === undefined ? '' : ` WHERE ${text(expression.where)}`;
      const map = expression.map === undefined ? '' : ` | ${text(expression.map)}`;
      return `[${nameOf(expression.slot)} IN ${text(expression.list)}${where}${map}]`;
    }
    case 'quantifier': {
      const { quantifier, slot, list, where } = expression;
      return `${quantifier}(${nameOf(slot)} IN ${text(list)} WHERE ${text(where)})`;
    }
    case 'reduce': {
      const { accumulator, initial, slot, list, map } = expression;
      return `reduce(${nameOf(accumulator)} = ${text(initial)}, ${nameOf(slot)} IN ${text(list)} | ${text(map)})`;
    }
    case 'projection': {
      const items = expression.items.map((item) => (item.kind === 'all' ? '.*' : `${item.key}: ${text(item.value)}`));
      return `${inner(expression.of)} {${items.join(', ')}}`;
    }
    case 'subquery':
      return `${expression.mode.toUpperCase()} { plan ${expression.plan + 1} below }`;
    case 'path':
      return `path(${expression.steps.map(({ slot }) => nameOf(slot)).join(', ')})`;
  }
}

export function labelText(test: LabelTest): string {
  switch (test.kind) {
    case 'label':
      return test.name;
    case 'any':
      return '%';
    case 'not':
      return `!${test.test.kind === 'label' ? test.test.name : `(${labelText(test.test)})`}`;
    case 'and':
      return test.tests.map((each) => (each.kind === 'or' ? `(${labelText(each)})` : labelText(each))).join('&');
    case 'or':
      return test.tests.map(labelText).join('|');
  }
}

function unaryText(operator: 'not' | '-' | '+' | 'isNull' | 'isNotNull', of: string): string {
  switch (operator) {
    case 'not':
      return `NOT ${of}`;
    case 'isNull':
      return `${of} IS NULL`;
    case 'isNotNull':
      return `${of} IS NOT NULL`;
    default:
      return `${operator}${of}`;
  }
}

function optional(expression: BoundExpression | undefined, text: (each: BoundExpression) => string): string {
  return expression === undefined ? '' : text(expression);
}

function literalText(value: RuntimeValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Float) return String(value.value);
  if (isList(value)) return `[${value.map(literalText).join(', ')}]`;
  if (isMap(value))
    return `{${Object.entries(value)
      .map(([key, each]) => `${key}: ${literalText(each)}`)
      .join(', ')}}`;
  return `<${typeName(value)}>`;
}
