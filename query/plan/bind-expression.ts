/** Turns expressions of the text into bound ones: names become slots, patterns and sub-queries become plans. */
import { assertNever, BugError } from '../../base/assert.ts';
import type {
  CallExpression,
  ComparisonExpression,
  Expression,
  LabelExpression,
  MapProjection,
  PatternComprehension,
  PatternExpression,
  PatternPart,
  Query,
} from '../syntax/ast.ts';
import type { BinaryOperator, BoundExpression, LabelTest } from './bound-expression.ts';
import { computedIn, expressionKey } from './expression-facts.ts';
import type { Operator } from './operator.ts';
import { extend, type PlanTable, reference, type Scope } from './scope.ts';

/** Plans what stands inside of expressions; its plans start from the row at hand. */
export interface InnerPlanner {
  /** Of a pattern; the scope has its variables, the path's included. */
  pattern(
    part: PatternPart,
    where: Expression | undefined,
    scope: Scope,
  ): { readonly operator: Operator; readonly scope: Scope };
  query(
    query: Query,
    scope: Scope,
  ): { readonly operator: Operator; readonly columns: readonly { readonly slot: number }[] };
}

export class ExpressionBinder {
  readonly #table: PlanTable;
  readonly #inner: InnerPlanner;

  constructor(table: PlanTable, inner: InnerPlanner) {
    this.#table = table;
    this.#inner = inner;
  }

