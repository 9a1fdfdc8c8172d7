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
import { runtimeError } from '../query-error.ts';
import { equal } from '../values/equality.ts';
import { inRange } from '../values/range.ts';
import { fromStored } from '../values/runtime-value.ts';
import { Counters } from './counters.ts';
import { countSet, differences, withProperties, withProperty } from './property-changes.ts';

/** Ordinals of elements that the statement made begin here. */
export const FIRST_NEW = 2 ** 30;

interface NewNode {
  id: NodeId | undefined;
  labels: readonly string[];
  properties: Properties;
  deleted: boolean;
}

interface NewEdge {
  id: EdgeId | undefined;
  readonly type: string;
  readonly from: number;
  readonly to: number;
  properties: Properties;
  deleted: boolean;
}

/** What changed of an element of the graph. */
interface Change {
  labels: readonly string[] | undefined;
  properties: Properties | undefined;
  deleted: boolean;
  detach: boolean;
}

export class GraphOverlay implements QueryGraph {
  readonly base: StatementGraph;
  readonly counters = new Counters();
  readonly #newNodes: NewNode[] = [];
  readonly #newEdges: NewEdge[] = [];
  readonly #nodes = new Map<number, Change>();
  readonly #edges = new Map<number, Change>();
  /** New edges by end. */
  readonly #out = new Map<number, number[]>();
  readonly #in = new Map<number, number[]>();
  readonly #typeNames: string[] = [];
  readonly #typeTokens = new Map<string, number>();

  constructor(base: StatementGraph) {
    this.base = base;
  }

  get statistics(): GraphStatistics {
    return this.base.statistics;
  }

  // --- names: tokens of the overlay are those of the graph, and beyond for types that only it knows

  labelToken(label: string): number {
    return this.base.labelToken(label);
  }

  typeToken(type: string): number {
    const known = this.base.typeToken(type);
    if (known >= 0) return known;
    let token = this.#typeTokens.get(type);
    if (token === undefined) {
      token = FIRST_NEW + this.#typeNames.length;
      this.#typeNames.push(type);
      this.#typeTokens.set(type, token);
    }
    return token;
  }

