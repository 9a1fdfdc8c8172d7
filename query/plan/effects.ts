/**
 * What an operator looks at in the graph, and what it changes, as far as a plan tells: enough to know whether a row that is
 * still to come could see what was written for an earlier one.
 */
import type { BoundExpression, LabelTest } from './bound-expression.ts';
import type { CreateElement, Operator, SetItem } from './operator.ts';
import { expressionsOfElement } from './plan-facts.ts';

/** Names, or all there are. */
export type NameSet = 'all' | ReadonlySet<string>;

export interface Reads {
  /** Nodes that are looked for, by label; `all` for any node. */
  readonly nodes: NameSet;
  /** Relationships, by type. */
  readonly edges: NameSet;
  /** Properties of elements, by name. */
  readonly properties: NameSet;
  /** Labels of nodes that are at hand. */
  readonly labels: NameSet;
}

export interface Writes {
  readonly makesNodes: boolean;
  /** Labels of nodes that are made. */
  readonly madeLabels: NameSet;
  /** Labels that nodes get or lose. */
  readonly labels: NameSet;
  /** Types of relationships that are made. */
  readonly types: NameSet;
  readonly properties: NameSet;
  readonly deletes: boolean;
}

const NONE: ReadonlySet<string> = new Set();
export const NO_READS: Reads = { nodes: NONE, edges: NONE, properties: NONE, labels: NONE };
export const NO_WRITES: Writes = {
  makesNodes: false,
  madeLabels: NONE,
  labels: NONE,
  types: NONE,
  properties: NONE,
  deletes: false,
};
export const ALL_READS: Reads = { nodes: 'all', edges: 'all', properties: 'all', labels: 'all' };
/** Of elements that are at hand, all that can be seen of them. */
export const ELEMENT_READS: Reads = { ...NO_READS, properties: 'all', labels: 'all' };
/** Of an element that must still be there: only a deletion changes that. */
const PRESENCE: Reads = { ...NO_READS, labels: new Set(['']) };

function union(a: NameSet, b: NameSet): NameSet {
  if (a === 'all' || b === 'all') return 'all';
  if (a.size === 0) return b;
  return b.size === 0 ? a : new Set([...a, ...b]);
}

function isEmpty(names: NameSet): boolean {
  return names !== 'all' && names.size === 0;
}

function overlap(a: NameSet, b: NameSet): boolean {
  if (a === 'all') return !isEmpty(b);
  if (b === 'all') return !isEmpty(a);
  for (const name of a) if (b.has(name)) return true;
  return false;
}

export function bothReads(a: Reads, b: Reads): Reads {
  if (a === NO_READS || b === NO_READS) return a === NO_READS ? b : a;
  return {
    nodes: union(a.nodes, b.nodes),
    edges: union(a.edges, b.edges),
    properties: union(a.properties, b.properties),
    labels: union(a.labels, b.labels),
  };
}

export function bothWrites(a: Writes, b: Writes): Writes {
  if (a === NO_WRITES || b === NO_WRITES) return a === NO_WRITES ? b : a;
  return {
    makesNodes: a.makesNodes || b.makesNodes,
    madeLabels: union(a.madeLabels, b.madeLabels),
    labels: union(a.labels, b.labels),
    types: union(a.types, b.types),
    properties: union(a.properties, b.properties),
    deletes: a.deletes || b.deletes,
  };
}

/** Whether the reads could come out otherwise before and after the writes. */
export function conflict(writes: Writes, reads: Reads): boolean {
  if (writes === NO_WRITES || reads === NO_READS) return false;
  if (writes.deletes && ![reads.nodes, reads.edges, reads.properties, reads.labels].every(isEmpty)) return true;
  if (writes.makesNodes && reads.nodes === 'all') return true;
  return (
    overlap(writes.madeLabels, reads.nodes) ||
    overlap(writes.labels, reads.nodes) ||
    overlap(writes.labels, reads.labels) ||
    overlap(writes.types, reads.edges) ||
    overlap(writes.properties, reads.properties)
  );
}

/** Whether elements that are there could end otherwise if the writes changed places. */
export function collide(a: Writes, b: Writes): boolean {
  return overlap(a.properties, b.properties) || overlap(a.labels, b.labels);
}

/**
 * Of the operator itself, without what is below it.
 * @param subplanReads what the plans of sub-queries in expressions read, by their index
 */
