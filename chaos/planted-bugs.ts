/**
 * Proof that the checkers see: every bug that can be planted, how the simulator is directed at it, and the number of
 * seeds, from 1, within which some checker must catch it. `planted-bugs.test.ts` runs all of them, and the same seeds
 * without the bug.
 */
import * as LIMITS from '../base/limits.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import type { Direction } from './scenario.ts';

/**
 * But for the one that no client can see: whatever was decided is in the documents of who leads, whose clock is past all that
 * they hold (`src/consistency/SPEC.md`, STR-7).
 */
export type SeenBug = Exclude<PlantedBug, 'clock-not-from-promises'>;

export interface Plan {
  readonly seeds: number;
  readonly direction: Direction;
}

/** A log of this size is cut by force: servers that come back empty must take over state. */
const CUT_AFTER_BYTES = 2_000;

const plain = { servers: 3, durability: 'disk', memoryBudgetBytes: 1e9, logScale: 1 } as const;
/** A majority keeps its memory, so that strong operations go on. */
const voting = { ...plain, keepsVoter: true };
/** Devices alone, whose servers only die. */
const devices = {
  cluster: plain,
  workloads: ['offline'],
  faults: ['kill'],
  faultRate: 2,
  operations: 200,
  thinkMs: 200,
  devices: 3,
} as const;
const cutting = { ...plain, logScale: LIMITS.logBytesHardMax / CUT_AFTER_BYTES };