  /** @param known expressions that a slot holds already, by their key; they are not looked into */
  bind(expression: Expression, scope: Scope, known?: ReadonlyMap<string, BoundExpression>): BoundExpression {
    if (known !== undefined) {
      const held = known.get(expressionKey(expression));
      if (held !== undefined) return held;
    }
    const bind = (each: Expression) => this.bind(each, scope, known);
    switch (expression.kind) {
      case 'literal':
        return { kind: 'literal', value: expression.value };
      case 'parameter':
        return { kind: 'parameter', name: expression.name };
      case 'variable': {
        const variable = scope.get(expression.name);
        if (variable === undefined) throw new BugError(`analysis let the variable ${expression.name} pass`);
        return reference(variable);
      }
      case 'property':
        return { kind: 'property', of: bind(expression.of), name: expression.name.text };
      case 'index':
        return { kind: 'index', of: bind(expression.of), index: bind(expression.index) };
      case 'slice':
        return {
          kind: 'slice',
          of: bind(expression.of),
          from: expression.from === undefined ? undefined : bind(expression.from),
          to: expression.to === undefined ? undefined : bind(expression.to),
        };
      case 'unary':
        return { kind: 'unary', operator: expression.operator, of: bind(expression.of) };
      case 'binary':
        return {
          kind: 'binary',
          operator: expression.operator as BinaryOperator,
          left: bind(expression.left),
          right: bind(expression.right),
        };
      case 'comparison':
        return this.#comparison(expression, bind);
      case 'labels':
        return this.labels(bind(expression.of), expression.labels, scope);
      case 'typed':
        return { kind: 'typed', of: bind(expression.of), types: expression.types };
      case 'list':
        return { kind: 'list', items: expression.items.map(bind) };
      case 'map':
        return { kind: 'map', entries: expression.entries.map(({ key, value }) => [key.text, bind(value)] as const) };
      case 'case':
        return {
          kind: 'case',
          of: expression.of === undefined ? undefined : bind(expression.of),
          whens: expression.whens.map(({ when, then }) => ({ when: bind(when), result: bind(then) })),
          otherwise: expression.otherwise === undefined ? undefined : bind(expression.otherwise),
        };
      case 'call':
        // `exists((a)-->(b))` is what the pattern says; of any other value it asks whether it is null.
        if (isPatternExists(expression)) return this.#pattern(expression.arguments[0].pattern, scope);
        return { kind: 'call', name: expression.name.text, arguments: expression.arguments.map(bind) };
      case 'countStar':
        throw new BugError('an aggregate is bound where there is nothing to aggregate');
      case 'listComprehension': {
        const item = this.#table.add('value', expression.variable.text);
        const inner = extend(scope, [[expression.variable.text, item]]);
        return {
          kind: 'comprehension',
          slot: item.slot,
          list: bind(expression.list),
          where: expression.where === undefined ? undefined : this.bind(expression.where, inner, known),
          map: expression.map === undefined ? undefined : this.bind(expression.map, inner, known),
        };
      }
      case 'quantifier': {
        const item = this.#table.add('value', expression.variable.text);
        const inner = extend(scope, [[expression.variable.text, item]]);
        const where = expression.where === undefined ? reference(item) : this.bind(expression.where, inner, known);
        return {
          kind: 'quantifier',
          quantifier: expression.quantifier,
          slot: item.slot,
          list: bind(expression.list),
          where,
        };
      }
      case 'reduce': {
        const accumulator = this.#table.add('value', expression.accumulator.text);
        const item = this.#table.add('value', expression.variable.text);
        const inner = extend(scope, [
          [expression.accumulator.text, accumulator],
          [expression.variable.text, item],
        ]);
        return {
          kind: 'reduce',
          accumulator: accumulator.slot,
          initial: bind(expression.initial),
          slot: item.slot,
          list: bind(expression.list),
          map: this.bind(expression.map, inner, known),
        };
      }
      case 'mapProjection':
        return this.#projection(expression, scope, bind);
      case 'patternComprehension':
        return this.#patternComprehension(expression, scope);
      case 'pattern':
        return this.#pattern(expression.pattern, scope);
      case 'subquery': {
        const { operator, columns } = this.#inner.query(expression.query, scope);
        const plan = this.#table.addSubplan(operator);
        if (expression.mode !== 'collect') return { kind: 'subquery', mode: expression.mode, plan };
        const slot = columns[0]?.slot ?? 0;
        const value = reference({ slot, kind: this.#table.slots[slot] ?? 'value' });
        return { kind: 'subquery', mode: 'collect', plan, value };
      }
      default:
        return assertNever(expression);
    }
  }

  /** A condition that only asks whether a sub-query has rows, as that plan; undefined for any other. */
  bindExistence(
    expression: Expression,
    scope: Scope,
  ): { readonly inner: Operator; readonly anti: boolean } | undefined {
    switch (expression.kind) {
      case 'unary': {
        if (expression.operator !== 'not') return undefined;
        const of = this.bindExistence(expression.of, scope);
        return of === undefined ? undefined : { inner: of.inner, anti: !of.anti };
      }
      case 'call': {
        const [of] = expression.arguments;
        const isExists = expression.name.text.toLowerCase() === 'exists' && of?.kind === 'pattern';
        return isExists ? this.bindExistence(of, scope) : undefined;
      }
      case 'pattern':
        if (expression.pattern.shortest !== undefined) return undefined;
        return { inner: this.#inner.pattern(expression.pattern, undefined, scope).operator, anti: false };
      case 'subquery':
        if (expression.mode !== 'exists') return undefined;
        return { inner: this.#inner.query(expression.query, scope).operator, anti: false };
      default:
        return undefined;
    }
  }

  #comparison(
    { operators, operands }: ComparisonExpression,
    bind: (expression: Expression) => BoundExpression,
  ): BoundExpression {
    const [operator] = operators;
    const [left, right] = operands;
    if (operators.length === 1 && operator !== undefined && left !== undefined && right !== undefined) {
      return { kind: 'binary', operator, left: bind(left), right: bind(right) };
    }
    return { kind: 'chain', operators, operands: operands.map(bind) };
  }

  #projection(
    { of, items }: MapProjection,
    scope: Scope,
    bind: (expression: Expression) => BoundExpression,
  ): BoundExpression {
    const element = bind(of);
    return {
      kind: 'projection',
      of: element,
      items: items.map((item) => {
        switch (item.kind) {
          case 'all':
            return { kind: 'all' };
          case 'property': {
            const value: BoundExpression = { kind: 'property', of: element, name: item.name.text };
            return { kind: 'entry', key: item.name.text, value };
          }
          case 'variable':
            return { kind: 'entry', key: item.variable.name, value: this.bind(item.variable, scope) };
          default:
            return { kind: 'entry', key: item.key.text, value: bind(item.value) };
        }
      }),
    };
  }

  #patternComprehension({ pattern, where, map }: PatternComprehension, scope: Scope): BoundExpression {
    const inner = this.#inner.pattern(pattern, where, scope);
    const plan = this.#table.addSubplan(inner.operator);
    return { kind: 'subquery', mode: 'collect', plan, value: this.bind(map, inner.scope) };
  }

  #pattern(part: PatternPart, scope: Scope): BoundExpression {
    if (part.shortest === undefined) {
      const { operator } = this.#inner.pattern(part, undefined, scope);
      return { kind: 'subquery', mode: 'exists', plan: this.#table.addSubplan(operator) };
    }
    const named = { ...part, variable: { text: PATH, start: part.start, end: part.end } };
    const inner = this.#inner.pattern(named, undefined, scope);
    const plan = this.#table.addSubplan(inner.operator);
    const path = inner.scope.get(PATH);
    if (path === undefined) throw new BugError('a pattern that was planned has no path');
    const value = reference(path);
    const paths: BoundExpression = { kind: 'subquery', mode: 'collect', plan, value };
    if (part.shortest === 'all') return paths;
    return { kind: 'index', of: paths, index: { kind: 'literal', value: 0 } };
  }

  /** Whether an element has the labels, or its type is one. */
  labels(of: BoundExpression, labels: LabelExpression, scope: Scope): BoundExpression {
    if (computedIn(labels).length === 0) return { kind: 'labels', of, test: labelTest(labels) };
    switch (labels.kind) {
      case 'and':
      case 'or': {
        const { kind: operator, left, right } = labels;
        return { kind: 'binary', operator, left: this.labels(of, left, scope), right: this.labels(of, right, scope) };
      }
      case 'not':
        return { kind: 'unary', operator: 'not', of: this.labels(of, labels.of, scope) };
      case 'computed':
        return { kind: 'computedLabels', of, names: this.bind(labels.names, scope) };
      default:
        throw new BugError('what is not computed is a test of the text');
    }
  }
}

function isPatternExists(
  call: CallExpression,
): call is CallExpression & { readonly arguments: readonly [PatternExpression] } {
  const [of] = call.arguments;
  return call.name.text.toLowerCase() === 'exists' && of?.kind === 'pattern' && of.pattern.shortest === undefined;
}

/** No variable of a text is called so; names that begin with two blanks are hidden behind the pattern. */
const PATH = ' path';

/** Of what is not computed. */
function labelTest(labels: LabelExpression): LabelTest {
  switch (labels.kind) {
    case 'label':
      return { kind: 'label', name: labels.name };
    case 'any':
      return { kind: 'any' };
    case 'computed':
      throw new BugError('computed labels are no test of the text');
    case 'not':
      return { kind: 'not', test: labelTest(labels.of) };
    default:
      return { kind: labels.kind, tests: [labelTest(labels.left), labelTest(labels.right)] };
  }
}
