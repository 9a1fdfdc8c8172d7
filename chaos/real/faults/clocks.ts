/** Wall clocks that are wrong. A server that was started with `--chaos` shifts its own. */
import type { RealFault } from './real-fault.ts';

/** Within what servers accept of each other. */
const OFFSET_MS = 20_000;

export const CLOCK_FAULTS: readonly RealFault[] = [
  {
    name: 'clock-skew',
    about: 'the clock of a server is wrong, ahead or behind, and jumps back',
    async inject({ cluster, target, random, option }) {
      const beganMs = cluster.world.nowMs();
      const offsetMs = option('offsetMs', OFFSET_MS) * (random.chance(0.5) ? 1 : -1);
      const { status } = await cluster.ask(target, 'PUT', '/v1/chaos/clock', { offsetMs });
      return {
        what: `clock of ${target} off by ${offsetMs} ms`,
        beganMs,
        servers: Math.abs(offsetMs) > OFFSET_MS ? [target] : [],
        async mend() {
          await cluster.ask(target, 'PUT', '/v1/chaos/clock', { offsetMs: 0 });
          return status === 200 ? `the server shifted its clock by ${offsetMs} ms` : undefined;
        },
      };
    },
  },
];