export const PLANTED_BUGS: Readonly<Record<SeenBug, Plan>> = {
  'no-causal-gate': {
    seeds: 8,
    direction: {
      cluster: plain,
      workloads: ['causes', 'sessions'],
      faults: ['cut', 'delay'],
      faultRate: 4,
      operations: 120,
    },
  },
  'acknowledge-before-sync': {
    seeds: 20,
    direction: {
      cluster: plain,
      workloads: ['sets', 'counters'],
      faults: ['power-cut', 'slow-disk'],
      faultRate: 4,
      operations: 200,
    },
  },
  'reuse-replica-id': {
    seeds: 8,
    direction: {
      cluster: { ...plain, durability: 'buffered' },
      workloads: ['registers', 'sets'],
      faults: ['power-cut'],
      faultRate: 4,
      operations: 200,
    },
  },
  'no-relay': {
    seeds: 8,
    direction: {
      cluster: plain,
      workloads: ['sets', 'counters'],
      faults: ['lost-disk', 'isolate'],
      faultRate: 4,
      operations: 150,
    },
  },
  'diff-without-tombstones': {
    seeds: 12,
    direction: {
      cluster: cutting,
      workloads: ['edges', 'mixed'],
      faults: ['lost-disk', 'kill', 'isolate'],
      faultRate: 4,
      operations: 200,
    },
  },
  'adopt-early': {
    seeds: 8,
    direction: {
      cluster: cutting,
      workloads: ['counters', 'sets'],
      faults: ['lost-disk', 'kill', 'isolate'],
      faultRate: 4,
      operations: 200,
    },
  },
  'token-without-write': {
    seeds: 8,
    direction: { cluster: plain, workloads: ['sessions', 'causes'], faults: ['delay'], faultRate: 4, operations: 150 },
  },
  'non-atomic-apply': {
    seeds: 12,
    direction: { cluster: plain, workloads: ['batches'], faults: [], faultRate: 4, operations: 150, thinkMs: 5 },
  },
  'compaction-drops-live': {
    seeds: 20,
    direction: {
      cluster: { ...cutting, servers: 2 },
      workloads: ['overwrites'],
      faults: ['lost-disk', 'kill', 'isolate'],
      faultRate: 4,
      operations: 16,
    },
  },
  'clock-ignores-seen': {
    seeds: 5,
    direction: {
      cluster: plain,
      workloads: ['sessions', 'sets'],
      faults: ['clock-jump'],
      faultRate: 4,
      operations: 150,
    },
  },
  'no-session-wait': {
    seeds: 5,
    direction: { cluster: plain, workloads: ['sessions', 'causes'], faults: ['delay'], faultRate: 4, operations: 150 },
  },
  'vector-before-durable': {
    seeds: 60,
    direction: {
      cluster: plain,
      workloads: ['causes', 'sessions'],
      faults: ['slow-disk', 'kill', 'power-cut'],
      faultRate: 4,
      operations: 200,
    },
  },
  'read-without-quorum': {
    seeds: 4,
    direction: {
      cluster: voting,
      workloads: ['strong-registers'],
      faults: ['isolate'],
      faultRate: 3,
      operations: 200,
      thinkMs: 40,
    },
  },
  'no-recovery': {
    seeds: 20,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['isolate', 'delay'],
      faultRate: 4,
      operations: 200,
      thinkMs: 10,
    },
  },
  'count-duplicate-votes': {
    seeds: 8,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['duplication', 'isolate'],
      faultRate: 4,
      operations: 250,
      thinkMs: 10,
    },
  },
  'merge-on-accept': {
    seeds: 20,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['isolate', 'delay'],
      faultRate: 4,
      operations: 250,
      thinkMs: 20,
    },
  },
  'refused-yet-proposed': {
    seeds: 20,
    direction: {
      cluster: voting,
      workloads: ['strong-lists', 'counters'],
      faults: ['stuck-disk'],
      faultRate: 4,
      operations: 300,
      thinkMs: 1000,
    },
  },
  'empty-server-votes': {
    seeds: 20,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['lost-disk', 'isolate', 'delay'],
      faultRate: 4,
      operations: 250,
      thinkMs: 10,
    },
  },
  'founded-again': {
    seeds: 10,
    direction: {
      cluster: voting,
      workloads: ['strong-lists', 'strong-registers'],
      faults: ['lost-disks'],
      faultRate: 1,
      operations: 250,
      thinkMs: 40,
    },
  },
  'vote-before-sync': {
    seeds: 8,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['forgotten-acceptance'],
      faultRate: 2,
      operations: 250,
      thinkMs: 20,
    },
  },
  'promise-in-memory': {
    seeds: 20,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['forgotten-promise'],
      faultRate: 4,
      operations: 250,
      thinkMs: 60,
    },
  },
  'recover-last-with-patches': {
    seeds: 20,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['unfinished'],
      faultRate: 2,
      operations: 250,
      thinkMs: 40,
    },
  },
  'no-cover': {
    seeds: 20,
    direction: {
      cluster: voting,
      workloads: ['strong-lists'],
      faults: ['votes-alone'],
      faultRate: 4,
      operations: 200,
      thinkMs: 40,
    },
  },
  'one-round-read': {
    seeds: 12,
    direction: {
      cluster: voting,
      workloads: ['strong-levels'],
      faults: ['finished-late'],
      faultRate: 8,
      operations: 250,
      thinkMs: 60,
    },
  },
  'read-dated-late': {
    seeds: 12,
    direction: {
      cluster: voting,
      workloads: ['strong-levels'],
      faults: ['slow-reader'],
      faultRate: 8,
      operations: 250,
      thinkMs: 100,
    },
  },
  'place-of-another': {
    seeds: 20,
    direction: {
      cluster: { ...voting, servers: 5 },
      workloads: ['strong-levels'],
      faults: ['successor'],
      faultRate: 8,
      operations: 200,
      thinkMs: 100,
    },
  },
  'old-voters-decide': {
    seeds: 12,
    direction: {
      cluster: { ...voting, servers: 5 },
      workloads: ['strong-levels', 'strong-registers'],
      faults: ['former-voters'],
      faultRate: 2,
      operations: 400,
      thinkMs: 100,
    },
  },
  'outcome-without-patches': {
    seeds: 4,
    direction: {
      cluster: voting,
      workloads: ['strong-keys'],
      faults: ['isolate', 'kill', 'cut'],
      faultRate: 4,
      operations: 200,
      thinkMs: 40,
    },
  },
  'ids-not-derived': {
    seeds: 3,
    direction: {
      cluster: voting,
      workloads: ['merge-unique'],
      faults: ['isolate', 'cut'],
      faultRate: 4,
      operations: 150,
      thinkMs: 40,
    },
  },
  'constraints-undecided': {
    seeds: 3,
    direction: {
      cluster: voting,
      workloads: ['strong-unique'],
      faults: ['isolate', 'kill', 'delay'],
      faultRate: 4,
      operations: 150,
      thinkMs: 20,
    },
  },
  'purge-at-once': {
    seeds: 5,
    direction: {
      cluster: plain,
      workloads: ['expiry'],
      faults: ['isolate', 'clock-jump'],
      faultRate: 2,
      operations: 200,
      thinkMs: 1_000,
    },
  },
  'text-replaced': {
    seeds: 5,
    direction: {
      cluster: plain,
      workloads: ['texts'],
      faults: ['isolate', 'cut'],
      faultRate: 4,
      operations: 150,
      thinkMs: 60,
    },
  },
  'outbox-gone-when-sent': { seeds: 5, direction: devices },
  'no-rollback': { seeds: 5, direction: devices },
  'receipt-before-durable': { seeds: 5, direction: devices },
  'taken-after-refusal': { seeds: 5, direction: devices },
  'begins-anew-anywhere': { seeds: 20, direction: { ...devices, faults: ['isolate', 'cut'], faultRate: 4 } },
};

export function isPlantedName(name: string): name is SeenBug {
  return Object.hasOwn(PLANTED_BUGS, name);
}
