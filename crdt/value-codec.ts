/**
 * Values as JSON text inside patches and snapshots: native JSON is the fastest codec that V8 has, and text merges and
 * packs well in Yjs (ADR 0002). What JSON cannot say is a tagged object `{"$": tag, v: ...}`:
 * `i` 64-bit integer, `f` float with integral value or none, `b` bytes, `t` temporal, `p` point, `m` map that has a key `$`.
 */
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { sortedKeys } from '../base/order.ts';
import { setOwn } from '../base/record.ts';
import type { Properties, Value, ValueMap } from '../graph/value.ts';
import { Float, float, integer, isList, isTemporalText, POINT_DIMENSIONS, Point, Temporal } from '../graph/value.ts';

type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

const TAG = '$';

/** The JSON tree of a value. Returns the value itself when JSON can say it as it is. */
export function toPlain(value: Value): Plain {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : { [TAG]: 'f', v: String(value) };
    case 'bigint':
      return { [TAG]: 'i', v: value.toString() };
  }
  if (value === null) return null;
  if (value instanceof Float) return { [TAG]: 'f', v: Object.is(value.value, -0) ? '-0' : String(value.value) };
  if (value instanceof Uint8Array) return { [TAG]: 'b', v: toBase64(value) };
  if (value instanceof Temporal) return { [TAG]: 't', k: value.kind, v: value.text };
  if (value instanceof Point) return { [TAG]: 'p', k: value.srid, v: value.coordinates };
  if (isList(value)) return value.every(isJsonScalar) ? (value as readonly Plain[]) : value.map(toPlain);
  return mapToPlain(value as ValueMap);
}

function isJsonScalar(value: Value): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || value === null || Number.isFinite(value);
}

function mapToPlain(map: ValueMap): Plain {
  if (Object.hasOwn(map, TAG)) {
    return { [TAG]: 'm', v: sortedKeys(map).map((key) => [key, toPlain(map[key] as Value)]) };
  }
  const plain: { [key: string]: Plain } = {};
  for (const key of Object.keys(map)) setOwn(plain, key, toPlain(map[key] as Value));
  return plain;
}

/** The JSON tree of all properties; the object itself when nothing in it needs a tag. */
export function propertiesToPlain(properties: Properties): { readonly [name: string]: Plain } {
  for (const name in properties) {
    if (!isJsonScalar(properties[name] as Value)) {
      const plain: { [name: string]: Plain } = {};
      for (const key of Object.keys(properties)) setOwn(plain, key, toPlain(properties[key] as Value));
      return plain;
    }
  }
  return properties as { readonly [name: string]: Plain };
}

/** Longer texts take `JSON.stringify` less time. */
const BRIEF_CHARS = 64;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_SURROGATE = 0xd800;

/** As `JSON.stringify` of `propertiesToPlain`, in less time for the brief texts and whole numbers that most values are. */
export function propertiesToJson(properties: Properties): string {
  let json = '';
  for (const name in properties) {
    const value = properties[name] as Value;
    const text =
      typeof value === 'string' ? textToJson(value) : isBriefInteger(value) ? value : JSON.stringify(toPlain(value));
    json += (json === '' ? '{' : ',') + nameToJson(name) + text;
  }
  return json === '' ? '{}' : `${json}}`;
}

/** What was last made of names: the same few come again and again. */
const namesMade = new Map<string, string>();
const NAMES_MAX = 256;

/** A name and the colon behind it. */
function nameToJson(name: string): string {
  let json = namesMade.get(name);
  if (json !== undefined) return json;
  json = `${textToJson(name)}:`;
  if (namesMade.size >= NAMES_MAX) namesMade.clear();
  namesMade.set(name, json);
  return json;
}

function isBriefInteger(value: Value): value is number {
  return typeof value === 'number' && value === (value | 0);
}

function textToJson(text: string): string {
  if (text.length > BRIEF_CHARS) return JSON.stringify(text);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < SPACE || unit === QUOTE || unit === BACKSLASH || unit >= FIRST_SURROGATE) return JSON.stringify(text);
  }
  return `"${text}"`;
}

/** Integral floats, -0 among them, stand in a tag: each value has one representation. */
function isPlainNumber(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) && !Object.is(value, -0) : true;
}

