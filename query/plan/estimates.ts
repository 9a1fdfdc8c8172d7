/**
 * How many rows are expected. Only the order of magnitude matters: the estimates choose between plans, all of which give
 * the same rows.
 */
import type { GraphStatistics } from '../../graph/query-graph.ts';
import type { Expression, RelationshipPattern } from '../syntax/ast.ts';
import { demandedLabels, partsOf } from './expression-facts.ts';
import type { PatternEdge, PatternNode } from './pattern.ts';

/** Share of values that a condition of each kind leaves where nothing is known about them. */
const EQUAL_SHARE = 0.1;
const RANGE_SHARE = 0.3;
const PREFIX_SHARE = 0.1;
const OTHER_SHARE = 0.5;
/** Items of a list whose length is not known. */
export const LIST_ITEMS = 8;
/** Relationships of a path without limit that are reckoned with. */
const HOPS_MAX = 6;
const ROWS_MAX = 1e12;

export class Estimates {
  readonly #statistics: GraphStatistics;

  constructor(statistics: GraphStatistics) {
    this.#statistics = statistics;
  }

  /** Of nodes, all or with a label; at least one, since a plan outlives the moment. */
  nodes(label?: string): number {
    return Math.max(1, this.#statistics.nodeCount(label));
  }

  edges(types: readonly string[] | undefined): number {
    if (types === undefined || types.length === 0) return Math.max(1, this.#statistics.edgeCount());
    return Math.max(
      1,
      types.reduce((sum, type) => sum + this.#statistics.edgeCount(type), 0),
    );
  }

  /** Nodes that have one value of an indexed property. */
  nodesPerValue(label: string, property: string): number {
    return this.nodes(label) / this.#statistics.distinctValues(label, property);
  }

  hasIndex(label: string, property: string): boolean {
    return this.#statistics.hasIndex(label, property);
  }

  /** Rows that following a relationship from a node gives; if it is closed, both of its ends are there. */
  follow({ pattern, types }: PatternEdge, from: PatternNode, isClosed: boolean): number {
    // Relationships of a type hang on nodes of few labels: it is the nodes that the start is one of which have them.
    const starts = from.labels.reduce((least, label) => Math.min(least, this.nodes(label)), this.nodes());
    const degree = (this.edges(types) / starts) * (isDirected(pattern) ? 1 : 2);
    const reached = pattern.range === undefined ? degree : trails(degree, pattern.range);
    return Math.min(ROWS_MAX, isClosed ? reached / this.nodes() : reached);
  }

  /** Share of rows that meet a condition. */
  share(expression: Expression): number {
    switch (expression.kind) {
      case 'comparison':
        if (expression.operators[0] === '=') return EQUAL_SHARE;
        return expression.operators[0] === '<>' ? 1 - EQUAL_SHARE : RANGE_SHARE;
      case 'labels':
        return demandedLabels(expression.labels).reduce(
          (share, label) => Math.min(share, this.nodes(label) / this.nodes()),
          OTHER_SHARE,
        );
      case 'unary':
        return expression.operator === 'not' ? 1 - this.share(expression.of) : OTHER_SHARE;
      case 'binary':
        return this.#shareOfBinary(expression);
      default:
        return OTHER_SHARE;
    }
  }

  #shareOfBinary({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): number {
    switch (operator) {
      case 'in':
        return Math.min(OTHER_SHARE, EQUAL_SHARE * LIST_ITEMS);
      case 'startsWith':
      case 'endsWith':
      case 'contains':
      case '=~':
        return PREFIX_SHARE;
      case 'or':
        return Math.min(1, this.share(left) + this.share(right));
      case 'and':
        return this.share(left) * this.share(right);
      default:
        return OTHER_SHARE;
    }
  }
}

function isDirected({ arrow }: RelationshipPattern): boolean {
  return arrow === 'left' || arrow === 'right';
}

/** Trails of each length that is wanted. */
function trails(degree: number, { min, max }: NonNullable<RelationshipPattern['range']>): number {
  const from = min ?? 1;
  const to = Math.max(from, Math.min(max ?? HOPS_MAX, HOPS_MAX));
  let sum = 0;
  // Counted from 0: beyond 2^53, one more is the same number.
  for (let more = 0; more <= to - from && sum < ROWS_MAX; more++) sum += degree ** (from + more);
  return sum;
}

/** Whether testing it runs a plan of its own. */
export function holdsSubquery(expression: Expression): boolean {
  if (expression.kind === 'pattern' || expression.kind === 'patternComprehension' || expression.kind === 'subquery') {
    return true;
  }
  return partsOf(expression).some(holdsSubquery);
}
