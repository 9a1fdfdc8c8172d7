/** Every way to lay a pattern over the graph, one part after the other, one step after the other; no edge twice in one. */
import type {
  Expression,
  MapExpression,
  NodePattern,
  ParameterExpression,
  PatternPart,
  RelationshipPattern,
} from '../syntax/ast.ts';
import { evaluate, hasLabels, holds, type Scope, type Surroundings } from './plain-expressions.model.ts';
import type { PlainGraph } from './plain-graph.model.ts';
import {
  NotModelled,
  type Plain,
  type PlainEdge,
  type PlainNode,
  PlainPath,
  plainEqual,
  type Row,
} from './plain-values.model.ts';

/** A pattern that was laid so far. */
interface Laid {
  readonly row: Row;
  /** Of all parts. */
  readonly used: readonly PlainEdge[];
  /** Of the part that is being laid, from its first node. */
  readonly path: readonly (PlainNode | PlainEdge)[];
}

export function layPattern(
  graph: PlainGraph,
  around: Surroundings,
  {
    parts,
    where,
    row,
  }: { readonly parts: readonly PatternPart[]; readonly where: Expression | undefined; readonly row: Row },
): readonly Row[] {
  let laid: readonly Laid[] = [{ row, used: [], path: [] }];
  for (const part of parts) laid = laid.flatMap((each) => layPart(graph, around, part, each));
  return laid.map((each) => each.row).filter((each) => holds(where, { row: each, group: undefined, around }));
}

function layPart(graph: PlainGraph, around: Surroundings, part: PatternPart, before: Laid): readonly Laid[] {
  let laid = graph.nodes.flatMap((node) => layNode(around, part.nodes[0] as NodePattern, node, before, [node]));
  part.relationships.forEach((pattern, i) => {
    const next = part.nodes[i + 1] as NodePattern;
    laid = laid.flatMap((each) =>
      steps(graph, around, pattern, each).flatMap(({ laid: after, node, walked }) =>
        layNode(around, next, node, after, [...each.path, ...walked]),
      ),
    );
  });
  const { variable, shortest } = part;
  if (shortest !== undefined) laid = shortestOf(laid, shortest);
  if (variable === undefined) return laid;
  return laid.map((each) => ({ ...each, row: new Map(each.row).set(variable.text, new PlainPath(each.path)) }));
}

/** Between each two nodes those of fewest edges: all of them, or one. */
function shortestOf(laid: readonly Laid[], which: 'single' | 'all'): Laid[] {
  const isLike = (a: Laid, b: Laid) => a.path[0] === b.path[0] && a.path.at(-1) === b.path.at(-1);
  const best = laid.filter(
    (each) => !laid.some((other) => isLike(each, other) && other.path.length < each.path.length),
  );
  return which === 'all' ? best : best.filter((each, i) => best.findIndex((other) => isLike(each, other)) === i);
}

/** The row with the variable, if it is free or holds just this. */
function bind(row: Row, name: string | undefined, value: Plain): Row | undefined {
  if (name === undefined) return row;
  const held = row.get(name);
  if (held === undefined) return new Map(row).set(name, value);
  return plainEqual(held, value) === true ? row : undefined;
}

function layNode(
  around: Surroundings,
  { variable, labels, properties, where }: NodePattern,
  node: PlainNode,
  before: Laid,
  path: Laid['path'],
): readonly Laid[] {
  const row = bind(before.row, variable?.text, node);
  if (row === undefined) return [];
  const scope: Scope = { row, group: undefined, around };
  if (!hasLabels(node.labels, labels, (each) => evaluate(each, scope))) return [];
  return hasProperties(node, properties, scope) && holds(where, scope) ? [{ row, used: before.used, path }] : [];
}

function hasProperties(
  { properties }: PlainNode | PlainEdge,
  wanted: MapExpression | ParameterExpression | undefined,
  scope: Scope,
): boolean {
  if (wanted === undefined) return true;
  if (wanted.kind !== 'map') throw new NotModelled('a parameter for properties');
  return wanted.entries.every(
    ({ key, value }) => plainEqual(properties.get(key.text) ?? null, evaluate(value, scope)) === true,
  );
}

interface Step {
  readonly laid: Laid;
  readonly node: PlainNode;
  readonly walked: readonly (PlainNode | PlainEdge)[];
}

function steps(graph: PlainGraph, around: Surroundings, pattern: RelationshipPattern, from: Laid): readonly Step[] {
  const start = from.path.at(-1) as PlainNode;
  const name = pattern.variable?.text;
  if (pattern.range === undefined) {
    return walks(graph, around, pattern, { ...from, start, min: 1, max: 1 }).flatMap(({ edges, node }) => {
      const row = bind(from.row, name, edges[0] as PlainEdge);
      if (row === undefined) return [];
      const scope: Scope = { row, group: undefined, around };
      if (!holds(pattern.where, scope)) return [];
      return [{ laid: { ...from, row, used: [...from.used, ...edges] }, node, walked: [...edges, node] }];
    });
  }
  const { min = 1, max = Number.POSITIVE_INFINITY } = pattern.range;
  return walks(graph, around, pattern, { ...from, start, min, max }).flatMap(({ edges, nodes, node }) => {
    const row = bind(from.row, name, edges);
    if (row === undefined) return [];
    const walked = edges.flatMap((edge, i) => [edge, nodes[i] as PlainNode]);
    return [{ laid: { ...from, row, used: [...from.used, ...edges] }, node, walked }];
  });
}

interface Walk {
  readonly edges: readonly PlainEdge[];
  /** Behind each edge. */
  readonly nodes: readonly PlainNode[];
  readonly node: PlainNode;
}

/** All that begin with `start`, follow edges of the pattern, and use none that is used already or comes again. */
function walks(
  graph: PlainGraph,
  around: Surroundings,
  pattern: RelationshipPattern,
  from: Pick<Laid, 'row' | 'used'> & { readonly start: PlainNode; readonly min: number; readonly max: number },
): readonly Walk[] {
  const found: Walk[] = [];
  const scope: Scope = { row: from.row, group: undefined, around };
  const go = (walk: Walk): void => {
    if (walk.edges.length >= from.min) found.push(walk);
    if (walk.edges.length >= from.max) return;
    for (const edge of graph.edges) {
      if (from.used.includes(edge) || walk.edges.includes(edge)) continue;
      if (
        !hasLabels(new Set([edge.type]), pattern.types, (each) => evaluate(each, scope)) ||
        !hasProperties(edge, pattern.properties, scope)
      )
        continue;
      for (const node of behind(edge, walk.node, pattern.arrow)) {
        go({ edges: [...walk.edges, edge], nodes: [...walk.nodes, node], node });
      }
    }
  };
  go({ edges: [], nodes: [], node: from.start });
  return found;
}

/** Where an edge leads from a node, if it does; a loop leads to the node once. */
function behind({ from, to }: PlainEdge, node: PlainNode, arrow: RelationshipPattern['arrow']): readonly PlainNode[] {
  const ends: PlainNode[] = [];
  if (arrow !== 'left' && from === node) ends.push(to);
  if (arrow !== 'right' && to === node && !(arrow !== 'left' && from === to)) ends.push(from);
  return ends;
}
