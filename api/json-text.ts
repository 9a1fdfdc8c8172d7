/**
 * Reads JSON text without distorting its numbers. `JSON.parse` turns `2.0` into 2 and rounds 9007199254740993, so a
 * conservative scan looks for numbers that it would distort. Without one the text goes straight to `JSON.parse`;
 * otherwise exactly those numbers are first rewritten into their typed form, `{"$type":"Float","_value":"2.0"}`, which
 * means the same wherever a value may stand. Both ways end in the native parser: no recursion, `__proto__` is a key.
 */
import { parse as parseSlowly } from 'lossless-json';
import { WeftError } from '../base/errors.ts';

/**
 * A number literal that may not survive: `-0`, a fraction of zeros only, an exponent, or 16 digits and dots in a row
 * (15 significant digits always survive). A hit inside of a string only costs time.
 */
const SUSPECT = /(?:^|[:,[\s])(?:-0(?![.\d])|-?\d+(?:\.0+(?!\d)|[\d.]{15}|[\d.]*[eE]))/;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Above this length the position of a syntax error is not looked for: the slow parser would hold the loop. */
const LOCATE_CHARS_MAX = 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * Parses `text` into a tree of plain objects, arrays and scalars in which every number is exact or in typed form.
 * @throws WeftError `malformed-request` that says where, definite
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(SUSPECT.test(text) ? markDistortedNumbers(text) : text);
  } catch (error) {
    throw new WeftError('malformed-request', `the JSON text is malformed: ${whereMalformed(text, error)}`, {}, error);
  }
}

function markDistortedNumbers(text: string): string {
  let marked = '';
  let copied = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      i = endOfString(text, i);
    } else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
      const end = endOfNumber(text, i);
      const type = distortedType(text.slice(i, end));
      if (type !== undefined) {
        marked += `${text.slice(copied, i)}{"$type":"${type}","_value":"${text.slice(i, end)}"}`;
        copied = end;
      }
      i = end - 1;
    }
  }
  return copied === 0 ? text : marked + text.slice(copied);
}

/** Index of the quote that closes the string opened at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === BACKSLASH) i++;
    else if (unit === QUOTE) return i;
  }
  return text.length;
}

function endOfNumber(text: string, start: number): number {
  let i = start + 1;
  for (; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const continues =
      (unit >= ZERO && unit <= NINE) || unit === 0x2e || unit === MINUS || unit === 0x2b || (unit | 0x20) === 0x65;
    if (!continues) break;
  }
  return i;
}

/** The type to mark a literal with; undefined if `JSON.parse` keeps it, or must reject it. */
function distortedType(literal: string): 'Float' | 'Integer' | undefined {
  if (!JSON_NUMBER.test(literal)) return undefined;
  const value = Number(literal);
  if (/[.eE]/.test(literal)) return Number.isFinite(value) && !Number.isInteger(value) ? undefined : 'Float';
  return Number.isSafeInteger(value) && literal !== '-0' ? undefined : 'Integer';
}

/** V8 does not always give a position; the slow parser does, so it runs once more over short malformed texts. */
function whereMalformed(text: string, error: unknown): string {
  if (text.length <= LOCATE_CHARS_MAX) {
    try {
      parseSlowly(text, undefined, { parseNumber: Number, onDuplicateKey: ({ newValue }) => newValue });
    } catch (located) {
      // Only a SyntaxError locates; a deeply nested text overflows this recursive parser instead.
      if (located instanceof SyntaxError) return withLine(text, located.message);
    }
  }
  return error instanceof Error ? error.message : String(error);
}

/** Adds line and column to the position, for texts of more than one line. */
function withLine(text: string, message: string): string {
  const position = /at position (\d+)$/.exec(message)?.[1];
  if (position === undefined || !text.includes('\n')) return message;
  const before = text.slice(0, Number(position)).split('\n');
  return `${message} (line ${before.length}, column ${(before.at(-1) ?? '').length + 1})`;
}
