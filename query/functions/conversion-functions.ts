/** From one type to another. Text that does not read as the wanted type gives null; a type that never does is an error. */
import { PartMissing } from '../../base/part.ts';
import { float, Point } from '../../graph/value.ts';
import { SPATIAL } from '../parts.ts';
import { isTemporal } from '../temporal/temporal-value.ts';
import { checkedInteger, isInt, isNumeric, overflow, plainText, toDouble } from '../values/arithmetic.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';
import { badArgument, listArgument, type ScalarFunction, scalar } from './function.ts';

type Convert = (name: string, value: RuntimeValue) => RuntimeValue;

const toInteger: Convert = (name, value) => {
  if (isInt(value)) return value;
  if (isNumeric(value)) return fromDouble(toDouble(value));
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') throw badArgument(name, value, 'a number, a Boolean or a String');
  const text = value.trim();
  if (/^[+-]?\d+$/.test(text)) {
    const parsed = BigInt(text.replace(/^\+/, ''));
    return parsed > 2n ** 63n - 1n || parsed < -(2n ** 63n) ? null : checkedInteger(parsed);
  }
  const number = parseFloatText(text);
  return number === null || !fitsInteger(number) ? null : fromDouble(number);
};

/** Not what is infinite or no number. */
function fitsInteger(value: number): boolean {
  return value >= -(2 ** 63) && value < 2 ** 63;
}

function fromDouble(value: number): RuntimeValue {
  if (Number.isNaN(value)) return null;
  const whole = Math.trunc(value);
  if (Number.isSafeInteger(whole)) return whole + 0;
  if (!fitsInteger(whole)) throw overflow();
  return checkedInteger(BigInt(whole));
}

function parseFloatText(text: string): number | null {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^[+-]?(Infinity|NaN)$/.test(text)) return Number(text);
  return null;
}

const toFloat: Convert = (name, value) => {
  if (isNumeric(value)) return float(toDouble(value));
  if (typeof value !== 'string') throw badArgument(name, value, 'a number or a String');
  const parsed = parseFloatText(value.trim());
  return parsed === null ? null : float(parsed);
};

const toBoolean: Convert = (name, value) => {
  if (typeof value === 'boolean') return value;
  // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n
  if (isInt(value)) return !(value == 0);
  if (typeof value !== 'string') throw badArgument(name, value, 'a Boolean, an Integer or a String');
  const text = value.trim().toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : null;
};

const toText: Convert = (name, value) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || isNumeric(value) || isTemporal(value)) return plainText(value);
  if (value instanceof Point) return SPATIAL.get().pointText(value);
  throw badArgument(name, value, 'a number, a Boolean, a String, a temporal value or a point');
};

/** The function itself, the one that gives null instead of an error, and the one for lists. */
function family(name: string, convert: Convert): ScalarFunction[] {
  const orNull: Convert = (called, value) => {
    try {
      return value === null ? null : convert(called, value);
    } catch (error) {
      if (error instanceof PartMissing) throw error;
      // Whatever is wrong with the value, the answer is null: that is what the caller asked for.
      return null;
    }
  };
  return [
    scalar(name, [1, 1], (_, value) => convert(name, value)),
    scalar(`${name}OrNull`, [1, 1], (_, value) => orNull(name, value)),
    scalar(`${name}List`, [1, 1], (_, list) => listArgument(`${name}List`, list).map((item) => orNull(name, item))),
  ];
}

export const CONVERSION_FUNCTIONS: readonly ScalarFunction[] = [
  ...family('toInteger', toInteger),
  ...family('toFloat', toFloat),
  ...family('toBoolean', toBoolean),
  ...family('toString', toText),
  scalar('toInt', [1, 1], (_, value) => toInteger('toInt', value)),
];
