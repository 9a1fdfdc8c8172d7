/** Neighbours of a double: no other lies between. */
const DOUBLE = new Float64Array(1);
const BITS = new BigInt64Array(DOUBLE.buffer);

/** The least double above `value`; NaN, which nothing equals, above infinity. */
export function nextAbove(value: number): number {
  if (value === Number.POSITIVE_INFINITY) return Number.NaN;
  if (value === 0) return Number.MIN_VALUE;
  DOUBLE[0] = value;
  BITS[0] = (BITS[0] as bigint) + (value > 0 ? 1n : -1n);
  return DOUBLE[0];
}

/** The greatest double below `value`; NaN below negative infinity. */
export function nextBelow(value: number): number {
  return -nextAbove(-value);
}