export function readsOf(operator: Operator, subplanReads: (plan: number) => Reads): Reads {
  const ofAll = (own: Reads, expressions: readonly (BoundExpression | undefined)[]): Reads =>
    expressions.reduce((sum, each) => bothReads(sum, readsOfExpression(each, subplanReads)), own);
  const of = (own: Reads, ...expressions: readonly (BoundExpression | undefined)[]) => ofAll(own, expressions);
  switch (operator.kind) {
    case 'Argument':
    case 'Union':
    case 'Apply':
    case 'OptionalApply':
    case 'SemiApply':
    case 'Eager':
    case 'Distinct':
      return NO_READS;
    case 'AllNodesScan':
      return { ...NO_READS, nodes: 'all' };
    case 'LabelScan':
      return { ...NO_READS, nodes: new Set([operator.label]) };
    case 'IndexSeek': {
      const { label, property, seek } = operator;
      const own = { ...NO_READS, nodes: new Set([label]), properties: new Set([property]) };
      if (seek.kind === 'range') return of(own, seek.from?.value, seek.to?.value);
      return of(own, seek.kind === 'equal' ? seek.value : seek.kind === 'in' ? seek.list : seek.prefix);
    }
    case 'NodeByIdSeek':
    case 'EdgeByIdSeek':
      // What is made has an id of its own.
      return of(PRESENCE, operator.ids);
    case 'EdgeScan':
    case 'Expand':
      return { ...NO_READS, edges: typesOf(operator.types) };
    case 'VarLengthExpand':
    case 'ShortestPath':
      return of({ ...NO_READS, edges: typesOf(operator.types) }, operator.condition?.predicate);
    case 'Filter':
      return of(NO_READS, operator.predicate);
    case 'Project':
      return of(NO_READS, ...operator.items.map(({ expression }) => expression));
    case 'Aggregate':
      return of(
        NO_READS,
        ...operator.keys.map(({ expression }) => expression),
        ...operator.aggregates.flatMap((each) => each.arguments),
      );
    case 'Sort':
      return of(NO_READS, ...operator.by.map(({ expression }) => expression), ...(operator.limit ?? []));
    case 'Skip':
    case 'Limit':
      return of(NO_READS, operator.count);
    case 'Unwind':
    case 'Foreach':
      return of(NO_READS, operator.list);
    case 'Create':
    case 'Merge': {
      const linked = operator.elements.some(({ kind }) => kind === 'edge');
      const items = operator.kind === 'Merge' ? [...operator.onMatch, ...operator.onCreate] : [];
      // More than a call takes as arguments.
      const all = [...operator.elements.flatMap(expressionsOfElement), ...items.flatMap(expressionsOf)];
      return ofAll(linked || items.length > 0 ? PRESENCE : NO_READS, all);
    }
    case 'SetItems':
      return of(PRESENCE, ...operator.items.flatMap(expressionsOf));
    case 'Delete':
      return of(PRESENCE, ...operator.values);
    case 'ProcedureCall':
      // What a procedure reads is not known.
      return ALL_READS;
    case 'HashJoin':
      return of(NO_READS, ...operator.keys.flatMap(({ left, right }) => [left, right]));
  }
}

function typesOf(types: readonly string[]): NameSet {
  return types.length === 0 ? 'all' : new Set(types);
}

function expressionsOf(item: SetItem): BoundExpression[] {
  if (item.kind === 'item') return [item.key, item.value];
  if (item.kind !== 'all') return 'value' in item ? [item.value] : [...item.computed];
  // `n = m` takes all properties of m.
  if (item.value.kind === 'map') return [item.value];
  return [{ kind: 'call', name: 'properties', arguments: [item.value] }];
}

function readsOfExpression(expression: BoundExpression | undefined, subplanReads: (plan: number) => Reads): Reads {
  let reads = NO_READS;
  const visit = (each: BoundExpression | undefined): void => {
    if (each === undefined) return;
    reads = bothReads(reads, ownReads(each));
    if (each.kind === 'subquery') reads = bothReads(reads, subplanReads(each.plan));
    for (const part of partsOfBound(each)) visit(part);
  };
  visit(expression);
  return reads;
}

