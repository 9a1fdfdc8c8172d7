/**
 * The graph as a query statement reads it: the columns of the view, with what the statement uses held in memory until it
 * ends. Whoever waits in between, pins everything that is open first (QG-2), since it may have read any of it.
 */
import type { WeftError } from '../base/errors.ts';
import type { EdgeId, NodeId, PartitionId, ReplicaId } from '../base/ids.ts';
import { getOwnData } from '../base/record.ts';
import type { Direction, Operation } from '../graph/model.ts';
import type { NotResident } from '../graph/not-resident.ts';
import type {
  EdgeBuffer,
  GraphStatistics,
  NodeColumn,
  OrdinalCursor,
  RangeBound,
  SchemaEntry,
  StatementGraph,
  TypeTokens,
} from '../graph/query-graph.ts';
import type { Properties, Value } from '../graph/value.ts';
import type { ConstraintSet } from './constraint-set.ts';
import { EDGE_EXISTS } from './edge-table.ts';
import { type GraphView, Unhydrated } from './graph-view.ts';
import { candidates, type KeySpan, keysIn, lazily, sameKey, spanOfPrefix, spansOfRange } from './index-seek.ts';
import { type KeptLists, ListScan } from './list-scan.ts';
import { type Candidates, indexKey } from './property-index.ts';
import { makeEdgeId } from './routing.ts';
import type { HybridClock } from './stamp.ts';
import { uniqueText } from './unique-text.ts';
import { countEdges, expandNode } from './view-expansion.ts';
import { edgeVisible, findEdge, findNode } from './view-reads.ts';
import { ViewStatistics } from './view-statistics.ts';

/** The graph that holds the view. */
export interface StatementHost {
  readonly view: GraphView;
  /** Counts changes of the view. */
  readonly changes: number;
  /** True if every partition is open. */
  readonly whole: boolean;
  readonly deleted: boolean;
  /** Settles when the statement that writes, and all that wait to, are through; undefined if there is none. */
  writingStatements: Promise<void> | undefined;
  /** All partitions that exist, in canonical order. */
  partitionIds(): readonly PartitionId[];
  /** False if the node's partition holds nothing, so that the node cannot exist. */
  mayHold(node: string): boolean;
  notFound(): WeftError;
}

/** Keeps partitions in memory while a statement needs them. */
export interface StatementHold {
  /** Opens what a read missed; throws what it does not know. */
  provide(missed: unknown): Promise<void>;
  /** Keeps all that are open now. */
  keepOpen(): void;
  release(): void;
}

export interface StatementWriter {
  /** Resolves when all that the caller may have seen is durable; undefined if it is. */
  durable(): Promise<void> | undefined;
  /** @param onDecided called once later readers see what was written, or it is certain that nothing will be */
  write(operations: readonly Operation[], onDecided?: () => void): Promise<unknown>;
}

export type StatementSchema = Pick<StatementGraph, 'declare' | 'drop'> & {
  entries(): readonly SchemaEntry[];
  /** What writes keep; undefined if there is nothing. */
  constraints(): ConstraintSet | undefined;
  /** How many elements break a constraint. @throws Unhydrated */
  violations(entry: SchemaEntry): number;
};

export interface StatementGraphOptions {
  readonly graph: StatementHost;
  readonly hold: () => StatementHold;
  /** Hides what has expired by now: called when the statement begins. */
  readonly expire: () => void;
  readonly writer: StatementWriter;
  readonly schema: StatementSchema;
  /** Whether a value lies between two bounds, in the order of openCypher. */
  readonly inRange: (value: Value, from: RangeBound | undefined, to: RangeBound | undefined) => boolean;
  /** `=` of openCypher. */
  readonly isEqual: (a: Value, b: Value) => boolean;
  readonly clock: HybridClock;
  readonly replica: ReplicaId;
  /** Decides the operations of the statement in place of the writer. */
  readonly decide?: Decide | undefined;
}

