/**
 * The canonical order of text: by UTF-16 code units, as JavaScript's `<` does. Property order, Map order and Yjs order
 * differ between replicas, so whatever is emitted, hashed or planned is sorted by this first.
 */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Up to here insertion takes less time than the call of a general sort: most records have few keys. */
const INSERTED_KEYS_MAX = 12;

/** The own keys of `record` in canonical order. */
export function sortedKeys(record: object): string[] {
  const keys = Object.keys(record);
  if (keys.length > INSERTED_KEYS_MAX) return keys.sort(compareText);
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}
