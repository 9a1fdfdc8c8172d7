/** Keys of unique constraints: when two are equal. `docs/constraints.md` documents the form, from which ids are derived (`derived-node-id.ts`). */
import { compareText } from '../base/order.ts';
import { getOwn } from '../base/record.ts';
import { Float, isList, Point, type Properties, Temporal, type Value, type ValueMap } from '../graph/value.ts';
import { base64Digits } from './base64-digits.ts';

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
  if (value instanceof Uint8Array) return `x${base64Digits(value)}${value.length % 3}`;
  if (value instanceof Temporal) return `t${value.kind} ${value.text}`;
  if (value instanceof Point) return `p${JSON.stringify([value.srid, value.coordinates])}`;
  if (isList(value)) return `l${JSON.stringify(value.map(valueText))}`;
  const map = value as ValueMap;
  const names = Object.keys(map).sort(compareText);
  return `m${JSON.stringify(names.map((name) => [name, valueText(map[name] as Value)]))}`;
}

/** An integral float has the text of the Integer of its size, if there is one. */
function floatText(value: number): string {
  return value >= INT64_MIN && value < -INT64_MIN ? `n${BigInt(value)}` : `f${value}`;
}
