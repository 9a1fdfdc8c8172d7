/** Frames that wait, first in, first out, and how many bytes they are. */
export class ByteQueue {
  #frames: Uint8Array[] = [];
  /** Those before it were taken. */
  #first = 0;
  bytes = 0;

  push(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.bytes += frame.length;
  }

  shift(): Uint8Array | undefined {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return undefined;
    this.bytes -= frame.length;
    // Whole lists at a time, so that each costs the same however many wait.
    if (++this.#first * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
    return frame;
  }
}
