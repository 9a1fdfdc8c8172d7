/**
 * The canonical order of text: by UTF-16 code units, as JavaScript's `<` does. Property order, Map order and Yjs order
 * differ between replicas, so whatever is emitted, hashed or planned is sorted by this first.
 */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The own keys of `record` in canonical order. */
export function sortedKeys(record: object): string[] {
  return Object.keys(record).sort(compareText);
}
