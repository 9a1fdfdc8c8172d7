/**
 * Turns bound expressions into closures over the columns of a batch. All that is known beforehand (kinds of slots, names,
 * literals) is decided here, once for a plan; a closure does what is left for one row.
 *
 * A closure has no effect, so it can be called again after it threw.
 */
import { assertNever } from '../../base/assert.ts';
import type { Columns } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import { findFunction } from '../functions/registry.ts';
import { FUNCTIONS, MADE_VALUES } from '../parts.ts';
import type { BinaryOperator, BoundExpression } from '../plan/bound-expression.ts';
import { runtimeError } from '../query-error.ts';
import { add, divide, isNumeric, modulo, multiply, negate, power, subtract } from '../values/arithmetic.ts';
import { equal, isIn, less, lessOrEqual } from '../values/equality.ts';
import { and, not, or, type Ternary, ternary, xor } from '../values/logic.ts';
import {
  isList,
  NodeValue,
  RelationshipValue,
  type RuntimeMap,
  type RuntimeValue,
  typeName,
} from '../values/runtime-value.ts';
import { edgeProperty, elementAt, nodePropertyIn, propertyOf, slice } from './access.ts';
import { compileCall } from './compile-call.ts';
import { compileComprehension, compileQuantifier, compileReduce } from './compile-iteration.ts';
import { compileComputedLabels, compileLabels } from './compile-labels.ts';
import { compilePath } from './compile-path.ts';
import type { Evaluate, ExpressionContext, Test } from './evaluate.ts';
import { matchesPattern } from './regular-expression.ts';

export function compile(expression: BoundExpression, context: ExpressionContext): Evaluate {
  const made = MADE_VALUES.ifThere;
  if (made === undefined) return compileKind(expression, context);
  return made.compileMaking(expression, context, { whole: compileKind, part: compile });
}

function compileKind(expression: BoundExpression, context: ExpressionContext): Evaluate {
  const { run } = context;
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      return () => value;
    }
    case 'parameter':
      return compileParameter(expression.name, run);
    case 'slot':
      return compileSlot(expression.slot, expression.slotKind);
    case 'property':
      return compileProperty(expression.of, expression.name, context);
    case 'index': {
      const of = compile(expression.of, context);
      const index = compile(expression.index, context);
      return (columns, row) => elementAt(run.graph, of(columns, row), index(columns, row));
    }
    case 'slice': {
      const of = compile(expression.of, context);
      const from = expression.from === undefined ? undefined : compile(expression.from, context);
      const to = expression.to === undefined ? undefined : compile(expression.to, context);
      return (columns, row) => slice(of(columns, row), from?.(columns, row), to?.(columns, row));
    }
    case 'unary':
      return compileUnary(expression.operator, expression.of, context);
    case 'binary':
      return compileBinary(expression.operator, expression.left, expression.right, context);
    case 'chain':
      return compileChain(expression, context);
    case 'list': {
      const items = expression.items.map((item) => compile(item, context));
      return (columns, row) => items.map((item) => item(columns, row));
    }
    case 'map':
      return compileMap(expression.entries, context);
    case 'case':
      return compileCase(expression, context);
    case 'call':
      return compileCall(expression, context, compile);
    case 'labels':
      return compileLabels(expression, context, compile);
    case 'computedLabels':
      return compileComputedLabels(expression, context, compile);
    case 'typed': {
      const of = compile(expression.of, context);
      const { types } = expression;
      const { conforms } = FUNCTIONS.get();
      return (columns, row) => conforms(of(columns, row), types);
    }
    case 'comprehension':
      return compileComprehension(expression, context, compile);
    case 'quantifier':
      return compileQuantifier(expression, context, compile);
    case 'reduce':
      return compileReduce(expression, context, compile);
    case 'projection':
      return compileProjection(expression, context);
    case 'subquery':
      return context.subquery(expression, context.locals);
    case 'path':
      return compilePath(expression.steps, run);
    default:
      return assertNever(expression);
  }
}

