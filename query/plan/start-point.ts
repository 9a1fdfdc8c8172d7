/** Where a pattern is entered: the node that an id, an index or a label finds with the fewest rows. */
import type { ComparisonOperator, Expression } from '../syntax/ast.ts';
import type { ExpressionBinder } from './bind-expression.ts';
import { freeVariables } from './expression-facts.ts';
import type { AllNodesScan, IndexSeek, LabelScan, NodeByIdSeek, Operator } from './operator.ts';
import type { Condition, PatternNode } from './pattern.ts';
import type { PlannerContext } from './planned-statement.ts';
import type { PlanTable, Scope } from './scope.ts';

type Start = AllNodesScan | LabelScan | IndexSeek | NodeByIdSeek;

export interface StartRequest {
  readonly candidates: readonly PatternNode[];
  readonly conditions: readonly Condition[];
  readonly input: Operator;
  readonly scope: Scope;
  readonly isOpen: (name: string) => boolean;
  readonly table: PlanTable;
  readonly binder: ExpressionBinder;
  readonly context: PlannerContext;
}

interface Choice {
  readonly node: PatternNode;
  readonly rows: number;
  readonly make: (node: number) => Start;
  /** Conditions that hold for what it finds. */
  readonly used: ReadonlySet<Condition>;
}

export function chooseStart(request: StartRequest): {
  readonly node: PatternNode;
  readonly operator: Start;
  readonly rows: number;
  readonly used: ReadonlySet<Condition>;
} {
  const choices = request.candidates.flatMap((node) => choicesFor(node, request));
  let best = choices[0] as Choice;
  for (const choice of choices) if (choice.rows < best.rows) best = choice;
  const { slot } = request.table.add('node');
  return { node: best.node, operator: best.make(slot), rows: best.rows, used: best.used };
}

function choicesFor(node: PatternNode, request: StartRequest): Choice[] {
  const { input, context, conditions } = request;
  const { statistics, optimise } = context;
  const all: Choice = {
    node,
    rows: statistics.nodeCount() + 1,
    make: (slot) => ({ kind: 'AllNodesScan', input, node: slot }),
    used: new Set(),
  };
  if (!optimise) return [all];
  const choices = [all];
  for (const label of new Set(node.labels)) {
    const used = conditions.filter(({ expression }) => isSingleLabel(expression, node.name, label));
    choices.push({
      node,
      rows: statistics.nodeCount(label) + 0.5,
      make: (slot) => ({ kind: 'LabelScan', input, node: slot, label }),
      used: new Set(used),
    });
  }
  for (const condition of conditions) {
    const sought = seekOf(condition, node, request);
    if (sought !== undefined) choices.push(...sought);
  }
  return choices;
}

function isSingleLabel(expression: Expression | undefined, name: string, label: string): boolean {
  return (
    expression?.kind === 'labels' &&
    expression.of.kind === 'variable' &&
    expression.of.name === name &&
    expression.labels.kind === 'label' &&
    expression.labels.name === label
  );
}

/** Seeks that a condition allows: on an id, or on an indexed property of one of the labels of the node. */
function seekOf(condition: Condition, node: PatternNode, request: StartRequest): Choice[] | undefined {
  const test = testOf(condition.expression);
  if (test === undefined) return undefined;
  // What it is compared with must be known before the node is.
  const names = freeVariables(test.value);
  if (names.has(node.name) || Array.from(names).some(request.isOpen)) return undefined;
  const { input, binder, scope } = request;
  const value = () => binder.bind(test.value, scope);
  if (isIdOf(test.of, node.name)) {
    if (test.operator !== '=' && test.operator !== 'in') return undefined;
    const make = (slot: number): Start => ({ kind: 'NodeByIdSeek', input, node: slot, ids: value() });
    // An id that is no text finds nothing, which is what the condition says, too.
    return [{ node, rows: test.operator === 'in' ? 4 : 1, make, used: new Set([condition]) }];
  }
  if (test.of.kind !== 'property' || test.of.of.kind !== 'variable' || test.of.of.name !== node.name) return undefined;
  const property = test.of.name.text;
  return node.labels
    .filter((label) => request.context.statistics.hasIndex(label, property))
    .map((label) => indexChoice({ label, property, test, value, node, condition, request }));
}

function indexChoice({
  label,
  property,
  test,
  value,
  node,
  condition,
  request,
}: {
  readonly label: string;
  readonly property: string;
  readonly test: PropertyTest;
  readonly value: () => ReturnType<ExpressionBinder['bind']>;
  readonly node: PatternNode;
  readonly condition: Condition;
  readonly request: StartRequest;
}): Choice {
  const { statistics } = request.context;
  const { input } = request;
  const count = statistics.nodeCount(label);
  const each = count / statistics.distinctValues(label, property);
  const seek = (): IndexSeek['seek'] => {
    switch (test.operator) {
      case '=':
        return { kind: 'equal', value: value() };
      case 'in':
        return { kind: 'in', list: value() };
      case 'startsWith':
        return { kind: 'prefix', prefix: value() };
      case '<':
      case '<=':
        return { kind: 'range', from: undefined, to: { value: value(), inclusive: test.operator === '<=' } };
      case '>':
      case '>=':
        return { kind: 'range', from: { value: value(), inclusive: test.operator === '>=' }, to: undefined };
    }
  };
  const exact = test.operator === '=' || test.operator === 'in';
  const labelled = request.conditions.filter(({ expression }) => isSingleLabel(expression, node.name, label));
  return {
    node,
    rows: test.operator === '=' ? each : test.operator === 'in' ? each * 4 : count * 0.3,
    make: (slot) => ({ kind: 'IndexSeek', input, node: slot, label, property, seek: seek() }),
    used: new Set(exact ? [condition, ...labelled] : labelled),
  };
}

interface PropertyTest {
  readonly of: Expression;
  readonly operator: '=' | 'in' | 'startsWith' | '<' | '<=' | '>' | '>=';
  readonly value: Expression;
}

const MIRRORED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** The condition as a test of what can be sought, on its left. */
function testOf(expression: Expression | undefined): PropertyTest | undefined {
  if (expression === undefined) return undefined;
  if (expression.kind === 'binary' && (expression.operator === 'in' || expression.operator === 'startsWith')) {
    return { of: expression.left, operator: expression.operator, value: expression.right };
  }
  if (expression.kind !== 'comparison' || expression.operators.length !== 1) return undefined;
  const [operator] = expression.operators;
  const [left, right] = expression.operands;
  if (operator === undefined || operator === '<>' || left === undefined || right === undefined) return undefined;
  if (isSeekable(left)) return { of: left, operator, value: right };
  return isSeekable(right)
    ? { of: right, operator: MIRRORED[operator] as PropertyTest['operator'], value: left }
    : undefined;
}

function isSeekable(expression: Expression): boolean {
  return (
    (expression.kind === 'property' && expression.of.kind === 'variable') ||
    (expression.kind === 'call' && isIdName(expression.name.text))
  );
}

function isIdName(name: string): boolean {
  return name.toLowerCase() === 'id' || name.toLowerCase() === 'elementid';
}

function isIdOf(expression: Expression, variable: string): boolean {
  if (expression.kind !== 'call' || !isIdName(expression.name.text)) return false;
  const [of] = expression.arguments;
  return of?.kind === 'variable' && of.name === variable;
}
