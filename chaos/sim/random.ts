/**
 * Random numbers that a seed replays (mulberry32). A fork is a stream of its own, named by a label, so that a part of
 * the simulation that draws more than before does not change what all others draw.
 */
import type { Random } from '../../base/env.ts';
import { hashText } from '../../base/text.ts';

export class SimRandom implements Random {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /** Depends on the seed and the label alone, not on what was drawn. */
  fork(label: string): SimRandom {
    return new SimRandom(hashText(`${this.#seed}/${label}`));
  }

  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A uniform integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.uint32() % limit;
  }

  /** A uniform number in [from, to). */
  between(from: number, to: number): number {
    return from + (this.uint32() / 2 ** 32) * (to - from);
  }

  /** Exponentially distributed: the gaps of events that come at random, `mean` apart. */
  gap(mean: number): number {
    return -Math.log(1 - this.uint32() / 2 ** 32) * mean;
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Some of the items, each with the same probability, in order. */
  some<T>(items: readonly T[], probability = 0.5): T[] {
    return items.filter(() => this.chance(probability));
  }

  shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }
}
