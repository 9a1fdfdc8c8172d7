/** The world of an engine under test: the machine's clock and timers, a seeded generator, only errors in the log. */
import type { Env, Random } from '../base/env.ts';
import { buildEnv } from '../bin/env.ts';

/** Mulberry32: fast, and the same in every run. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    uint32: () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return (mixed ^ (mixed >>> 14)) >>> 0;
    },
  };
}

export function benchEnv(seed = 1): Env {
  return { ...buildEnv('error'), random: seededRandom(seed) };
}
