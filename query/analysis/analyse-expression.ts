/** Checks an expression: names, functions, aggregates, and types as far as they are known. Answers its type. */
import { assertNever } from '../../base/assert.ts';
import { aggregateNames, findAggregate } from '../functions/aggregates.ts';
import { findFunction, functionNames } from '../functions/registry.ts';
import { didYouMean } from '../near-name.ts';
import { CATALOG } from '../parts.ts';
import { partsOf } from '../plan/expression-facts.ts';
import type { CallExpression, Expression, PatternPart, Query } from '../syntax/ast.ts';
import { type Names, type Report, withNames } from './analysis-scope.ts';
import { FIRST_ARGUMENT, resultType } from './function-types.ts';
import {
  ANY,
  BOOLEAN,
  common,
  FLOAT,
  INTEGER,
  listOf,
  MAP,
  maybe,
  PATH,
  type StaticType,
  typeOfLiteral,
} from './static-type.ts';

/** Where an expression stands. */
export interface Place {
  readonly names: Names;
  /** Whether aggregates may stand here; inside of one they may not. */
  readonly aggregates: 'allowed' | 'forbidden' | 'nested';
  /** Whether a pattern may stand here as a condition. */
  readonly patterns: boolean;
}

/** Checks what stands inside of expressions. */
export interface InnerAnalysis {
  /** @param mayDefine whether the pattern brings variables of its own; answers the names inside of it */
  pattern(part: PatternPart, names: Names, mayDefine: boolean): Names;
  query(query: Query, names: Names): void;
}

export function place(names: Names, more: Partial<Place> = {}): Place {
  return { names, aggregates: 'forbidden', patterns: false, ...more };
}

export class ExpressionAnalysis {
  readonly #report: Report;
  readonly #inner: InnerAnalysis;

  constructor(report: Report, inner: InnerAnalysis) {
    this.#report = report;
    this.#inner = inner;
  }

  /** A condition: must not be known to be no truth value. */
  condition(expression: Expression, at: Place): void {
    this.#truth(expression, { ...at, patterns: true });
  }

