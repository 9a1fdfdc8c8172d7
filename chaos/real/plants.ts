/**
 * Proof that real runs see: every bug that can be switched on (`WEFT_CHAOS_PLANT`), with the scenario in which a checker must
 * find it, or why no real run can be relied on to: then something else does, which is named.
 */
import type { PlantedBug } from '../../base/planted-bug.ts';

export type Plant =
  | { readonly scenario: string; readonly seconds?: number }
  /** `by`: what finds it instead. */
  | { readonly elsewhere: string; readonly by: string };

const SIMULATOR = 'the simulator (`chaos/planted-bugs.ts`)';
const SCRIPTS = 'tests of message after message (`src/consistency/*.test.ts`)';
const POWER =
  'it shows only when power is lost: `kill -9` leaves what was written with the system, synced or not, so nothing is lost';

export const PLANTS: Readonly<Record<PlantedBug, Plant>> = {
  'read-without-quorum': { scenario: 'isolate-strong', seconds: 20 },
  'no-recovery': { scenario: 'isolate-late' },
  'count-duplicate-votes': { scenario: 'two-of-five' },
  'empty-server-votes': { scenario: 'forgotten-vote' },
  'outcome-without-patches': { scenario: 'kill-strong', seconds: 20 },
  'no-session-wait': { scenario: 'slow-links', seconds: 20 },
  'token-without-write': { scenario: 'slow-links', seconds: 20 },
  'clock-ignores-seen': { scenario: 'clock-skew', seconds: 20 },
  'no-causal-gate': { scenario: 'cut-pair', seconds: 20 },
  'no-relay': { scenario: 'wipe', seconds: 20 },
  'reuse-replica-id': { scenario: 'old-copy', seconds: 20 },
  'non-atomic-apply': { scenario: 'calm', seconds: 20 },
  'ids-not-derived': { scenario: 'merge-apart' },
  'constraints-undecided': { scenario: 'merge-apart' },
  /** Only where the others overwrote one half of a transaction meanwhile: in few of many cuts. */
  'merge-on-accept': { scenario: 'half-written' },
  'acknowledge-before-sync': { elsewhere: POWER, by: SIMULATOR },
  'vector-before-durable': { elsewhere: POWER, by: SIMULATOR },
  'vote-before-sync': { elsewhere: POWER, by: SCRIPTS },
  'promise-in-memory': { elsewhere: POWER, by: SCRIPTS },
  'diff-without-tombstones': { scenario: 'wipe-cut-log' },
  'adopt-early': { scenario: 'wipe-cut-log' },
  'compaction-drops-live': { scenario: 'wipe-cut-log' },
  'founded-again': { scenario: 'lost-disks' },
  'vote-before-sync': { elsewhere: POWER, by: SIMULATOR },
  'promise-in-memory': { elsewhere: POWER, by: SIMULATOR },
  'diff-without-tombstones': { elsewhere: CUT_LOG, by: SIMULATOR },
  'adopt-early': { elsewhere: CUT_LOG, by: SIMULATOR },
  'compaction-drops-live': {
    elsewhere: 'what compaction dropped comes back from the log of any other server; it needs cut logs on all',
    by: SIMULATOR,
  },
  'founded-again': {
    elsewhere: 'it needs all servers to lose their disks in turn, each before the one before it votes again',
    by: SIMULATOR,
  },
  'refused-yet-proposed': {
    elsewhere: 'it needs a disk that stands still for seconds between the decision and the proposal of a round',
    by: SIMULATOR,
  },
  'place-of-another': {
    elsewhere:
      'it needs two coordinators that began to lead equally often and a read that begins at one and ends at the other',
    by: SIMULATOR,
  },
  'read-dated-late': {
    elsewhere: 'it needs writes of two levels in the milliseconds in which a read waits for its disk',
    by: SIMULATOR,
  },
  'old-voters-decide': {
    elsewhere: 'it needs a decision of a former majority in the milliseconds in which the voters change',
    by: SIMULATOR,
  },
  'recover-last-with-patches': {
    elsewhere: 'it needs three rounds that are each cut off at one of two messages',
    by: SIMULATOR,
  },
  'no-cover': {
    elsewhere: 'it needs a vote to overtake the commits that it rests on, on one connection',
    by: SIMULATOR,
  },
  'one-round-read': {
    elsewhere: 'it needs a read between the first promise of an era and its first decision',
    by: SIMULATOR,
  },
  'clock-not-from-promises': {
    elsewhere: 'no client can see it: catching up moves clocks past all that was decided (`src/consistency/SPEC.md`)',
    by: SCRIPTS,
  },
  'purge-at-once': { scenario: 'expiry' },
  'text-replaced': { scenario: 'texts' },
  'outbox-gone-when-sent': { scenario: 'devices' },
  'no-rollback': { scenario: 'devices' },
  'receipt-before-durable': { elsewhere: POWER, by: SIMULATOR },
  'taken-after-refusal': { scenario: 'devices' },
  'begins-anew-anywhere': { scenario: 'devices-away' },
};

/** A race may miss; a run that finds nothing is done again, so often. */
export const TRIES_MAX = 5;
