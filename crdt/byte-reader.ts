/**
 * Reads the encoding of `lib0`, strictly: never beyond the end of its bytes, and no number that a writer would have
 * written shorter, so that what was read has one representation.
 */
import { fromUtf8 } from '../base/text.ts';

const UNIT = 128;
/** The largest power of 128 by which a digit of a safe integer is multiplied. */
const SCALE_MAX = UNIT ** 7;

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes were read. */
  get at(): number {
    return this.#at;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @throws RangeError at the end */
  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError('it ends too early');
    return byte;
  }

  /** A number of seven bits a byte, least first. @throws RangeError if it is too long or no safe integer */
  varUint(): number {
    let byte = this.byte();
    if (byte < UNIT) return byte;
    let value = 0;
    let scale = 1;
    while (byte >= UNIT) {
      value += (byte - UNIT) * scale;
      if (scale >= SCALE_MAX) throw new RangeError('a number is too large');
      scale *= UNIT;
      byte = this.byte();
    }
    value += byte * scale;
    if (byte === 0) throw new RangeError('a number is longer than it must be');
    if (!Number.isSafeInteger(value)) throw new RangeError('a number is too large');
    return value;
  }

  /** Text in UTF-8 after its length in bytes. @throws RangeError at the end; TypeError if it is not well-formed */
  text(): string {
    return fromUtf8(this.bytes());
  }

  /** A part of the bytes after its length, not copied. @throws RangeError at the end */
  bytes(): Uint8Array {
    const length = this.varUint();
    const start = this.#at;
    const end = start + length;
    if (end > this.#bytes.length) throw new RangeError('a text ends too early');
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }
}
