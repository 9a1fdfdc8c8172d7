/** `n:A`, `n:A|B`, `n:A&!B`: label tests of nodes, and type tests of relationships. */
import type { QueryGraph } from '../../graph/query-graph.ts';
import { checkedEdge, checkedNode } from '../functions/entity-functions.ts';
import type { BoundExpression, LabelTest } from '../plan/bound-expression.ts';
import { runtimeError } from '../query-error.ts';
import { NodeValue, RelationshipValue, type RuntimeValue, typeName } from '../values/runtime-value.ts';
import { namesOf } from './computed-names.ts';
import type { Evaluate, ExpressionContext } from './evaluate.ts';

type Has = (name: string) => boolean;

function holds(test: LabelTest, has: Has, any: () => boolean): boolean {
  switch (test.kind) {
    case 'label':
      return has(test.name);
    case 'any':
      return any();
    case 'and':
      return test.tests.every((each) => holds(each, has, any));
    case 'or':
      return test.tests.some((each) => holds(each, has, any));
    case 'not':
      return !holds(test.test, has, any);
  }
}

function testNode(graph: QueryGraph, node: number, test: LabelTest): boolean {
  if (test.kind === 'label' && graph.hasLabel(node, test.name)) return true;
  checkedNode(graph, node);
  return holds(
    test,
    (label) => graph.hasLabel(node, label),
    () => graph.labels(node).length > 0,
  );
}

function testEdge(graph: QueryGraph, edge: number, test: LabelTest): boolean {
  const type = graph.type(checkedEdge(graph, edge));
  return holds(
    test,
    (name) => name === type,
    () => true,
  );
}

export function compileLabels(
  { of, test }: Extract<BoundExpression, { kind: 'labels' }>,
  context: ExpressionContext,
  compile: (expression: BoundExpression, context: ExpressionContext) => Evaluate,
): Evaluate {
  const { run } = context;
  if (of.kind === 'slot' && of.slotKind === 'node') {
    const { slot } = of;
    return (columns, row) => {
      const node = (columns[slot] as Int32Array)[row] as number;
      return node < 0 ? null : testNode(run.graph, node, test);
    };
  }
  const value = compile(of, context);
  return (columns, row) => testValue(run.graph, value(columns, row), test);
}

/** All labels that `names` gives for the row, or the one type. */
export function compileComputedLabels(
  { of, names }: Extract<BoundExpression, { kind: 'computedLabels' }>,
  context: ExpressionContext,
  compile: (expression: BoundExpression, context: ExpressionContext) => Evaluate,
): Evaluate {
  const { run } = context;
  const [element, wanted] = [compile(of, context), compile(names, context)];
  return (columns, row) => {
    const value = element(columns, row);
    if (value === null) return null;
    const all = namesOf(wanted(columns, row), value instanceof RelationshipValue ? 'relationship type' : 'label');
    return testValue(run.graph, value, { kind: 'and', tests: all.map((name) => ({ kind: 'label', name })) });
  };
}

function testValue(graph: QueryGraph, value: RuntimeValue, test: LabelTest): RuntimeValue {
  if (value === null) return null;
  if (value instanceof NodeValue) return testNode(graph, value.node, test);
  if (value instanceof RelationshipValue) return testEdge(graph, value.edge, test);
  throw runtimeError('TypeError', 'InvalidArgumentType', `a value of type ${typeName(value)} has no labels`);
}
