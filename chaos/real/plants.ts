/**
 * Proof that real runs see: every bug that can be switched on (`WEFT_CHAOS_PLANT`), with the scenario in which a checker must
 * find it, or why no real run can be relied on to: then something else does, which is named.
 */
import type { PlantedBug } from '../../base/planted-bug.ts';

export type Plant =
  | { readonly scenario: string; readonly seconds?: number }
  /** `by`: what finds it instead. */
  | { readonly elsewhere: string; readonly by: string };

const SCRIPTS = 'tests of message after message (`src/consistency/*.test.ts`)';

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
  'promise-in-memory': { scenario: 'forgotten-promise' },
  'diff-without-tombstones': { scenario: 'wipe-cut-log' },
  'adopt-early': { scenario: 'wipe-cut-log' },
  'compaction-drops-live': { scenario: 'wipe-cut-log' },
  'founded-again': { scenario: 'lost-disks' },
  /** Only where the disk goes on after the write was refused, and before others take the place of its server. */
  'refused-yet-proposed': { scenario: 'frozen-disk' },
  'place-of-another': { scenario: 'successor' },
  /** Only where nothing else is decided before the reader has its answer. */
  'read-dated-late': { scenario: 'reader-waits' },
  'old-voters-decide': { scenario: 'former-voters' },
  'recover-last-with-patches': { scenario: 'unfinished' },
  'no-cover': { scenario: 'votes-alone' },
  'one-round-read': { scenario: 'finished-late' },
  'clock-not-from-promises': {
    elsewhere: 'no client can see it: catching up moves clocks past all that was decided (`src/consistency/SPEC.md`)',
    by: SCRIPTS,
  },
  'purge-at-once': { scenario: 'expiry' },
  'text-replaced': { scenario: 'texts' },
  'outbox-gone-when-sent': { scenario: 'devices' },
  'no-rollback': { scenario: 'devices' },
  'receipt-before-durable': { scenario: 'power-cut-devices', seconds: 30 },
  'taken-after-refusal': { scenario: 'devices' },
  'begins-anew-anywhere': { scenario: 'devices-away' },
};

/** A race may miss; a run that finds nothing is done again, so often. */
export const TRIES_MAX = 5;
