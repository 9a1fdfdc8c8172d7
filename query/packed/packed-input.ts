/** A property of the nodes of a batch, taken from the packed columns of the graph all at once. */
import type { Batch } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { NodeProperty } from '../expressions/node-property.ts';
import type { PackedValues } from '../functions/aggregates.ts';

/** The numbers of a batch, after `take`. */
export class PackedInput implements PackedValues {
  readonly #run: Run;
  readonly #property: NodeProperty;
  numbers = new Float64Array(0);
  size = 0;
  kind: PackedValues['kind'] = 'integer';
  onlySum = false;
  sum = 0;

  constructor(run: Run, property: NodeProperty) {
    this.#run = run;
    this.#property = property;
  }

  /**
   * Takes the numbers of all rows; false, and nothing is taken, if one of them is null or not a number that is known, or if
   * they may be of both kinds and must not.
   * @param sumAfter rows before which are summed up with these, if no more than the sum is asked for
   */
  take(
    batch: Batch,
    { mayMix, sumAfter }: { readonly mayMix: boolean; readonly sumAfter: number | undefined },
  ): boolean {
    const packed = this.#run.nodeColumn(this.#property.column).numbers();
    if (packed === undefined || (packed.kind === 'mixed' && !mayMix)) return false;
    const { size } = batch;
    const nodes = batch.columns[this.#property.slot] as Int32Array;
    this.size = size;
    this.kind = packed.kind;
    // Only sums that a double holds are the same in any order.
    const isExact = packed.kind === 'integer' && packed.greatest * ((sumAfter ?? 0) + size) <= Number.MAX_SAFE_INTEGER;
    this.onlySum = sumAfter !== undefined && isExact;
    if (this.onlySum) this.sum = sumOf(nodes, packed.values, size);
    else {
      if (this.numbers.length < size) this.numbers = new Float64Array(Math.max(size, batch.capacity));
      this.sum = gather(nodes, packed.values, this.numbers, size);
    }
    return !Number.isNaN(this.sum);
  }
}

/**
 * Writes the number of each row, and returns their sum: NaN if one of them is, or undefined, as that of no node (-1). Two rows
 * at a time, since each addition waits for the one before.
 */
function gather(nodes: Int32Array, values: Float64Array, into: Float64Array, size: number): number {
  let sum = 0;
  let row = 0;
  for (; row + 1 < size; row += 2) {
    const value = values[nodes[row] as number] as number;
    const next = values[nodes[row + 1] as number] as number;
    into[row] = value;
    into[row + 1] = next;
    sum += value + next;
  }
  if (row < size) {
    const value = values[nodes[row] as number] as number;
    into[row] = value;
    sum += value;
  }
  return sum;
}

function sumOf(nodes: Int32Array, values: Float64Array, size: number): number {
  let sum = 0;
  let row = 0;
  for (; row + 1 < size; row += 2) {
    sum += (values[nodes[row] as number] as number) + (values[nodes[row + 1] as number] as number);
  }
  return row < size ? sum + (values[nodes[row] as number] as number) : sum;
}