const ALL_PROPERTIES: Reads = { ...NO_READS, properties: 'all' };
/** Functions that read of the elements that they are given. */
const READING_CALLS: Readonly<Record<string, Reads>> = {
  properties: ALL_PROPERTIES,
  keys: ALL_PROPERTIES,
  exists: ALL_PROPERTIES,
  labels: { ...NO_READS, labels: 'all' },
};

function ownReads(expression: BoundExpression): Reads {
  switch (expression.kind) {
    case 'property':
      return { ...NO_READS, properties: new Set([expression.name]) };
    case 'index': {
      // `n[key]` reads any property; an index of a list is a number.
      const { index } = expression;
      return index.kind === 'literal' && typeof index.value === 'number' ? NO_READS : ALL_PROPERTIES;
    }
    case 'labels':
      return { ...NO_READS, labels: labelsOf(expression.test) };
    case 'computedLabels':
      return { ...NO_READS, labels: 'all' };
    case 'projection':
      return ALL_PROPERTIES;
    case 'call':
      return READING_CALLS[expression.name.toLowerCase()] ?? NO_READS;
    default:
      return NO_READS;
  }
}

function labelsOf(test: LabelTest): NameSet {
  switch (test.kind) {
    case 'label':
      return new Set([test.name]);
    case 'any':
      return 'all';
    case 'not':
      return labelsOf(test.test);
    default:
      return test.tests.map(labelsOf).reduce(union, NONE);
  }
}

/** Expressions directly inside of one, without those of sub-queries. */
function partsOfBound(expression: BoundExpression): readonly (BoundExpression | undefined)[] {
  switch (expression.kind) {
    case 'literal':
    case 'parameter':
    case 'slot':
    case 'path':
      return [];
    case 'property':
    case 'unary':
    case 'labels':
    case 'typed':
      return [expression.of];
    case 'computedLabels':
      return [expression.of, expression.names];
    case 'index':
      return [expression.of, expression.index];
    case 'slice':
      return [expression.of, expression.from, expression.to];
    case 'binary':
      return [expression.left, expression.right];
    case 'chain':
      return expression.operands;
    case 'list':
      return expression.items;
    case 'map':
      return expression.entries.map(([, value]) => value);
    case 'case':
      return [expression.of, ...expression.whens.flatMap(({ when, result }) => [when, result]), expression.otherwise];
    case 'call':
      return expression.arguments;
    case 'comprehension':
      return [expression.list, expression.where, expression.map];
    case 'quantifier':
      return [expression.list, expression.where];
    case 'reduce':
      return [expression.initial, expression.list, expression.map];
    case 'projection':
      return [expression.of, ...expression.items.flatMap((item) => (item.kind === 'entry' ? [item.value] : []))];
    case 'subquery':
      return expression.mode === 'collect' ? [expression.value] : [];
  }
}

/** Of the operator itself, without what is below it. */
export function writesOf(operator: Operator): Writes {
  switch (operator.kind) {
    case 'Create':
      return makes(operator.elements);
    case 'Merge':
      return [...operator.onMatch, ...operator.onCreate].map(sets).reduce(bothWrites, makes(operator.elements));
    case 'SetItems':
      return operator.items.map(sets).reduce(bothWrites, NO_WRITES);
    case 'Delete':
      return { ...NO_WRITES, deletes: true };
    default:
      return NO_WRITES;
  }
}

/** A name that is computed may be any. */
function makes(elements: readonly CreateElement[]): Writes {
  const nodes = elements.filter((element) => element.kind === 'node');
  const types = elements.filter((element) => element.kind === 'edge').map(({ type }) => type);
  const named = types.filter((type) => typeof type === 'string');
  return {
    ...NO_WRITES,
    makesNodes: nodes.length > 0,
    madeLabels: nodes.some(({ computed }) => computed.length > 0)
      ? 'all'
      : new Set(nodes.flatMap(({ labels }) => labels)),
    types: named.length < types.length ? 'all' : new Set(named),
  };
}

function sets(item: SetItem): Writes {
  switch (item.kind) {
    case 'property':
      return { ...NO_WRITES, properties: new Set([item.name]) };
    case 'all':
    case 'item':
      return { ...NO_WRITES, properties: 'all' };
    default:
      return { ...NO_WRITES, labels: item.computed.length > 0 ? 'all' : new Set(item.labels) };
  }
}
