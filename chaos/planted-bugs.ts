/**
 * Proof that the checkers see: every bug that can be planted, how the simulator is directed at it, and the number of
 * seeds, from 1, within which some checker must catch it. `planted-bugs.test.ts` runs all of them.
 */
import type { PlantedBug } from '../base/planted-bug.ts';
import type { Direction } from './scenario.ts';

export interface Plan {
  readonly seeds: number;
  readonly direction: Direction;
}

export const PLANTED_BUGS: Readonly<Record<PlantedBug, Plan>> = {
  'no-causal-gate': { seeds: 10, direction: {} },
  'acknowledge-before-sync': { seeds: 10, direction: {} },
  'reuse-replica-id': { seeds: 10, direction: {} },
  'no-relay': { seeds: 10, direction: {} },
  'diff-without-tombstones': { seeds: 10, direction: {} },
  'adopt-early': { seeds: 10, direction: {} },
  'token-without-write': { seeds: 10, direction: {} },
  'non-atomic-apply': { seeds: 10, direction: {} },
  'compaction-drops-live': { seeds: 10, direction: {} },
  'clock-ignores-seen': { seeds: 10, direction: {} },
  'no-session-wait': { seeds: 10, direction: {} },
  'vector-before-durable': { seeds: 10, direction: {} },
};

export function isPlantedName(name: string): name is PlantedBug {
  return Object.hasOwn(PLANTED_BUGS, name);
}