/** How often a statement reads at most what was changed under its hands each time. */
const READINGS_MAX = 4;

/** @param sawOneState false if the graph changed while the statement read it */
export type Decide = (operations: readonly Operation[], sawOneState: boolean) => Promise<void>;

export class ViewStatementGraph implements StatementGraph {
  readonly #graph: StatementHost;
  readonly #view: GraphView;
  readonly #makeHold: StatementGraphOptions['hold'];
  /** Made when the statement first waits: most never do. */
  #hold: StatementHold | undefined;
  readonly #writer: StatementWriter;
  readonly #schema: StatementSchema;
  readonly #clock: HybridClock;
  readonly #replica: ReplicaId;
  readonly #inRange: StatementGraphOptions['inRange'];
  readonly #isEqual: StatementGraphOptions['isEqual'];
  /** The last label that was asked for, and of the last set of labels whether it is in there. */
  #label = '';
  #labelSet: readonly string[] = [];
  #labelHeld = false;

  readonly #decide: StatementGraphOptions['decide'];
  readonly #expire: () => void;
  /** Changes of the graph when the statement began. */
  #begunAt: number;
  #readings = 1;
  #hasMissed = false;
  #gaveWay = false;

  constructor({
    graph,
    hold,
    expire,
    writer,
    schema,
    inRange,
    isEqual,
    clock,
    replica,
    decide,
  }: StatementGraphOptions) {
    this.#expire = expire;
    expire();
    this.#decide = decide;
    this.#begunAt = graph.changes;
    this.#graph = graph;
    this.#view = graph.view;
    this.#makeHold = hold;
    this.#inRange = inRange;
    this.#isEqual = isEqual;
    this.#writer = writer;
    this.#schema = schema;
    this.#clock = clock;
    this.#replica = replica;
  }

