/** What the literals of a text stand for. */
import { Float, float, INT64_MAX } from '../../graph/value.ts';
import type { Spanned } from './ast.ts';
import { compileError } from './source-error.ts';

/** Integers of so many decimal digits are safe without looking. */
const SAFE_DIGITS = 15;

/** @param negative whether a minus stands before it: there is one negative number more than positive ones */
export function integerLiteral(text: string, span: Spanned, negative: boolean): number | bigint {
  const digits = text.slice(span.start, span.end).replaceAll('_', '');
  if (digits.length === 1 || (digits.length <= SAFE_DIGITS && digits.charCodeAt(1) < 58)) {
    const small = Number(digits);
    return negative && small !== 0 ? -small : small;
  }
  const magnitude = BigInt(digits.toLowerCase());
  if (magnitude > INT64_MAX + (negative ? 1n : 0n)) {
    throw compileError(text, span, 'IntegerOverflow', 'this integer does not fit into 64 bits');
  }
  const value = negative ? -magnitude : magnitude;
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

export function floatLiteral(text: string, span: Spanned): number | Float {
  const value = Number(text.slice(span.start, span.end).replaceAll('_', ''));
  if (!Number.isFinite(value)) {
    throw compileError(text, span, 'FloatingPointOverflow', 'this number is too large for a Float');
  }
  return float(value);
}

export function negated(value: number | Float): number | Float {
  return value instanceof Float ? new Float(-value.value) : float(-value);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** @param span with its quotation marks */
export function stringLiteral(text: string, span: Spanned): string {
  const inner = text.slice(span.start + 1, span.end - 1);
  if (!inner.includes('\\')) return inner;
  let value = '';
  let at = 0;
  for (;;) {
    const slash = inner.indexOf('\\', at);
    if (slash < 0) return value + inner.slice(at);
    value += inner.slice(at, slash);
    const letter = inner.charAt(slash + 1);
    const simple = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (simple !== undefined) {
      value += simple;
      at = slash + 2;
      continue;
    }
    const place = { start: span.start + 1 + slash, end: span.start + 3 + slash };
    if (letter !== 'u' && letter !== 'U') {
      throw compileError(text, place, 'UnexpectedSyntax', `\\${letter} is no escape sequence`);
    }
    const length = letter === 'u' ? 4 : 8;
    const digits = inner.slice(slash + 2, slash + 2 + length);
    const code = Number.parseInt(digits, 16);
    if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits) || code > 0x10ffff) {
      const message = `\\${letter} is followed by ${length} hexadecimal digits of a code point`;
      throw compileError(text, place, 'InvalidUnicodeLiteral', message);
    }
    value += String.fromCodePoint(code);
    at = slash + 2 + length;
  }
}

/** A name as it is called. */
export function quotedName(source: string): string {
  return source.slice(1, -1).replaceAll('``', '`');
}
