/**
 * Property values as they travel: `decodeValue` takes what a JSON or MessagePack parser left (the *wire tree*) to a
 * `Value`, `printJson` and `wireDocument` go the other way. Answers are *documents*: plain trees in which user values
 * stand only under a key `properties`, so that a property named `$type` is never taken for a typed form. User keys come
 * in canonical order, because replicas that hold the same graph may keep them in different ones.
 */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { sortedKeys } from '../base/order.ts';
import { setOwn, type TextRecord } from '../base/record.ts';
import {
  decodeTyped,
  floatText,
  type TypedForm,
  typedBytes,
  typedFloat,
  typedPoint,
  typedTemporal,
} from './typed-values.ts';
import { Float, Point, Temporal, type Value } from './value.ts';

/** ES2024, which Node has and the ES2023 library of the compiler does not know. */
const isWellFormed = (String.prototype as unknown as { isWellFormed(this: string): boolean }).isWellFormed;

/**
 * The value that a wire tree stands for. Containers are converted in place: the tree belongs to the caller.
 * @throws WeftError `invalid-value`, or `payload-too-large` beyond `LIMITS.valueDepthMax`; definite
 */
export function decodeValue(wire: unknown, name: string, depth = 0): Value {
  if (typeof wire === 'string') {
    if (isWellFormed.call(wire)) return wire;
    throw new WeftError('invalid-value', `\`${name}\` holds a lone surrogate, which UTF-8 cannot carry`, {
      field: name,
    });
  }
  if (typeof wire !== 'object' || wire === null || wire instanceof Float || wire instanceof Uint8Array) {
    return wire as Value;
  }
  if (Object.hasOwn(wire, '$type') && !Array.isArray(wire)) {
    return decodeTyped(wire, name, (content) => decodeMap(content, name, deeper(name, depth)));
  }
  return Array.isArray(wire) ? decodeList(wire, name, deeper(name, depth)) : decodeMap(wire, name, deeper(name, depth));
}

function deeper(name: string, depth: number): number {
  if (depth < LIMITS.valueDepthMax) return depth + 1;
  throw new WeftError('payload-too-large', `\`${name}\` nests deeper than ${LIMITS.valueDepthMax} levels`, {
    field: name,
    limit: LIMITS.valueDepthMax,
  });
}

function decodeList(list: unknown[], name: string, depth: number): Value {
  for (let i = 0; i < list.length; i++) list[i] = decodeValue(list[i], name, depth);
  return list as Value[];
}

function decodeMap(map: object, name: string, depth: number): Value {
  const record = map as { [key: string]: unknown };
  for (const key of Object.keys(record)) {
    if (!isWellFormed.call(key)) {
      throw new WeftError('invalid-value', `\`${name}\` holds a map key with a lone surrogate`, { field: name });
    }
    const before = record[key];
    const after = decodeValue(before, name, depth);
    if (after !== before) setOwn(record, key, after);
  }
  return record as TextRecord<Value>;
}

/** Anything but what stands in a JSON string as it is: quotes, backslashes, control characters, surrogates. */
const NEEDS_ESCAPE = /[^\x20\x21\x23-\x5b\x5d-\ud7ff\ue000-\uffff]/;

/** `JSON.stringify` of a text; most hold nothing to escape. */
function printText(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** The JSON text of a document. Members of property maps and of values come in canonical order. */
export function printJson(document: unknown): string {
  if (typeof document !== 'object' || document === null) return printValue(document as Value);
  if (Array.isArray(document)) return printList(document, printJson);
  return printMembers(document as TextRecord<unknown>, Object.keys(document), printMember);
}

function printMember(member: unknown, key: string): string {
  return isPropertyMap(member, key) ? printMap(member) : printJson(member);
}

/** Maps by names of users, such as those of texts, may have the key too; they hold scalars. */
function isPropertyMap(member: unknown, key: string): member is TextRecord<Value> {
  return key === 'properties' && typeof member === 'object';
}

function printMap(map: TextRecord<Value>): string {
  return printMembers(map, sortedKeys(map), printValue);
}

/** The JSON text of one value. */
export function printValue(value: Value): string {
  switch (typeof value) {
    case 'string':
      return printText(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? String(value) : printTyped(typedFloat(value));
    case 'object':
      return value === null ? 'null' : printObject(value);
    default:
      return JSON.stringify(value);
  }
}

function printObject(value: object): string {
  if (value instanceof Float) {
    return Number.isFinite(value.value) ? floatText(value.value) : printTyped(typedFloat(value.value));
  }
  if (value instanceof MarkedText) return `{"$text":${printText(value.characters)}}`;
  if (value instanceof Uint8Array) return printTyped(typedBytes(value));
  if (value instanceof Temporal) return printTyped(typedTemporal(value));
  if (value instanceof Point) return printTyped(typedPoint(value));
  if (Array.isArray(value)) return printList(value, printValue);
  const text = printMap(value as TextRecord<Value>);
  return isMistakable(value) ? `{"$type":"Map","_value":${text}}` : text;
}

/** A text in an export, which gives its characters as the value of a property. Stands in a document where a value stands. */
export class MarkedText {
  readonly characters: string;
  constructor(characters: string) {
    this.characters = characters;
  }
}

/** Whether a map would be read as something else: a typed form, or a text. */
function isMistakable(map: object): boolean {
  return Object.hasOwn(map, '$type') || (Object.hasOwn(map, '$text') && Object.keys(map).length === 1);
}

function printTyped(form: TypedForm): string {
  return `{"$type":"${form.$type}","_value":${JSON.stringify(form._value)}}`;
}

function printList<T>(list: readonly T[], print: (item: T) => string): string {
  let text = '[';
  for (let i = 0; i < list.length; i++) text += (i === 0 ? '' : ',') + print(list[i] as T);
  return `${text}]`;
}

function printMembers<T>(map: TextRecord<T>, keys: readonly string[], print: (item: T, key: string) => string): string {
  let text = '{';
  for (const key of keys) {
    const item = map[key] as T;
    if (item !== undefined) text += `${text.length === 1 ? '' : ','}${printText(key)}:${print(item, key)}`;
  }
  return `${text}}`;
}

/**
 * The document as a tree for MessagePack, which has 64-bit integers, floats and bytes of its own: only the other
 * kinds take their typed form.
 */
export function wireDocument(tree: unknown): unknown {
  if (typeof tree !== 'object' || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map(wireDocument);
  return mapMembers(tree as TextRecord<unknown>, Object.keys(tree), (member, key) =>
    isPropertyMap(member, key) ? wireMap(member) : wireDocument(member),
  );
}

function wireMap(map: TextRecord<Value>): object {
  return mapMembers(map, sortedKeys(map), wireValue);
}

/** One value as a tree for MessagePack. */
function wireValue(value: Value): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Float || value instanceof Uint8Array) {
    return value;
  }
  if (value instanceof Temporal) return typedTemporal(value);
  if (value instanceof Point) return typedPoint(value);
  if (Array.isArray(value)) return value.map(wireValue);
  const map = wireMap(value as TextRecord<Value>);
  return isMistakable(value) ? { $type: 'Map', _value: map } : map;
}

function mapMembers<T>(
  map: TextRecord<T>,
  keys: readonly string[],
  transform: (member: T, key: string) => unknown,
): object {
  const copy: { [key: string]: unknown } = {};
  for (const key of keys) {
    const member = map[key] as T;
    if (member !== undefined) setOwn(copy, key, transform(member, key));
  }
  return copy;
}
