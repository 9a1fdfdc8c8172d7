/**
 * Values of query results as they travel.
 *
 * Plain JSON is for people and for clients without types: integers are digits (all 64 bits), floats always have a fraction
 * or an exponent, NaN and the infinities are text, and so are temporal values, points and bytes. Typed JSON names the type
 * of each value, as the Neo4j Query API does, so that nothing is lost. MessagePack has integers, floats and bytes of its
 * own; all else is as in plain JSON.
 */
import { sortedKeys } from '../base/order.ts';
import { floatText, typedBytes, typedPoint } from '../graph/typed-values.ts';
import { Float, isInteger, Point, Temporal } from '../graph/value.ts';
import {
  isResultMap,
  ResultNode,
  ResultPath,
  ResultRelationship,
  type ResultValue,
} from '../query/execution/result-value.ts';

type ResultMap = { readonly [key: string]: ResultValue };

/** A list of steps: nodes and relationships alternate. */
function stepsOf({ nodes, relationships }: ResultPath): ResultValue[] {
  return nodes.flatMap((node, i): ResultValue[] => {
    const next = relationships[i];
    return next === undefined ? [node] : [node, next];
  });
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return JSON.stringify(String(value));
}

function printEntries(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

function printMap(map: ResultMap, print: (value: ResultValue) => string): string {
  return printEntries(sortedKeys(map).map((key) => [key, print(map[key] as ResultValue)]));
}

function printList(list: readonly ResultValue[], print: (value: ResultValue) => string): string {
  return `[${list.map(print).join(',')}]`;
}

// --- plain JSON

export function printPlain(value: ResultValue): string {
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? String(value) : numberText(value);
    case 'bigint':
      return value.toString();
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
  }
  if (value === null) return 'null';
  if (value instanceof Float) return numberText(value.value);
  if (value instanceof ResultNode) {
    const { id, labels, properties } = value;
    return `{"elementId":${JSON.stringify(id)},"labels":${JSON.stringify(labels)},"properties":${printMap(properties, printPlain)}}`;
  }
  if (value instanceof ResultRelationship) {
    const { id, type, from, to, properties } = value;
    return (
      `{"elementId":${JSON.stringify(id)},"startNodeElementId":${JSON.stringify(from)},` +
      `"endNodeElementId":${JSON.stringify(to)},"type":${JSON.stringify(type)},"properties":${printMap(properties, printPlain)}}`
    );
  }
  if (value instanceof ResultPath) return printList(stepsOf(value), printPlain);
  if (Array.isArray(value)) return printList(value as readonly ResultValue[], printPlain);
  return isResultMap(value) ? printMap(value, printPlain) : JSON.stringify(textOf(value as Scalar));
}

type Scalar = Temporal | Point | Uint8Array;

function textOf(value: Scalar): string {
  if (value instanceof Temporal) return value.text;
  return String((value instanceof Point ? typedPoint(value) : typedBytes(value))._value);
}

// --- typed JSON

function typed(type: string, content: string): string {
  return `{"$type":"${type}","_value":${content}}`;
}

export function printTyped(value: ResultValue): string {
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? typed('Integer', `"${value}"`) : typed('Float', `"${value}"`);
    case 'bigint':
      return typed('Integer', `"${value}"`);
    case 'string':
      return typed('String', JSON.stringify(value));
    case 'boolean':
      return typed('Boolean', String(value));
  }
  if (value === null) return typed('Null', 'null');
  if (value instanceof Float) {
    return typed('Float', `"${Number.isFinite(value.value) ? floatText(value.value) : value.value}"`);
  }
  if (value instanceof ResultNode) {
    const { id, labels, properties } = value;
    return typed(
      'Node',
      `{"_element_id":${JSON.stringify(id)},"_labels":${JSON.stringify(labels)},"_properties":${printMap(properties, printTyped)}}`,
    );
  }
  if (value instanceof ResultRelationship) {
    const { id, type, from, to, properties } = value;
    return typed(
      'Relationship',
      `{"_element_id":${JSON.stringify(id)},"_start_node_element_id":${JSON.stringify(from)},` +
        `"_end_node_element_id":${JSON.stringify(to)},"_type":${JSON.stringify(type)},"_properties":${printMap(properties, printTyped)}}`,
    );
  }
  if (value instanceof ResultPath) return typed('Path', printList(stepsOf(value), printTyped));
  if (Array.isArray(value)) return typed('List', printList(value as readonly ResultValue[], printTyped));
  if (isResultMap(value)) return typed('Map', printMap(value, printTyped));
  return typed(typeOf(value as Scalar), JSON.stringify(textOf(value as Scalar)));
}

/** The names of the Neo4j Query API, which tells date-times by whether they have a zone. */
function typeOf(value: Scalar): string {
  if (value instanceof Point) return 'Point';
  if (value instanceof Uint8Array) return 'Base64';
  if (value.kind !== 'DateTime') return value.kind;
  return value.text.endsWith(']') ? 'ZonedDateTime' : 'OffsetDateTime';
}

// --- MessagePack

/** A tree for the encoder. */
export function wireResult(value: ResultValue): unknown {
  if (typeof value === 'number') return isInteger(value) ? value : new Float(value);
  if (typeof value !== 'object' || value === null || value instanceof Float || value instanceof Uint8Array)
    return value;
  if (value instanceof ResultNode) {
    return { elementId: value.id, labels: value.labels, properties: wireMap(value.properties) };
  }
  if (value instanceof ResultRelationship) {
    const { id, type, from, to, properties } = value;
    return { elementId: id, startNodeElementId: from, endNodeElementId: to, type, properties: wireMap(properties) };
  }
  if (value instanceof ResultPath) return stepsOf(value).map(wireResult);
  if (Array.isArray(value)) return (value as readonly ResultValue[]).map(wireResult);
  return isResultMap(value) ? wireMap(value) : textOf(value as Scalar);
}

function wireMap(map: ResultMap): Map<string, unknown> | object {
  return Object.fromEntries(sortedKeys(map).map((key) => [key, wireResult(map[key] as ResultValue)]));
}
