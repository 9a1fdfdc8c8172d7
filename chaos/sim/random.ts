/**
 * The random numbers of a run. A fork is a stream of its own, named by a label, so that a part of the simulation that
 * draws more than before does not change what all others draw.
 */
import { SeededRandom } from '../../base/seeded-random.ts';
import { hashText } from '../../base/text.ts';

export class SimRandom extends SeededRandom {
  readonly #seed: number;

  constructor(seed: number) {
    super(seed);
    this.#seed = seed >>> 0;
  }

  /** Depends on the seed and the label alone, not on what was drawn. */
  fork(label: string): SimRandom {
    return new SimRandom(hashText(`${this.#seed}/${label}`));
  }

  /** A uniform number in [from, to). */
  between(from: number, to: number): number {
    return from + (this.uint32() / 2 ** 32) * (to - from);
  }

  /** Exponentially distributed: the gaps of events that come at random, `mean` apart. */
  gap(mean: number): number {
    return -Math.log(1 - this.uint32() / 2 ** 32) * mean;
  }
}
