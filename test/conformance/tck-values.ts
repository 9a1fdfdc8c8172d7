/** Between the values of the engine and the tagged form that the TCK's comparison works on. */
import { Float, float, integer, Point, Temporal, type Value } from '../../graph/value.ts';
import {
  isResultMap,
  ResultNode,
  ResultPath,
  ResultRelationship,
  type ResultValue,
} from '../../query/execution/result-value.ts';

/** A tagged value: `{$int}`, `{$float}`, `{$node}` and so on; see values.mjs of the TCK. */
export type Tagged = unknown;

export function toTagged(value: ResultValue): Tagged {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return { $int: value.toString() };
  if (typeof value === 'number') return Number.isInteger(value) ? value : { $float: floatTag(value) };
  if (value instanceof Float) return { $float: floatTag(value.value) };
  if (value instanceof ResultNode) {
    return { $node: { id: value.id, labels: value.labels, properties: taggedMap(value.properties) } };
  }
  if (value instanceof ResultRelationship) {
    const { id, type, from, to, properties } = value;
    return { $rel: { id, type, start: from, end: to, properties: taggedMap(properties) } };
  }
  if (value instanceof ResultPath) {
    const steps: Tagged[] = [];
    value.nodes.forEach((node, i) => {
      steps.push(toTagged(node));
      const relationship = value.relationships[i];
      if (relationship !== undefined) steps.push(toTagged(relationship));
    });
    return { $path: steps };
  }
  if (Array.isArray(value)) return (value as readonly ResultValue[]).map(toTagged);
  if (value instanceof Temporal) return { $temporal: value.text };
  if (value instanceof Point || value instanceof Uint8Array) throw new Error('the TCK has no such value');
  if (!isResultMap(value as ResultValue)) throw new Error('no value');
  return { $map: taggedMap(value as Readonly<Record<string, ResultValue>>) };
}

function taggedMap(map: Readonly<Record<string, ResultValue>>): Record<string, Tagged> {
  return Object.fromEntries(Object.entries(map).map(([key, item]) => [key, toTagged(item)]));
}

function floatTag(value: number): number | string {
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value);
}

export function fromTagged(tagged: Tagged): Value {
  if (tagged === null || typeof tagged !== 'object') return tagged as Value;
  if (Array.isArray(tagged)) return tagged.map(fromTagged);
  const { $int, $float, $map } = tagged as { $int?: string; $float?: number | string; $map?: object };
  if ($int !== undefined) return integer(BigInt($int));
  if ($float !== undefined) return float(Number($float));
  return Object.fromEntries(Object.entries($map ?? tagged).map(([key, item]) => [key, fromTagged(item)]));
}
