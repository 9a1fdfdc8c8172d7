/**
 * Splits a stream of bytes into blocks of whole lines. Each byte is copied at most once, however the chunks fall, and
 * a line that is too long is cut instead of gathered: memory is bounded by a chunk and a line.
 */

const NEWLINE = 0x0a;

export class LineBlocks {
  readonly #lineBytesMax: number;
  /** The beginning of a line whose end has not come yet. */
  #open: Buffer[] = [];
  #openBytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** True while the open line is already longer than the limit; the rest of it is being dropped. */
  get isOverlong(): boolean {
    return this.#openBytes > this.#lineBytesMax;
  }

  /** Takes a chunk; returns all lines that end in it as one block, each with its newline, or undefined if none does. */
  push(chunk: Buffer): Buffer | undefined {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#keep(chunk);
      return undefined;
    }
    const block = this.#openBytes === 0 ? chunk.subarray(0, end) : this.#closeLine(chunk, end);
    this.#keep(chunk.subarray(end));
    return block;
  }

  /** The open line with its end in `chunk`, and what follows it up to `end`. */
  #closeLine(chunk: Buffer, end: number): Buffer {
    const newline = chunk.indexOf(NEWLINE);
    this.#keep(chunk.subarray(0, newline));
    const block = Buffer.concat([...this.#open, chunk.subarray(newline, end)]);
    this.#open = [];
    this.#openBytes = 0;
    return block;
  }

  /** The last line, if the stream did not end with a newline. */
  end(): Buffer | undefined {
    const last = this.#openBytes === 0 ? undefined : Buffer.concat(this.#open);
    this.#open = [];
    this.#openBytes = 0;
    return last;
  }

  /** Adds to the open line; of an overlong one, a byte more than the limit is kept to tell that it is. */
  #keep(part: Buffer): void {
    const room = this.#lineBytesMax + 1 - this.#openBytes;
    const kept = part.length > room ? part.subarray(0, room) : part;
    if (kept.length === 0) return;
    this.#open.push(kept);
    this.#openBytes += kept.length;
  }
}
