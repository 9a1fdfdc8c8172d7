/**
 * `+ - * / % ^` and unary minus. Integers have 64 bits, and a result beyond them is an error; integer with integer gives
 * an integer, anything with a float a float. `+` also joins strings and lists and moves temporal values.
 */
import { Float, float, INT64_MAX, INT64_MIN } from '../../graph/value.ts';
import { TEMPORAL } from '../parts.ts';
import { runtimeError } from '../query-error.ts';
import { DurationValue, isInstant, isTemporal } from '../temporal/temporal-value.ts';
import { isList, type RuntimeValue, typeName } from './runtime-value.ts';

export type Numeric = number | bigint | Float;

export function isNumeric(value: RuntimeValue): value is Numeric {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Float;
}

export function isInt(value: RuntimeValue): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

export function toDouble(value: Numeric): number {
  return value instanceof Float ? value.value : Number(value);
}

/** The Integer of this size. @throws QueryError beyond 64 bits */
export function checkedInteger(value: bigint): number | bigint {
  if (value < INT64_MIN || value > INT64_MAX) throw overflow();
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

export function overflow(): Error {
  return runtimeError('ArithmeticError', 'IntegerOverflow', 'the result does not fit into a 64-bit integer');
}

function mismatch(operator: string, a: RuntimeValue, b: RuntimeValue): Error {
  const message = `\`${operator}\` does not apply to values of type ${typeName(a)} and ${typeName(b)}`;
  return runtimeError('TypeError', 'InvalidArgumentType', message);
}

export function add(a: RuntimeValue, b: RuntimeValue): RuntimeValue {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isInteger(a) && Number.isInteger(b)) {
      return Number.isSafeInteger(sum) ? sum : checkedInteger(BigInt(a) + BigInt(b));
    }
    return float(sum);
  }
  if (a === null || b === null) return null;
  if (isNumeric(a) && isNumeric(b)) {
    if (isInt(a) && isInt(b)) return checkedInteger(BigInt(a) + BigInt(b));
    return float(toDouble(a) + toDouble(b));
  }
  if (isList(a)) return isList(b) ? [...a, ...b] : [...a, b];
  if (isList(b)) return [a, ...b];
  if (typeof a === 'string') {
    if (typeof b === 'string') return a + b;
    if (isNumeric(b) || isTemporal(b) || typeof b === 'boolean') return a + plainText(b);
  } else if (typeof b === 'string' && (isNumeric(a) || isTemporal(a) || typeof a === 'boolean')) {
    return plainText(a) + b;
  }
  if (b instanceof DurationValue) {
    if (a instanceof DurationValue) return TEMPORAL.get().addDurations(a, b, 1);
    if (isInstant(a)) return TEMPORAL.get().plusDuration(a, b);
  } else if (a instanceof DurationValue && isInstant(b)) {
    return TEMPORAL.get().plusDuration(b, a);
  }
  throw mismatch('+', a, b);
}

export function subtract(a: RuntimeValue, b: RuntimeValue): RuntimeValue {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isInteger(a) && Number.isInteger(b)) {
      return Number.isSafeInteger(difference) ? difference : checkedInteger(BigInt(a) - BigInt(b));
    }
    return float(difference);
  }
  if (a === null || b === null) return null;
  if (isNumeric(a) && isNumeric(b)) {
    if (isInt(a) && isInt(b)) return checkedInteger(BigInt(a) - BigInt(b));
    return float(toDouble(a) - toDouble(b));
  }
  if (b instanceof DurationValue) {
    if (a instanceof DurationValue) return TEMPORAL.get().addDurations(a, b, -1);
    if (isInstant(a)) return TEMPORAL.get().plusDuration(a, TEMPORAL.get().negateDuration(b));
  }
  throw mismatch('-', a, b);
}

export function multiply(a: RuntimeValue, b: RuntimeValue): RuntimeValue {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (Number.isInteger(a) && Number.isInteger(b)) {
      return Number.isSafeInteger(product) ? product + 0 : checkedInteger(BigInt(a) * BigInt(b));
    }
    return float(product);
  }
  if (a === null || b === null) return null;
  if (isNumeric(a) && isNumeric(b)) {
    if (isInt(a) && isInt(b)) return checkedInteger(BigInt(a) * BigInt(b));
    return float(toDouble(a) * toDouble(b));
  }
  if (a instanceof DurationValue && isNumeric(b)) return TEMPORAL.get().scaleDuration(a, toDouble(b));
  if (b instanceof DurationValue && isNumeric(a)) return TEMPORAL.get().scaleDuration(b, toDouble(a));
  throw mismatch('*', a, b);
}

export function divide(a: RuntimeValue, b: RuntimeValue): RuntimeValue {
  if (a === null || b === null) return null;
  if (isNumeric(a) && isNumeric(b)) {
    if (!isInt(a) || !isInt(b)) return float(toDouble(a) / toDouble(b));
    // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n
    if (b == 0) throw divisionByZero();
    if (typeof a === 'number' && typeof b === 'number') return Math.trunc(a / b) + 0;
    return checkedInteger(BigInt(a) / BigInt(b));
  }
  if (a instanceof DurationValue && isNumeric(b)) return TEMPORAL.get().divideDuration(a, toDouble(b));
  throw mismatch('/', a, b);
}

export function modulo(a: RuntimeValue, b: RuntimeValue): RuntimeValue {
  if (a === null || b === null) return null;
  if (!isNumeric(a) || !isNumeric(b)) throw mismatch('%', a, b);
  if (!isInt(a) || !isInt(b)) return float(toDouble(a) % toDouble(b));
  // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n
  if (b == 0) throw divisionByZero();
  if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0;
  return checkedInteger(BigInt(a) % BigInt(b));
}

/** Always a float. */
export function power(a: RuntimeValue, b: RuntimeValue): RuntimeValue {
  if (a === null || b === null) return null;
  if (!isNumeric(a) || !isNumeric(b)) throw mismatch('^', a, b);
  return float(toDouble(a) ** toDouble(b));
}

export function negate(a: RuntimeValue): RuntimeValue {
  if (a === null) return null;
  if (typeof a === 'number') return Number.isInteger(a) ? 0 - a : -a;
  if (typeof a === 'bigint') return checkedInteger(-a);
  if (a instanceof Float) return float(-a.value);
  if (a instanceof DurationValue) return TEMPORAL.get().negateDuration(a);
  throw runtimeError('TypeError', 'InvalidArgumentType', `\`-\` does not apply to a value of type ${typeName(a)}`);
}

function divisionByZero(): Error {
  return runtimeError('ArithmeticError', 'DivisionByZero', 'division by zero');
}

/** The text of a number, boolean, string or temporal value, as `toString` gives it. */
export function plainText(value: RuntimeValue): string {
  if (value instanceof Float) return floatText(value.value);
  if (typeof value === 'number' && !Number.isInteger(value)) return floatText(value);
  return String(value);
}

export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return value.toFixed(1);
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) return String(value);
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}
