/** What a draft is given, and what comes out of it: patches that are not committed yet. */
import type { ReplicaId } from '../base/ids.ts';
import type { Properties } from '../graph/value.ts';
import type { DefaultExpiry } from './default-expiry.ts';
import type { DraftConstraints, DraftReads } from './draft-constraints.ts';
import type { GraphView } from './graph-view.ts';
import type { EdgeCreate, Patch, StubCreate } from './patch.ts';
import type { MeteredDraft, QuotaMeter } from './quota-meter.ts';
import type { Ends } from './registers.ts';
import type { HybridClock, Stamp } from './stamp.ts';

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
  /**
   * Ordinals in the view, as the draft found them, of the node that it updates or of the source and target of the edge that it
   * creates: `NodeTable.intern` says what they are worth.
   */
  readonly row: number | undefined;
  readonly toRow: number | undefined;

  constructor(home: number, patch: P, text: string, chosenId: boolean, row?: number, toRow?: number) {
    this.home = home;
    this.patch = patch;
    this.text = text;
    this.chosenId = chosenId;
    this.row = row;
    this.toRow = toRow;
  }
}

/** What the creates of an edge and of its stub both say. Classes for the same reason. */
class EndsCreated {
  readonly clock: number;
  readonly replica: ReplicaId;
  readonly id: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;

  constructor({ clock, replica }: Stamp, id: string, { type, from, to }: Ends) {
    this.clock = clock;
    this.replica = replica;
    this.id = id;
    this.type = type;
    this.from = from;
    this.to = to;
  }
}

export class NewStub extends EndsCreated implements StubCreate {
  readonly kind = 'stub-create';
}

/** The create of an edge that nobody knows yet. */
export class NewEdge extends EndsCreated implements EdgeCreate {
  readonly kind = 'edge-create';
  readonly properties: Properties;

  constructor(stamp: Stamp, id: string, edge: Ends & { readonly properties: Properties }) {
    super(stamp, id, edge);
    this.properties = edge.properties;
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
