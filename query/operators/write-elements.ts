/** What CREATE and MERGE make, and SET and REMOVE change, for one row. */
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Properties, Value } from '../../graph/value.ts';
import type { Batch, Columns } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import { nameOf, namesOf } from '../expressions/computed-names.ts';
import type { Evaluate } from '../expressions/evaluate.ts';
import { propertiesOf } from '../functions/entity-functions.ts';
import { runtimeError } from '../query-error.ts';
import {
  isEntity,
  isList,
  isMap,
  NodeValue,
  RelationshipValue,
  type RuntimeValue,
  toStored,
  typeName,
} from '../values/runtime-value.ts';

export type CompiledElement =
  | {
      readonly kind: 'node';
      readonly slot: number;
      readonly labels: readonly string[];
      readonly computed: readonly Evaluate[];
      readonly properties: Evaluate | undefined;
    }
  | {
      readonly kind: 'edge';
      readonly slot: number;
      readonly type: string | Evaluate;
      readonly from: number;
      readonly to: number;
      readonly properties: Evaluate | undefined;
    };

export type CompiledSet =
  | { readonly kind: 'property'; readonly target: Evaluate; readonly name: string; readonly value: Evaluate }
  | { readonly kind: 'all'; readonly target: Evaluate; readonly value: Evaluate; readonly keep: boolean }
  | { readonly kind: 'item'; readonly target: Evaluate; readonly key: Evaluate; readonly value: Evaluate }
  | {
      readonly kind: 'addLabels' | 'removeLabels';
      readonly target: Evaluate;
      readonly labels: readonly string[];
      readonly computed: readonly Evaluate[];
    };

/** @throws QueryError if the value cannot be a property; WeftError as `holdsMap` */
function storable(value: RuntimeValue): Value {
  const stored = holdsMap(value) ? undefined : toStored(value);
  if (stored === undefined) {
    const message = `a property cannot hold a value of type ${typeName(value)}`;
    throw runtimeError('TypeError', 'InvalidPropertyType', message);
  }
  return stored;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** @throws WeftError `invalid-value`, `payload-too-large` for what could not be read back; definite */
function holdsMap(value: RuntimeValue, depth = 0): boolean {
  if (typeof value === 'string' && LONE_SURROGATE.test(value)) {
    throw new WeftError('invalid-value', 'a property cannot hold a lone surrogate, which UTF-8 cannot carry');
  }
  if (!isList(value)) return isMap(value);
  if (depth < LIMITS.valueDepthMax) return value.some((each) => holdsMap(each, depth + 1));
  throw new WeftError('payload-too-large', `a property nests at most ${LIMITS.valueDepthMax} levels`);
}

/** The properties of a map, those that are null left out unless `nulls` keeps them. */
function storableMap(map: RuntimeValue, { nulls }: { readonly nulls: 'drop' | 'keep' | 'refuse' }): Properties {
  if (map === null) return {};
  if (!isMap(map)) {
    throw runtimeError(
      'TypeError',
      'InvalidArgumentType',
      `properties are a map, not a value of type ${typeName(map)}`,
    );
  }
  const entries: [string, Value][] = [];
  for (const [name, value] of Object.entries(map)) {
    if (value === null) {
      if (nulls === 'refuse') {
        const message = `MERGE cannot find or make an element whose property \`${name}\` is null`;
        throw runtimeError('SemanticError', 'MergeReadOwnWrites', message);
      }
      if (nulls === 'drop') continue;
    }
    entries.push([name, storable(value)]);
  }
  return Object.fromEntries(entries);
}

/** Makes one element and puts it into its slot. Throws before it makes anything. */
export function createElement(
  run: Run,
  element: CompiledElement,
  batch: Batch,
  row: number,
  nulls: 'drop' | 'refuse',
): void {
  const { columns } = batch;
  const properties = storableMap(element.properties?.(columns, row) ?? null, { nulls });
  if (element.kind === 'node') {
    const { labels, computed } = element;
    const all = computed.length === 0 ? labels : [...labels, ...computedLabels(computed, columns, row)];
    batch.ordinals(element.slot)[row] = run.writes.createNode(all, properties);
    return;
  }
  const type = typeof element.type === 'string' ? element.type : typeOf(element.type(columns, row));
  const from = endAt(columns, element.from, row);
  const to = endAt(columns, element.to, row);
  batch.ordinals(element.slot)[row] = run.writes.createEdge(type, from, to, properties);
}

function computedLabels(computed: readonly Evaluate[], columns: Columns, row: number): readonly string[] {
  return computed.flatMap((each) => namesOf(each(columns, row), 'label'));
}

function typeOf(value: RuntimeValue): string {
  const [type, ...others] = namesOf(value, 'relationship type');
  if (type !== undefined && others.length === 0) return type;
  const message = `a relationship that is made has exactly one type, not ${others.length === 0 ? 0 : others.length + 1}`;
  throw runtimeError('ArgumentError', 'NoSingleRelationshipType', message);
}

function endAt(columns: Columns, slot: number, row: number): number {
  const held = columns[slot]?.[row];
  const node = held instanceof NodeValue ? held.node : typeof held === 'number' ? held : -1;
  if (node >= 0) return node;
  throw runtimeError('TypeError', 'InvalidArgumentType', 'a relationship cannot start or end at null');
}

/** Does one item of SET or REMOVE. Throws before it changes anything. */
export function setItem(run: Run, item: CompiledSet, columns: Columns, row: number): void {
  const target = item.target(columns, row);
  if (target === null) return;
  switch (item.kind) {
    case 'property':
    case 'item': {
      const name = item.kind === 'property' ? item.name : nameOf(item.key(columns, row), 'property name');
      const value = storable(item.value(columns, row));
      if (target instanceof NodeValue) run.writes.setNodeProperty(target.node, name, value);
      else if (target instanceof RelationshipValue) run.writes.setEdgeProperty(target.edge, name, value);
      else throw notAnEntity(target);
      return;
    }
    case 'all': {
      const value = item.value(columns, row);
      const map = value !== null && isEntity(value) ? propertiesOf(run.graph, value) : value;
      const properties = storableMap(map, { nulls: 'keep' });
      if (target instanceof NodeValue) run.writes.replaceNodeProperties(target.node, properties, item.keep);
      else if (target instanceof RelationshipValue)
        run.writes.replaceEdgeProperties(target.edge, properties, item.keep);
      else throw notAnEntity(target);
      return;
    }
    case 'addLabels':
    case 'removeLabels': {
      if (!(target instanceof NodeValue)) throw notAnEntity(target);
      const labels = [...item.labels, ...computedLabels(item.computed, columns, row)];
      if (item.kind === 'addLabels') run.writes.addLabels(target.node, labels);
      else run.writes.removeLabels(target.node, labels);
    }
  }
}

function notAnEntity(value: RuntimeValue): Error {
  const message = `only nodes and relationships can be written to, not a value of type ${typeName(value)}`;
  return runtimeError('TypeError', 'InvalidArgumentType', message);
}
