/**
 * Parts of seeks by an index: which of its keys lie where, and cursors over what it finds. What an index finds are candidates:
 * nodes that have the value, or had it once.
 */
import type { OrdinalCursor, RangeBound } from '../graph/query-graph.ts';
import type { Value } from '../graph/value.ts';
import {
  type Candidates,
  candidateAt,
  candidateCount,
  compareKeys,
  type IndexKey,
  indexKey,
} from './property-index.ts';

/** Where a value between two bounds has its key. */
export function spansOfRange(from: RangeBound | undefined, to: RangeBound | undefined): readonly KeySpan[] {
  const low = keyOf(from?.value);
  const high = keyOf(to?.value);
  const bounds = [low, high].filter((each) => each !== undefined);
  // Only numbers and text lie in the order of their keys, integers that no float equals apart from both.
  if (bounds.length > 0 && bounds.every((each) => typeof each === 'number')) {
    return [span(low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY), span('i', 'j')];
  }
  if (bounds.length > 0 && bounds.every((each) => typeof each === 'string' && each.startsWith('s'))) {
    return [span(textEnd(low) ?? 's', textEnd(high) ?? 't')];
  }
  return [ALL_KEYS];
}

/** Undefined for a text from which on keys and texts may lie in another order: by UTF-16 code units, and by characters. */
function textEnd(key: IndexKey | undefined): IndexKey | undefined {
  return /[\ud800-\uffff]/.test(`${key}`) ? undefined : key;
}

export function spanOfPrefix(prefix: string): KeySpan {
  const low = `s${prefix}`;
  return { low, holds: (key) => typeof key === 'string' && key.startsWith(low) };
}

/** The keys that lie in the spans, of all in order. */
export function keysIn(keys: readonly IndexKey[], spans: readonly KeySpan[]): IndexKey[] {
  const found: IndexKey[] = [];
  for (const { low, holds } of spans) {
    for (let i = low === undefined ? 0 : firstFrom(keys, low); i < keys.length; i++) {
      const key = keys[i] as IndexKey;
      if (!holds(key)) break;
      found.push(key);
    }
  }
  return found;
}

/** Opens the cursor at its first use, so that making one never throws. */
export function lazily(open: () => OrdinalCursor): OrdinalCursor {
  let cursor: OrdinalCursor | undefined;
  return {
    next: (into, at, limit) => {
      cursor ??= open();
      return cursor.next(into, at, limit);
    },
  };
}

/**
 * The candidates that are kept, each once: it may be in a list twice, having left that value and come back to it.
 * @param kept whether `keep` takes a node from one list at most
 */
export function candidates(
  lists: readonly (Candidates | undefined)[],
  kept: 'in any' | 'each node in one list',
  keep: (node: number, list: number) => boolean,
): OrdinalCursor {
  let at = 0;
  let index = 0;
  const isAlone = kept === 'each node in one list' || lists.length === 1;
  let seen = isAlone ? undefined : new Set<number>();
  return {
    next: (into, start, limit) => {
      let count = 0;
      for (; at < lists.length && count < limit; at++, index = 0) {
        const list = lists[at];
        if (list === undefined) continue;
        const length = candidateCount(list);
        if (isAlone && index === 0) seen = length > 1 ? new Set() : undefined;
        for (; index < length && count < limit; index++) {
          const node = candidateAt(list, index);
          if (seen?.has(node) === true || !keep(node, at)) continue;
          seen?.add(node);
          into[start + count++] = node;
        }
        if (index < length) break;
      }
      return count;
    },
  };
}

function keyOf(value: Value | undefined): IndexKey | undefined {
  return value === undefined ? undefined : indexKey(value);
}

export function sameKey(
  held: Value | undefined,
  wanted: Value,
  isEqual: (held: Value, wanted: Value) => boolean,
): boolean {
  if (held === undefined) return false;
  // A list that holds null does not equal itself.
  if (held === wanted && typeof held !== 'object') return true;
  const key = indexKey(held);
  return key === indexKey(wanted) && (key !== 'other' || isEqual(held, wanted));
}

/** Keys that follow each other in order. */
export interface KeySpan {
  /** None of them is before; undefined if they are the first of all. */
  readonly low: IndexKey | undefined;
  /** Whether a key that is not before `low` is one of them. */
  holds(key: IndexKey): boolean;
}

const ALL_KEYS: KeySpan = { low: undefined, holds: () => true };

/** Both ends included. */
function span(low: IndexKey, high: IndexKey): KeySpan {
  // Between infinity and itself there is no number.
  return { low, holds: (key) => !(compareKeys(key, high) > 0) };
}

/** Index of the first key that is not before `low`. */
function firstFrom(keys: readonly IndexKey[], low: IndexKey): number {
  let from = 0;
  let to = keys.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (compareKeys(keys[middle] as IndexKey, low) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
