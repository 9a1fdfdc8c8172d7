/** Nodes, relationships, paths: what they are and what they hang together with. */
import type { QueryGraph } from '../../graph/query-graph.ts';
import { runtimeError } from '../query-error.ts';
import {
  fromStored,
  isMap,
  NodeValue,
  PathValue,
  RelationshipValue,
  type RuntimeMap,
  type RuntimeValue,
} from '../values/runtime-value.ts';
import { badArgument, type ScalarFunction, scalar } from './function.ts';

/** @throws QueryError if the statement, or somebody meanwhile, deleted it */
export function deletedEntity(): Error {
  return runtimeError('EntityNotFound', 'DeletedEntityAccess', 'the element was deleted');
}

export function checkedNode(graph: QueryGraph, node: number): number {
  if (!graph.nodeExists(node)) throw deletedEntity();
  return node;
}

export function checkedEdge(graph: QueryGraph, edge: number): number {
  if (!graph.edgeExists(edge)) throw deletedEntity();
  return edge;
}

/** All properties as a map. */
export function propertiesOf(graph: QueryGraph, value: RuntimeValue): RuntimeMap {
  if (value instanceof NodeValue) {
    return fromStored(graph.nodeProperties(checkedNode(graph, value.node))) as RuntimeMap;
  }
  if (value instanceof RelationshipValue) {
    return fromStored(graph.edgeProperties(checkedEdge(graph, value.edge))) as RuntimeMap;
  }
  if (isMap(value)) return value;
  throw badArgument('properties', value, 'a node, a relationship or a map');
}

function identity(name: string): ScalarFunction {
  return scalar(name, [1, 1], ({ graph }, value) => {
    if (value instanceof NodeValue) return graph.nodeId(value.node);
    if (value instanceof RelationshipValue) return graph.edgeId(value.edge);
    throw badArgument(name, value, 'a node or a relationship');
  });
}

export const ENTITY_FUNCTIONS: readonly ScalarFunction[] = [
  identity('id'),
  identity('elementId'),
  scalar('labels', [1, 1], ({ graph }, value) => {
    if (value instanceof NodeValue) return graph.labels(checkedNode(graph, value.node));
    throw badArgument('labels', value, 'a node');
  }),
  scalar('type', [1, 1], ({ graph }, value) => {
    if (value instanceof RelationshipValue) return graph.type(value.edge);
    throw badArgument('type', value, 'a relationship');
  }),
  scalar('keys', [1, 1], ({ graph }, value) => Object.keys(propertiesOf(graph, value))),
  scalar('properties', [1, 1], ({ graph }, value) => propertiesOf(graph, value)),
  scalar('startNode', [1, 1], ({ graph }, value) => {
    if (value instanceof RelationshipValue) return new NodeValue(graph.from(value.edge));
    throw badArgument('startNode', value, 'a relationship');
  }),
  scalar('endNode', [1, 1], ({ graph }, value) => {
    if (value instanceof RelationshipValue) return new NodeValue(graph.to(value.edge));
    throw badArgument('endNode', value, 'a relationship');
  }),
  scalar('nodes', [1, 1], (_, value) => {
    if (value instanceof PathValue) return value.nodes.map((node) => new NodeValue(node));
    throw badArgument('nodes', value, 'a path');
  }),
  scalar('relationships', [1, 1], (_, value) => {
    if (value instanceof PathValue) return value.edges.map((edge) => new RelationshipValue(edge));
    throw badArgument('relationships', value, 'a path');
  }),
  scalar('rels', [1, 1], (_, value) => {
    if (value instanceof PathValue) return value.edges.map((edge) => new RelationshipValue(edge));
    throw badArgument('rels', value, 'a path');
  }),
];
