/** The property graph: labelled nodes and typed, directed edges, both with properties. */
import type { EdgeId, NodeId, ReplicaId } from '../base/ids.ts';
import type { Float, Properties, Value } from './value.ts';

export interface Node {
  readonly id: NodeId;
  /** In canonical order, without repetition. */
  readonly labels: readonly string[];
  readonly properties: Properties;
  readonly texts?: Texts;
}

export interface Edge {
  readonly id: EdgeId;
  readonly type: string;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly properties: Properties;
  readonly texts?: Texts;
}

/** Properties that hold texts, with the name under which each is found in the document of the partition. Absent without any. */
export type Texts = { readonly [name: string]: string };

export type Direction = 'out' | 'in' | 'both';

/** What one property of a patch becomes. */
export type PropertyChange =
  | { readonly kind: 'set'; readonly value: Value }
  | { readonly kind: 'remove' }
  /** Makes the property a text, or edits the one that it holds until it reads like this. */
  | { readonly kind: 'text'; readonly text: string }
  /** What a stock Yjs client did to the text that the assignment with the stamp `of` made, as a checked Yjs update. */
  | {
      readonly kind: 'typed';
      readonly of: { readonly clock: number; readonly replica: ReplicaId };
      readonly update: Uint8Array;
    }
  /**
   * Adds to a number; increments of all replicas add up. An absent property counts as 0. A bound that the sum would cross
   * refuses the operation; only a strong write can keep one.
   */
  | {
      readonly kind: 'increment';
      readonly by: number | bigint | Float;
      readonly min?: number | bigint | Float;
      readonly max?: number | bigint | Float;
    }
  /** Adds and removes members of a list without duplicates; each member merges by itself. */
  | { readonly kind: 'members'; readonly add: readonly Value[]; readonly remove: readonly Value[] };

export type PropertyChanges = { readonly [name: string]: PropertyChange };

/** `replace` sets all labels; `add` and `remove` change single ones. */
export type LabelChange =
  | { readonly kind: 'replace'; readonly labels: readonly string[] }
  | { readonly kind: 'change'; readonly add: readonly string[]; readonly remove: readonly string[] };

/**
 * A condition on the version of the element that an operation addresses, as in RFC 9110: `match` needs one of the
 * versions (`'*'`: any), `noneMatch` none of them (`'*'`: the element must not exist).
 */
export interface Condition {
  readonly match?: '*' | readonly string[];
  readonly noneMatch?: '*' | readonly string[];
}

/** One operation of a batch. Ids left out are made by the server. */
export type Operation = { readonly condition?: Condition } & (
  | {
      readonly op: 'createNode';
      readonly id?: NodeId;
      readonly labels: readonly string[];
      readonly properties: Properties;
      /** Those of the properties that are made texts. */
      readonly texts?: readonly string[];
    }
  | {
      readonly op: 'putNode';
      readonly id: NodeId;
      readonly labels: readonly string[];
      readonly properties: Properties;
      readonly texts?: readonly string[];
    }
  | {
      readonly op: 'patchNode';
      readonly id: NodeId;
      readonly labels?: LabelChange;
      readonly properties?: PropertyChanges;
    }
  | { readonly op: 'deleteNode'; readonly id: NodeId; readonly detach: boolean }
  | {
      readonly op: 'createEdge';
      readonly id?: EdgeId;
      readonly type: string;
      readonly from: NodeId;
      readonly to: NodeId;
      readonly properties: Properties;
      readonly texts?: readonly string[];
    }
  /** Creates the edge or replaces its properties; type and endpoints of an existing one must be the same. */
  | {
      readonly op: 'putEdge';
      readonly id: EdgeId;
      readonly type: string;
      readonly from: NodeId;
      readonly to: NodeId;
      readonly properties: Properties;
      readonly texts?: readonly string[];
    }
  | { readonly op: 'patchEdge'; readonly id: EdgeId; readonly properties: PropertyChanges }
  | { readonly op: 'deleteEdge'; readonly id: EdgeId }
);

/**
 * What an operation of a batch did; `element` is its state after the whole batch, absent for deletions.
 * `created` tells a put that created from one that replaced.
 */
export interface OperationResult {
  readonly op: Operation['op'];
  readonly id: NodeId | EdgeId;
  readonly created: boolean;
  readonly element?: Node | Edge;
  readonly version?: string;
  /** True for what an earlier request with the same Idempotency-Key did. */
  readonly replayed?: boolean;
}

/** Fixed when a graph is created. */
export interface GraphSettings {
  /** Hash partitions. */
  readonly partitions: number;
  /** Edge types whose edges bring a concurrently deleted endpoint back. All other types hide the edge. */
  readonly restoringTypes: readonly string[];
}
