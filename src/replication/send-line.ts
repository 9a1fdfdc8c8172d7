/** What was given to a connection and is not on the network yet: how much it is, and whether what was given at some moment has left. */
import type { Connection } from './transport.ts';

/** What a WebSocket puts around a frame, at most; `bufferedBytes` may or may not count it. */
const FRAME_OVERHEAD_BYTES = 14;

export class SendLine {
  readonly #connection: Pick<Connection, 'send' | 'bufferedBytes'>;
  #commitsEnd = 0;
  /** The end of all that was given so far, as a position. */
  end = 0;

  constructor(connection: Pick<Connection, 'send' | 'bufferedBytes'>) {
    this.#connection = connection;
  }

  put(frame: Uint8Array): void {
    this.end += frame.length + FRAME_OVERHEAD_BYTES;
    this.#connection.send(frame);
  }

  /** What was put last ends with commits. */
  markCommits(): void {
    this.#commitsEnd = this.end;
  }

  get waitingBytes(): number {
    return this.#connection.bufferedBytes;
  }

  /** Frames leave in order, so no more waits than was given after that position. */
  hasLeft(end: number): boolean {
    return this.#connection.bufferedBytes <= this.end - end;
  }

  /** Commits wait. */
  get holdsCommits(): boolean {
    return !this.hasLeft(this.#commitsEnd);
  }
}
