/** Three-valued logic: null is "unknown". */
import { runtimeError } from '../query-error.ts';
import { type RuntimeValue, typeName } from './runtime-value.ts';

export type Ternary = boolean | null;

/** A value where a truth value is wanted. @throws QueryError if it is neither boolean nor null */
export function ternary(value: RuntimeValue): Ternary {
  if (value === true || value === false || value === null) return value;
  throw runtimeError('TypeError', 'InvalidArgumentType', `expected a Boolean, got a value of type ${typeName(value)}`);
}

export function and(a: Ternary, b: Ternary): Ternary {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

export function or(a: Ternary, b: Ternary): Ternary {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}

export function xor(a: Ternary, b: Ternary): Ternary {
  return a === null || b === null ? null : a !== b;
}

export function not(a: Ternary): Ternary {
  return a === null ? null : !a;
}
