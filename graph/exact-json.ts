/**
 * Reads JSON text without distorting its numbers. `JSON.parse` turns `2.0` into 2 and rounds 9007199254740993, so a
 * conservative scan looks for numbers that it would distort. Without one the text goes straight to `JSON.parse`;
 * otherwise exactly those numbers are first rewritten into their typed form, `{"_value":"2.0","$type":"Float"}`, which
 * means the same wherever a value may stand; where an object is wanted, `isMarkedNumber` tells that it is none. Both ways end in the native parser: no recursion, `__proto__` is a key.
 */

/**
 * A number literal that may not survive: `-0`, a fraction of zeros only, an exponent, or 16 digits and dots in a row
 * (15 significant digits always survive). A hit inside of a string only costs time.
 */
const SUSPECT = /(?:^|[:,[\s])(?:-0(?![.\d])|-?\d+(?:\.0+(?!\d)|[\d.]{15}|[\d.]*[eE]))/;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** A tree of plain objects, arrays and scalars in which every number is exact or in typed form. @throws SyntaxError */
export function parseExactJson(text: string): unknown {
  return JSON.parse(SUSPECT.test(text) ? markDistortedNumbers(text) : text);
}

/** Whether an object stands for a number. One that was written as an object, of the same members, has `$type` first as all that is printed has. */
export function isMarkedNumber(tree: object): boolean {
  if (!('_value' in tree && '$type' in tree)) return false;
  const { $type: type } = tree;
  return Object.keys(tree).join() === '_value,$type' && (type === 'Float' || type === 'Integer');
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
        marked += `${text.slice(copied, i)}{"_value":"${text.slice(i, end)}","$type":"${type}"}`;
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
