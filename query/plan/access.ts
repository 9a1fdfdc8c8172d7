/** How the nodes and relationships of a pattern can be found: by id, by an index, by a label, or by looking at all. */
import type { ComparisonOperator, Expression } from '../syntax/ast.ts';
import { type Estimates, LIST_ITEMS } from './estimates.ts';
import { freeVariables } from './expression-facts.ts';
import type { Condition, EdgeAccess, NodeAccess, PatternEdge, PatternNode, Seekable } from './pattern.ts';

/** Share of an index that a range is expected to cover that is open on one side, and that has two ends. */
const OPEN_RANGE_SHARE = 0.3;
const RANGE_SHARE = 0.1;

export const ALL_NODES: Omit<NodeAccess, 'rows'> = {
  kind: 'all',
  label: undefined,
  property: undefined,
  seeks: [],
  satisfies: new Set(),
};

/** What a node is sought by, which conditions say so, and what is known of the graph. */
interface Search {
  readonly node: PatternNode;
  readonly conditions: readonly Condition[];
  readonly estimates: Estimates;
}

/** @param isKnown whether a name has a value before the node is sought */
export function nodeAccesses(
  node: PatternNode,
  conditions: readonly Condition[],
  estimates: Estimates,
  isKnown: (name: string) => boolean,
): NodeAccess[] {
  const search = { node, conditions, estimates };
  const accesses: NodeAccess[] = [{ ...ALL_NODES, rows: estimates.nodes() }];
  const labels = Array.from(new Set(node.labels));
  for (const label of labels) {
    const satisfies = new Set(labelled(search, label));
    accesses.push({ ...ALL_NODES, kind: 'label', rows: estimates.nodes(label), label, satisfies });
  }
  const ranges = new Map<string, Seekable[]>();
  for (const condition of conditions) {
    const seek = seeksOf(condition).find((each) => canSeek(each, node.name, isKnown));
    if (seek === undefined) continue;
    if (seek.of.kind === 'call') accesses.push(...idAccesses(condition, seek));
    if (seek.of.kind !== 'property') continue;
    const property = seek.of.name.text;
    for (const label of labels) {
      if (!estimates.hasIndex(label, property)) continue;
      const access = indexAccess(search, { label, property, seek, condition });
      if (access !== undefined) accesses.push(access);
      else {
        const key = JSON.stringify([label, property]);
        ranges.set(key, [...(ranges.get(key) ?? []), seek]);
      }
    }
  }
  for (const [key, seeks] of ranges) {
    const [label, property] = JSON.parse(key) as [string, string];
    accesses.push(rangeAccess(search, { label, property, seeks: boundsOf(seeks) }));
  }
  // Of those that are equal the one is taken that finds less.
  return accesses.reverse();
}

/** An id that is no text finds nothing, which is what the condition says, too. */
function idAccesses(condition: Condition, seek: Seekable): NodeAccess[] {
  if (seek.operator !== '=' && seek.operator !== 'in') return [];
  const rows = seek.operator === '=' ? 1 : LIST_ITEMS;
  return [{ ...ALL_NODES, kind: 'id', rows, seeks: [seek], satisfies: new Set([condition]) }];
}

/** Undefined for one bound of a range, of which there may be another. */
function indexAccess(
  search: Search,
  {
    label,
    property,
    seek,
    condition,
  }: { readonly label: string; readonly property: string; readonly seek: Seekable; readonly condition: Condition },
): NodeAccess | undefined {
  const { estimates } = search;
  const each = estimates.nodesPerValue(label, property);
  const found = { kind: 'index', label, property, seeks: [seek] } as const;
  const labels = labelled(search, label);
  switch (seek.operator) {
    case '=':
      return { ...found, rows: each, satisfies: new Set([condition, ...labels]) };
    case 'in':
      return { ...found, rows: each * LIST_ITEMS, satisfies: new Set([condition, ...labels]) };
    case 'startsWith':
      return {
        ...found,
        rows: Math.max(each, estimates.nodes(label) * condition.share),
        satisfies: new Set(labels),
      };
    default:
      return undefined;
  }
}

