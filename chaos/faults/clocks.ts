/** Wall clocks that jump and drift. They stay within the drift that servers accept from each other. */
import type { Fault } from './fault.ts';

/** Well below half of `LIMITS.clockDriftMsMax`, since two clocks may be wrong in opposite directions. */
const JUMP_MS = 15_000;

export const clockJump: Fault = {
  name: 'clock-jump',
  everyMs: 3_000,
  lastsMs: 0,
  inject(cluster, random) {
    const server = random.pick(cluster.servers);
    server.clock.skewMs = random.between(-JUMP_MS, JUMP_MS);
    cluster.say(`the clock of ${server.name} jumps, it is off by ${server.clock.skewMs.toFixed(0)} ms now`);
    return undefined;
  },
};

export const clockDrift: Fault = {
  name: 'clock-drift',
  everyMs: 5_000,
  lastsMs: 2_000,
  inject(cluster, random) {
    const server = random.pick(cluster.servers);
    // From standing still to twice too fast.
    server.clock.setDrift(random.between(-1, 1));
    cluster.say(`the clock of ${server.name} drifts by ${server.clock.drift.toFixed(2)}`);
    return () => server.clock.setDrift(0);
  },
};
