/** Reading and writing of binary records: unsigned varints up to 2^53, 32-bit words, texts and byte strings. */

/** A text whose length is one byte, and that is written character by character. */
const SHORT_CHARS = 32;

/** Appends fields to a buffer that grows. Several records may share one, each begun when the one before it is finished. */
export class ByteWriter {
  #bytes: Buffer;
  #start = 0;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  /** A non-negative safe integer, 7 bits a byte, lowest first. */
  uint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  word(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
    return this;
  }

  /** Exactly these bytes; the reader must know how many. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    return this.uint(bytes.length).raw(bytes);
  }

  text(text: string): this {
    if (text.length <= SHORT_CHARS && this.#ascii(text)) return this;
    this.uint(Buffer.byteLength(text));
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
    return this;
  }

  /** A loop, because calls out of JavaScript take longer for a short text. False if it is not of ASCII alone. */
  #ascii(text: string): boolean {
    this.#reserve(1 + text.length);
    let at = this.#length;
    this.#bytes[at++] = text.length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      this.#bytes[at++] = unit;
    }
    this.#length = at;
    return true;
  }

  get capacityBytes(): number {
    return this.#bytes.length;
  }

  /** Begins anew in the same buffer: nobody may look at what was written before. */
  clear(): this {
    this.#length = 0;
    return this.begin();
  }

  /** The next record begins here: what was finished before stays as it is. */
  begin(): this {
    this.#start = this.#length;
    return this;
  }

  /** What was written of this record so far; a view, valid until the next write to it. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#start, this.#length);
  }

  /** A larger buffer holds this record; those before it keep the one that they are in. */
  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const length = this.#length - this.#start;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, length + bytes));
    this.#bytes.copy(larger, 0, this.#start, this.#length);
    this.#bytes = larger;
    this.#start = 0;
    this.#length = length;
  }
}

/** Reads what a `ByteWriter` wrote. Callers verify a checksum first, so running out of bytes is a bug: RangeError. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  word(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  raw(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('a record ends early');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  bytes(): Buffer {
    return this.raw(this.uint());
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  rest(): Buffer {
    return this.raw(this.#bytes.length - this.#at);
  }
}

/** The same bytes as `Buffer` or `Uint8Array`, without a copy. */
export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
export const asUint8Array = (bytes: Buffer): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
