/**
 * What a run with real processes takes from the machine: its clock, its timers, and random numbers of one seed, so that a
 * run makes the same choices again, though never the same history.
 */
import type { Env } from '../../base/env.ts';
import { SeededRandom } from '../../base/seeded-random.ts';

export class World {
  readonly env: Env;
  readonly seed: number;
  readonly #startedMs: number;

  constructor(env: Env, seed: number) {
    this.env = env;
    this.seed = seed;
    this.#startedMs = env.clock.monotonicMs();
  }

  /** Milliseconds since the run began. */
  nowMs(): number {
    return Math.round((this.env.clock.monotonicMs() - this.#startedMs) * 1_000) / 1_000;
  }

  /** Numbers of their own for each purpose, so that one client does not change what another one does. */
  random(purpose: string): SeededRandom {
    let mixed = this.seed;
    for (let i = 0; i < purpose.length; i++) mixed = (Math.imul(mixed, 31) + purpose.charCodeAt(i)) >>> 0;
    return new SeededRandom(mixed);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.env.scheduler.after(ms, resolve);
    });
  }

  /** Looks until the condition holds. False if it does not in time. */
  async until(limitMs: number, condition: () => Promise<boolean> | boolean, lookMs = 100): Promise<boolean> {
    const endMs = this.nowMs() + limitMs;
    for (;;) {
      if (await condition()) return true;
      if (this.nowMs() >= endMs) return false;
      await this.sleep(lookMs);
    }
  }
}
