/** Properties, indexing and slicing of values whose type is known only when the query runs. */

import type { QueryGraph } from '../../graph/query-graph.ts';
import { Point } from '../../graph/value.ts';
import type { Run } from '../execution/run.ts';
import { checkedEdge, checkedNode } from '../functions/entity-functions.ts';
import { SPATIAL, TEMPORAL } from '../parts.ts';
import { runtimeError } from '../query-error.ts';
import { isTemporal } from '../temporal/temporal-value.ts';
import { isInt } from '../values/arithmetic.ts';
import {
  fromStored,
  isList,
  isMap,
  NodeValue,
  RelationshipValue,
  type RuntimeValue,
  typeName,
} from '../values/runtime-value.ts';

export function nodeProperty(graph: QueryGraph, node: number, name: string): RuntimeValue {
  const value = graph.nodeProperty(node, name);
  if (value === undefined) {
    checkedNode(graph, node);
    return null;
  }
  return typeof value === 'object' ? fromStored(value) : value;
}

/** The same for a property that is read of one node after the other. */
export function nodePropertyIn(run: Run, column: number, node: number): RuntimeValue {
  const value = run.nodeColumn(column).at(node);
  if (value === undefined) {
    checkedNode(run.graph, node);
    return null;
  }
  return typeof value === 'object' ? fromStored(value) : value;
}

export function edgeProperty(graph: QueryGraph, edge: number, name: string): RuntimeValue {
  const value = graph.edgeProperty(edge, name);
  if (value === undefined) {
    checkedEdge(graph, edge);
    return null;
  }
  return typeof value === 'object' ? fromStored(value) : value;
}

/** `value.name`. */
export function propertyOf(graph: QueryGraph, value: RuntimeValue, name: string): RuntimeValue {
  if (value === null) return null;
  if (value instanceof NodeValue) return nodeProperty(graph, value.node, name);
  if (value instanceof RelationshipValue) return edgeProperty(graph, value.edge, name);
  if (isMap(value)) return Object.hasOwn(value, name) ? (value[name] as RuntimeValue) : null;
  if (isTemporal(value)) return (TEMPORAL.get().property(value, name) as RuntimeValue | undefined) ?? null;
  if (value instanceof Point) return SPATIAL.get().pointProperty(value, name) ?? null;
  const message = `a value of type ${typeName(value)} has no properties`;
  throw runtimeError('TypeError', 'InvalidArgumentType', message);
}

/** `container[index]`. */
export function elementAt(graph: QueryGraph, container: RuntimeValue, index: RuntimeValue): RuntimeValue {
  if (container === null || index === null) return null;
  if (isList(container)) {
    if (!isInt(index)) {
      throw runtimeError(
        'TypeError',
        'InvalidArgumentType',
        `a list is indexed by an integer, not by a ${typeName(index)}`,
      );
    }
    const at = Number(index);
    return container[at < 0 ? container.length + at : at] ?? null;
  }
  if (isMap(container) || container instanceof NodeValue || container instanceof RelationshipValue) {
    if (typeof index !== 'string') {
      const message = `properties are named by a string, not by a ${typeName(index)}`;
      throw runtimeError('TypeError', 'MapElementAccessByNonString', message);
    }
    return propertyOf(graph, container, index);
  }
  throw runtimeError('TypeError', 'InvalidArgumentType', `a value of type ${typeName(container)} has no elements`);
}

/** `list[from..to]`; a bound that is not given is undefined. */
export function slice(list: RuntimeValue, from: RuntimeValue | undefined, to: RuntimeValue | undefined): RuntimeValue {
  if (list === null || from === null || to === null) return null;
  if (!isList(list)) {
    throw runtimeError(
      'TypeError',
      'InvalidArgumentType',
      `only lists are sliced, not a value of type ${typeName(list)}`,
    );
  }
  for (const bound of [from, to]) {
    if (bound !== undefined && !isInt(bound)) {
      throw runtimeError(
        'TypeError',
        'InvalidArgumentType',
        `a slice is bounded by integers, not by a ${typeName(bound)}`,
      );
    }
  }
  return list.slice(from === undefined ? 0 : Number(from), to === undefined ? undefined : Number(to));
}
