/**
 * When a round of commits or of decisions begins. It costs nearly the same for one request as for a hundred (threads and servers
 * are woken, the disk is waited for), and those whom the last one answered mostly ask again at once: so it waits for them, for a
 * part of the time that it takes anyway, or for the shortest time that a timer knows where a round takes less. Without that, the
 * halves of a crowd of clients would take turns for ever, in rounds half as large. Clients that do something else first are not
 * waited for again and again.
 */
import type { Env } from '../../base/env.ts';
import * as LIMITS from '../../base/limits.ts';

/** A wait was in vain if more than this part of those who were missed then is missed still. */
const VAIN_SHARE = 1 / 3;
/** Rounds that begin at once after waits in vain, at most. */
const PAUSE_MAX = 7;

export class RoundGathering {
  readonly #env: Env;
  readonly #waiting: () => number;
  #begunMs = 0;
  #lastMs = 0;
  /** Requests that the last round answered or left waiting; zero if it changed nothing. */
  #expected = 0;
  /** Rounds that begin at once after a wait in vain, more with each in a row; and how many of them are left. */
  #pause = 0;
  #pauseLeft = 0;
  #end: (() => void) | undefined;

  /** @param waiting how many requests wait */
  constructor(env: Env, waiting: () => number) {
    this.#env = env;
    this.#waiting = waiting;
  }

  /** Resolves when a round should begin. A few clients never wait for each other. */
  async whenGathered(): Promise<void> {
    const missed = this.#missed();
    const isCrowd = this.#expected >= LIMITS.gatherMin && missed > 0 && this.#lastMs > 0;
    if (isCrowd && this.#pauseLeft > 0) {
      this.#pauseLeft--;
    } else if (isCrowd) {
      await this.#gather();
      const isVain = this.#missed() > missed * VAIN_SHARE;
      this.#pause = isVain ? Math.min(2 * this.#pause + 1, PAUSE_MAX) : 0;
      this.#pauseLeft = this.#pause;
    }
    this.#expected = 0;
    this.#begunMs = this.#env.clock.monotonicMs();
  }

  /** How many of those who are expected do not wait yet. */
  #missed(): number {
    return this.#expected - this.#waiting();
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
    if (this.#missed() <= 0) this.stop();
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
