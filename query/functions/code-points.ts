/** Texts by their characters: code points, not the UTF-16 units that JavaScript counts. Few texts have any that differ. */
const SURROGATE = /[\ud800-\udfff]/;

export function pointCount(text: string): number {
  return SURROGATE.test(text) ? Array.from(text).length : text.length;
}

export function slicePoints(text: string, from: number, to?: number): string {
  return SURROGATE.test(text) ? Array.from(text).slice(from, to).join('') : text.slice(from, to);
}
