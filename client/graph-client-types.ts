/** What the calls of a graph take and give. */
import type { Value } from '../graph/value.ts';
import type { CallOptions } from './http-calls.ts';
import type { Row } from './result-rows.ts';

export type Direction = 'out' | 'in' | 'both';

/** Values by name. An integral `number` is an Integer; wrap it, `new Float(2)`, to write the float 2.0. */
export type ClientProperties = { readonly [name: string]: Value };

export interface ClientNode {
  readonly id: string;
  readonly labels: readonly string[];
  readonly properties: ClientProperties;
}

export interface ClientEdge {
  readonly id: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties: ClientProperties;
}

/** An element with its version, for `ifMatch`. */
export type Versioned<T> = T & { readonly version: string };

export interface NewNode {
  /** Made by the server if absent. */
  readonly id?: string;
  readonly labels?: readonly string[];
  readonly properties?: ClientProperties;
}

export interface NewEdge {
  readonly id?: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties?: ClientProperties;
}

/** A value sets, null removes; increments of all writers add up, and members are kept whoever adds them. */
export type Change =
  | Value
  | { readonly $inc: number; readonly $min?: number; readonly $max?: number }
  | { readonly $add?: readonly Value[]; readonly $remove?: readonly Value[] };

export interface NodePatch {
  /** A list replaces all labels. */
  readonly labels?: readonly string[] | { readonly add?: readonly string[]; readonly remove?: readonly string[] };
  readonly properties?: Readonly<Record<string, Change>>;
}

export interface WriteOptions extends CallOptions {
  /** Writes only if the element still has this version. */
  readonly ifMatch?: string;
  /** Writes only if there is no such element. */
  readonly ifAbsent?: boolean;
}

export interface ListOptions extends CallOptions {
  /** Elements of one page, each of which is a request. */
  readonly pageItems?: number;
}

export interface QueryCallOptions extends CallOptions {
  /** Refuses a statement that writes, and lets one that reads be repeated. */
  readonly readOnly?: boolean;
  readonly maxRows?: number;
}

export type BatchOperation =
  | ({ readonly op: 'createNode' } & NewNode)
  | ({ readonly op: 'putNode'; readonly id: string } & NewNode)
  | ({ readonly op: 'patchNode'; readonly id: string } & NodePatch)
  | { readonly op: 'deleteNode'; readonly id: string; readonly detach?: boolean }
  | ({ readonly op: 'createEdge' } & NewEdge)
  | { readonly op: 'patchEdge'; readonly id: string; readonly properties: Readonly<Record<string, Change>> }
  | { readonly op: 'deleteEdge'; readonly id: string };

export interface BatchResult {
  readonly op: BatchOperation['op'];
  readonly id: string;
  readonly created?: boolean;
  readonly version?: string;
  /** As the whole batch left it; absent for deletions. */
  readonly element?: ClientNode | ClientEdge;
}

export type ImportElement =
  | ({ readonly kind: 'node' } & ClientNode)
  | ({ readonly kind: 'edge' } & Omit<ClientEdge, 'id'> & { readonly id?: string });

export interface ImportReport {
  readonly nodes: number;
  readonly edges: number;
  readonly lines: number;
}

export type QueryCounters = { readonly containsUpdates: boolean } & { readonly [counter: string]: number | boolean };

export interface QueryResult<R extends Row> {
  readonly fields: readonly string[];
  readonly rows: readonly R[];
  readonly counters: QueryCounters;
  /** Of a statement that begins with EXPLAIN or PROFILE. */
  readonly plan?: QueryPlan;
}

/** One operator of a plan, and those that feed it. EXPLAIN estimates rows; PROFILE counts them and takes the time. */
export interface QueryPlan {
  readonly operator: string;
  readonly details: string;
  readonly estimatedRows?: number;
  readonly rows?: number;
  readonly timeMs?: number;
  readonly children: readonly QueryPlan[];
}
