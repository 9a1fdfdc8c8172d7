/**
 * Proof that real runs see: bugs that are switched on in all servers (`WEFT_CHAOS_PLANT`), and for each a scenario in which a
 * checker must find it. Those that show only when power is lost, or when logs are cut, belong to the simulator, which has
 * more of them (`../planted-bugs.ts`).
 */
import type { PlantedBug } from '../../base/planted-bug.ts';

export interface Plant {
  readonly bug: PlantedBug;
  readonly scenario: string;
}

export const PLANTS: readonly Plant[] = [
  { bug: 'read-without-quorum', scenario: 'isolate-strong' },
  { bug: 'no-session-wait', scenario: 'slow-links' },
  { bug: 'token-without-write', scenario: 'slow-links' },
  { bug: 'clock-ignores-seen', scenario: 'clock-skew' },
  { bug: 'no-causal-gate', scenario: 'cut-pair' },
  { bug: 'no-relay', scenario: 'wipe' },
  { bug: 'outcome-without-patches', scenario: 'kill-strong' },
  { bug: 'reuse-replica-id', scenario: 'old-copy' },
  { bug: 'non-atomic-apply', scenario: 'calm' },
];

/** A race may miss; a run that finds nothing is done again, so often. */
export const TRIES_MAX = 3;
/** Of each try, in place of what the scenario says. */
export const TRY_SECONDS = 20;
