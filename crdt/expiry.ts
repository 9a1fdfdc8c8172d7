/**
 * When elements expire: the property `expiresAt`, an ordinary register, says it. An element whose time has come is hidden
 * from every reader until it is deleted (`purgeNode`, `purgeEdge`) or a write from before that moment extends it.
 *
 * - EXP-1 What is hidden follows from the patches and the view's time alone; digests do not depend on that time.
 * - EXP-2 The time of a view never goes back, is not before any stamp that was seen, nor after any that is given later: whoever
 *   sees what somebody wrote knowing that an element was gone sees it gone, too.
 */
import { isTemporalText, type Properties, Temporal, type Value } from '../graph/value.ts';

/** The property that says when its element expires. */
export const EXPIRY_PROPERTY = 'expiresAt';

const MOMENT =
  /^([+-]?\d{4,9})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?(?:Z|([+-])(\d\d):(\d\d)(?::\d\d)?)(?:\[[^\]]*\])?$/;
const MINUTE_MS = 60_000;

/**
 * The moment that a value names, in milliseconds since the Unix epoch: a DateTime with its offset, such a text, or an integer
 * of milliseconds. Undefined for all else, a zone without offset included: what it means depends on tables that change.
 */
export function momentOf(value: Value): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  if (value instanceof Temporal) return value.kind === 'DateTime' ? momentOfText(value.text) : undefined;
  return typeof value === 'string' && isTemporalText('DateTime', value) ? momentOfText(value) : undefined;
}

function momentOfText(text: string): number | undefined {
  const match = MOMENT.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const ms = Number((match[7] ?? '').padEnd(3, '0'));
  const local = new Date(0);
  local.setUTCFullYear(year as number, (month as number) - 1, day);
  const midnightMs = local.getTime();
  // Beyond what a date can hold lies the far past or the far future.
  if (Number.isNaN(midnightMs)) return (year as number) < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
  const offsetMinutes =
    match[8] === undefined ? 0 : Number(`${match[8]}1`) * (Number(match[9]) * 60 + Number(match[10]));
  const minutes = (hour as number) * 60 + (minute as number) - offsetMinutes;
  return midnightMs + minutes * MINUTE_MS + (second as number) * 1000 + ms;
}

/** When an element with these properties expires, in milliseconds since the Unix epoch; undefined if it never does. */
export function expiryOf(properties: Properties): number | undefined {
  // No prototype has this name, and this is asked for every element that is made.
  const value = properties[EXPIRY_PROPERTY];
  return value === undefined ? undefined : momentOf(value);
}

export type ExpiringKind = 'node' | 'edge';

interface Entry {
  readonly atMs: number;
  readonly key: number;
}

/**
 * What of an open partition expires next, and what has. An element has at most one entry that counts, for a moment not after
 * that of its expiry: extending it again and again adds nothing, and whoever takes it out asks the element itself.
 */
export class ExpiryQueue {
  /** A binary heap by moment. */
  readonly #heap: Entry[] = [];
  readonly #scheduled = new Map<number, number>();
  /** Rows of what is hidden, with the moment it expired. */
  readonly nodes = new Map<number, number>();
  readonly edges = new Map<number, number>();

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  hide(kind: ExpiringKind, row: number, atMs: number): void {
    (kind === 'node' ? this.nodes : this.edges).set(row, atMs);
  }

  show(kind: ExpiringKind, row: number): void {
    (kind === 'node' ? this.nodes : this.edges).delete(row);
  }

  schedule(kind: ExpiringKind, row: number, atMs: number): void {
    const key = row * 2 + (kind === 'edge' ? 1 : 0);
    const held = this.#scheduled.get(key);
    if (held !== undefined && held <= atMs) return;
    this.#scheduled.set(key, atMs);
    this.#push({ atMs, key });
  }

  /** Takes one element out whose entry is due; undefined if there is none. */
  takeDue(nowMs: number): { readonly kind: ExpiringKind; readonly row: number } | undefined {
    while (this.nextMs <= nowMs) {
      const { atMs, key } = this.#pop();
      if (this.#scheduled.get(key) !== atMs) continue;
      this.#scheduled.delete(key);
      return { kind: key % 2 === 1 ? 'edge' : 'node', row: Math.floor(key / 2) };
    }
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Entry).atMs <= entry.atMs) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Entry).atMs < (heap[child] as Entry).atMs) child++;
      if ((heap[child] as Entry).atMs >= last.atMs) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
