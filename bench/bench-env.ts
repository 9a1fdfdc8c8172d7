/** The world of an engine under test: the machine's clock and timers, a seeded generator, only errors in the log. */
import type { Env } from '../base/env.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import { buildEnv } from '../bin/env.ts';

export function benchEnv(seed = 1): Env {
  return { ...buildEnv('error'), random: new SeededRandom(seed) };
}
