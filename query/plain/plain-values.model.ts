/**
 * Values as the rules of openCypher speak of them, written once more without a look at `values/`: an Integer is a bigint, a
 * Float a number, a map a Map, an element an object. Equality (three-valued), order and sameness each follow the text of
 * the language, and nothing is done to be quick.
 */

export class PlainNode {
  readonly id: string;
  /** Place in the order of nodes. */
  readonly place: number;
  readonly labels: Set<string>;
  readonly properties: Map<string, Plain>;
  constructor(id: string, place: number, labels: Iterable<string>, properties: Iterable<readonly [string, Plain]>) {
    this.id = id;
    this.place = place;
    this.labels = new Set(labels);
    this.properties = new Map(properties);
  }
}

export class PlainEdge {
  readonly id: string;
  readonly place: number;
  readonly type: string;
  readonly from: PlainNode;
  readonly to: PlainNode;
  readonly properties: Map<string, Plain>;
  constructor(
    { id, place, type }: { readonly id: string; readonly place: number; readonly type: string },
    { from, to }: { readonly from: PlainNode; readonly to: PlainNode },
    properties: Iterable<readonly [string, Plain]>,
  ) {
    this.id = id;
    this.place = place;
    this.type = type;
    this.from = from;
    this.to = to;
    this.properties = new Map(properties);
  }
}

/** A node, then an edge and a node for each step. */
export class PlainPath {
  readonly elements: readonly (PlainNode | PlainEdge)[];
  constructor(elements: readonly (PlainNode | PlainEdge)[]) {
    this.elements = elements;
  }

  get nodes(): readonly PlainNode[] {
    return this.elements.filter((each) => each instanceof PlainNode);
  }

  get edges(): readonly PlainEdge[] {
    return this.elements.filter((each) => each instanceof PlainEdge);
  }
}

export type Plain =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly Plain[]
  | PlainNode
  | PlainEdge
  | PlainPath
  | ReadonlyMap<string, Plain>;

/** What a statement names by variables. */
export type Row = ReadonlyMap<string, Plain>;

/** The language says that this is an error when it runs. */
export class PlainError extends Error {}

/** The model knows nothing of this. */
export class NotModelled extends Error {}

/** Null is "unknown". */
export type Truth = boolean | null;

export function isPlainList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

export function isPlainMap(value: Plain): value is ReadonlyMap<string, Plain> {
  return value instanceof Map;
}

export function isPlainNumber(value: Plain): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

/** `=`: unknown if a null decides. */
export function plainEqual(a: Plain, b: Plain): Truth {
  if (a === null || b === null) return null;
  // biome-ignore lint/suspicious/noDoubleEquals: an Integer equals a Float of the same size
  if (isPlainNumber(a) && isPlainNumber(b)) return a == b;
  if (isPlainList(a) && isPlainList(b)) {
    if (a.length !== b.length) return false;
    return allOf(a.map((each, i) => plainEqual(each, b[i] as Plain)));
  }
  if (a instanceof PlainPath && b instanceof PlainPath) return plainEqual(a.elements, b.elements);
  if (isPlainMap(a) && isPlainMap(b)) {
    if (a.size !== b.size || Array.from(a.keys()).some((key) => !b.has(key))) return false;
    return allOf(Array.from(a, ([key, each]) => plainEqual(each, b.get(key) as Plain)));
  }
  return a === b;
}

export function allOf(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes(null) ? null : true;
}

export function anyOf(truths: readonly Truth[]): Truth {
  return not(allOf(truths.map(not)));
}

export function not(truth: Truth): Truth {
  return truth === null ? null : !truth;
}

/** `<`: unknown of values that have no order among them. */
export function plainLess(a: Plain, b: Plain): Truth {
  if (isPlainNumber(a) && isPlainNumber(b)) return a < b;
  if (typeof a === 'string' && typeof b === 'string') return byCodePoints(a, b) < 0;
  if (typeof a === 'boolean' && typeof b === 'boolean') return !a && b;
  if (isPlainList(a) && isPlainList(b)) {
    for (const [i, x] of a.entries()) {
      if (i === b.length) return false;
      const y = b[i] as Plain;
      const same = plainEqual(x, y);
      if (same === null) return null;
      if (!same) return plainLess(x, y);
    }
    return a.length < b.length;
  }
  return null;
}

function byCodePoints(a: string, b: string): number {
  return inOrder(
    Array.from(a, (each) => each.codePointAt(0) ?? 0),
    Array.from(b, (each) => each.codePointAt(0) ?? 0),
    (x, y) => x - y,
  );
}

function inOrder<T>(a: readonly T[], b: readonly T[], order: (x: T, y: T) => number): number {
  for (const [i, x] of a.entries()) {
    if (i >= b.length) return 1;
    const found = order(x, b[i] as T);
    if (found !== 0) return found;
  }
  return a.length - b.length;
}

const KINDS: readonly ((value: Plain) => boolean)[] = [
  isPlainMap,
  (value) => value instanceof PlainNode,
  (value) => value instanceof PlainEdge,
  isPlainList,
  (value) => value instanceof PlainPath,
  (value) => typeof value === 'string',
  (value) => typeof value === 'boolean',
  (value) => isPlainNumber(value) && !Number.isNaN(value),
  (value) => typeof value === 'number',
  (value) => value === null,
];

/** The order of ORDER BY, min and max, in which every value has its place. */
export function plainOrder(a: Plain, b: Plain): number {
  const kinds = KINDS.findIndex((isOne) => isOne(a)) - KINDS.findIndex((isOne) => isOne(b));
  if (kinds !== 0) return kinds;
  if (a instanceof PlainNode || a instanceof PlainEdge) return a.place - (b as PlainNode).place;
  if (isPlainList(a)) return inOrder(a, b as readonly Plain[], plainOrder);
  // A path has its place as the list of its elements has.
  if (a instanceof PlainPath) return inOrder<Plain>(a.elements, (b as PlainPath).elements, plainOrder);
  if (isPlainMap(a)) {
    const [x, y] = [sortedEntries(a), sortedEntries(b as ReadonlyMap<string, Plain>)];
    const keys = (entries: readonly (readonly [string, Plain])[]) => entries.map(([key]) => key);
    const values = (entries: readonly (readonly [string, Plain])[]) => entries.map(([, value]) => value);
    return inOrder(keys(x), keys(y), byCodePoints) || inOrder(values(x), values(y), plainOrder);
  }
  const less = plainLess(a, b);
  return less === true ? -1 : plainLess(b, a) === true ? 1 : 0;
}

function sortedEntries(map: ReadonlyMap<string, Plain>): (readonly [string, Plain])[] {
  return Array.from(map).sort(([a], [b]) => byCodePoints(a, b));
}

/** What grouping and DISTINCT take for one: as equal values are, and null as null, NaN as NaN. */
export function isSame(a: Plain, b: Plain): boolean {
  return plainOrder(a, b) === 0;
}

export function distinctBy<T>(items: readonly T[], key: (item: T) => readonly Plain[]): T[] {
  const kept: { readonly item: T; readonly values: readonly Plain[] }[] = [];
  for (const item of items) {
    const values = key(item);
    if (!kept.some((each) => isSame(each.values, values))) kept.push({ item, values });
  }
  return kept.map((each) => each.item);
}