  get statistics(): GraphStatistics {
    return new ViewStatistics(this.#view, () => this.#schema.entries());
  }

  async makeResident(wanted: NotResident): Promise<void> {
    this.#hasMissed = true;
    this.#keepOpen();
    await this.#hold?.provide(wanted);
    if (this.#graph.deleted) throw this.#graph.notFound();
  }

  keepResident(): void {
    this.#gaveWay = true;
    this.#keepOpen();
  }

  #keepOpen(): void {
    this.#hold ??= this.#makeHold();
    this.#hold.keepOpen();
  }

  readAgain(): boolean {
    // One that is so long that it gives way would do so again.
    if (!this.#hasMissed || this.#gaveWay) return false;
    if (this.#begunAt === this.#graph.changes || this.#readings === READINGS_MAX) return false;
    this.#readings++;
    this.#hasMissed = false;
    this.#expire();
    this.#begunAt = this.#graph.changes;
    return true;
  }

  #endWriting: (() => void) | undefined;

  beginWriting(): Promise<void> | undefined {
    const graph = this.#graph;
    const before = graph.writingStatements;
    const ended = new Promise<void>((resolve) => {
      this.#endWriting = () => {
        this.#endWriting = undefined;
        if (graph.writingStatements === ended) graph.writingStatements = undefined;
        resolve();
      };
    });
    graph.writingStatements = ended;
    // Nothing was read yet, so what happened meanwhile is part of the state that it begins with.
    return before?.then(() => {
      this.#expire();
      this.#begunAt = graph.changes;
    });
  }

  release(): void {
    this.#endWriting?.();
    this.#hold?.release();
  }

  settle(): Promise<void> | undefined {
    return this.#writer.durable();
  }

  makeNodeId(): NodeId {
    return uniqueText({ clock: this.#clock.tick(), replica: this.#replica }) as NodeId;
  }

  derivedNodeId(labels: readonly string[], properties: Properties): NodeId | undefined {
    return this.#schema.constraints()?.derivedId({ labels, properties });
  }

  makeEdgeId(from: NodeId): EdgeId {
    return makeEdgeId(this.#view.partitionOf(from), uniqueText({ clock: this.#clock.tick(), replica: this.#replica }));
  }

  async commit(operations: readonly Operation[]): Promise<void> {
    if (this.#decide !== undefined) return this.#decide(operations, this.#begunAt === this.#graph.changes);
    await this.#writer.write(operations, () => this.#endWriting?.());
  }

  schema(): readonly SchemaEntry[] {
    return this.#schema.entries();
  }

  declare(entry: SchemaEntry): Promise<void> {
    return this.#schema.declare(entry);
  }

  drop(name: string): Promise<boolean> {
    return this.#schema.drop(name);
  }

  violations(entry: SchemaEntry): number {
    return this.#schema.violations(entry);
  }

  // --- scans

  labelToken(label: string): number {
    return this.#view.openPartitions().some((partition) => partition.labelled(label) !== undefined) ? 0 : -1;
  }

  typeToken(type: string): number {
    return this.#view.edges.findType(type) ?? -1;
  }

  scanNodes(): OrdinalCursor {
    const { nodes } = this.#view;
    return this.#scan({ of: (partition) => partition.nodes, keep: (node) => nodes.exists(node) });
  }

  scanLabel(label: string): OrdinalCursor {
    return this.#scan({
      of: (partition) => partition.labelled(label),
      keep: (node) => this.hasLabel(node, label),
      label,
    });
  }

  scanEdges(types: readonly string[] | undefined): OrdinalCursor {
    const { edges } = this.#view;
    // By token, as each is met.
    const wanted: (boolean | undefined)[] = [];
    const isWanted = (type: number) => {
      wanted[type] ??= types?.includes(edges.types[type] as string) !== false;
      return wanted[type];
    };
    return this.#scan({
      of: (partition) => partition.edges,
      keep: (edge) => isWanted(edges.type[edge] as number) && edgeVisible(this.#view, edge),
    });
  }

  #scan(lists: KeptLists): OrdinalCursor {
    return new ListScan(this.#view, this.#graph.partitionIds(), lists);
  }

  // --- seeks

  /** An index knows only what is open. */
  #index(label: string, property: string) {
    if (!this.#graph.whole) {
      const closed = this.#graph.partitionIds().filter((id) => !this.#view.isOpen(id));
      throw new Unhydrated(closed);
    }
    return this.#view.indexes.use(label, property);
  }

  seekEqual(label: string, property: string, values: readonly Value[]): OrdinalCursor {
    const [only] = values;
    if (only !== undefined && values.length === 1) return this.#seekOne(label, property, only);
    const held = (node: number, value: Value) => sameKey(this.nodeProperty(node, property), value, this.#isEqual);
    return lazily(() => {
      const index = this.#index(label, property);
      const lists: (Candidates | undefined)[] = [];
      const wanted: Value[] = [];
      for (const value of values) {
        const key = indexKey(value);
        if (key === undefined) continue;
        lists.push(index.find(key));
        wanted.push(value);
      }
      return candidates(lists, 'in any', (node, i) => this.hasLabel(node, label) && held(node, wanted[i] as Value));
    });
  }

  /** One value, which mostly one node has. */
  #seekOne(label: string, property: string, value: Value): OrdinalCursor {
    let several: OrdinalCursor | undefined;
    let isDone = false;
    const keep = (node: number) =>
      this.hasLabel(node, label) && sameKey(this.nodeProperty(node, property), value, this.#isEqual);
    return {
      next: (into, at, limit) => {
        if (several !== undefined) return several.next(into, at, limit);
        if (isDone || limit === 0) return 0;
        const key = indexKey(value);
        const found = key === undefined ? undefined : this.#index(label, property).find(key);
        if (typeof found === 'object') {
          several = candidates([found], 'in any', keep);
          return several.next(into, at, limit);
        }
        isDone = true;
        if (found === undefined || !keep(found)) return 0;
        into[at] = found;
        return 1;
      },
    };
  }

  seekRange(label: string, property: string, from: RangeBound | undefined, to: RangeBound | undefined): OrdinalCursor {
    const within = (value: Value) => this.#inRange(value, from, to);
    return this.#seekKeys(label, property, spansOfRange(from, to), within);
  }

  seekPrefix(label: string, property: string, prefix: string): OrdinalCursor {
    const starts = (value: Value) => typeof value === 'string' && value.startsWith(prefix);
    return this.#seekKeys(label, property, [spanOfPrefix(prefix)], starts);
  }

  /** Nodes whose key lies in one of the spans, and whose value `matches`. */
  #seekKeys(
    label: string,
    property: string,
    spans: readonly KeySpan[],
    matches: (value: Value) => boolean,
  ): OrdinalCursor {
    return lazily(() => {
      const index = this.#index(label, property);
      const sought = keysIn(index.keys(), spans);
      const lists = sought.map((key) => index.find(key));
      // A node whose value changed is a candidate of both; it is kept from the list of the one that it has.
      return candidates(lists, 'each node in one list', (node, i) => {
        const value = this.nodeProperty(node, property);
        return value !== undefined && indexKey(value) === sought[i] && this.hasLabel(node, label) && matches(value);
      });
    });
  }

  findNode(id: string): number {
    if (!this.#graph.mayHold(id)) return -1;
    return findNode(this.#view, id) ?? -1;
  }

  /** All partitions must be open: an id alone does not say where its edge is. */
  findEdge(id: string): number {
    if (!this.#graph.whole) {
      throw new Unhydrated(this.#graph.partitionIds().filter((each) => !this.#view.isOpen(each)));
    }
    return findEdge(this.#view, id) ?? -1;
  }

  // --- expansion

  expand(node: number, direction: Direction, types: TypeTokens, into: EdgeBuffer): void {
    expandNode(this.#view, node, direction, types, into);
  }

  degree(node: number, direction: Direction, types: TypeTokens): number {
    return countEdges(this.#view, node, direction, types);
  }

  get nodeCapacity(): number {
    return this.#view.nodes.capacity;
  }

  get edgeCapacity(): number {
    return this.#view.edges.capacity;
  }

  // --- elements

  hasLabel(node: number, label: string): boolean {
    const labels = this.#view.nodes.labels[node] as readonly string[];
    // Sets of labels are shared between nodes.
    if (labels !== this.#labelSet || label !== this.#label) {
      this.#labelSet = labels;
      this.#label = label;
      this.#labelHeld = labels.includes(label);
    }
    return this.#labelHeld;
  }

  labels(node: number): readonly string[] {
    return this.#view.nodes.labels[node] as readonly string[];
  }

  nodeProperty(node: number, name: string): Value | undefined {
    return getOwnData(this.#view.nodes.properties[node] as Properties, name);
  }

  nodeColumn(name: string): NodeColumn {
    return this.#view.nodes.columns.column(name);
  }

  nodeProperties(node: number): Properties {
    return this.#view.nodes.properties[node] as Properties;
  }

  nodeId(node: number): NodeId {
    return this.#view.nodes.ids[node] as NodeId;
  }

  nodeExists(node: number): boolean {
    return this.#view.nodes.exists(node);
  }

  type(edge: number): string {
    const { types, type } = this.#view.edges;
    return types[type[edge] as number] as string;
  }

  from(edge: number): number {
    return this.#view.edges.from[edge] as number;
  }

  to(edge: number): number {
    return this.#view.edges.to[edge] as number;
  }

  edgeProperty(edge: number, name: string): Value | undefined {
    return getOwnData(this.#view.edges.properties[edge] as Properties, name);
  }

  edgeProperties(edge: number): Properties {
    return this.#view.edges.properties[edge] as Properties;
  }

  edgeId(edge: number): EdgeId {
    return this.#view.edges.idAt(edge) as EdgeId;
  }

  edgeExists(edge: number): boolean {
    return this.#view.edges.has(edge, EDGE_EXISTS);
  }
}
