/** Reading the fields of request bodies: each reader names the field that it refuses, with its path in the body. */
import { WeftError } from '../base/errors.ts';
import { checkName } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { setOwn, type TextRecord } from '../base/record.ts';
import { isMarkedNumber } from '../graph/exact-json.ts';
import { Float, type Properties, type Value } from '../graph/value.ts';
import { propertyValue } from './property-value.ts';

/** The members of an object in a body. */
export type Fields = TextRecord<unknown>;

/** Where an object stands in the body: `''` for the body itself, else for example `operations[3]`. */
export type Place = string;

export function pathOf(place: Place, field: string): string {
  return place === '' ? field : `${place}.${field}`;
}

/**
 * The fields of an object that may have no others than `known`.
 * @throws WeftError `invalid-request`, definite
 */
export function fieldsOf(tree: unknown, known: ReadonlySet<string>, place: Place): Fields {
  const fields = objectOf(tree, place);
  for (const name in fields) {
    if (!known.has(name)) {
      throw invalidField(pathOf(place, name), `is unknown; known are ${[...known].join(', ')}`);
    }
  }
  return fields;
}

export function objectOf(tree: unknown, place: Place): Fields {
  if (typeof tree === 'object' && tree !== null && !Array.isArray(tree)) {
    if (!(tree instanceof Float || tree instanceof Uint8Array || isMarkedNumber(tree))) return tree as Fields;
  }
  if (place !== '') throw invalidField(place, `must be an object, not ${kindOf(tree)}`);
  const what = tree === undefined ? 'is missing' : `must be an object, not ${kindOf(tree)}`;
  throw new WeftError('invalid-request', `the request body ${what}`);
}

export function textField(fields: Fields, name: string, place: Place): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  throw invalidField(pathOf(place, name), value === undefined ? 'is missing' : `must be text, not ${kindOf(value)}`);
}

export function flagField(fields: Fields, name: string, place: Place): boolean {
  const value = fields[name];
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw invalidField(pathOf(place, name), `must be true or false, not ${kindOf(value)}`);
}

/** How much of one element a request may give. */
export interface ElementLimits {
  readonly labels: number;
  readonly properties: number;
}
const OF_REQUESTS: ElementLimits = { labels: LIMITS.labelsMax, properties: LIMITS.propertiesMax };

/** A list of names: labels of a node or edge types. Absent and null mean empty. */
export function namesField(
  use: 'label' | 'edge type',
  value: unknown,
  path: string,
  { labels: limit } = OF_REQUESTS,
): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidField(path, `must be a list of text, not ${kindOf(value)}`);
  if (value.length > limit) {
    const detail = `\`${path}\` has ${value.length} entries; at most ${limit} fit`;
    throw new WeftError('payload-too-large', detail, { field: path, limit });
  }
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== 'string') throw invalidField(`${path}[${i}]`, `must be text, not ${kindOf(value[i])}`);
    checkName(use, value[i]);
  }
  return value as readonly string[];
}

/** A property map. Values are converted in place: the tree belongs to the request. Absent and null mean empty. */
function propertiesField(value: unknown, path: string, limits: ElementLimits): Properties {
  if (value === undefined || value === null) return {};
  const record = objectOf(value, path) as { [name: string]: unknown };
  let count = 0;
  for (const name in record) {
    checkName('property name', name);
    checkPropertyCount(++count, path, limits);
    const before = record[name];
    const after = propertyValue(before, name);
    if (after !== before) setOwn(record, name, after);
  }
  return record as TextRecord<Value>;
}

/** Properties of an element that is made, and which of them are texts: `{"$text": "..."}`. */
export function contentFields(
  value: unknown,
  path: string,
  limits = OF_REQUESTS,
): { readonly properties: Properties; readonly texts?: readonly string[] } {
  let texts: string[] | undefined;
  if (typeof value === 'object' && value !== null) {
    for (const name in value) {
      const wire = (value as Fields)[name];
      // Most values are none that could say so, and need no name for what is wrong with them.
      const text = typeof wire === 'object' ? textOf(wire, pathOf(path, name)) : undefined;
      if (text === undefined) continue;
      setOwn(value as { [name: string]: unknown }, name, text);
      texts ??= [];
      texts.push(name);
    }
  }
  const properties = propertiesField(value, path, limits);
  return texts === undefined ? { properties } : { properties, texts };
}

/** What `{"$text": "..."}` says; undefined for all else. @throws WeftError `invalid-request` if it holds no text */
export function textOf(wire: unknown, path: string): string | undefined {
  if (typeof wire !== 'object' || wire === null || !Object.hasOwn(wire, '$text')) return undefined;
  if (Object.keys(wire).length !== 1) return undefined;
  const { $text } = wire as { readonly $text: unknown };
  if (typeof $text !== 'string') throw invalidField(pathOf(path, '$text'), `must be text, not ${kindOf($text)}`);
  if ($text.length > LIMITS.textCharsMax) {
    throw new WeftError('payload-too-large', `\`${path}\` has more than ${LIMITS.textCharsMax} characters`, {
      field: path,
    });
  }
  return $text;
}

export function checkPropertyCount(count: number, path: string, { properties: limit } = OF_REQUESTS): void {
  if (count <= limit) return;
  throw new WeftError('payload-too-large', `\`${path}\` has more than ${limit} properties`, { field: path, limit });
}

export function invalidField(path: string, what: string): WeftError {
  return new WeftError('invalid-request', `\`${path}\` ${what}`, { field: path });
}

/** What a parsed tree is, in the words of JSON. */
export function kindOf(tree: unknown): string {
  if (tree === undefined) return 'nothing';
  if (tree === null) return 'null';
  if (Array.isArray(tree)) return 'a list';
  if (tree instanceof Uint8Array) return 'bytes';
  if (tree instanceof Float || typeof tree === 'number' || typeof tree === 'bigint') return 'a number';
  if (typeof tree === 'boolean') return 'a boolean';
  if (typeof tree === 'string') return 'text';
  return isMarkedNumber(tree as object) ? 'a number' : 'an object';
}
