/**
 * How much of a graph there is, by an estimate that is cheap to keep: elements, and bytes as a user would count them (about
 * the JSON text of what is there now). What deletes and overwrites leave behind until it is compacted does not count, and
 * what is written again and again counts once.
 */
import { getOwnData } from '../base/record.ts';
import { Float, isList, isMap, Point, type Properties, Temporal, type Value } from '../graph/value.ts';

export interface Usage {
  readonly nodes: number;
  readonly edges: number;
  readonly bytes: number;
}

export const NO_USAGE: Usage = Object.freeze({ nodes: 0, edges: 0, bytes: 0 });

/** Bytes of an element beside its properties: id, labels or type, ends. */
export const ELEMENT_BYTES = 100;
const SCALAR_BYTES = 8;

export function plus(a: Usage, b: Usage, sign: 1 | -1 = 1): Usage {
  return { nodes: a.nodes + sign * b.nodes, edges: a.edges + sign * b.edges, bytes: a.bytes + sign * b.bytes };
}

export function propertiesBytes(properties: Properties): number {
  let bytes = 0;
  for (const name in properties) bytes += propertyBytes(name, properties[name] as Value);
  return bytes;
}

/** What `after` has more than `before`. Values that are the same are not looked at: they may be long lists. */
export function bytesAdded(before: Properties, after: Properties): number {
  let bytes = 0;
  for (const name in after) {
    bytes += propertyBytesAdded(name, getOwnData(before, name), after[name] as Value);
  }
  for (const name in before) {
    if (getOwnData(after, name) === undefined) bytes -= propertyBytes(name, before[name] as Value);
  }
  return bytes;
}

/** As `bytesAdded`, of one property. @param before undefined if there was none */
export function propertyBytesAdded(name: string, before: Value | undefined, after: Value): number {
  if (before === after) return 0;
  return propertyBytes(name, after) - (before === undefined ? 0 : propertyBytes(name, before));
}

export function propertyBytes(name: string, value: Value): number {
  return name.length + valueBytes(value);
}

function valueBytes(value: Value): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null || value instanceof Float) return SCALAR_BYTES;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Temporal) return value.text.length;
  if (value instanceof Point) return SCALAR_BYTES * (1 + value.coordinates.length);
  if (isList(value)) return value.reduce<number>((sum, each) => sum + valueBytes(each), SCALAR_BYTES);
  return isMap(value) ? SCALAR_BYTES + propertiesBytes(value) : SCALAR_BYTES;
}

/** A sum by partition and over all that are open, by the ordinals of partitions. */
export class Tally {
  total = 0;
  readonly #at: number[] = [];

  add(partition: number, by: number): void {
    if (by === 0) return;
    this.total += by;
    this.#at[partition] = (this.#at[partition] ?? 0) + by;
  }

  at(partition: number): number {
    return this.#at[partition] ?? 0;
  }
}
