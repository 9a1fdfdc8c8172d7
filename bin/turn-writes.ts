/**
 * What is written to a stream in one turn of the event loop leaves as one system call, and mostly as one packet: a frame each
 * would wake the other side as often, which costs more than the frame.
 */
import type { Writable } from 'node:stream';

export class TurnWrites {
  readonly #stream: Writable;
  #isCorked = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** To be called before each write. Ticks come after all promises that are ready, so whatever they write goes along. */
  gather(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }
}
