/**
 * Whether records of edges and stubs match, without holding either: for each pair of source and target partition a sum
 * over what the records say, less what the stubs say. Where both match the sum is 0; where it is not, or where somebody saw
 * something that needs both partitions to be judged, the pair is to be looked at in detail. A fixed table, so pairs of very
 * large graphs share sums, which costs a look and hides nothing. Damage goes unseen with a chance of one in four billion.
 */
import { hashText } from '../base/text.ts';
import type { Ends } from './registers.ts';

/** A power of two. Up to 256 partitions every pair has a sum of its own, or nearly. */
const SUMS = 1 << 16;

export class PairSums {
  readonly #sums = new Int32Array(SUMS);
  readonly #flags = new Uint8Array(SUMS);
  readonly #hashes = new Map<string, number>();

  #at(source: string, target: string): number {
    return (Math.imul(this.#hash(source), 31) ^ this.#hash(target)) & (SUMS - 1);
  }

  #hash(partition: string): number {
    let hash = this.#hashes.get(partition);
    if (hash === undefined) {
      if (this.#hashes.size >= SUMS) this.#hashes.clear();
      hash = hashText(partition);
      this.#hashes.set(partition, hash);
    }
    return hash;
  }

  record(source: string, target: string, id: string, ends: Ends): void {
    const at = this.#at(source, target);
    this.#sums[at] = ((this.#sums[at] as number) + sumOf(id, ends)) | 0;
  }

  stub(source: string, target: string, id: string, ends: Ends): void {
    const at = this.#at(source, target);
    this.#sums[at] = ((this.#sums[at] as number) - sumOf(id, ends)) | 0;
  }

  /** Asks for a look at a pair. */
  flag(source: string, target: string): void {
    this.#flags[this.#at(source, target)] = 1;
  }

  isSound(source: string, target: string): boolean {
    const at = this.#at(source, target);
    return this.#sums[at] === 0 && this.#flags[at] === 0;
  }
}

function sumOf(id: string, { type, from, to }: Ends): number {
  return hashText(JSON.stringify([id, type, from, to])) | 0;
}
