/** What leaves the engine: values of the graph, and nodes, relationships and paths as they are when the row is made. */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import type { QueryGraph } from '../../graph/query-graph.ts';
import { Float, type Properties, Temporal, type Value } from '../../graph/value.ts';
import { isTemporal, toStoredTemporal } from '../temporal/temporal-value.ts';
import {
  NodeValue,
  PathValue,
  RelationshipValue,
  type RuntimeMap,
  type RuntimeValue,
} from '../values/runtime-value.ts';

export class ResultNode {
  readonly id: NodeId;
  readonly labels: readonly string[];
  readonly properties: Properties;
  constructor(id: NodeId, labels: readonly string[], properties: Properties) {
    this.id = id;
    this.labels = labels;
    this.properties = properties;
  }
}

export class ResultRelationship {
  readonly id: EdgeId;
  readonly type: string;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly properties: Properties;
  constructor(id: EdgeId, type: string, ends: { readonly from: NodeId; readonly to: NodeId }, properties: Properties) {
    this.id = id;
    this.type = type;
    this.from = ends.from;
    this.to = ends.to;
    this.properties = properties;
  }
}

export class ResultPath {
  readonly nodes: readonly ResultNode[];
  readonly relationships: readonly ResultRelationship[];
  constructor(nodes: readonly ResultNode[], relationships: readonly ResultRelationship[]) {
    this.nodes = nodes;
    this.relationships = relationships;
  }
}

export type ResultValue =
  | Value
  | ResultNode
  | ResultRelationship
  | ResultPath
  | readonly ResultValue[]
  | { readonly [key: string]: ResultValue };

export function resultNode(graph: QueryGraph, node: number): ResultNode {
  return new ResultNode(graph.nodeId(node), graph.labels(node), graph.nodeProperties(node));
}

export function resultRelationship(graph: QueryGraph, edge: number): ResultRelationship {
  const ends = { from: graph.nodeId(graph.from(edge)), to: graph.nodeId(graph.to(edge)) };
  return new ResultRelationship(graph.edgeId(edge), graph.type(edge), ends, graph.edgeProperties(edge));
}

export function toResult(graph: QueryGraph, value: RuntimeValue): ResultValue {
  if (typeof value !== 'object' || value === null || value instanceof Float) return value;
  if (value instanceof NodeValue) return resultNode(graph, value.node);
  if (value instanceof RelationshipValue) return resultRelationship(graph, value.edge);
  if (value instanceof PathValue) {
    return new ResultPath(
      value.nodes.map((node) => resultNode(graph, node)),
      value.edges.map((edge) => resultRelationship(graph, edge)),
    );
  }
  if (Array.isArray(value)) return (value as readonly RuntimeValue[]).map((item) => toResult(graph, item));
  if (isTemporal(value)) return toStoredTemporal(value);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value as Value;
  const map: Record<string, ResultValue> = {};
  for (const [key, item] of Object.entries(value as RuntimeMap)) {
    Object.defineProperty(map, key, {
      value: toResult(graph, item),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return map;
}

export function isResultMap(value: ResultValue): value is { readonly [key: string]: ResultValue } {
  if (typeof value !== 'object' || value === null || value instanceof Temporal) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
