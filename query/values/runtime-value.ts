/**
 * The values that expressions compute with. Numbers, strings, lists and maps are those of the graph (graph/value.ts);
 * temporal values are integers instead of text; nodes and relationships are ordinals of the graph that the statement
 * reads, wrapped only where they stand in a list, a map or a value column.
 */
import { Float, Point, Temporal, type Value } from '../../graph/value.ts';
import { TEMPORAL } from '../parts.ts';
import { isTemporal, type TemporalValue, toStoredTemporal } from '../temporal/temporal-value.ts';

export class NodeValue {
  readonly node: number;
  constructor(node: number) {
    this.node = node;
  }
}

export class RelationshipValue {
  readonly edge: number;
  constructor(edge: number) {
    this.edge = edge;
  }
}

/** Alternates: node, edge, node, ...; one more node than edges. */
export class PathValue {
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  constructor(nodes: readonly number[], edges: readonly number[]) {
    this.nodes = nodes;
    this.edges = edges;
  }
}

export type RuntimeValue =
  | null
  | boolean
  | number
  | bigint
  | Float
  | string
  | Uint8Array
  | readonly RuntimeValue[]
  | TemporalValue
  | Point
  | NodeValue
  | RelationshipValue
  | PathValue
  | RuntimeMap;
export interface RuntimeMap {
  readonly [key: string]: RuntimeValue;
}

export function isList(value: RuntimeValue): value is readonly RuntimeValue[] {
  return Array.isArray(value);
}

/** Of everything else that is an object the prototype is a class. */
export function isMap(value: RuntimeValue): value is RuntimeMap {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function isEntity(value: RuntimeValue): value is NodeValue | RelationshipValue {
  return value instanceof NodeValue || value instanceof RelationshipValue;
}

/** What a property of the graph is to an expression. Values without temporals inside are returned as they are. */
export function fromStored(value: Value): RuntimeValue {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Temporal) return TEMPORAL.get().fromStored(value);
  if (Array.isArray(value)) {
    return value.some(holdsTemporal) ? value.map(fromStored) : (value as readonly RuntimeValue[]);
  }
  if (!isMap(value as RuntimeValue)) return value as RuntimeValue;
  if (!holdsTemporal(value)) return value as RuntimeValue;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromStored(item as Value)]));
}

function holdsTemporal(value: Value): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Temporal) return true;
  if (Array.isArray(value)) return value.some(holdsTemporal);
  return isMap(value as RuntimeValue) && Object.values(value).some(holdsTemporal);
}

/** The value as the graph can keep it, or undefined if it holds a node, a relationship or a path. */
export function toStored(value: RuntimeValue): Value | undefined {
  if (typeof value !== 'object' || value === null) return value;
  if (isTemporal(value)) return toStoredTemporal(value);
  if (Array.isArray(value)) {
    const items: Value[] = [];
    for (const item of value as readonly RuntimeValue[]) {
      const stored = toStored(item);
      if (stored === undefined) return undefined;
      items.push(stored);
    }
    return items;
  }
  if (value instanceof Float || value instanceof Uint8Array || value instanceof Point) return value;
  if (!isMap(value)) return undefined;
  const entries: [string, Value][] = [];
  for (const [key, item] of Object.entries(value)) {
    const stored = toStored(item);
    if (stored === undefined) return undefined;
    entries.push([key, stored]);
  }
  return Object.fromEntries(entries);
}

/** The name of the type as messages have it. */
export function typeName(value: RuntimeValue): string {
  if (value === null) return 'Null';
  switch (typeof value) {
    case 'boolean':
      return 'Boolean';
    case 'string':
      return 'String';
    case 'bigint':
      return 'Integer';
    case 'number':
      return Number.isInteger(value) ? 'Integer' : 'Float';
  }
  if (value instanceof Float) return 'Float';
  if (value instanceof NodeValue) return 'Node';
  if (value instanceof RelationshipValue) return 'Relationship';
  if (value instanceof PathValue) return 'Path';
  if (value instanceof Uint8Array) return 'Bytes';
  if (value instanceof Point) return 'Point';
  if (isTemporal(value)) return value.kind;
  return Array.isArray(value) ? 'List' : 'Map';
}
