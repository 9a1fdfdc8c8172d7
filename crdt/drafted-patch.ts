/** What a draft is given, and what comes out of it: patches that are not committed yet. */
import type { ReplicaId } from '../base/ids.ts';
import type { DefaultExpiry } from './default-expiry.ts';
import type { DraftConstraints, DraftReads } from './draft-constraints.ts';
import type { GraphView } from './graph-view.ts';
import type { Patch } from './patch.ts';
import type { MeteredDraft, QuotaMeter } from './quota-meter.ts';
import type { HybridClock } from './stamp.ts';

export interface DraftedPatch {
  /** Ordinal of its partition in the view. */
  readonly home: number;
  readonly patch: Patch;
  readonly text: string;
  /** True for the create of an edge whose id the caller chose. */
  readonly chosenId: boolean;
  /** Ordinal in the view of the node that it updates, as the draft found it: `NodeTable.intern` says what it is worth. */
  readonly row?: number | undefined;
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
