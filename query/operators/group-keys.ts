/** The key of some slots of a row, for grouping, DISTINCT and joins: rows have one key exactly if the slots hold the same. */
import type { Columns, SlotKind } from '../execution/batch.ts';
import { groupKey } from '../values/order.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';

export type RowKey = string | number | boolean | null;

export function rowKey(
  slots: readonly number[],
  kinds: readonly SlotKind[],
): (columns: Columns, row: number) => RowKey {
  const [first] = slots;
  if (first === undefined) return () => 0;
  const part = (slot: number): ((columns: Columns, row: number) => RowKey) =>
    kinds[slot] === 'value'
      ? (columns, row) => groupKey((columns[slot] as RuntimeValue[])[row] as RuntimeValue)
      : (columns, row) => (columns[slot] as Int32Array)[row] as number;
  if (slots.length === 1) return part(first);
  const parts = slots.map(part);
  return (columns, row) => {
    let key = '';
    for (const each of parts) {
      const value = each(columns, row);
      // The length keeps neighbours apart.
      key += typeof value === 'string' ? `${value.length}:${value}` : `#${value};`;
    }
    return key;
  };
}