/** True where the expression is true; null counts as false. @throws QueryError where it is no truth value */
export function compileTest(expression: BoundExpression, context: ExpressionContext): Test {
  if (expression.kind === 'binary') {
    if (expression.operator === 'and') {
      const left = compileTest(expression.left, context);
      const right = compileTest(expression.right, context);
      return (columns, row) => left(columns, row) && right(columns, row);
    }
    const comparison = compileComparisonTest(expression, context);
    if (comparison !== undefined) return comparison;
  }
  const evaluate = compile(expression, context);
  return (columns, row) => {
    const value = evaluate(columns, row);
    return value === true || (value !== false && value !== null && ternary(value) === true);
  };
}

/** Comparisons with a number, the filter of most scans, without going through `Ternary`. */
function compileComparisonTest(
  { operator, left, right }: Extract<BoundExpression, { kind: 'binary' }>,
  context: ExpressionContext,
): Test | undefined {
  if (right.kind !== 'literal' || typeof right.value !== 'number') return undefined;
  const bound = right.value;
  const value = compile(left, context);
  const general = compareBy(operator);
  if (general === undefined) return undefined;
  const slow = (held: RuntimeValue) => general(held, bound) === true;
  switch (operator) {
    case '<':
      return (columns, row) => {
        const held = value(columns, row);
        return typeof held === 'number' ? held < bound : slow(held);
      };
    case '<=':
      return (columns, row) => {
        const held = value(columns, row);
        return typeof held === 'number' ? held <= bound : slow(held);
      };
    case '>':
      return (columns, row) => {
        const held = value(columns, row);
        return typeof held === 'number' ? held > bound : slow(held);
      };
    case '>=':
      return (columns, row) => {
        const held = value(columns, row);
        return typeof held === 'number' ? held >= bound : slow(held);
      };
    case '=':
      return (columns, row) => {
        const held = value(columns, row);
        return typeof held === 'number' ? held === bound : slow(held);
      };
    default:
      return undefined;
  }
}

function compileParameter(name: string, run: Run): Evaluate {
  return () => {
    const { parameters } = run;
    if (Object.hasOwn(parameters, name)) return parameters[name] as RuntimeValue;
    throw runtimeError('ParameterMissing', 'MissingParameter', `the parameter \`$${name}\` is not given`);
  };
}

function compileSlot(slot: number, kind: 'node' | 'edge' | 'value'): Evaluate {
  switch (kind) {
    case 'value':
      return (columns, row) => (columns[slot] as RuntimeValue[])[row] as RuntimeValue;
    case 'node':
      return (columns, row) => {
        const node = (columns[slot] as Int32Array)[row] as number;
        return node < 0 ? null : new NodeValue(node);
      };
    case 'edge':
      return (columns, row) => {
        const edge = (columns[slot] as Int32Array)[row] as number;
        return edge < 0 ? null : new RelationshipValue(edge);
      };
  }
}

function compileProperty(of: BoundExpression, name: string, context: ExpressionContext): Evaluate {
  const { run } = context;
  if (of.kind === 'slot' && of.slotKind !== 'value') {
    const { slot } = of;
    if (of.slotKind === 'node') {
      const column = run.numberOfColumn(name);
      return (columns, row) => {
        const node = (columns[slot] as Int32Array)[row] as number;
        return node < 0 ? null : nodePropertyIn(run, column, node);
      };
    }
    return (columns, row) => {
      const edge = (columns[slot] as Int32Array)[row] as number;
      return edge < 0 ? null : edgeProperty(run.graph, edge, name);
    };
  }
  const value = compile(of, context);
  return (columns, row) => propertyOf(run.graph, value(columns, row), name);
}

