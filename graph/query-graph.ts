/**
 * What a query needs of a graph, as columns: nodes and edges are dense integers (*ordinals*), names of labels and types
 * are too (*tokens*), and nothing that is called for each row makes an object.
 *
 * - QG-1 All reads are synchronous. One that meets something not in memory throws `NotResident` before it has any effect
 *   (cursors stay where they are, buffers may hold garbage beyond their length); the caller awaits `makeResident` and
 *   calls again. What a statement made resident stays so until `release`.
 * - QG-2 An ordinal that a read returned is valid until `release`, whatever others write meanwhile.
 * - QG-3 Only visible elements are returned: an edge is visible if it and both of its ends exist.
 * - QG-4 Order is that of the implementation and differs between replicas: what must be ordered, the query sorts.
 */
import type { EdgeId, NodeId } from '../base/ids.ts';
import type { Direction, Operation } from './model.ts';
import type { NotResident } from './not-resident.ts';
import type { Properties, Value } from './value.ts';

/** "There is none", of ordinals and tokens. */
export type None = -1;

/** The tokens of edge types to follow; undefined follows all. A token of no edge is allowed. */
export type TypeTokens = readonly number[] | undefined;

/** Ordinals that a scan or seek produces bit by bit. Holds its position, so it belongs to one running operator. */
export interface OrdinalCursor {
  /**
   * Writes up to `limit` ordinals to `into`, from index `at`, and returns how many: 0 only at the end. A scan is open to
   * what others write meanwhile, but what is there throughout is returned exactly once. @throws NotResident
   */
  next(into: Int32Array, at: number, limit: number): number;
}

/** Where `expand` appends. It may replace the arrays by longer ones, so they are read after the call. */
export interface EdgeBuffer {
  edges: Int32Array;
  neighbors: Int32Array;
  length: number;
}

/** One bound of a range over a declared index. */
export interface RangeBound {
  readonly value: Value;
  readonly inclusive: boolean;
}

/** Numbers of one property by ordinal. */
export interface PackedNumbers {
  /** NaN where `at` of the column must be asked: it was not read yet, or is something else. Longer than all ordinals. */
  readonly values: Float64Array;
  /** Whether all are Integers, all Floats, or there may be both. */
  readonly kind: 'integer' | 'float' | 'mixed';
  /** None is greater, without regard to signs. */
  readonly greatest: number;
}

/** Texts of one property by ordinal. */
export interface PackedTexts {
  /** Indexes of `texts`, from 1 on; NaN where `at` of the column must be asked. Longer than all ordinals. */
  readonly codes: Float64Array;
  /** The same array as long as codes mean the same; it may grow, and goes on to say what codes of it mean. */
  readonly texts: readonly string[];
  /** Undefined if no node is known to have the text. */
  codeOf(text: string): number | undefined;
}

/** One property of all nodes, for whoever reads it of one after the other. */
export interface NodeColumn {
  /** As `nodeProperty`. */
  at(node: number): Value | undefined;
  /** What is known of them, good until something is read or written; undefined where nothing is packed. */
  numbers(): PackedNumbers | undefined;
  texts(): PackedTexts | undefined;
}

/** What the planner counts with. Estimates: cheap, never hydrating anything. */
export interface GraphStatistics {
  /** Visible nodes, all or with a label. */
  nodeCount(label?: string): number;
  /** Visible edges, all or of a type. */
  edgeCount(type?: string): number;
  /** Whether equality, IN, ranges and prefixes of this property of nodes with this label can be sought. */
  hasIndex(label: string, property: string): boolean;
  /** Distinct values of an indexed property, at least 1. */
  distinctValues(label: string, property: string): number;
}

/** The reads. */
export interface QueryGraph {
  readonly statistics: GraphStatistics;

  /** Token of a label, or -1 if no node ever had it. */
  labelToken(label: string): number;
  /** Token of an edge type; negative if none that was in memory so far had it: what a read makes resident may have it. */
  typeToken(type: string): number;

