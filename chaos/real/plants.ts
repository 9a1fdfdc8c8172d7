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
const MODEL = 'the exhaustive model (`npm run model`)';
const REFUSALS = 'nothing that devices write in real runs is refused';
const CUT_LOG = 'it needs a log that was cut, which is hundreds of megabytes on a real server';

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
  'acknowledge-before-sync': { scenario: 'power-cut-apart', seconds: 25 },
  'vector-before-durable': { scenario: 'power-cut', seconds: 25 },
  'vote-before-sync': { scenario: 'power-cut-most' },
  'promise-in-memory': {
    elsewhere:
      'it needs a power cut between a promise and the proposal that rests on it, and a coordinator that was left behind and decides once in between, not three times',
    by: SCRIPTS,
  },
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
  /** Only where the disk goes on after the write was refused, and before others take the place of its server. */
  'refused-yet-proposed': { scenario: 'frozen-disk' },
  'place-of-another': {
    elsewhere:
      'it needs two coordinators that began to lead equally often and a read that begins at one and ends at the other',
    by: SCRIPTS,
  },
  'read-dated-late': {
    elsewhere: 'it needs writes of two levels in the milliseconds in which a read waits for its disk',
    by: SCRIPTS,
  },
  'old-voters-decide': {
    elsewhere: 'it needs a decision of a former majority in the milliseconds in which the voters change',
    by: SCRIPTS,
  },
  'recover-last-with-patches': {
    elsewhere: 'it needs three rounds that are each cut off at one of two messages',
    by: SCRIPTS,
  },
  'no-cover': { elsewhere: 'it needs a vote to overtake the commits that it rests on, on one connection', by: MODEL },
  'one-round-read': {
    elsewhere: 'it needs a read between the first promise of an era and its first decision',
    by: SCRIPTS,
  },
  'clock-not-from-promises': {
    elsewhere: 'clocks of one machine agree, and catching up moves them past what was decided',
    by: SCRIPTS,
  },
  'purge-at-once': { elsewhere: 'servers look for what they may delete once a minute', by: SIMULATOR },
  'text-replaced': { elsewhere: 'no workload of real runs edits texts', by: SIMULATOR },
  'outbox-gone-when-sent': { scenario: 'devices' },
  'no-rollback': { elsewhere: REFUSALS, by: SIMULATOR },
  'receipt-before-durable': { scenario: 'power-cut-devices', seconds: 30 },
  'taken-after-refusal': { elsewhere: REFUSALS, by: SIMULATOR },
  'begins-anew-anywhere': { elsewhere: 'no device of a real run is away for thirty days', by: SIMULATOR },
};

/** A race may miss; a run that finds nothing is done again, so often. */
export const TRIES_MAX = 5;
