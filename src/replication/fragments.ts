/**
 * Messages that a slow line takes longer for than a peer may be silent, or that are larger than a frame may be: a commit of
 * a large batch, say. They travel in fragments of one size, in order, each of them a sign of life; when one is missing the
 * whole message is, which the protocol takes like any lost frame.
 */
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';

/** Bytes of a fragment at least: a line of 256 kbit/s takes four seconds for it. */
export const FRAGMENT_BYTES = 128 * 1024;
/** And at most: with its head well within a frame. */
export const FRAGMENT_BYTES_MAX = 1024 * 1024;
const FRAGMENTS_MAX = Math.ceil(LIMITS.messageBytesMax / FRAGMENT_BYTES_MAX);

export interface Fragment {
  readonly kind: 'fragment';
  /** Counts the fragmented messages of the sender on this connection. */
  readonly message: number;
  readonly index: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export function fragmentsOf(message: number, bytes: Uint8Array): Fragment[] {
  const size = Math.max(FRAGMENT_BYTES, Math.ceil(bytes.length / FRAGMENTS_MAX));
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, index) => ({
    kind: 'fragment',
    message,
    index,
    count,
    bytes: bytes.subarray(index * size, (index + 1) * size),
  }));
}

/** Puts the fragments of one connection together, one message at a time. */
export class Assembler {
  #message = 0;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** The beginning of the message of which not all has come. */
  get begun(): Uint8Array | undefined {
    return this.#parts[0];
  }

  /**
   * The whole message, once its last fragment came.
   * @throws WeftError `malformed-request` if it could not be one of ours
   */
  push({ message, index, count, bytes }: Fragment): Uint8Array | undefined {
    if (count < 2 || count > FRAGMENTS_MAX || index >= count || bytes.length > FRAGMENT_BYTES_MAX) {
      throw new WeftError('malformed-request', `bad frame: fragment ${index} of ${count} with ${bytes.length} bytes`);
    }
    if (index === 0) this.#begin(message);
    // Of a message that lost a fragment, or a repetition.
    if (message !== this.#message || index !== this.#parts.length) return undefined;
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (index < count - 1) return undefined;
    const whole = concatenated(this.#parts, this.#bytes);
    this.#begin(0);
    return whole;
  }

  #begin(message: number): void {
    this.#message = message;
    this.#parts = [];
    this.#bytes = 0;
  }
}

export function concatenated(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