/** The value of a JSON tree. @throws WeftError `invalid-value` for an unknown or malformed tag, definite */
export function fromPlain(plain: unknown, depth = 0): Value {
  switch (typeof plain) {
    case 'string':
    case 'boolean':
      return plain;
    case 'number':
      return isPlainNumber(plain) ? plain : malformed('a number without a tag');
    case 'object':
      break;
    default:
      return malformed(`a ${typeof plain}`);
  }
  if (plain === null) return null;
  const record = plain as { readonly [key: string]: unknown };
  // What a tag says is no level, unless it is a map: a float of the innermost list is one as an integer is.
  if (Object.hasOwn(record, TAG)) return fromTagged(record, depth);
  checkDepth(depth);
  if (Array.isArray(plain)) return plain.map((item) => fromPlain(item, depth + 1));
  const map: { [key: string]: Value } = {};
  for (const key of Object.keys(record)) setOwn(map, key, fromPlain(record[key], depth + 1));
  return map;
}

function checkDepth(depth: number): void {
  if (depth >= LIMITS.valueDepthMax) malformed(`nesting deeper than ${LIMITS.valueDepthMax} levels`);
}

function fromTagged(record: { readonly [key: string]: unknown }, depth: number): Value {
  const { v, k } = record;
  switch (record[TAG]) {
    case 'i':
      if (typeof v === 'string' && /^-?\d{1,19}$/.test(v)) return integer(BigInt(v));
      break;
    case 'f':
      if (typeof v === 'string' && /^(-?(\d+(\.\d+)?(e[+-]?\d+)?|Infinity)|NaN)$/.test(v)) return float(Number(v));
      break;
    case 'b':
      if (typeof v === 'string') return fromBase64(v);
      break;
    case 't':
      if (typeof v === 'string' && typeof k === 'string' && isTemporalText(k, v)) return new Temporal(k, v);
      break;
    case 'p':
      if (typeof k === 'number' && Array.isArray(v) && POINT_DIMENSIONS[k] === v.length && v.every(Number.isFinite)) {
        return new Point(k, v as number[]);
      }
      break;
    case 'm':
      if (Array.isArray(v)) return mapFromEntries(v, depth);
      break;
  }
  return malformed('an unknown tag, or one whose value does not fit it');
}

function mapFromEntries(entries: readonly unknown[], depth: number): ValueMap {
  checkDepth(depth);
  const map: { [key: string]: Value } = {};
  for (const entry of entries) {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string') return malformed('a map entry without a key');
    setOwn(map, entry[0], fromPlain(entry[1], depth + 1));
  }
  return map;
}

/** Properties of a JSON tree; reuses `plain` itself when no value in it needs reviving. */
export function propertiesFromPlain(plain: { readonly [name: string]: unknown }): Properties {
  for (const name in plain) {
    const value = plain[name];
    if (typeof value === 'number' ? !isPlainNumber(value) : typeof value === 'object' && value !== null) {
      const properties: { [name: string]: Value } = {};
      for (const key of Object.keys(plain)) setOwn(properties, key, fromPlain(plain[key]));
      return properties;
    }
  }
  return plain as Properties;
}

/** One text for each value, equal exactly for equal values: the identity of a set member. */
export function valueKey(value: Value): string {
  return JSON.stringify(sortPlain(toPlain(value)));
}

function sortPlain(plain: Plain): Plain {
  if (typeof plain !== 'object' || plain === null) return plain;
  if (Array.isArray(plain)) return plain.map(sortPlain);
  const record = plain as { readonly [key: string]: Plain };
  const sorted: { [key: string]: Plain } = {};
  for (const key of Object.keys(record).sort()) setOwn(sorted, key, sortPlain(record[key] as Plain));
  return sorted;
}

function malformed(what: string): never {
  throw new WeftError('invalid-value', `a patch holds ${what}`);
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Standard base64 with padding. Here because browsers and Node share no synchronous function for it. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += (ALPHABET[word >>> 18] as string) + ALPHABET[(word >>> 12) & 63];
    text += i + 1 < bytes.length ? ALPHABET[(word >>> 6) & 63] : '=';
    text += i + 2 < bytes.length ? ALPHABET[word & 63] : '=';
  }
  return text;
}

/** @throws WeftError `invalid-value` if `text` is not standard base64, definite */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return malformed('bytes that are not base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let i = 0, at = 0; i < text.length; i += 4) {
    let word = 0;
    for (let j = 0; j < 4; j++) word = (word << 6) | Math.max(0, ALPHABET.indexOf(text[i + j] as string));
    for (let shift = 16; shift >= 0 && at < bytes.length; shift -= 8) bytes[at++] = (word >>> shift) & 255;
  }
  return bytes;
}
