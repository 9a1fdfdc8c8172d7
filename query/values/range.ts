/** Ranges of stored values, as an index answers them. */
import type { RangeBound } from '../../graph/query-graph.ts';
import type { Value } from '../../graph/value.ts';
import { compare } from './equality.ts';
import { fromStored } from './runtime-value.ts';

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