  check(expression: Expression, at: Place): StaticType {
    const value: Place = at.patterns ? { ...at, patterns: false } : at;
    switch (expression.kind) {
      case 'literal':
        return typeOfLiteral(expression.value);
      case 'parameter':
        return ANY;
      case 'variable':
        return at.names.get(expression.name) ?? this.#report.undefinedVariable(expression, expression.name);
      case 'property':
        this.check(expression.of, value);
        return ANY;
      case 'labels':
      case 'typed':
        for (const each of partsOf(expression)) this.check(each, value);
        return BOOLEAN;
      case 'index': {
        const of = this.check(expression.of, value);
        this.check(expression.index, value);
        return of.kind === 'list' ? (of.item ?? ANY) : ANY;
      }
      case 'slice': {
        const of = this.check(expression.of, value);
        for (const bound of [expression.from, expression.to]) if (bound !== undefined) this.check(bound, value);
        return of;
      }
      case 'unary':
        return this.#unary(expression, at);
      case 'binary':
        return this.#binary(expression, at);
      case 'comparison':
        for (const operand of expression.operands) this.check(operand, value);
        return BOOLEAN;
      case 'list':
        return listOf(common(expression.items.map((item) => this.check(item, value))));
      case 'map':
        for (const { value: entry } of expression.entries) this.check(entry, value);
        return MAP;
      case 'case': {
        if (expression.of !== undefined) this.check(expression.of, value);
        const results = expression.whens.map(({ when, then }) => {
          this.check(when, expression.of === undefined ? { ...value, patterns: true } : value);
          return this.check(then, value);
        });
        if (expression.otherwise !== undefined) results.push(this.check(expression.otherwise, value));
        return common(results);
      }
      case 'call':
        return this.#call(expression, value);
      case 'countStar':
        this.#aggregate(expression, value);
        return INTEGER;
      case 'listComprehension': {
        const list = this.check(expression.list, value);
        const item = list.kind === 'list' ? (list.item ?? ANY) : ANY;
        const inner: Place = {
          ...value,
          names: withNames(at.names, [[expression.variable.text, item]]),
          aggregates: 'forbidden',
        };
        if (expression.where !== undefined) this.condition(expression.where, inner);
        return listOf(expression.map === undefined ? item : this.check(expression.map, inner));
      }
      case 'quantifier': {
        const list = this.check(expression.list, value);
        const item = list.kind === 'list' ? (list.item ?? ANY) : ANY;
        const inner: Place = {
          ...value,
          names: withNames(at.names, [[expression.variable.text, item]]),
          aggregates: 'forbidden',
        };
        if (expression.where !== undefined) this.condition(expression.where, inner);
        return BOOLEAN;
      }
      case 'reduce': {
        const initial = this.check(expression.initial, value);
        const list = this.check(expression.list, value);
        const names = withNames(at.names, [
          [expression.accumulator.text, initial.kind === 'integer' ? ANY : initial],
          [expression.variable.text, list.item ?? ANY],
        ]);
        this.check(expression.map, { ...value, names, aggregates: 'forbidden' });
        return ANY;
      }
      case 'mapProjection':
        this.check(expression.of, value);
        for (const item of expression.items) {
          if (item.kind === 'entry') this.check(item.value, value);
          if (item.kind === 'variable') this.check(item.variable, value);
        }
        return MAP;
      case 'patternComprehension': {
        const names = this.#inner.pattern(expression.pattern, at.names, true);
        const inner: Place = { names, aggregates: 'forbidden', patterns: false };
        if (expression.where !== undefined) this.condition(expression.where, inner);
        return listOf(this.check(expression.map, inner));
      }
      case 'pattern': {
        const { pattern } = expression;
        if (pattern.shortest === undefined && !at.patterns) {
          this.#report.fail(
            expression,
            'UnexpectedSyntax',
            'a pattern stands here for no value; use EXISTS {} or COUNT {}',
          );
        }
        this.#inner.pattern(pattern, at.names, false);
        if (pattern.shortest === undefined) return BOOLEAN;
        return pattern.shortest === 'all' ? listOf(PATH) : PATH;
      }
      case 'subquery':
        this.#inner.query(expression.query, at.names);
        return expression.mode === 'exists' ? BOOLEAN : expression.mode === 'count' ? INTEGER : listOf(ANY);
      default:
        return assertNever(expression);
    }
  }

  #truth(expression: Expression, at: Place): void {
    const type = this.check(expression, at);
    if (!maybe(type, 'boolean')) {
      this.#report.fail(expression, 'InvalidArgumentType', `a truth value is wanted here, not a ${type.kind}`);
    }
  }

  #unary(expression: Extract<Expression, { kind: 'unary' }>, at: Place): StaticType {
    if (expression.operator === 'not') {
      this.condition(expression.of, at);
      return BOOLEAN;
    }
    const type = this.check(expression.of, { ...at, patterns: false });
    return expression.operator === '-' || expression.operator === '+' ? type : BOOLEAN;
  }

  #binary(expression: Extract<Expression, { kind: 'binary' }>, at: Place): StaticType {
    const { operator, left, right } = expression;
    if (operator === 'and' || operator === 'or' || operator === 'xor') {
      // What connects truth values makes a condition of a pattern, also where a bare one would stand for no value.
      this.condition(left, at);
      this.condition(right, at);
      return BOOLEAN;
    }
    const value = { ...at, patterns: false };
    const a = this.check(left, value);
    const b = this.check(right, value);
    switch (operator) {
      case 'in':
        if (!maybe(b, 'list')) {
          this.#report.fail(right, 'InvalidArgumentType', `\`IN\` takes a list, not a ${b.kind}`);
        }
        return BOOLEAN;
      case 'startsWith':
      case 'endsWith':
      case 'contains':
      case '=~':
        return BOOLEAN;
      case '+':
        return a.kind === 'list' ? listOf(ANY) : numeric(a, b);
      default:
        for (const [operand, type] of [
          [left, a],
          [right, b],
        ] as const) {
          if (!maybe(type, 'integer', 'float')) {
            this.#report.fail(operand, 'InvalidArgumentType', `\`${operator}\` does not apply to a ${type.kind}`);
          }
        }
        return operator === '^' ? FLOAT : numeric(a, b);
    }
  }

  #aggregate(expression: Expression, at: Place): void {
    if (at.aggregates === 'allowed') return;
    if (at.aggregates === 'nested') {
      this.#report.fail(expression, 'NestedAggregation', 'an aggregate cannot stand inside of another one');
    }
    this.#report.fail(expression, 'InvalidAggregation', 'an aggregate cannot stand here, only in WITH and RETURN');
  }

  #call(expression: CallExpression, at: Place): StaticType {
    const { name, arguments: args } = expression;
    const lower = name.text.toLowerCase();
    const aggregate = findAggregate(lower);
    if (aggregate !== undefined) {
      this.#aggregate(expression, at);
      this.#checkCount(expression, aggregate.arguments, aggregate.arguments);
      const inner: Place = { ...at, aggregates: 'nested' };
      const types = args.map((argument) => this.check(argument, inner));
      const random = args.find(isRandom);
      if (random !== undefined) {
        this.#report.fail(random, 'NonConstantExpression', 'what is random cannot be aggregated');
      }
      return resultType(lower, types);
    }
    const isExists = lower === 'exists';
    const types = args.map((argument) => this.check(argument, isExists ? { ...at, patterns: true } : at));
    if (lower === 'coalesce') {
      this.#checkCount(expression, 1, Number.POSITIVE_INFINITY);
      return common(types);
    }
    if (isExists) {
      this.#checkCount(expression, 1, 1);
      return BOOLEAN;
    }
    const called = findFunction(lower);
    if (called === undefined) {
      const known = [...functionNames(), ...aggregateNames(), 'coalesce', 'exists'];
      const near = CATALOG.get().elsewhere(name.text) ?? didYouMean(name.text, known);
      return this.#report.fail(name, 'UnknownFunction', `there is no function \`${name.text}\`${near}`);
    }
    if (expression.distinct) this.#report.fail(expression, 'InvalidAggregation', 'DISTINCT goes with aggregates only');
    this.#checkCount(expression, called.argumentsMin, called.argumentsMax);
    const kinds = FIRST_ARGUMENT[lower];
    const [first] = types;
    if (kinds !== undefined && first !== undefined && !maybe(first, ...kinds)) {
      this.#report.fail(
        args[0] ?? expression,
        'InvalidArgumentType',
        `${name.text}() does not apply to a ${first.kind}`,
      );
    }
    return resultType(lower, types);
  }

  #checkCount({ name, arguments: args, start, end }: CallExpression, min: number, max: number): void {
    if (args.length >= min && args.length <= max) return;
    const wanted =
      min === max
        ? countOf(min)
        : max === Number.POSITIVE_INFINITY
          ? `at least ${countOf(min)}`
          : `${min} to ${countOf(max)}`;
    this.#report.fail({ start, end }, 'InvalidNumberOfArguments', `${name.text}() takes ${wanted}, not ${args.length}`);
  }
}

export function countOf(count: number): string {
  return count === 1 ? '1 argument' : `${count} arguments`;
}

function numeric(a: StaticType, b: StaticType): StaticType {
  if (a.kind === 'integer' && b.kind === 'integer') return INTEGER;
  const kinds = [a.kind, b.kind];
  return kinds.every((kind) => kind === 'integer' || kind === 'float') ? FLOAT : ANY;
}

function isRandom(expression: Expression): boolean {
  if (expression.kind === 'call' && expression.name.text.toLowerCase() === 'rand') return true;
  return partsOf(expression).some(isRandom);
}
