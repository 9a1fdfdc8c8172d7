/** What a draft is given, and what comes out of it: patches that are not committed yet. */
import type { ReplicaId } from '../base/ids.ts';
import type { DefaultExpiry } from './default-expiry.ts';
import type { DraftConstraints, DraftReads } from './draft-constraints.ts';
import type { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';
import type { MeteredDraft, QuotaMeter } from './quota-meter.ts';
import type { HybridClock } from './stamp.ts';

/**
 * A class, not an object literal: where V8 finds that most of what a literal made outlives a collection, as while many writes wait
 * for one commit, it makes all later ones in the old generation, where each keeps its patch until the next full collection: writes
 * then took half as long again.
 */
export class DraftedPatch<P extends Patch = Patch> {
  /** Ordinal of its partition in the view. */
  readonly home: number;
  readonly patch: P;
  readonly text: string;
  /** True for the create of an edge whose id the caller chose. */
  readonly chosenId: boolean;
  /** Ordinal in the view of the node that it updates, as the draft found it: `NodeTable.intern` says what it is worth. */
  readonly row: number | undefined;

  constructor(home: number, patch: P, text: string, chosenId: boolean, row?: number) {
    this.home = home;
    this.patch = patch;
    this.text = text;
    this.chosenId = chosenId;
    this.row = row;
  }
}

export interface DraftOptions {
  readonly view: GraphView;
  readonly clock: HybridClock;
  readonly replica: ReplicaId;
  /** Leave out puts that change nothing: for imports that are repeated. */
  readonly skipEqual: boolean;
  /** Makes what the draft must keep. */
  readonly constraints?: ((draft: DraftReads) => DraftConstraints) | undefined;
  readonly quota?: ((draft: MeteredDraft) => QuotaMeter) | undefined;
  readonly expiry?: DefaultExpiry | undefined;
}
