/** Arithmetic over Integers and Floats as openCypher has it: a sum is an Integer unless a Float takes part. */
import { WeftError } from '../base/errors.ts';
import { Float, float, INT64_MAX, INT64_MIN, integer } from '../graph/value.ts';

export type Numeric = number | bigint | Float;

function isFloat(value: Numeric): boolean {
  return value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
}

function toFloat(value: Numeric): number {
  return value instanceof Float ? value.value : Number(value);
}

function toBig(value: Numeric): bigint {
  return BigInt(value as number | bigint);
}

function combine(a: Numeric, b: Numeric, sign: 1 | -1): number | bigint | Float | undefined {
  if (isFloat(a) || isFloat(b)) return float(toFloat(a) + sign * toFloat(b));
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + sign * b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const sum = toBig(a) + BigInt(sign) * toBig(b);
  return sum < INT64_MIN || sum > INT64_MAX ? undefined : integer(sum);
}

/** The exact sum. @throws WeftError `invalid-value` if Integers overflow 64 bits, definite */
export function add(a: Numeric, b: Numeric): Numeric {
  const sum = combine(a, b, 1);
  if (sum === undefined) throw new WeftError('invalid-value', 'the sum of the increments does not fit into 64 bits');
  return sum;
}

/**
 * Base plus the signed terms, for merging: increments of several replicas may overflow together though none did alone,
 * so Integers are summed exactly and the result is held at the end of the range. Independent of the order of terms as
 * long as they come in one canonical order (float addition is not associative).
 */
export function sumMerged(
  base: Numeric,
  terms: readonly { readonly plus: Numeric; readonly minus: Numeric }[],
): Numeric {
  if (isFloat(base) || terms.some(({ plus, minus }) => isFloat(plus) || isFloat(minus))) {
    return float(terms.reduce((sum, { plus, minus }) => sum + (toFloat(plus) - toFloat(minus)), toFloat(base)));
  }
  let sum = toBig(base);
  for (const { plus, minus } of terms) sum += toBig(plus) - toBig(minus);
  return integer(sum < INT64_MIN ? INT64_MIN : sum > INT64_MAX ? INT64_MAX : sum);
}
