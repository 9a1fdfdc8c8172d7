/**
 * Loops over what nodes have, for conditions. They have no branch that depends on a value, since which rows are kept is what a
 * processor cannot guess; and take two rows at a time, since each addition waits for the one before. All answer -1 if a value
 * is not known: a sum is NaN if one of its numbers is, or undefined, as that of no node (-1). Each is written out, since what
 * a loop is handed (what to compare, what to write) would be a call for each row.
 */

/** What each node has, and what that must lie within. */
export interface Within {
  /** By ordinal. NaN where it is not known. */
  readonly values: Float64Array;
  /** Both ends included. */
  readonly range: readonly [low: number, high: number];
}

function isWithin(value: number, low: number, high: number): number {
  return Number(value >= low) & Number(value <= high);
}

/** How many of the first `size` rows are within. */
export function countWithin(nodes: Int32Array, { values, range: [low, high] }: Within, size: number): number {
  if (high === Number.POSITIVE_INFINITY) return countFrom(nodes, values, low, size);
  let count = 0;
  let sum = 0;
  let row = 0;
  for (; row + 1 < size; row += 2) {
    const node = nodes[row] as number;
    const next = nodes[row + 1] as number;
    const value = values[node] as number;
    const nextValue = values[next] as number;
    count = (count + isWithin(value, low, high) + isWithin(nextValue, low, high)) | 0;
    sum += value + nextValue;
  }
  if (row < size) {
    const node = nodes[row] as number;
    const value = values[node] as number;
    count += isWithin(value, low, high);
    sum += value;
  }
  return Number.isNaN(sum) ? -1 : count;
}

/** Writes the numbers of those rows to `into`, and returns how many. */
export function rowsWithin(
  nodes: Int32Array,
  { values, range: [low, high] }: Within,
  size: number,
  into: Int32Array,
): number {
  let count = 0;
  let sum = 0;
  let row = 0;
  for (; row + 1 < size; row += 2) {
    const node = nodes[row] as number;
    const next = nodes[row + 1] as number;
    const value = values[node] as number;
    const nextValue = values[next] as number;
    into[count] = row;
    count = (count + isWithin(value, low, high)) | 0;
    into[count] = row + 1;
    count = (count + isWithin(nextValue, low, high)) | 0;
    sum += value + nextValue;
  }
  if (row < size) {
    const node = nodes[row] as number;
    const value = values[node] as number;
    into[count] = row;
    count += isWithin(value, low, high);
    sum += value;
  }
  return Number.isNaN(sum) ? -1 : count;
}

/** The same with the nodes of those rows. */
export function nodesWithin(
  nodes: Int32Array,
  { values, range: [low, high] }: Within,
  size: number,
  into: Int32Array,
): number {
  if (high === Number.POSITIVE_INFINITY) return nodesFrom(nodes, values, low, size, into);
  let count = 0;
  let sum = 0;
  let row = 0;
  for (; row + 1 < size; row += 2) {
    const node = nodes[row] as number;
    const next = nodes[row + 1] as number;
    const value = values[node] as number;
    const nextValue = values[next] as number;
    into[count] = node;
    count = (count + isWithin(value, low, high)) | 0;
    into[count] = next;
    count = (count + isWithin(nextValue, low, high)) | 0;
    sum += value + nextValue;
  }
  if (row < size) {
    const node = nodes[row] as number;
    const value = values[node] as number;
    into[count] = node;
    count += isWithin(value, low, high);
    sum += value;
  }
  return Number.isNaN(sum) ? -1 : count;
}

/** As `rowsWithin`, of the first `count` rows that `from` lists. */
export function rowsWithinAmong(
  nodes: Int32Array,
  { values, range: [low, high] }: Within,
  from: Int32Array,
  count: number,
  into: Int32Array,
): number {
  let kept = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const row = from[i] as number;
    const value = values[nodes[row] as number] as number;
    into[kept] = row;
    kept = (kept + isWithin(value, low, high)) | 0;
    sum += value;
  }
  return Number.isNaN(sum) ? -1 : kept;
}

/** As `countWithin`, without an upper end: a comparison less for each row. */
function countFrom(nodes: Int32Array, values: Float64Array, low: number, size: number): number {
  let count = 0;
  let sum = 0;
  let row = 0;
  for (; row + 1 < size; row += 2) {
    const node = nodes[row] as number;
    const next = nodes[row + 1] as number;
    const value = values[node] as number;
    const nextValue = values[next] as number;
    count = (count + Number(value >= low) + Number(nextValue >= low)) | 0;
    sum += value + nextValue;
  }
  if (row < size) {
    const node = nodes[row] as number;
    const value = values[node] as number;
    count += Number(value >= low);
    sum += value;
  }
  return Number.isNaN(sum) ? -1 : count;
}

/** As `nodesWithin`, without an upper end. */
function nodesFrom(nodes: Int32Array, values: Float64Array, low: number, size: number, into: Int32Array): number {
  let count = 0;
  let sum = 0;
  let row = 0;
  for (; row + 1 < size; row += 2) {
    const node = nodes[row] as number;
    const next = nodes[row + 1] as number;
    const value = values[node] as number;
    const nextValue = values[next] as number;
    into[count] = node;
    count = (count + Number(value >= low)) | 0;
    into[count] = next;
    count = (count + Number(nextValue >= low)) | 0;
    sum += value + nextValue;
  }
  if (row < size) {
    const node = nodes[row] as number;
    const value = values[node] as number;
    into[count] = node;
    count += Number(value >= low);
    sum += value;
  }
  return Number.isNaN(sum) ? -1 : count;
}
