/**
 * A patch is the unit of every change: a self-contained, stamped assignment to registers of one element.
 * Patches are idempotent and commutative; the graph is the fold of all of them (`registers.ts`).
 */
import type { ReplicaId } from '../base/ids.ts';
import type { Float, Properties, Value } from '../graph/value.ts';

/** A writer's running total of increments: it counts from the writer's own clock reading `since`. */
export interface RunningTotal {
  readonly since: number;
  readonly total: number | bigint | Float;
}

/** Running totals that an assignment has seen, by writer; it takes their place, and only theirs. */
export type SeenTotals = ReadonlyMap<ReplicaId, RunningTotal>;

/** What a patch assigns beyond plain property values. All parts are optional and rare. */
export interface Assignments {
  /** Labels that are added (an update; a create has them in `labels`). */
  readonly labelsAdded?: readonly string[];
  readonly labelsRemoved?: readonly string[];
  readonly propertiesRemoved?: readonly string[];
  /** Counters: the writer's running total by property. */
  readonly totals?: ReadonlyMap<string, RunningTotal>;
  /** Sets: members added and removed by property. */
  readonly members?: ReadonlyMap<string, { readonly add: readonly Value[]; readonly remove: readonly Value[] }>;
  /** For an assigned or removed property that was a counter: what the assignment replaces. */
  readonly seen?: ReadonlyMap<string, SeenTotals>;
  /** Assigned properties that are texts from now on, which can be edited. */
  readonly textsMade?: readonly string[];
  /** Texts: a change by property. */
  readonly textChanges?: ReadonlyMap<string, TextChangeOf>;
}

/** A change of the text that the assignment with the stamp `of` made. */
export interface TextChangeOf {
  readonly of: { readonly clock: number; readonly replica: ReplicaId };
  /** A Yjs update: see `text-update.ts`. */
  readonly update: Uint8Array;
}

interface Stamped {
  /** Stamp: see `stamp.ts`. */
  readonly clock: number;
  readonly replica: ReplicaId;
  readonly id: string;
}

export interface NodeCreate extends Stamped {
  readonly kind: 'node-create';
  readonly labels: readonly string[];
  readonly properties: Properties;
  readonly more?: Assignments;
}
export interface NodeUpdate extends Stamped {
  readonly kind: 'node-update';
  readonly properties: Properties;
  readonly more?: Assignments;
}
export interface NodeDelete extends Stamped {
  readonly kind: 'node-delete';
}
export interface EdgeCreate extends Stamped {
  readonly kind: 'edge-create';
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties: Properties;
  readonly more?: Assignments;
}
export interface EdgeUpdate extends Stamped {
  readonly kind: 'edge-update';
  readonly properties: Properties;
  readonly more?: Assignments;
}
export interface EdgeDelete extends Stamped {
  readonly kind: 'edge-delete';
}
/** The mark that an edge leaves in the partition of `to`, so that both directions are local look-ups; has the stamp of the edge's create. */
export interface StubCreate extends Stamped {
  readonly kind: 'stub-create';
  readonly type: string;
  readonly from: string;
  readonly to: string;
}
/** Names the source too, because the edge id alone does not say in which partition the edge lives. */
export interface StubDelete extends Stamped {
  readonly kind: 'stub-delete';
  readonly from: string;
}

export type Patch =
  | NodeCreate
  | NodeUpdate
  | NodeDelete
  | EdgeCreate
  | EdgeUpdate
  | EdgeDelete
  | StubCreate
  | StubDelete;

/** What names a patch and its element: enough to tell whether it is live. */
export interface PatchHead {
  readonly kind: Patch['kind'];
  readonly clock: number;
  readonly replica: ReplicaId;
  readonly id: string;
  /** Source of the edge, of stubs only. */
  readonly from?: string;
}
