/**
 * Numbers of groups for a batch that is grouped by one property of its nodes, without a look-up in a map for each row:
 * texts have codes, and whole numbers that are small are codes themselves.
 */
import type { Batch } from '../execution/batch.ts';
import type { Run } from '../execution/run.ts';
import type { NodeProperty } from '../expressions/node-property.ts';
import type { RuntimeValue } from '../values/runtime-value.ts';

/** Integers up to which each has an entry of a table, if there are about as many nodes. */
const INTEGER_MAX = 2 ** 21;
const INTEGERS_PER_NODE = 4;

export class PackedGroups {
  readonly #run: Run;
  readonly #property: NodeProperty;
  /** By row, after `take`. */
  codes = new Int32Array(0);
  #texts: readonly string[] | undefined;
  /** Number of the group and 1, by code; 0 where it is not known. */
  #groupOf = new Int32Array(0);
  /** Groups that have a code. */
  learned = 0;

  constructor(run: Run, property: NodeProperty) {
    this.#run = run;
    this.#property = property;
  }

  /** Another run begins: no group is known. */
  clear(): void {
    this.#groupOf = new Int32Array(0);
    this.learned = 0;
    this.#texts = undefined;
  }

  /** Takes the codes of all rows; false if there is one that has none. */
  take(batch: Batch): boolean {
    const { size } = batch;
    if (this.codes.length < size) this.codes = new Int32Array(Math.max(size, batch.capacity));
    const nodes = batch.columns[this.#property.slot] as Int32Array;
    const column = this.#run.nodeColumn(this.#property.column);
    const texts = column.texts();
    if (texts !== undefined && textCodes(nodes, texts.codes, this.codes, size)) {
      this.#use(texts.texts);
      this.#reserve(texts.texts.length);
      return true;
    }
    const numbers = column.numbers();
    if (numbers?.kind !== 'integer') return false;
    const greatest = integerCodes(nodes, numbers.values, this.codes, size);
    if (greatest < 0 || greatest >= Math.min(INTEGER_MAX, INTEGERS_PER_NODE * this.#run.graph.nodeCapacity))
      return false;
    this.#use(undefined);
    this.#reserve(greatest + 1);
    return true;
  }

  /** The group of a row, -1 if its code has not been seen. */
  groupAt(row: number): number {
    return (this.#groupOf[this.codes[row] as number] as number) - 1;
  }

  valueAt(row: number): RuntimeValue {
    const code = this.codes[row] as number;
    return this.#texts === undefined ? code : (this.#texts[code] as string);
  }

  learn(row: number, group: number): void {
    this.#groupOf[this.codes[row] as number] = group + 1;
    this.learned++;
  }

  /** Codes of something else mean something else. */
  #use(texts: readonly string[] | undefined): void {
    if (texts === this.#texts) return;
    this.#texts = texts;
    this.#groupOf.fill(0);
    this.learned = 0;
  }

  #reserve(length: number): void {
    if (length <= this.#groupOf.length) return;
    const grown = new Int32Array(Math.max(length, 2 * this.#groupOf.length, 256));
    grown.set(this.#groupOf);
    this.#groupOf = grown;
  }
}

function textCodes(nodes: Int32Array, codes: Float64Array, into: Int32Array, size: number): boolean {
  for (let row = 0; row < size; row++) {
    const code = codes[nodes[row] as number] as number;
    if (!(code > 0)) return false;
    into[row] = code;
  }
  return true;
}

/** The greatest; -1 if there is one that is no integer of 0 or more. */
function integerCodes(nodes: Int32Array, values: Float64Array, into: Int32Array, size: number): number {
  let greatest = 0;
  for (let row = 0; row < size; row++) {
    const value = values[nodes[row] as number] as number;
    if (!(value >= 0 && value <= INTEGER_MAX)) return -1;
    into[row] = value;
    if (value > greatest) greatest = value;
  }
  return greatest;
}
