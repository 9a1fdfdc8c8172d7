/**
 * Texts that come again and again in MessagePack, names of fields and statements above all, found by their bytes: that
 * is cheaper than to decode them, and a text that is the same object needs no second hash where it is looked up.
 */

/** A power of two. Two texts that share a slot only cost each other time. */
const SLOTS = 512;
/** A longer one is decoded every time; it bounds what is held. */
const BYTES_MAX = 512;

interface Known {
  readonly bytes: Uint8Array;
  readonly text: string;
}

export class RecentTexts {
  readonly #known = new Array<Known | undefined>(SLOTS).fill(undefined);
  /** Of each slot, the hash of what was last looked for in vain: only what comes twice is kept. */
  readonly #missed = new Int32Array(SLOTS);

  /**
   * The text of these bytes.
   * @param decode is asked for a text that is not known
   */
  text(bytes: Uint8Array, start: number, end: number, decode: (start: number, end: number) => string): string {
    if (end - start > BYTES_MAX) return decode(start, end);
    let hash = end - start;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#known[slot];
    if (known !== undefined && isSame(known.bytes, bytes, start, end)) return known.text;
    const text = decode(start, end);
    if (this.#missed[slot] === hash) this.#known[slot] = { bytes: copied(bytes, start, end), text };
    else this.#missed[slot] = hash;
    return text;
  }
}

/** A `Buffer` has a `slice` of its own, which copies nothing: its bytes belong to a socket that goes on reading. */
function copied(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, start, end);
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
