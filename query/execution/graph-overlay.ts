/**
 * What a statement has written but not committed, laid over the graph that it reads: it sees its own writes, nobody else
 * does, and dropping the overlay leaves nothing behind. At the end `operations` says all of it as one commit.
 *
 * Elements that exist only here have ordinals from `FIRST_NEW` on, so that a bit tells them from those of the graph.
 * Deleting a node leaves its relationships: whether any is left is asked only at the end of the statement, because
 * `DELETE n, r` deletes them one after the other.
 */
import type { EdgeId, NodeId } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import { getOwn } from '../../base/record.ts';
import type { Direction, Operation } from '../../graph/model.ts';
import type {
  EdgeBuffer,
  GraphStatistics,
  NodeColumn,
  OrdinalCursor,
  QueryGraph,
  RangeBound,
  StatementGraph,
  TypeTokens,
} from '../../graph/query-graph.ts';
import type { Properties, Value } from '../../graph/value.ts';
import { deletedEntity } from '../functions/entity-functions.ts';
import { equal } from '../values/equality.ts';
import { inRange } from '../values/range.ts';
import { fromStored } from '../values/runtime-value.ts';
import { checkWritten } from './check-written.ts';
import { Counters } from './counters.ts';
import { narrowed } from './narrowed-cursor.ts';
import { countSet, withProperties, withProperty } from './property-changes.ts';
import { FIRST_NEW, type NewEdge, type NewNode, StatementWrites } from './statement-writes.ts';

export class GraphOverlay implements QueryGraph {
  readonly base: StatementGraph;
  readonly counters = new Counters();
  readonly #written = new StatementWrites();
  readonly #typeTokens = new Map<string, number>();
  /** New ones that have an id already. */
  readonly #nodesById = new Map<string, number>();
  readonly #edgesById = new Map<string, number>();

  constructor(base: StatementGraph) {
    this.base = base;
  }

  get statistics(): GraphStatistics {
    return this.base.statistics;
  }

  // --- names: tokens of the overlay are those of the graph, and negative for types that only it knows

  labelToken(label: string): number {
    return this.base.labelToken(label);
  }

  typeToken(type: string): number {
    const known = this.base.typeToken(type);
    if (known >= 0) return known;
    let token = this.#typeTokens.get(type);
    if (token === undefined) {
      // Negative ones are asked for again: the graph may come to know the type.
      token = -2 - this.#typeTokens.size;
      this.#typeTokens.set(type, token);
    }
    return token;
  }

