/** Ranges of stored values and which of them are equal, as an index answers it. */
import type { RangeBound } from '../../graph/query-graph.ts';
import type { Value } from '../../graph/value.ts';
import { compare, equal } from './equality.ts';
import { fromStored } from './runtime-value.ts';

export function isEqual(a: Value, b: Value): boolean {
  return equal(fromStored(a), fromStored(b)) === true;
}

/** Whether a value can be compared with the bounds and lies between them. */
export function inRange(value: Value, from: RangeBound | undefined, to: RangeBound | undefined): boolean {
  const held = fromStored(value);
  if (from !== undefined) {
    const order = compare(held, fromStored(from.value));
    if (order === null || !(from.inclusive ? order >= 0 : order > 0)) return false;
  }
  if (to !== undefined) {
    const order = compare(held, fromStored(to.value));
    if (order === null || !(to.inclusive ? order <= 0 : order < 0)) return false;
  }
  return true;
}
