/** Clauses that write: each first reads what it needs of all rows, then writes; MERGE takes one row after the other. */
import type {
  CreateClause,
  DeleteClause,
  Expression,
  LabelExpression,
  MapExpression,
  MergeClause,
  ParameterExpression,
  PatternPart,
  RemoveClause,
  SetClause,
  SetItem,
  SetLabels,
} from '../syntax/ast.ts';
import { computedNames, evaluate, type Scope, type Surroundings } from './plain-expressions.model.ts';
import type { PlainGraph } from './plain-graph.model.ts';
import {
  isPlainMap,
  NotModelled,
  type Plain,
  PlainEdge,
  PlainError,
  PlainNode,
  PlainPath,
  type Row,
} from './plain-values.model.ts';

type Entries = readonly (readonly [string, Plain])[];

interface Written {
  /** Variables that it adds. */
  readonly names: readonly string[];
  readonly rows: readonly Row[];
}

export class PlainWrites {
  readonly #graph: PlainGraph;
  readonly #around: Surroundings;

  constructor(graph: PlainGraph, around: Surroundings) {
    this.#graph = graph;
    this.#around = around;
  }

  write(clause: CreateClause | MergeClause | SetClause | RemoveClause | DeleteClause, rows: readonly Row[]): Written {
    switch (clause.kind) {
      case 'create': {
        const planned = rows.map((row) => ({ row, values: clause.pattern.map((part) => this.#values(part, row)) }));
        const made = planned.map(({ row, values }) =>
          clause.pattern.reduce((each, part, i) => this.#create(part, values[i] as PartValues, each), row),
        );
        return { names: clause.pattern.flatMap(names), rows: made };
      }
      case 'merge':
        return { names: names(clause.pattern), rows: rows.flatMap((row) => this.#merge(clause, row)) };
      case 'set':
        for (const row of rows) for (const item of clause.items) this.#set(item, row);
        return { names: [], rows };
      case 'remove':
        for (const row of rows) {
          for (const item of clause.items) {
            const element = this.#element(
              evaluate(item.kind === 'labels' ? item.target : item.target.of, this.#scope(row)),
            );
            if (item.kind === 'property') element?.properties.delete(item.target.name.text);
            else if (item.kind === 'item') {
              const key = evaluate(item.target.index, this.#scope(row));
              element?.properties.delete(textOf(key));
            } else if (element instanceof PlainNode) {
              for (const label of this.#labels(item, row)) element.labels.delete(label);
            }
          }
        }
        return { names: [], rows };
      case 'delete': {
        const all = rows.flatMap((row) => clause.values.map((value) => evaluate(value, this.#scope(row))));
        const elements: readonly Plain[] = all.flatMap((value): readonly Plain[] =>
          value instanceof PlainPath ? value.elements : [value],
        );
        for (const each of elements) if (each instanceof PlainEdge) this.#graph.deleteEdge(each);
        for (const each of elements) if (each instanceof PlainNode) this.#graph.deleteNode(each, clause.detach);
        if (elements.some((each) => each !== null && !(each instanceof PlainEdge || each instanceof PlainNode))) {
          throw new PlainError('no element');
        }
        return { names: [], rows };
      }
    }
  }

  #scope(row: Row): Scope {
    return { row, group: undefined, around: this.#around };
  }

  #values({ nodes, relationships }: PatternPart, row: Row): PartValues {
    const entries = (properties: MapExpression | ParameterExpression | undefined): Entries => {
      if (properties === undefined) return [];
      const map = evaluate(properties, this.#scope(row));
      if (!isPlainMap(map)) throw new PlainError('no map');
      return Array.from(map);
    };
    return {
      nodes: nodes.map(({ properties }) => entries(properties)),
      relationships: relationships.map(({ properties }) => entries(properties)),
    };
  }

  #create({ variable, nodes, relationships }: PatternPart, values: PartValues, before: Row): Row {
    const row = new Map(before);
    const named = (each: LabelExpression | undefined) => labelNames(each, (of) => evaluate(of, this.#scope(before)));
    const made = nodes.map((pattern, i) => {
      const name = pattern.variable?.text;
      const held = name === undefined ? undefined : row.get(name);
      if (held instanceof PlainNode) return held;
      if (held !== undefined) throw new PlainError('no node');
      const node = this.#graph.createNode(named(pattern.labels), stored(values.nodes[i] ?? []));
      if (name !== undefined) row.set(name, node);
      return node;
    });
    const path: (PlainNode | PlainEdge)[] = [made[0] as PlainNode];
    relationships.forEach((pattern, i) => {
      const [left, right] = [made[i] as PlainNode, made[i + 1] as PlainNode];
      const ends = pattern.arrow === 'left' ? { from: right, to: left } : { from: left, to: right };
      const [type, ...others] = named(pattern.types);
      if (type === undefined || others.length > 0) throw new PlainError('not one type');
      const edge = this.#graph.createEdge(type, ends, stored(values.relationships[i] ?? []));
      if (pattern.variable !== undefined) row.set(pattern.variable.text, edge);
      path.push(edge, right);
    });
    if (variable !== undefined) row.set(variable.text, new PlainPath(path));
    return row;
  }

  #merge({ pattern, onCreate, onMatch }: MergeClause, row: Row): readonly Row[] {
    const values = this.#values(pattern, row);
    const isNull = (entries: Entries) => entries.some(([, value]) => value === null);
    if ([...values.nodes, ...values.relationships].some(isNull)) throw new PlainError('null in MERGE');
    const found = this.#around.matches([pattern], undefined, row);
    const rows = found.length > 0 ? found : [this.#create(pattern, values, row)];
    for (const each of rows) for (const item of found.length > 0 ? onMatch : onCreate) this.#set(item, each);
    return rows;
  }

  #element(value: Plain): PlainNode | PlainEdge | undefined {
    if (value === null) return undefined;
    if (value instanceof PlainNode || value instanceof PlainEdge) return value;
    throw new PlainError('no element');
  }

  #labels({ labels, computed }: SetLabels, row: Row): readonly string[] {
    const names = computed.flatMap((each) => computedNames(evaluate(each, this.#scope(row))));
    return [...labels.map(({ text }) => text), ...names];
  }

  #set(item: SetItem, row: Row): void {
    const scope = this.#scope(row);
    switch (item.kind) {
      case 'labels': {
        const node = this.#element(evaluate(item.target, scope));
        if (node instanceof PlainNode) for (const label of this.#labels(item, row)) node.labels.add(label);
        return;
      }
      case 'item': {
        const element = this.#element(evaluate(item.target.of, scope));
        const [key, value] = [evaluate(item.target.index, scope), evaluate(item.value, scope)];
        if (element !== undefined) put(element.properties, [[textOf(key), value]]);
        return;
      }
      case 'property': {
        const element = this.#element(evaluate(item.target.of, scope));
        const value = evaluate(item.value, scope);
        if (element !== undefined) put(element.properties, [[item.target.name.text, value]]);
        return;
      }
      case 'all': {
        const element = this.#element(evaluate(item.target, scope));
        const value = evaluate(item.value, scope);
        if (element === undefined) return;
        const entries = value instanceof PlainNode || value instanceof PlainEdge ? value.properties : value;
        if (!isPlainMap(entries)) throw new PlainError('no map');
        if (!item.keep) element.properties.clear();
        put(element.properties, Array.from(entries));
        return;
      }
      default:
        throw new NotModelled('an item of SET');
    }
  }
}

function textOf(value: Plain): string {
  if (typeof value === 'string') return value;
  throw new PlainError('no text');
}

/** Of the nodes and relationships of a part, in their order. */
interface PartValues {
  readonly nodes: readonly Entries[];
  readonly relationships: readonly Entries[];
}

function put(properties: Map<string, Plain>, entries: Entries): void {
  for (const [key, value] of entries) {
    if (value === null) properties.delete(key);
    else properties.set(key, value);
  }
}

function stored(entries: Entries): Entries {
  return entries.filter(([, value]) => value !== null);
}

function labelNames(expression: LabelExpression | undefined, value: (each: Expression) => Plain): readonly string[] {
  if (expression === undefined) return [];
  if (expression.kind === 'label') return [expression.name];
  if (expression.kind === 'and') return [...labelNames(expression.left, value), ...labelNames(expression.right, value)];
  if (expression.kind === 'computed') return computedNames(value(expression.names));
  throw new NotModelled('labels of what is made');
}

function names({ variable, nodes, relationships }: PatternPart): readonly string[] {
  const all = [variable, ...nodes.map((each) => each.variable), ...relationships.map((each) => each.variable)];
  return all.flatMap((each) => (each === undefined ? [] : [each.text]));
}
