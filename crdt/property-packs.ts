/**
 * Values of a property packed by ordinal: numbers as they are, texts as codes. An entry says what the value is, or that the
 * column must be asked: nothing was read yet, or it is something else.
 */
import type { PackedNumbers, PackedTexts } from '../graph/query-graph.ts';
import { Float, type Value } from '../graph/value.ts';
import { grown } from './columns.ts';

type Known = readonly (Value | undefined)[];

/** Different texts beyond which codes gain nothing. */
const TEXTS_MAX = 65_536;
/** Estimated bytes of a text in the table and the map of codes. */
const TEXT_BYTES = 100;

export class NumberPack {
  /** NaN where the column must be asked. */
  #values = new Float64Array(0);
  #kind: PackedNumbers['kind'] | undefined;
  /** Of all that ever were, without their signs. */
  #greatest = 0;

  constructor(known: Known) {
    this.#values = reserved(this.#values, known.length);
    for (let node = 0; node < known.length; node++) this.note(node, known[node]);
  }

  note(node: number, value: Value | null | undefined): void {
    const number = value instanceof Float ? value.value : value;
    // NaN says that the column must be asked, which is right for it, too.
    if (typeof number !== 'number' || Number.isNaN(number)) return;
    this.#put(node, number === value && Number.isInteger(number) ? 'integer' : 'float', number);
  }

  #put(node: number, kind: 'integer' | 'float', number: number): void {
    this.#kind ??= kind;
    if (this.#kind !== kind) this.#kind = 'mixed';
    this.#values = reserved(this.#values, node + 1);
    this.#values[node] = number;
    this.#greatest = Math.max(this.#greatest, Math.abs(number));
  }

  forget(node: number): void {
    if (node < this.#values.length) this.#values[node] = Number.NaN;
  }

  /** Undefined if there are no numbers. */
  view(length: number): PackedNumbers | undefined {
    const kind = this.#kind;
    if (kind === undefined) return undefined;
    this.#values = reserved(this.#values, length);
    return { values: this.#values, kind, greatest: this.#greatest };
  }

  get bytes(): number {
    return this.#values.byteLength;
  }
}

export class TextPack {
  /** NaN where the column must be asked. */
  #codes = new Float64Array(0);
  /** Never emptied: who took codes from it goes on to ask what they mean. */
  #texts: string[] = [''];
  readonly #codeOf = new Map<string, number>();
  #tooMany = false;
  readonly #find = (text: string) => this.#codeOf.get(text);

  constructor(known: Known) {
    this.#codes = reserved(this.#codes, known.length);
    for (let node = 0; node < known.length; node++) this.note(node, known[node]);
  }

  note(node: number, value: Value | null | undefined): void {
    if (typeof value !== 'string' || this.#tooMany) return;
    let code = this.#codeOf.get(value);
    if (code === undefined) {
      if (this.#texts.length > TEXTS_MAX) {
        this.#giveUp();
        return;
      }
      code = this.#texts.push(value) - 1;
      this.#codeOf.set(value, code);
    }
    this.#codes = reserved(this.#codes, node + 1);
    this.#codes[node] = code;
  }

  forget(node: number): void {
    if (node < this.#codes.length) this.#codes[node] = Number.NaN;
  }

  /** Undefined if there are no texts, or too many. */
  view(length: number): PackedTexts | undefined {
    if (this.#codeOf.size === 0) return undefined;
    this.#codes = reserved(this.#codes, length);
    return { codes: this.#codes, texts: this.#texts, codeOf: this.#find };
  }

  get bytes(): number {
    return this.#codes.byteLength + this.#texts.length * TEXT_BYTES;
  }

  #giveUp(): void {
    this.#tooMany = true;
    this.#codeOf.clear();
    this.#codes = new Float64Array(0);
    this.#texts = [];
  }
}

/** With room for so many, NaN where nothing was. */
function reserved(values: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  return length <= values.length ? values : grown(values, length).fill(Number.NaN, values.length);
}
