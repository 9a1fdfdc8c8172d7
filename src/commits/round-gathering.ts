/**
 * When a round of commits or of decisions begins. It costs nearly the same for one request as for a hundred (threads and servers
 * are woken, the disk is waited for), and those whom the last one answered mostly ask again at once: so it waits for them, for a
 * part of the time that it takes anyway, or for the shortest time that a timer knows where a round takes less. Without that, the
 * halves of a crowd of clients would take turns for ever, in rounds half as large.
 */
import type { Env } from '../../base/env.ts';
import * as LIMITS from '../../base/limits.ts';

export class RoundGathering {
  readonly #env: Env;
  readonly #waiting: () => number;
  #begunMs = 0;
  #lastMs = 0;
  /** Requests that the last round answered or left waiting; zero if it changed nothing. */
  #expected = 0;
  #end: (() => void) | undefined;

  /** @param waiting how many requests wait */
  constructor(env: Env, waiting: () => number) {
    this.#env = env;
    this.#waiting = waiting;
  }

  /** Resolves when a round should begin. A few clients never wait for each other. */
  async whenGathered(): Promise<void> {
    const isCrowd = this.#expected >= LIMITS.gatherMin && this.#waiting() < this.#expected;
    if (isCrowd && this.#lastMs > 0) await this.#gather();
    this.#expected = 0;
    this.#begunMs = this.#env.clock.monotonicMs();
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#end = undefined;
        timer.cancel();
        resolve();
      };
      const timer = this.#env.scheduler.after(Math.min(this.#lastMs / 2, LIMITS.gatherMsMax), end);
      this.#end = end;
    });
  }

  /** One more waits. */
  noticed(): void {
    if (this.#waiting() >= this.#expected) this.stop();
  }

  /** The round that was gathered last changed something, and has answered so many. */
  answered(requests: number): void {
    this.#lastMs = this.#env.clock.monotonicMs() - this.#begunMs;
    this.#expected = requests + this.#waiting();
  }

  stop(): void {
    this.#end?.();
  }
}
