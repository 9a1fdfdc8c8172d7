/**
 * Nodes of one label by the value of one property, over the open partitions of a view. An entry is made whenever a node
 * gets a value and is never taken away, so whoever seeks checks the node itself; `PropertyIndexes` fills it anew once most of it is stale.
 * Keys are equal for values that queries take for equal: numbers by size, whatever their kind.
 */
import { compareText } from '../base/order.ts';
import { getOwn } from '../base/record.ts';
import { Float, type Properties, type Value } from '../graph/value.ts';
import { Int32List } from './columns.ts';

export type IndexKey = string | number;

/** Nodes that may have a value. Mostly there is one, which stands for itself: a list of one would cost 150 bytes a value. */
export type Candidates = number | Int32List;

export function candidateCount(found: Candidates): number {
  return typeof found === 'number' ? 1 : found.length;
}

/** Each of them once. */
export function distinctCandidates(found: Candidates | undefined): Set<number> {
  if (typeof found === 'object') return new Set(found.items());
  return new Set(found === undefined ? [] : [found]);
}

export function candidateAt(found: Candidates, index: number): number {
  return typeof found === 'number' ? found : found.at(index);
}

/** Undefined for values that equal nothing: null, NaN. */
export function indexKey(value: Value): IndexKey | undefined {
  switch (typeof value) {
    case 'string':
      return `s${value}`;
    case 'number':
      return Number.isNaN(value) ? undefined : value;
    case 'bigint': {
      const near = Number(value);
      return BigInt(near) === value ? near : `i${value}`;
    }
    case 'boolean':
      return value ? 'true' : 'false';
  }
  if (value === null) return undefined;
  if (value instanceof Float) return value.value === 0 ? 0 : value.value;
  // Everything else shares one key: rare, and whoever seeks checks the node.
  return 'other';
}

export class PropertyIndex {
  readonly label: string;
  readonly property: string;
  #byKey = new Map<IndexKey, Candidates>();
  #entries = 0;
  /** Keys in order, numbers before text; undefined while it must be made again. */
  #sorted: readonly IndexKey[] | undefined;

  constructor(label: string, property: string) {
    this.label = label;
    this.property = property;
  }

  get entries(): number {
    return this.#entries;
  }

  get distinctKeys(): number {
    return this.#byKey.size;
  }

  note(properties: Properties, node: number): void {
    const value = getOwn(properties, this.property);
    const key = value === undefined ? undefined : indexKey(value);
    if (key === undefined) return;
    const known = this.#byKey.get(key);
    if (known === undefined) {
      this.#byKey.set(key, node);
      this.#sorted = undefined;
    } else if (typeof known === 'number') {
      if (known === node) return;
      const list = new Int32List();
      list.push(known);
      list.push(node);
      this.#byKey.set(key, list);
    } else {
      // A node is mostly noted again right after it was.
      if (known.at(known.length - 1) === node) return;
      known.push(node);
    }
    this.#entries++;
  }

  clear(): void {
    this.#byKey = new Map();
    this.#sorted = undefined;
    this.#entries = 0;
  }

  /** Candidates, possibly more than once; of another value or gone, too. */
  find(key: IndexKey): Candidates | undefined {
    return this.#byKey.get(key);
  }

  /** All keys with their candidates, in no order. */
  entriesByKey(): IterableIterator<[IndexKey, Candidates]> {
    return this.#byKey.entries();
  }

  /** Keys in order: numbers by size, then text. */
  keys(): readonly IndexKey[] {
    this.#sorted ??= Array.from(this.#byKey.keys()).sort(compareKeys);
    return this.#sorted;
  }
}

export function compareKeys(a: IndexKey, b: IndexKey): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : compareText(a, b);
}
