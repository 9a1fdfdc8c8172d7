/**
 * Keys of unique constraints: when two are equal, and the id that a key gives to the node that holds it.
 *
 * Replicas that cannot see each other must still mean the same node by one key, so the id follows from label, property names
 * and values alone. `docs/constraints.md` documents the form; changing it would let two replicas disagree.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import type { NodeId } from '../base/ids.ts';
import { compareText } from '../base/order.ts';
import { getOwn } from '../base/record.ts';
import { toUtf8 } from '../base/text.ts';
import { Float, isList, Point, type Properties, Temporal, type Value, type ValueMap } from '../graph/value.ts';

/** 192 bits: nobody finds two keys with the same id, not even on purpose. */
const HASH_BYTES = 24;
const DERIVED = 'key~';
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const INT64_MIN = -(2 ** 63);

/**
 * Text that is equal for keys that are equal: numbers by size, whatever their kind, all else by kind and content. Undefined if
 * a value is missing or null, or is NaN, which equals nothing: such a node has no key.
 */
export function keyText(properties: Properties, names: readonly string[]): string | undefined {
  const texts: string[] = [];
  for (const name of names) {
    const value = getOwn(properties, name);
    if (value === undefined || value === null || (typeof value === 'number' && Number.isNaN(value))) return undefined;
    texts.push(valueText(value));
  }
  return JSON.stringify(texts);
}

/** The id of the node with this label and key: `key~` and 32 characters of `[-_0-9A-Za-z]`. */
export function derivedNodeId(label: string, names: readonly string[], key: string): NodeId {
  return (DERIVED + digits(sha256(toUtf8(JSON.stringify([label, names, key]))).subarray(0, HASH_BYTES))) as NodeId;
}

/** A letter says the kind, so that values of two kinds never share a text. */
function valueText(value: Value): string {
  switch (typeof value) {
    case 'string':
      return `s${value}`;
    case 'boolean':
      return `b${value}`;
    case 'bigint':
      return `n${value}`;
    case 'number':
      return Number.isInteger(value) ? `n${value}` : `f${value}`;
  }
  if (value === null) return '0';
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Uint8Array) return `x${digits(value)}${value.length % 3}`;
  if (value instanceof Temporal) return `t${value.kind} ${value.text}`;
  if (value instanceof Point) return `p${JSON.stringify([value.srid, value.coordinates.map((each) => each + 0)])}`;
  if (isList(value)) return `l${JSON.stringify(value.map(valueText))}`;
  const map = value as ValueMap;
  const names = Object.keys(map).sort(compareText);
  return `m${JSON.stringify(names.map((name) => [name, valueText(map[name] as Value)]))}`;
}

/** An integral float has the text of the Integer of its size, if there is one. */
function floatText(value: number): string {
  return value >= INT64_MIN && value < -INT64_MIN ? `n${BigInt(value)}` : `f${value}`;
}

/** Base 64 with digits that need no escape in a URL, without padding. */
function digits(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3);
    const bits = (a << 16) | (b << 8) | c;
    for (let shift = 18; shift >= 0; shift -= 6) text += DIGITS[(bits >> shift) & 63];
  }
  return text;
}
