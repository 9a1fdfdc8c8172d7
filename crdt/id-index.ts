/**
 * Which ordinal stands for which id, by open addressing: a hash lies beside each ordinal, so that a look-up of what is not there
 * reads no id. Whoever chooses ids can foresee the hash; what finds no slot close to its own goes into a `Map`, whose hash
 * nobody foresees.
 */
import { hashText } from '../base/text.ts';

/** Slots that are tried for an id. */
const TRIED_MAX = 32;

export class IdIndex {
  /** By ordinal. */
  readonly #ids: readonly string[];
  /** Pairs of a hash and one more than the ordinal, 0 if free. The length is a power of two. */
  #slots = new Int32Array(128);
  #taken = 0;
  readonly #others = new Map<string, number>();

  constructor(ids: readonly string[]) {
    this.#ids = ids;
  }

  get size(): number {
    return this.#taken + this.#others.size;
  }

  find(id: string): number | undefined {
    const hash = slotHash(id);
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let tried = 0, at = hash << 1; tried < TRIED_MAX; tried++, at += 2) {
      at &= mask;
      const ordinal = (slots[at + 1] as number) - 1;
      if (ordinal < 0) break;
      if (slots[at] === hash && this.#ids[ordinal] === id) return ordinal;
    }
    return this.#others.size === 0 ? undefined : this.#others.get(id);
  }

  /** For an id that `find` does not find. */
  add(id: string, ordinal: number): void {
    if (3 * this.#taken >= this.#slots.length) this.#grow();
    this.#place(slotHash(id), id, ordinal);
  }

  #place(hash: number, id: string, ordinal: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let tried = 0, at = hash << 1; tried < TRIED_MAX; tried++, at += 2) {
      at &= mask;
      if (slots[at + 1] !== 0) continue;
      slots[at] = hash;
      slots[at + 1] = ordinal + 1;
      this.#taken++;
      return;
    }
    this.#others.set(id, ordinal);
  }

  #grow(): void {
    const held = this.#slots;
    this.#slots = new Int32Array(2 * held.length);
    this.#taken = 0;
    for (let at = 0; at < held.length; at += 2) {
      const ordinal = (held[at + 1] as number) - 1;
      if (ordinal >= 0) this.#place(held[at] as number, this.#ids[ordinal] as string, ordinal);
    }
  }

  /** Frees the slot of an id, and moves up those behind it that would not be found beyond a free one. */
  remove(id: string, ordinal: number): void {
    if (this.#others.delete(id)) return;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let free = (slotHash(id) << 1) & mask;
    while (slots[free + 1] !== ordinal + 1) free = (free + 2) & mask;
    for (let at = (free + 2) & mask; slots[at + 1] !== 0; at = (at + 2) & mask) {
      const wanted = (slots[at] as number) << 1;
      if (((at - wanted) & mask) < ((at - free) & mask)) continue;
      slots[free] = slots[at] as number;
      slots[free + 1] = slots[at + 1] as number;
      free = at;
    }
    slots[free + 1] = 0;
    this.#taken--;
  }
}

/** Its last bits are spread also where ids of one hash partition, whose hashes end alike, are alone. */
export function slotHash(id: string): number {
  const hash = hashText(id);
  return hash ^ (hash >>> 16);
}
