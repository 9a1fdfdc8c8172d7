/**
 * The typed form of values that a format has no notation for, as in the Neo4j Query API:
 * `{"$type":"Date","_value":"2026-01-31"}`. A map that itself has a key `$type` is escaped as
 * `{"$type":"Map","_value":{...}}`, so no value can be mistaken for another.
 */
import { WeftError } from '../base/errors.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { isMarkedNumber } from './exact-json.ts';
import type { Point, Temporal, Value } from './value.ts';
import {
  float,
  integer,
  isTemporalText,
  POINT_DIMENSIONS,
  Point as PointValue,
  Temporal as TemporalValue,
} from './value.ts';

export interface TypedForm {
  readonly $type: string;
  readonly _value: unknown;
}

const FLOAT_TEXT = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER_TEXT = /^-?\d{1,40}$/;
const BASE64_TEXT = /^[A-Za-z0-9+/]*={0,2}$/;
const POINT_TEXT = /^SRID=(\d{1,9});\s*POINT\s*(?:Z\s*)?\(([^()]{1,200})\)$/;

/**
 * The value that a typed form stands for; `decodeMap` turns the content of an escaped map into a value.
 * @throws WeftError `invalid-value`, definite
 */
export function decodeTyped(form: object, name: string, decodeMap: (content: object) => Value): Value {
  const { $type: type, _value: content } = form as { $type: unknown; _value?: unknown };
  if (Object.keys(form).length !== 2 || content === undefined || typeof type !== 'string') {
    throw bad(name, 'a map with a key `$type` needs exactly `$type` and `_value`; escape others with type "Map"');
  }
  if (type === 'Map') {
    if (typeof content !== 'object' || content === null || Array.isArray(content) || isMarkedNumber(content)) {
      throw bad(name, 'the `_value` of a Map must be a map');
    }
    return decodeMap(content);
  }
  if (typeof content !== 'string') throw bad(name, `the \`_value\` of type "${type}" must be text`);
  return decodeText(type, content, name);
}

function decodeText(type: string, text: string, name: string): Value {
  switch (type) {
    case 'Integer':
      if (!INTEGER_TEXT.test(text)) throw bad(name, `"${shorten(text)}" is no Integer`);
      return integer(BigInt(text));
    case 'Float':
      return decodeFloat(text, name);
    case 'Base64':
      if (text.length % 4 !== 0 || !BASE64_TEXT.test(text)) throw bad(name, 'the Base64 text is malformed');
      return fromBase64(text);
    case 'Point':
      return decodePoint(text, name);
    default:
      if (!isTemporalText(type, text)) {
        throw bad(name, TEMPORAL_KINDS.has(type) ? `"${shorten(text)}" is no ${type}` : `unknown $type "${type}"`);
      }
      return new TemporalValue(type, text);
  }
}

const TEMPORAL_KINDS: ReadonlySet<string> = new Set([
  'Date',
  'LocalTime',
  'Time',
  'LocalDateTime',
  'DateTime',
  'Duration',
]);

function decodeFloat(text: string, name: string): Value {
  if (text === 'NaN') return Number.NaN;
  if (text === 'Infinity') return Number.POSITIVE_INFINITY;
  if (text === '-Infinity') return Number.NEGATIVE_INFINITY;
  const value = FLOAT_TEXT.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw bad(name, `"${shorten(text)}" is no Float, or out of its range`);
  return float(value);
}

function decodePoint(text: string, name: string): Value {
  const [, srid, coordinates] = POINT_TEXT.exec(text) ?? [];
  const texts = coordinates?.trim().split(/\s+/) ?? [];
  const numbers = texts.map((number) => (FLOAT_TEXT.test(number) ? Number(number) : Number.NaN));
  if (srid === undefined || !numbers.every(Number.isFinite)) {
    throw bad(name, `"${shorten(text)}" is no Point; write SRID=4326;POINT (1.0 2.0)`);
  }
  if (POINT_DIMENSIONS[Number(srid)] !== numbers.length) {
    throw bad(name, `no Point has SRID ${srid} and ${numbers.length} coordinates`);
  }
  return new PointValue(Number(srid), numbers);
}

export function typedTemporal(value: Temporal): TypedForm {
  return { $type: value.kind, _value: value.text };
}

export function typedPoint(value: Point): TypedForm {
  const shape = value.coordinates.length === 3 ? 'POINT Z' : 'POINT';
  return { $type: 'Point', _value: `SRID=${value.srid};${shape} (${value.coordinates.map(floatText).join(' ')})` };
}

/** NaN and the infinities, which JSON cannot write as numbers. */
export function typedFloat(value: number): TypedForm {
  return { $type: 'Float', _value: String(value) };
}

export function typedBytes(value: Uint8Array): TypedForm {
  return { $type: 'Base64', _value: toBase64(value) };
}

/** A finite number written so that it reads back as a Float: always with a fraction or an exponent. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function bad(name: string, what: string): WeftError {
  return new WeftError('invalid-value', `\`${name}\`: ${what}`, { field: name });
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
