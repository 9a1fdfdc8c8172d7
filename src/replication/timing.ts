/** When replication does what, unless it is told otherwise. */
import type { ReplicationTiming } from '../cluster-options.ts';

export const TIMING: ReplicationTiming = {
  heartbeatMs: 500,
  // A pause of the collector or of a busy disk must not look like a death.
  suspectAfterMs: 2_000,
  deadAfterMs: 6_000,
  redialMs: 200,
  redialMsMax: 5_000,
  resendAfterMs: 2_000,
  relayAfterMs: 1_000,
  antiEntropyMs: 10_000,
};

/** How often time passes for links, as a part of a heartbeat. */
export const TICKS_PER_HEARTBEAT = 5;
