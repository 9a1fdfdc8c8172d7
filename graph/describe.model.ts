/** Values as text: equality without `valuesEqual`, for whoever compares what two implementations say. */
import { compareText } from '../base/order.ts';
import { Float, isList, isMap, type Properties, Temporal, type Value } from './value.ts';

/** A text that is equal exactly for equal values and shows the kind of each: equality without `valuesEqual`. */
export function describeValue(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `text ${JSON.stringify(value)}`;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `integer ${value}`;
  if (typeof value === 'number') return `${Number.isInteger(value) ? 'integer' : 'float'} ${value}`;
  if (value instanceof Float) return `float ${Object.is(value.value, -0) ? '-0' : value.value}`;
  if (value instanceof Uint8Array) return `bytes ${[...value].join(' ')}`;
  if (value instanceof Temporal) return `${value.kind} ${JSON.stringify(value.text)}`;
  if (isList(value)) return `[${value.map(describeValue).join(', ')}]`;
  if (isMap(value)) return describeProperties(value);
  return `point ${value.srid} ${value.coordinates.join(' ')}`;
}

export function describeProperties(properties: Properties): string {
  const entries = Object.entries(properties).sort(([a], [b]) => compareText(a, b));
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}: ${describeValue(value)}`).join(', ')}}`;
}
