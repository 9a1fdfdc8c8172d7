/** What was probably meant by a name that is unknown. */

/** Edits that a slip of the fingers makes. */
const EDITS_MAX = 2;

/** The known name with the fewest edits, without regard to case; undefined where none is near. */
export function nearName(name: string, known: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  // Of a short name every other one is near.
  const most = Math.min(EDITS_MAX, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let fewest = most + 1;
  for (const each of known) {
    if (Math.abs(each.length - wanted.length) >= fewest) continue;
    const edits = editsBetween(wanted, each.toLowerCase());
    if (edits >= fewest) continue;
    best = each;
    fewest = edits;
  }
  return best;
}

/** "; did you mean `name`?", or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearName(name, known);
  return near === undefined ? '' : `; did you mean \`${near}\`?`;
}

/** Insertions, removals, replacements and swaps of neighbours (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (values: readonly number[], index: number) => values[index] as number;
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min(at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, at(before, j - 2) + 1);
      next.push(edits);
    }
    before = row;
    row = next;
  }
  return row[b.length] as number;
}
