/** Writes the encoding of `lib0` that `ByteReader` reads. */
import { toUtf8 } from '../base/text.ts';

const UNIT = 128;

export class ByteWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  byte(byte: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = byte;
    return this;
  }

  /** @param value a safe integer that is not negative */
  varUint(value: number): this {
    let rest = value;
    while (rest >= UNIT) {
      this.byte((rest % UNIT) + UNIT);
      rest = Math.floor(rest / UNIT);
    }
    return this.byte(rest);
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Bytes after their number. */
  bytes(bytes: Uint8Array): this {
    return this.varUint(bytes.length).raw(bytes);
  }

  /** Text in UTF-8 after its length in bytes. */
  text(text: string): this {
    return this.bytes(toUtf8(text));
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