/** The ordinal of a node (or relationship) expression, -1 for null. @throws QueryError for any other value */
export function compileOrdinal(
  expression: BoundExpression,
  kind: 'node' | 'edge',
  context: ExpressionContext,
): (columns: Columns, row: number) => number {
  if (expression.kind === 'slot' && expression.slotKind === kind) {
    const { slot } = expression;
    return (columns, row) => (columns[slot] as Int32Array)[row] as number;
  }
  const evaluate = compile(expression, context);
  return (columns, row) => ordinalOf(evaluate(columns, row), kind);
}

export function ordinalOf(value: RuntimeValue, kind: 'node' | 'edge'): number {
  if (value === null) return -1;
  if (kind === 'node' && value instanceof NodeValue) return value.node;
  if (kind === 'edge' && value instanceof RelationshipValue) return value.edge;
  const wanted = kind === 'node' ? 'a node' : 'a relationship';
  throw runtimeError('TypeError', 'InvalidArgumentType', `expected ${wanted}, got a value of type ${typeName(value)}`);
}

function compileUnary(
  operator: Extract<BoundExpression, { kind: 'unary' }>['operator'],
  of: BoundExpression,
  context: ExpressionContext,
): Evaluate {
  const value = compile(of, context);
  switch (operator) {
    case 'not':
      return (columns, row) => not(ternary(value(columns, row)));
    case '-':
      return (columns, row) => negate(value(columns, row));
    case '+':
      return (columns, row) => {
        const number = value(columns, row);
        if (number === null || isNumeric(number)) return number;
        throw runtimeError(
          'TypeError',
          'InvalidArgumentType',
          `\`+\` does not apply to a value of type ${typeName(number)}`,
        );
      };
    case 'isNull':
      return (columns, row) => value(columns, row) === null;
    case 'isNotNull':
      return (columns, row) => value(columns, row) !== null;
  }
}

type Binary = (a: RuntimeValue, b: RuntimeValue) => RuntimeValue;

function compareBy(operator: BinaryOperator): ((a: RuntimeValue, b: RuntimeValue) => Ternary) | undefined {
  switch (operator) {
    case '=':
      return equal;
    case '<>':
      return (a, b) => not(equal(a, b));
    case '<':
      return less;
    case '<=':
      return lessOrEqual;
    case '>':
      return (a, b) => less(b, a);
    case '>=':
      return (a, b) => lessOrEqual(b, a);
    default:
      return undefined;
  }
}

function textTest(test: (text: string, part: string) => boolean): Binary {
  return (a, b) => (typeof a === 'string' && typeof b === 'string' ? test(a, b) : null);
}

function isInList(value: RuntimeValue, list: RuntimeValue): RuntimeValue {
  if (list === null) return null;
  if (isList(list)) return isIn(value, list);
  throw runtimeError('TypeError', 'InvalidArgumentType', `\`IN\` takes a list, not a value of type ${typeName(list)}`);
}

function binary(operator: BinaryOperator): Binary {
  switch (operator) {
    case '+':
      return add;
    case '-':
      return subtract;
    case '*':
      return multiply;
    case '/':
      return divide;
    case '%':
      return modulo;
    case '^':
      return power;
    case 'xor':
      return (a, b) => xor(ternary(a), ternary(b));
    case 'and':
      return (a, b) => and(ternary(a), ternary(b));
    case 'or':
      return (a, b) => or(ternary(a), ternary(b));
    case 'in':
      return isInList;
    case 'startsWith':
      return textTest((text, part) => text.startsWith(part));
    case 'endsWith':
      return textTest((text, part) => text.endsWith(part));
    case 'contains':
      return textTest((text, part) => text.includes(part));
    case '=~':
      return matchesPattern;
    default:
      return compareBy(operator) as Binary;
  }
}

