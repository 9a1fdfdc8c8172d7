/**
 * Which segments of a document are rewritten, and what of them: sealed ones that are mostly dead or hold needless copies (DOC-2).
 * Changes nothing visible.
 */
import type { Chapter, PartitionDocument, SegmentAt } from './partition-document.ts';

/** A sealed segment is rewritten when less than this part of its patches is live. */
const REWRITE_BELOW = 0.5;

/** Live as in CRDT-3; `expired` is live, but a tombstone past its retention: it goes once no other patch of its element is left. */
export type PatchState = 'dead' | 'live' | 'expired';

/** What compaction must know of patches. */
export interface PatchJudge {
  stateOf(patch: string): PatchState;
  /** Names the element, the same for all its patches in this partition. */
  elementOf(patch: string): string;
  isTombstone(patch: string): boolean;
  /** The clock reading of its stamp. */
  clockOf(patch: string): number;
}

export interface Compaction {
  /** What the other replicas must receive; undefined if there was nothing to do. */
  readonly update: Uint8Array | undefined;
  readonly dropped: number;
  readonly rewritten: number;
}

/** A segment with what is known of its patches. */
interface Judged extends SegmentAt {
  readonly states: readonly PatchState[];
  /** How many patches come before it. */
  readonly place: number;
}

/** What becomes of the segments. Small steps for each: a single long loop is compiled again and again. */
class Selection {
  readonly doomed = new Map<Chapter, number[]>();
  readonly kept: (readonly string[])[] = [];
  readonly copies = new Map<string, Chapter>();
  readonly expired: string[] = [];
  readonly tombstonesKept = new Map<string, Chapter>();
  dropped = 0;
  readonly #judge: PatchJudge;
  /** Of each live patch, where its last copy lies: how many patches come before. */
  readonly #lastCopy = new Map<string, number>();

  constructor(segments: readonly Judged[], judge: PatchJudge) {
    this.#judge = judge;
    for (const segment of segments) this.#locate(segment);
    for (const segment of segments) {
      if (!segment.sealed || this.#isWorthKeeping(segment)) this.#keep(segment);
      else this.#rewrite(segment);
    }
  }

  #locate({ patches, states, place }: Judged): void {
    for (let i = 0; i < patches.length; i++) {
      if (states[i] !== 'dead') this.#lastCopy.set(patches[i] as string, place + i);
    }
  }

  /** Live, and no copy comes later. */
  #isLast({ patches, states, place }: Judged, i: number): boolean {
    return states[i] !== 'dead' && this.#lastCopy.get(patches[i] as string) === place + i;
  }

  /**
   * Whether a sealed segment holds no needless copies, and enough that is needed. Tombstones that were copied along may stay where
   * they were: two segments that each hold one of the other's would else be written again and again.
   */
  #isWorthKeeping(segment: Judged): boolean {
    const { patches, states } = segment;
    let needed = 0;
    for (let i = 0; i < states.length; i++) {
      if (states[i] === 'dead') continue;
      if (!this.#isLast(segment, i) && !this.#judge.isTombstone(patches[i] as string)) return false;
      if (states[i] === 'live') needed++;
    }
    return needed >= states.length * REWRITE_BELOW;
  }

  #keep({ chapter, patches, states }: Judged): void {
    this.kept.push(patches);
    for (let i = 0; i < patches.length; i++) {
      const patch = patches[i] as string;
      if (states[i] !== 'dead' && this.#judge.isTombstone(patch)) this.tombstonesKept.set(patch, chapter);
    }
  }

  #rewrite(segment: Judged): void {
    const { chapter, index, patches, states } = segment;
    const indices = this.doomed.get(chapter);
    if (indices === undefined) this.doomed.set(chapter, [index]);
    else indices.push(index);
    for (let i = 0; i < patches.length; i++) {
      if (!this.#isLast(segment, i)) continue;
      this.copies.set(patches[i] as string, chapter);
      if (states[i] === 'expired') this.expired.push(patches[i] as string);
    }
    this.dropped += patches.length;
  }
}

/** @param judge decides with everything known here @param forgetsLast plants a bug */
export function compact(document: PartitionDocument, judge: PatchJudge, forgetsLast = false): Compaction {
  const segments: Judged[] = [];
  let place = 0;
  for (const segment of document.segments()) {
    segments.push({ ...segment, states: statesOf(segment.patches, judge), place });
    place += segment.patches.length;
  }
  const { doomed, kept, copies, expired, tombstonesKept, dropped } = new Selection(segments, judge);
  if (doomed.size === 0) return { update: undefined, dropped: 0, rewritten: 0 };
  for (const patch of droppable(expired, kept, judge)) copies.delete(patch);
  for (const patch of hiding(tombstonesKept.keys(), copies.keys(), judge)) {
    copies.set(patch, tombstonesKept.get(patch) as Chapter);
  }
  const forgotten = forgetsLast ? Array.from(copies.keys()).at(-1) : undefined;
  if (forgotten !== undefined) copies.delete(forgotten);
  return { update: document.rewrite({ doomed, copies, kept }), dropped, rewritten: copies.size };
}

function statesOf(patches: readonly string[], judge: PatchJudge): PatchState[] {
  const states: PatchState[] = [];
  for (const patch of patches) states.push(judge.stateOf(patch));
  return states;
}

/**
 * The tombstones that hide something of what is copied: they are copied along. To another replica, which has not heard yet of what makes
 * the hidden patch needed here, both may be of no use any more; if it drops them now, the copy must not stay without its tombstone.
 */
function hiding(tombstones: Iterable<string>, copied: Iterable<string>, judge: PatchJudge): string[] {
  const [...candidates] = tombstones;
  if (candidates.length === 0) return candidates;
  const earliest = new Map<string, number>();
  for (const patch of copied) {
    if (judge.isTombstone(patch)) continue;
    const element = judge.elementOf(patch);
    earliest.set(element, Math.min(judge.clockOf(patch), earliest.get(element) ?? Number.POSITIVE_INFINITY));
  }
  return candidates.filter((patch) => {
    const clock = earliest.get(judge.elementOf(patch));
    return clock !== undefined && clock < judge.clockOf(patch);
  });
}

/** Expired tombstones without which no dead create in a kept segment would come back to life. */
function droppable(
  expired: readonly string[],
  kept: readonly (readonly string[])[],
  judge: PatchJudge,
): readonly string[] {
  if (expired.length === 0) return expired;
  const elements = new Set(kept.flatMap((patches) => patches.map((patch) => judge.elementOf(patch))));
  return expired.filter((patch) => !elements.has(judge.elementOf(patch)));
}