  #hasType(edge: NewEdge, types: TypeTokens): boolean {
    return types === undefined || types.includes(this.typeToken(edge.type));
  }

  // --- scans

  scanNodes(): OrdinalCursor {
    const made = this.#existingNew(this.#newNodes);
    return narrowed(this.base.scanNodes(), (node) => this.nodeExists(node), made);
  }

  scanLabel(label: string): OrdinalCursor {
    const added: number[] = [];
    for (const [node, change] of this.#nodes) {
      if (change.labels?.includes(label) === true && !change.deleted && !this.base.hasLabel(node, label)) {
        added.push(node);
      }
    }
    const made = this.#existingNew(this.#newNodes).filter((node) => this.hasLabel(node, label));
    return narrowed(this.base.scanLabel(label), (node) => this.hasLabel(node, label), [...added, ...made]);
  }

  scanEdges(types: TypeTokens): OrdinalCursor {
    const made = this.#existingNew(this.#newEdges).filter((edge) => this.#hasType(this.#newEdge(edge), types));
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
    const more = [...this.#nodes.keys(), ...this.#existingNew(this.#newNodes)].filter((node) => {
      if (!this.nodeExists(node) || !this.hasLabel(node, label)) return false;
      const value = this.nodeProperty(node, property);
      return value !== undefined && matches(value);
    });
    return narrowed(found, (node) => !this.#nodes.has(node), more);
  }

  findNode(id: string): number {
    for (let i = 0; i < this.#newNodes.length; i++) {
      const node = this.#newNodes[i] as NewNode;
      if (node.id === id && !node.deleted) return FIRST_NEW + i;
    }
    const found = this.base.findNode(id);
    return found >= 0 && this.nodeExists(found) ? found : -1;
  }

  findEdge(id: string): number {
    for (let i = 0; i < this.#newEdges.length; i++) {
      const edge = this.#newEdges[i] as NewEdge;
      if (edge.id === id && !edge.deleted) return FIRST_NEW + i;
    }
    const found = this.base.findEdge(id);
    return found >= 0 && this.edgeExists(found) ? found : -1;
  }

  // --- expansion

  expand(node: number, direction: Direction, types: TypeTokens, into: EdgeBuffer): void {
    if (node < FIRST_NEW) {
      const start = into.length;
      this.base.expand(node, direction, types, into);
      if (this.#edges.size > 0 || this.#nodes.size > 0) this.#dropDeleted(into, start);
    }
    if (direction !== 'in') {
      for (const edge of this.#out.get(node) ?? []) this.#append(edge, types, this.#newEdge(edge).to, into);
    }
    if (direction !== 'out') {
      for (const edge of this.#in.get(node) ?? []) {
        const { from } = this.#newEdge(edge);
        if (direction === 'both' && from === node) continue;
        this.#append(edge, types, from, into);
      }
    }
  }

  #append(edge: number, types: TypeTokens, neighbor: number, into: EdgeBuffer): void {
    const made = this.#newEdge(edge);
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
      if (this.#edges.get(edge)?.deleted === true || this.#nodes.get(neighbor)?.deleted === true) continue;
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
    return this.#newNodes.length === 0 ? this.base.nodeCapacity : FIRST_NEW + this.#newNodes.length;
  }

  get edgeCapacity(): number {
    return this.#newEdges.length === 0 ? this.base.edgeCapacity : FIRST_NEW + this.#newEdges.length;
  }

  // --- elements

  #newNode(node: number): NewNode {
    return this.#newNodes[node - FIRST_NEW] as NewNode;
  }

  #newEdge(edge: number): NewEdge {
    return this.#newEdges[edge - FIRST_NEW] as NewEdge;
  }

  hasLabel(node: number, label: string): boolean {
    if (node < FIRST_NEW) {
      const change = this.#nodes.get(node);
      if (change === undefined) return this.base.hasLabel(node, label);
      if (change.deleted) return false;
      return change.labels?.includes(label) ?? this.base.hasLabel(node, label);
    }
    const made = this.#newNode(node);
    return !made.deleted && made.labels.includes(label);
  }

  labels(node: number): readonly string[] {
    if (node >= FIRST_NEW) return this.#newNode(node).deleted ? [] : this.#newNode(node).labels;
    const change = this.#nodes.get(node);
    if (change?.deleted === true) return [];
    return change?.labels ?? this.base.labels(node);
  }

  nodeProperty(node: number, name: string): Value | undefined {
    if (node < FIRST_NEW && !this.#nodes.has(node)) return this.base.nodeProperty(node, name);
    return getOwn(this.nodeProperties(node), name);
  }

  nodeColumn(name: string): NodeColumn {
    const below = this.base.nodeColumn(name);
    return {
      at: (node) =>
        node < FIRST_NEW && !this.#nodes.has(node) ? below.at(node) : getOwn(this.nodeProperties(node), name),
      numbers: () => undefined,
      texts: () => undefined,
    };
  }

  nodeProperties(node: number): Properties {
    if (node >= FIRST_NEW) return this.#newNode(node).deleted ? {} : this.#newNode(node).properties;
    const change = this.#nodes.get(node);
    if (change?.deleted === true) return {};
    return change?.properties ?? this.base.nodeProperties(node);
  }

  nodeId(node: number): NodeId {
    if (node < FIRST_NEW) return this.base.nodeId(node);
    const made = this.#newNode(node);
    made.id ??= this.#freeDerivedId(made) ?? this.base.makeNodeId();
    return made.id;
  }

  /** The id that the key of a new node gives, unless somebody has it. @throws NotResident */
  #freeDerivedId({ labels, properties }: NewNode): NodeId | undefined {
    const id = this.base.derivedNodeId(labels, properties);
    return id !== undefined && this.findNode(id) < 0 ? id : undefined;
  }

  nodeExists(node: number): boolean {
    if (node >= FIRST_NEW) return !this.#newNode(node).deleted;
    return this.#nodes.get(node)?.deleted !== true && this.base.nodeExists(node);
  }

  type(edge: number): string {
    return edge < FIRST_NEW ? this.base.type(edge) : this.#newEdge(edge).type;
  }

  from(edge: number): number {
    return edge < FIRST_NEW ? this.base.from(edge) : this.#newEdge(edge).from;
  }

  to(edge: number): number {
    return edge < FIRST_NEW ? this.base.to(edge) : this.#newEdge(edge).to;
  }

  edgeProperty(edge: number, name: string): Value | undefined {
    if (edge < FIRST_NEW && !this.#edges.has(edge)) return this.base.edgeProperty(edge, name);
    return getOwn(this.edgeProperties(edge), name);
  }

  edgeProperties(edge: number): Properties {
    if (edge >= FIRST_NEW) return this.#newEdge(edge).deleted ? {} : this.#newEdge(edge).properties;
    const change = this.#edges.get(edge);
    if (change?.deleted === true) return {};
    return change?.properties ?? this.base.edgeProperties(edge);
  }

  edgeId(edge: number): EdgeId {
    if (edge < FIRST_NEW) return this.base.edgeId(edge);
    const made = this.#newEdge(edge);
    made.id ??= this.base.makeEdgeId(this.nodeId(made.from));
    return made.id;
  }

  edgeExists(edge: number): boolean {
    if (edge >= FIRST_NEW) return !this.#newEdge(edge).deleted;
    return this.#edges.get(edge)?.deleted !== true && this.base.edgeExists(edge);
  }

  // --- writes

  createNode(labels: readonly string[], properties: Properties, id?: NodeId): number {
    const unique = Array.from(new Set(labels)).sort(compareText);
    this.#newNodes.push({ id, labels: unique, properties, deleted: false });
    this.counters.nodesCreated++;
    this.counters.labelsAdded += unique.length;
    this.counters.propertiesSet += Object.keys(properties).length;
    return FIRST_NEW + this.#newNodes.length - 1;
  }

  /** @throws QueryError if an end was deleted */
  createEdge(type: string, from: number, to: number, properties: Properties): number {
    if (!this.nodeExists(from) || !this.nodeExists(to)) throw deletedEntity();
    const edge = FIRST_NEW + this.#newEdges.length;
    this.#newEdges.push({ id: undefined, type, from, to, properties, deleted: false });
    append(this.#out, from, edge);
    append(this.#in, to, edge);
    this.counters.relationshipsCreated++;
    this.counters.propertiesSet += Object.keys(properties).length;
    return edge;
  }

  #nodeChange(node: number): Change {
    return changeOf(this.#nodes, node);
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
    if (node >= FIRST_NEW) this.#newNode(node).properties = properties;
    else this.#nodeChange(node).properties = properties;
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
    if (edge >= FIRST_NEW) this.#newEdge(edge).properties = properties;
    else changeOf(this.#edges, edge).properties = properties;
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
    if (node >= FIRST_NEW) this.#newNode(node).labels = labels;
    else this.#nodeChange(node).labels = labels;
  }

  /** With `detach` its relationships go first. Deleting it again changes nothing. @throws NotResident before any effect */
  deleteNode(node: number, detach: boolean): void {
    if (!this.nodeExists(node)) {
      if (detach && node < FIRST_NEW && this.#nodes.has(node)) this.#nodeChange(node).detach = true;
      return;
    }
    if (detach) {
      const buffer = { edges: new Int32Array(16), neighbors: new Int32Array(16), length: 0 };
      this.expand(node, 'both', undefined, buffer);
      for (let i = 0; i < buffer.length; i++) this.deleteEdge(buffer.edges[i] as number);
    }
    if (node >= FIRST_NEW) this.#newNode(node).deleted = true;
    else {
      const change = this.#nodeChange(node);
      change.deleted = true;
      change.detach = detach;
    }
    this.counters.nodesDeleted++;
  }

  deleteEdge(edge: number): void {
    if (!this.edgeExists(edge)) return;
    if (edge >= FIRST_NEW) this.#newEdge(edge).deleted = true;
    else changeOf(this.#edges, edge).deleted = true;
    this.counters.relationshipsDeleted++;
  }

  /** Whether the statement wrote anything so far. */
  get isDirty(): boolean {
    return this.#newNodes.length > 0 || this.#newEdges.length > 0 || this.#nodes.size > 0 || this.#edges.size > 0;
  }

  /** How much the overlay holds, for the memory budget. */
  get held(): number {
    return this.#newNodes.length + this.#newEdges.length + this.#nodes.size + this.#edges.size;
  }

  /**
   * All that was written, in an order in which each operation can be applied.
   * @throws QueryError if a deleted node still has relationships; NotResident
   */
  operations(): Operation[] {
    this.#checkDeleted();
    const operations: Operation[] = [];
    // What goes comes first: a node that is made may have the key, and so the id, of one that is deleted.
    for (const [edge, { deleted }] of this.#edges) {
      if (deleted) operations.push({ op: 'deleteEdge', id: this.base.edgeId(edge) });
    }
    for (const [node, { deleted, detach }] of this.#nodes) {
      if (deleted) operations.push({ op: 'deleteNode', id: this.base.nodeId(node), detach });
    }
    for (let i = 0; i < this.#newNodes.length; i++) {
      const { id, deleted, labels, properties } = this.#newNodes[i] as NewNode;
      if (deleted) continue;
      // Nobody has asked for its id, and no relationship names it: the graph makes one as it creates the node.
      const isNamed = id !== undefined || this.#out.has(FIRST_NEW + i) || this.#in.has(FIRST_NEW + i);
      operations.push({ op: 'createNode', ...(isNamed ? { id: this.nodeId(FIRST_NEW + i) } : {}), labels, properties });
    }
    for (const [node, change] of this.#nodes) if (!change.deleted) this.#patchNode(node, change, operations);
    for (let i = 0; i < this.#newEdges.length; i++) {
      const { id, deleted, type, from, to, properties } = this.#newEdges[i] as NewEdge;
      if (deleted) continue;
      const named = id === undefined ? {} : { id };
      operations.push({ op: 'createEdge', ...named, type, from: this.nodeId(from), to: this.nodeId(to), properties });
    }
    for (const [edge, change] of this.#edges) {
      if (change.deleted || change.properties === undefined) continue;
      const properties = differences(this.base.edgeProperties(edge), change.properties);
      if (properties !== undefined) operations.push({ op: 'patchEdge', id: this.base.edgeId(edge), properties });
    }
    return operations;
  }

  #patchNode(node: number, { labels, properties }: Change, operations: Operation[]): void {
    const changes = properties === undefined ? undefined : differences(this.base.nodeProperties(node), properties);
    const before = this.base.labels(node);
    const add = labels?.filter((label) => !before.includes(label)) ?? [];
    const remove = labels === undefined ? [] : before.filter((label) => !labels.includes(label));
    if (changes === undefined && add.length === 0 && remove.length === 0) return;
    operations.push({
      op: 'patchNode',
      id: this.base.nodeId(node),
      ...(add.length + remove.length === 0 ? {} : { labels: { kind: 'change', add, remove } as const }),
      ...(changes === undefined ? {} : { properties: changes }),
    });
  }

  #checkDeleted(): void {
    const buffer = { edges: new Int32Array(16), neighbors: new Int32Array(16), length: 0 };
    const check = (node: number) => {
      buffer.length = 0;
      if (node < FIRST_NEW) this.base.expand(node, 'both', undefined, buffer);
      let left = 0;
      for (let i = 0; i < buffer.length; i++) if (this.#edges.get(buffer.edges[i] as number)?.deleted !== true) left++;
      for (const edges of [this.#out.get(node), this.#in.get(node)]) {
        for (const edge of edges ?? []) if (!this.#newEdge(edge).deleted) left++;
      }
      if (left === 0) return;
      throw runtimeError(
        'ConstraintVerificationFailed',
        'DeleteConnectedNode',
        `a node with ${left} relationships cannot be deleted: delete them first, or use DETACH DELETE`,
      );
    };
    for (const [node, { deleted }] of this.#nodes) if (deleted) check(node);
    for (let i = 0; i < this.#newNodes.length; i++) if (this.#newNodes[i]?.deleted === true) check(FIRST_NEW + i);
  }
}

function changeOf(changes: Map<number, Change>, ordinal: number): Change {
  let change = changes.get(ordinal);
  if (change === undefined) {
    change = { labels: undefined, properties: undefined, deleted: false, detach: false };
    changes.set(ordinal, change);
  }
  return change;
}

function append(lists: Map<number, number[]>, key: number, item: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function doubled(column: Int32Array): Int32Array {
  const copy = new Int32Array(Math.max(16, column.length * 2));
  copy.set(column);
  return copy;
}

/** What a cursor finds and is wanted, then more. */
function narrowed(found: OrdinalCursor, keep: (ordinal: number) => boolean, more: readonly number[]): OrdinalCursor {
  let ended = false;
  let at = 0;
  return {
    next: (into, start, limit) => {
      while (!ended) {
        const count = found.next(into, start, limit);
        if (count === 0) {
          ended = true;
          break;
        }
        let kept = 0;
        for (let i = 0; i < count; i++) {
          const ordinal = into[start + i] as number;
          if (keep(ordinal)) into[start + kept++] = ordinal;
        }
        if (kept > 0) return kept;
      }
      const count = Math.min(limit, more.length - at);
      for (let i = 0; i < count; i++) into[start + i] = more[at + i] as number;
      at += count;
      return count;
    },
  };
}