function compileBinary(
  operator: BinaryOperator,
  left: BoundExpression,
  right: BoundExpression,
  context: ExpressionContext,
): Evaluate {
  const sameKind = compileSameElement(operator, left, right);
  if (sameKind !== undefined) return sameKind;
  const a = compile(left, context);
  const b = compile(right, context);
  // Both sides must be truth values, so neither is skipped unless the other decides.
  if (operator === 'and') {
    return (columns, row) => {
      const first = ternary(a(columns, row));
      return first === false ? false : and(first, ternary(b(columns, row)));
    };
  }
  if (operator === 'or') {
    return (columns, row) => {
      const first = ternary(a(columns, row));
      return first === true ? true : or(first, ternary(b(columns, row)));
    };
  }
  const compute = binary(operator);
  return (columns, row) => compute(a(columns, row), b(columns, row));
}

/** `a = b` and `a <> b` of two nodes or two relationships: integers. */
function compileSameElement(
  operator: BinaryOperator,
  left: BoundExpression,
  right: BoundExpression,
): Evaluate | undefined {
  if (operator !== '=' && operator !== '<>') return undefined;
  if (left.kind !== 'slot' || right.kind !== 'slot' || left.slotKind === 'value' || left.slotKind !== right.slotKind) {
    return undefined;
  }
  const a = left.slot;
  const b = right.slot;
  const wanted = operator === '=';
  return (columns, row) => {
    const x = (columns[a] as Int32Array)[row] as number;
    const y = (columns[b] as Int32Array)[row] as number;
    return x < 0 || y < 0 ? null : (x === y) === wanted;
  };
}

function compileChain(
  { operators, operands }: Extract<BoundExpression, { kind: 'chain' }>,
  context: ExpressionContext,
): Evaluate {
  const values = operands.map((operand) => compile(operand, context));
  const compares = operators.map(binary);
  return (columns, row) => {
    let result: Ternary = true;
    let before = (values[0] as Evaluate)(columns, row);
    for (let i = 0; i < compares.length; i++) {
      const next = (values[i + 1] as Evaluate)(columns, row);
      result = and(result, ternary((compares[i] as Binary)(before, next)));
      if (result === false) return false;
      before = next;
    }
    return result;
  };
}

function compileMap(entries: readonly (readonly [string, BoundExpression])[], context: ExpressionContext): Evaluate {
  const compiled = entries.map(([key, value]) => [key, compile(value, context)] as const);
  return (columns, row) => {
    const map: Record<string, RuntimeValue> = {};
    for (const [key, value] of compiled) define(map, key, value(columns, row));
    return map;
  };
}

function define(map: Record<string, RuntimeValue>, key: string, value: RuntimeValue): void {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else map[key] = value;
}

function compileCase(expression: Extract<BoundExpression, { kind: 'case' }>, context: ExpressionContext): Evaluate {
  const of = expression.of === undefined ? undefined : compile(expression.of, context);
  const otherwise = expression.otherwise === undefined ? undefined : compile(expression.otherwise, context);
  const whens = expression.whens.map(({ when, result }) => ({
    when: compile(when, context),
    result: compile(result, context),
  }));
  return (columns, row) => {
    const subject = of?.(columns, row);
    for (const { when, result } of whens) {
      const value = when(columns, row);
      const holds = subject === undefined ? ternary(value) : equal(subject, value);
      if (holds === true) return result(columns, row);
    }
    return otherwise?.(columns, row) ?? null;
  };
}

function compileProjection(
  expression: Extract<BoundExpression, { kind: 'projection' }>,
  context: ExpressionContext,
): Evaluate {
  const { run } = context;
  const of = compile(expression.of, context);
  const properties = findFunction('properties');
  const items = expression.items.map((item) =>
    item.kind === 'all' ? undefined : ([item.key, compile(item.value, context)] as const),
  );
  return (columns, row) => {
    const value = of(columns, row);
    if (value === null) return null;
    const map: Record<string, RuntimeValue> = {};
    for (const item of items) {
      if (item !== undefined) {
        define(map, item[0], item[1](columns, row));
        continue;
      }
      const all = properties?.call(run, value, null, null) as RuntimeMap;
      for (const [key, held] of Object.entries(all)) define(map, key, held);
    }
    return map;
  };
}