  #hasType(edge: NewEdge, types: TypeTokens): boolean {
    return types === undefined || types.includes(this.typeToken(edge.type));
  }

  // --- scans

  scanNodes(): OrdinalCursor {
    const made = this.#existingNew(this.#written.newNodes);
    return narrowed(this.base.scanNodes(), (node) => this.nodeExists(node), made);
  }

  scanLabel(label: string): OrdinalCursor {
    const added: number[] = [];
    for (const [node, change] of this.#written.nodes) {
      if (change.labels?.includes(label) === true && !change.deleted && !this.base.hasLabel(node, label)) {
        added.push(node);
      }
    }
    const made = this.#existingNew(this.#written.newNodes).filter((node) => this.hasLabel(node, label));
    return narrowed(this.base.scanLabel(label), (node) => this.hasLabel(node, label), [...added, ...made]);
  }

  scanEdges(types: readonly string[] | undefined): OrdinalCursor {
    const made = this.#existingNew(this.#written.newEdges).filter((edge) => types?.includes(this.type(edge)) !== false);
    return narrowed(this.base.scanEdges(types), (edge) => this.edgeExists(edge), made);
  }

  #existingNew(elements: readonly { readonly deleted: boolean }[]): number[] {
    const found: number[] = [];
    for (let i = 0; i < elements.length; i++) if (elements[i]?.deleted === false) found.push(FIRST_NEW + i);
    return found;
  }

  seekEqual(label: string, property: string, values: readonly Value[]): OrdinalCursor {
    const wanted = values.map(fromStored);
    return this.#seek(this.base.seekEqual(label, property, values), label, property, (value) =>
      wanted.some((each) => equal(each, fromStored(value)) === true),
    );
  }

  seekRange(label: string, property: string, from?: RangeBound, to?: RangeBound): OrdinalCursor {
    return this.#seek(this.base.seekRange(label, property, from, to), label, property, (value) =>
      inRange(value, from, to),
    );
  }

  seekPrefix(label: string, property: string, prefix: string): OrdinalCursor {
    return this.#seek(
      this.base.seekPrefix(label, property, prefix),
      label,
      property,
      (value) => typeof value === 'string' && value.startsWith(prefix),
    );
  }

  /** What the graph found and the statement left alone, then what the statement made to match. */
  #seek(found: OrdinalCursor, label: string, property: string, matches: (value: Value) => boolean): OrdinalCursor {
    const written = new Set(this.#written.nodes.keys());
    const more = [...written, ...this.#existingNew(this.#written.newNodes)].filter((node) => {
      if (!this.nodeExists(node) || !this.hasLabel(node, label)) return false;
      const value = this.nodeProperty(node, property);
      return value !== undefined && matches(value);
    });
    // A node that is written while this goes on still matches: what could end that comes after all rows (insert-eager.ts).
    return narrowed(found, (node) => !written.has(node), more);
  }

  findNode(id: string): number {
    const made = this.#nodesById.get(id);
    if (made !== undefined && this.nodeExists(made)) return made;
    const found = this.base.findNode(id);
    return found >= 0 && this.nodeExists(found) ? found : -1;
  }

  findEdge(id: string): number {
    const made = this.#edgesById.get(id);
    if (made !== undefined && this.edgeExists(made)) return made;
    const found = this.base.findEdge(id);
    return found >= 0 && this.edgeExists(found) ? found : -1;
  }

  // --- expansion

  expand(node: number, direction: Direction, types: TypeTokens, into: EdgeBuffer): void {
    if (node < FIRST_NEW) {
      const start = into.length;
      this.base.expand(node, direction, types, into);
      if (this.#written.edges.size > 0 || this.#written.nodes.size > 0) this.#dropDeleted(into, start);
    }
    if (direction !== 'in') {
      for (const edge of this.#written.out.get(node) ?? [])
        this.#append(edge, types, this.#written.newEdge(edge).to, into);
    }
    if (direction !== 'out') {
      for (const edge of this.#written.in.get(node) ?? []) {
        const { from } = this.#written.newEdge(edge);
        if (direction === 'both' && from === node) continue;
        this.#append(edge, types, from, into);
      }
    }
  }

  #append(edge: number, types: TypeTokens, neighbor: number, into: EdgeBuffer): void {
    const made = this.#written.newEdge(edge);
    if (made.deleted || !this.nodeExists(neighbor) || !this.#hasType(made, types)) return;
    if (into.length >= into.edges.length) {
      into.edges = doubled(into.edges);
      into.neighbors = doubled(into.neighbors);
    }
    into.edges[into.length] = edge;
    into.neighbors[into.length++] = neighbor;
  }

  #dropDeleted(into: EdgeBuffer, start: number): void {
    let kept = start;
    for (let i = start; i < into.length; i++) {
      const edge = into.edges[i] as number;
      const neighbor = into.neighbors[i] as number;
      if (this.#written.edges.get(edge)?.deleted === true || this.#written.nodes.get(neighbor)?.deleted === true)
        continue;
      into.edges[kept] = edge;
      into.neighbors[kept++] = neighbor;
    }
    into.length = kept;
  }

  degree(node: number, direction: Direction, types: TypeTokens): number {
    const buffer = { edges: new Int32Array(16), neighbors: new Int32Array(16), length: 0 };
    this.expand(node, direction, types, buffer);
    return buffer.length;
  }

  /** Beyond what arrays can be as long as, once the statement made a node. */
  get nodeCapacity(): number {
    return this.#written.newNodes.length === 0 ? this.base.nodeCapacity : FIRST_NEW + this.#written.newNodes.length;
  }

  get edgeCapacity(): number {
    return this.#written.newEdges.length === 0 ? this.base.edgeCapacity : FIRST_NEW + this.#written.newEdges.length;
  }

  // --- elements

  hasLabel(node: number, label: string): boolean {
    if (node < FIRST_NEW) {
      const change = this.#written.nodes.get(node);
      if (change === undefined) return this.base.hasLabel(node, label);
      if (change.deleted) return false;
      return change.labels?.includes(label) ?? this.base.hasLabel(node, label);
    }
    const made = this.#written.newNode(node);
    return !made.deleted && made.labels.includes(label);
  }

  labels(node: number): readonly string[] {
    if (node >= FIRST_NEW) return this.#written.newNode(node).deleted ? [] : this.#written.newNode(node).labels;
    const change = this.#written.nodes.get(node);
    if (change?.deleted === true) return [];
    return change?.labels ?? this.base.labels(node);
  }

  nodeProperty(node: number, name: string): Value | undefined {
    if (node < FIRST_NEW && !this.#written.nodes.has(node)) return this.base.nodeProperty(node, name);
    return getOwn(this.nodeProperties(node), name);
  }

  nodeColumn(name: string): NodeColumn {
    const below = this.base.nodeColumn(name);
    return {
      at: (node) =>
        node < FIRST_NEW && !this.#written.nodes.has(node) ? below.at(node) : getOwn(this.nodeProperties(node), name),
      numbers: () => undefined,
      texts: () => undefined,
    };
  }

  nodeProperties(node: number): Properties {
    if (node >= FIRST_NEW) return this.#written.newNode(node).deleted ? {} : this.#written.newNode(node).properties;
    const change = this.#written.nodes.get(node);
    if (change?.deleted === true) return {};
    return change?.properties ?? this.base.nodeProperties(node);
  }

  nodeId(node: number): NodeId {
    if (node < FIRST_NEW) return this.base.nodeId(node);
    const made = this.#written.newNode(node);
    if (made.id === undefined) {
      made.id = this.#freeDerivedId(made) ?? this.base.makeNodeId();
      this.#nodesById.set(made.id, node);
    }
    return made.id;
  }

  /** The id that the key of a new node gives, unless somebody has it. @throws NotResident */
  #freeDerivedId({ labels, properties }: NewNode): NodeId | undefined {
    const id = this.base.derivedNodeId(labels, properties);
    return id !== undefined && this.findNode(id) < 0 ? id : undefined;
  }

  nodeExists(node: number): boolean {
    if (node >= FIRST_NEW) return !this.#written.newNode(node).deleted;
    return this.#written.nodes.get(node)?.deleted !== true && this.base.nodeExists(node);
  }

  type(edge: number): string {
    return edge < FIRST_NEW ? this.base.type(edge) : this.#written.newEdge(edge).type;
  }

  from(edge: number): number {
    return edge < FIRST_NEW ? this.base.from(edge) : this.#written.newEdge(edge).from;
  }

  to(edge: number): number {
    return edge < FIRST_NEW ? this.base.to(edge) : this.#written.newEdge(edge).to;
  }

  edgeProperty(edge: number, name: string): Value | undefined {
    if (edge < FIRST_NEW && !this.#written.edges.has(edge)) return this.base.edgeProperty(edge, name);
    return getOwn(this.edgeProperties(edge), name);
  }

  edgeProperties(edge: number): Properties {
    if (edge >= FIRST_NEW) return this.#written.newEdge(edge).deleted ? {} : this.#written.newEdge(edge).properties;
    const change = this.#written.edges.get(edge);
    if (change?.deleted === true) return {};
    return change?.properties ?? this.base.edgeProperties(edge);
  }

  edgeId(edge: number): EdgeId {
    if (edge < FIRST_NEW) return this.base.edgeId(edge);
    const made = this.#written.newEdge(edge);
    if (made.id === undefined) {
      made.id = this.base.makeEdgeId(this.nodeId(made.from));
      this.#edgesById.set(made.id, edge);
    }
    return made.id;
  }

  edgeExists(edge: number): boolean {
    if (edge >= FIRST_NEW) return !this.#written.newEdge(edge).deleted;
    return this.#written.edges.get(edge)?.deleted !== true && this.base.edgeExists(edge);
  }

  // --- writes

  createNode(labels: readonly string[], properties: Properties): number {
    const unique = Array.from(new Set(labels)).sort(compareText);
    this.counters.nodesCreated++;
    this.counters.labelsAdded += unique.length;
    this.counters.propertiesSet += Object.keys(properties).length;
    return this.#written.addNode({ id: undefined, labels: unique, properties, deleted: false });
  }

  /** @throws QueryError if an end was deleted */
  createEdge(type: string, from: number, to: number, properties: Properties): number {
    if (!this.nodeExists(from) || !this.nodeExists(to)) throw deletedEntity();
    this.counters.relationshipsCreated++;
    this.counters.propertiesSet += Object.keys(properties).length;
    return this.#written.addEdge({ id: undefined, type, from, to, properties, deleted: false });
  }

  /** Null removes. @throws QueryError if the node was deleted */
  setNodeProperty(node: number, name: string, value: Value): void {
    if (!this.nodeExists(node)) throw deletedEntity();
    this.#setNodeProperties(node, withProperty(this.nodeProperties(node), name, value));
    this.counters.propertiesSet++;
  }

  /** All others go, unless `keep`. Nulls remove. */
  replaceNodeProperties(node: number, properties: Properties, keep: boolean): void {
    if (!this.nodeExists(node)) throw deletedEntity();
    const before = this.nodeProperties(node);
    this.counters.propertiesSet += countSet(before, properties, keep);
    this.#setNodeProperties(node, withProperties(before, properties, keep));
  }

  #setNodeProperties(node: number, properties: Properties): void {
    if (node >= FIRST_NEW) this.#written.newNode(node).properties = properties;
    else this.#written.nodeChange(node).properties = properties;
  }

  setEdgeProperty(edge: number, name: string, value: Value): void {
    if (!this.edgeExists(edge)) throw deletedEntity();
    this.#setEdgeProperties(edge, withProperty(this.edgeProperties(edge), name, value));
    this.counters.propertiesSet++;
  }

  replaceEdgeProperties(edge: number, properties: Properties, keep: boolean): void {
    if (!this.edgeExists(edge)) throw deletedEntity();
    const before = this.edgeProperties(edge);
    this.counters.propertiesSet += countSet(before, properties, keep);
    this.#setEdgeProperties(edge, withProperties(before, properties, keep));
  }

  #setEdgeProperties(edge: number, properties: Properties): void {
    if (edge >= FIRST_NEW) this.#written.newEdge(edge).properties = properties;
    else this.#written.edgeChange(edge).properties = properties;
  }

  addLabels(node: number, labels: readonly string[]): void {
    if (!this.nodeExists(node)) throw deletedEntity();
    const before = this.labels(node);
    const added = labels.filter((label, i) => !before.includes(label) && labels.indexOf(label) === i);
    if (added.length === 0) return;
    this.counters.labelsAdded += added.length;
    this.#setLabels(node, [...before, ...added].sort(compareText));
  }

  removeLabels(node: number, labels: readonly string[]): void {
    if (!this.nodeExists(node)) throw deletedEntity();
    const before = this.labels(node);
    const left = before.filter((label) => !labels.includes(label));
    if (left.length === before.length) return;
    this.counters.labelsRemoved += before.length - left.length;
    this.#setLabels(node, left);
  }

  #setLabels(node: number, labels: readonly string[]): void {
    if (node >= FIRST_NEW) this.#written.newNode(node).labels = labels;
    else this.#written.nodeChange(node).labels = labels;
  }

  /** With `detach` its relationships go first. Deleting it again changes nothing. @throws NotResident before any effect */
  deleteNode(node: number, detach: boolean): void {
    if (!this.nodeExists(node)) {
      if (detach && node < FIRST_NEW && this.#written.nodes.has(node)) this.#written.nodeChange(node).detach = true;
      return;
    }
    if (detach) {
      const buffer = { edges: new Int32Array(16), neighbors: new Int32Array(16), length: 0 };
      this.expand(node, 'both', undefined, buffer);
      for (let i = 0; i < buffer.length; i++) this.deleteEdge(buffer.edges[i] as number);
    }
    if (node >= FIRST_NEW) this.#written.newNode(node).deleted = true;
    else {
      const change = this.#written.nodeChange(node);
      change.deleted = true;
      change.detach = detach;
    }
    this.counters.nodesDeleted++;
  }

  deleteEdge(edge: number): void {
    if (!this.edgeExists(edge)) return;
    if (edge >= FIRST_NEW) this.#written.newEdge(edge).deleted = true;
    else this.#written.edgeChange(edge).deleted = true;
    this.counters.relationshipsDeleted++;
  }

  /** How much the overlay holds, for the memory budget. */
  get held(): number {
    return this.#written.size;
  }

  /**
   * All that was written, in an order in which each operation can be applied.
   * @throws QueryError if a deleted node still has relationships; WeftError as `checkWritten`; NotResident
   */
  operations(): Operation[] {
    const operations = this.#written.operations(this.base, (node) => this.nodeId(node));
    checkWritten(operations);
    return operations;
  }
}

function doubled(column: Int32Array): Int32Array {
  const copy = new Int32Array(Math.max(16, column.length * 2));
  copy.set(column);
  return copy;
}