/** The conditions stay: an index finds what is comparable, and only they say what is more. */
function rangeAccess(
  search: Search,
  { label, property, seeks }: { readonly label: string; readonly property: string; readonly seeks: Seekable[] },
): NodeAccess {
  const { estimates } = search;
  const share = seeks.length === 2 ? RANGE_SHARE : OPEN_RANGE_SHARE;
  const rows = Math.max(estimates.nodesPerValue(label, property), estimates.nodes(label) * share);
  return { kind: 'index', rows, label, property, seeks, satisfies: new Set(labelled(search, label)) };
}

/** One lower and one upper bound; what more there are, the conditions test. */
function boundsOf(seeks: readonly Seekable[]): Seekable[] {
  const lower = seeks.find(({ operator }) => operator === '>' || operator === '>=');
  const upper = seeks.find(({ operator }) => operator === '<' || operator === '<=');
  return [lower, upper].filter((seek) => seek !== undefined);
}

/** Of a single relationship with two ends that are not known. */
export function edgeAccesses(
  edge: PatternEdge,
  conditions: readonly Condition[],
  estimates: Estimates,
  isKnown: (name: string) => boolean,
): EdgeAccess[] {
  if (edge.pattern.range !== undefined || edge.shortest !== undefined) return [];
  const { arrow } = edge.pattern;
  const turns = arrow === 'none' || arrow === 'both' ? 2 : 1;
  const accesses: EdgeAccess[] = [
    { kind: 'all', rows: estimates.edges(edge.types) * turns, seek: undefined, satisfies: new Set() },
  ];
  for (const condition of conditions) {
    const seek = seeksOf(condition).find((each) => canSeek(each, edge.name, isKnown));
    if (seek?.of.kind !== 'call' || (seek.operator !== '=' && seek.operator !== 'in')) continue;
    const rows = (seek.operator === '=' ? 1 : LIST_ITEMS) * turns;
    accesses.push({ kind: 'id', rows, seek, satisfies: new Set([condition]) });
  }
  return accesses;
}

/** Conditions that say no more than that the node has the label. */
function labelled({ node, conditions }: Search, label: string): Condition[] {
  return conditions.filter(
    ({ expression }) =>
      expression?.kind === 'labels' &&
      expression.of.kind === 'variable' &&
      expression.of.name === node.name &&
      expression.labels.kind === 'label' &&
      expression.labels.name === label,
  );
}

/** Whether it seeks by the named element, with a value that is known before. */
function canSeek({ of, value }: Seekable, name: string, isKnown: (name: string) => boolean): boolean {
  const sought = of.kind === 'property' ? of.of : of.kind === 'call' ? of.arguments[0] : undefined;
  if (sought?.kind !== 'variable' || sought.name !== name) return false;
  return Array.from(freeVariables(value)).every((each) => each !== name && isKnown(each));
}

const MIRRORED: Readonly<Record<Exclude<ComparisonOperator, '<>'>, Seekable['operator']>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** All ways to read a condition as a search: `a.x = b.x` finds `a` by `b`, or `b` by `a`. */
function seeksOf({ expression, isVolatile }: Condition): Seekable[] {
  if (expression === undefined || isVolatile) return [];
  if (expression.kind === 'binary' && (expression.operator === 'in' || expression.operator === 'startsWith')) {
    const { left, operator, right } = expression;
    return isSeekable(left) ? [{ of: left, operator, value: right }] : [];
  }
  if (expression.kind !== 'comparison' || expression.operators.length !== 1) return [];
  const [operator] = expression.operators;
  const [left, right] = expression.operands;
  if (operator === undefined || operator === '<>' || left === undefined || right === undefined) return [];
  const seeks: Seekable[] = [];
  if (isSeekable(left)) seeks.push({ of: left, operator, value: right });
  if (isSeekable(right)) seeks.push({ of: right, operator: MIRRORED[operator], value: left });
  return seeks;
}

function isSeekable(expression: Expression): boolean {
  if (expression.kind === 'property') return expression.of.kind === 'variable';
  if (expression.kind !== 'call') return false;
  const name = expression.name.text.toLowerCase();
  return (name === 'id' || name === 'elementid') && expression.arguments[0]?.kind === 'variable';
}