  scanNodes(): OrdinalCursor;
  /** Nodes with a label, by its name. */
  scanLabel(label: string): OrdinalCursor;
  /** Edges of one of these types, by their names, since a token may be known only later on; undefined for all. */
  scanEdges(types: readonly string[] | undefined): OrdinalCursor;
  /** Nodes whose indexed property equals one of `values` (no nulls, no duplicates). */
  seekEqual(label: string, property: string, values: readonly Value[]): OrdinalCursor;
  /** Nodes whose indexed property lies in a range, of values that are comparable with its bounds. */
  seekRange(label: string, property: string, from: RangeBound | undefined, to: RangeBound | undefined): OrdinalCursor;
  /** Nodes whose indexed property is a string that starts with `prefix`. */
  seekPrefix(label: string, property: string, prefix: string): OrdinalCursor;
  /** The visible node with this id, or -1. @throws NotResident */
  findNode(id: string): number;
  /** The visible edge with this id, or -1. @throws NotResident */
  findEdge(id: string): number;

  /** Appends the visible edges of a node with the ends that are not it; a self-loop once. @throws NotResident */
  expand(node: number, direction: Direction, types: TypeTokens, into: EdgeBuffer): void;
  /** How many edges `expand` would append. @throws NotResident */
  degree(node: number, direction: Direction, types: TypeTokens): number;
  /** One more than the largest ordinal of a node so far: the length of arrays that are indexed by them. */
  readonly nodeCapacity: number;
  readonly edgeCapacity: number;

  /** Of a node or edge that was returned by this graph. Deleted meanwhile, it has no labels and no properties. */
  hasLabel(node: number, label: string): boolean;
  /** In canonical order. */
  labels(node: number): readonly string[];
  nodeProperty(node: number, name: string): Value | undefined;
  /** Good until `release`, and follows what is written meanwhile. */
  nodeColumn(name: string): NodeColumn;
  nodeProperties(node: number): Properties;
  nodeId(node: number): NodeId;
  /** False once it was deleted. */
  nodeExists(node: number): boolean;

  type(edge: number): string;
  from(edge: number): number;
  to(edge: number): number;
  edgeProperty(edge: number, name: string): Value | undefined;
  edgeProperties(edge: number): Properties;
  edgeId(edge: number): EdgeId;
  edgeExists(edge: number): boolean;
}

/** A declared index or constraint, as `SHOW INDEXES` and `SHOW CONSTRAINTS` list them. */
export interface SchemaEntry {
  /** `key` is `unique` and `exists` in one. */
  readonly kind: 'index' | 'unique' | 'exists' | 'key' | 'type';
  readonly name: string;
  readonly on: 'node' | 'edge';
  /** The label or edge type. */
  readonly label: string;
  readonly properties: readonly string[];
  /** Of kind `type`: what the property may hold, as Cypher names types. */
  readonly types?: readonly string[];
  /** Clock reading of its declaration, which orders constraints; absent until it is declared. */
  readonly since?: number;
}

/** What a statement has of a graph: reads, ids for what it makes, one commit, and the end. */
export interface StatementGraph extends QueryGraph {
  /** Makes resident what a read asked for. May wait; throws what makes it impossible. */
  makeResident(wanted: NotResident): Promise<void>;
  /** Keeps resident all that was read so far: called before waiting for anything but `makeResident`. */
  keepResident(): void;
  /**
   * Asked once all is read, as long as nobody has seen any of it: true if the graph was changed while the statement waited for what was not
   * in memory, so that it may have seen a part of a commit. It is to be run again then, for which that stays in memory.
   */
  readAgain(): boolean;
  /** A fresh id, never given before, also by other servers. */
  makeNodeId(): NodeId;
  /** The id that a unique constraint gives to a node with these labels and properties, if one does. */
  derivedNodeId(labels: readonly string[], properties: Properties): NodeId | undefined;
  makeEdgeId(from: NodeId): EdgeId;
  /**
   * Waits until no other statement writes to the graph, and keeps others from it until `commit` has decided or `release`:
   * what a statement reads before it writes, MERGE above all, stays so on this server. Undefined if it is so at once.
   */
  beginWriting(): Promise<void> | undefined;
  /** Applies all operations as one commit and resolves when it is durable, or applies none. */
  commit(operations: readonly Operation[]): Promise<void>;
  /** Resolves when all that was read is durable; undefined if it is. */
  settle(): Promise<void> | undefined;
  /** Declared indexes and constraints by name. */
  schema(): readonly SchemaEntry[];
  /** Declares durably. @throws WeftError if an entry with this name or of this content exists, or it cannot be kept */
  declare(entry: SchemaEntry): Promise<void>;
  drop(name: string): Promise<boolean>;
  /** Elements that break a constraint, counted now. @throws NotResident */
  violations(entry: SchemaEntry): number;
  /** Lets go of everything. Idempotent. */
  release(): void;
}
