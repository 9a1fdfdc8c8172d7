/**
 * The graph as readers see it: the fold of all patches of the open partitions, in columns. Reads never touch Yjs.
 *
 * - VIEW-1 Folding a patch twice, or patches in any order, gives the same visible graph.
 * - VIEW-2 An edge is visible only if it exists and both endpoints do; what is read needs the partitions of all three
 *   open, and a read that meets a closed one throws `Unhydrated`.
 * - VIEW-3 An ordinal is valid until the partition that it was read from is closed.
 *
 * `node-fold.ts` and `edge-fold.ts` have the fold of each, `view-reads.ts` the reads, `view-snapshot.ts` the compact form on disk.
 */
import { assert } from '../base/assert.ts';
import type { PartitionId } from '../base/ids.ts';
import type { GraphSettings } from '../graph/model.ts';
import { NotResident } from '../graph/not-resident.ts';
import type { Properties } from '../graph/value.ts';
import { EdgeFold } from './edge-fold.ts';
import { EdgeTable } from './edge-table.ts';
import { type ExpiringKind, expiryOf } from './expiry.ts';
import { NodeFold } from './node-fold.ts';
import { NodeTable } from './node-table.ts';
import { NAMED_NODE_BYTES, PartitionIndex } from './partition-index.ts';
import type { EdgeCreate, NodeCreate, Patch, StubCreate } from './patch.ts';
import { PropertyIndexes } from './property-indexes.ts';
import type { Ends } from './registers.ts';
import { partitionOfNode } from './routing.ts';
import { ELEMENT_BYTES, type Tally, type Usage } from './usage.ts';

/** A read met partitions that are not open. The caller hydrates them and reads again. */
export class Unhydrated extends NotResident {
  override readonly name = 'Unhydrated';
  readonly partitions: readonly PartitionId[];
  constructor(partitions: readonly PartitionId[]) {
    super(`partitions ${partitions.join(', ')} are not open`);
    this.partitions = partitions;
  }
}

export class GraphView {
  readonly settings: GraphSettings;
  readonly nodes = new NodeTable();
  readonly edges = new EdgeTable(this);
  readonly indexes = new PropertyIndexes(this);
  readonly #partitionIndex = new Map<PartitionId, number>();
  readonly #partitionIds: PartitionId[] = [];
  readonly #freeIndexes: number[] = [];
  readonly #open: (PartitionIndex | undefined)[] = [];
  /** Number of open partitions. */
  openCount = 0;
  readonly #nodeFold: NodeFold;
  readonly #edgeFold: EdgeFold;
  /** EXP-2. Milliseconds since the Unix epoch. */
  #nowMs = Number.NEGATIVE_INFINITY;
  /** No element expires before. */
  #nextExpiryMs = Number.POSITIVE_INFINITY;

  constructor(settings: GraphSettings) {
    this.settings = settings;
    const restoring = new Set(settings.restoringTypes);
    this.#nodeFold = new NodeFold({
      nodes: this.nodes,
      edges: this.edges,
      indexes: this.indexes,
      restoring,
      stubEnds: (edge) => this.stubEnds(edge),
      openAt: (index) => this.#open[index],
      needAt: (index) => this.needAt(index),
      hasExpired: (partition, node, properties) => this.#hasExpired(partition, 'node', node, properties),
    });
    this.#edgeFold = new EdgeFold({
      nodes: this.nodes,
      edges: this.edges,
      homeOf: (node) => this.homeOf(node),
      intern: (node, row) => this.#intern(node, row),
      restores: (type) => restoring.has(type),
      refreshEndpoint: (node) => this.#nodeFold.refreshEndpoint(node),
      hasExpired: (partition, edge, properties) => this.#hasExpired(partition, 'edge', edge, properties),
    });
  }

  /** Whether elements may have expired since the view was last told the time; cheap where none do. */
  get expires(): boolean {
    return this.#nextExpiryMs !== Number.POSITIVE_INFINITY;
  }

  /** Tells the time, and hides what has expired by then. True if that changed anything. Earlier times change nothing. */
  expire(nowMs: number): boolean {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs;
    if (this.#nowMs < this.#nextExpiryMs) return false;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const partition of this.#open) {
      if (partition === undefined) continue;
      const { expiries } = partition;
      for (let due = expiries.takeDue(this.#nowMs); due !== undefined; due = expiries.takeDue(this.#nowMs)) {
        if (due.kind === 'node') this.#nodeFold.refresh(partition, due.row);
        else this.#edgeFold.refresh(partition, due.row);
      }
      nextMs = Math.min(nextMs, expiries.nextMs);
    }
    this.#nextExpiryMs = nextMs;
    return true;
  }

  /** EXP-1, for an element that is there and shows these properties. Notes when it will have, or that it has. */
  #hasExpired(partition: PartitionIndex, kind: ExpiringKind, row: number, properties: Properties | undefined): boolean {
    const atMs = properties && expiryOf(properties);
    if (atMs !== undefined && atMs <= this.#nowMs) {
      partition.expiries.hide(kind, row, atMs);
      return true;
    }
    partition.expiries.show(kind, row);
    if (atMs !== undefined) {
      partition.expiries.schedule(kind, row, atMs);
      this.#nextExpiryMs = Math.min(this.#nextExpiryMs, atMs);
    }
    return false;
  }

  partitionOf(node: string): PartitionId {
    return partitionOfNode(node, this.settings.partitions);
  }

  /** Index of the partition of a node. */
  homeOf(id: string): number {
    const known = this.nodes.find(id);
    return known === undefined ? this.indexOf(this.partitionOf(id)) : (this.nodes.home[known] as number);
  }

  #intern(id: string, row: number | undefined): number {
    return this.nodes.find(id, row) ?? this.nodes.intern(id, this.indexOf(this.partitionOf(id)));
  }

  /** The dense index of a partition on this server. */
  indexOf(partition: PartitionId): number {
    let index = this.#partitionIndex.get(partition);
    if (index === undefined) {
      index = this.#freeIndexes.pop() ?? this.#partitionIds.length;
      this.#partitionIndex.set(partition, index);
      this.#partitionIds[index] = partition;
      this.#open[index] = undefined;
    }
    return index;
  }

  /** Gives the index of a closed partition back if nothing refers to it. */
  forget(partition: PartitionId): void {
    const index = this.#partitionIndex.get(partition);
    if (index === undefined || this.#open[index] !== undefined) return;
    if ((this.nodes.countAt[index] ?? 0) > 0 || (this.edges.countAt[index] ?? 0) > 0) return;
    this.#partitionIndex.delete(partition);
    this.#freeIndexes.push(index);
  }

  findIndex(partition: PartitionId): number | undefined {
    return this.#partitionIndex.get(partition);
  }

  partitionAt(index: number): PartitionId {
    return this.#partitionIds[index] as PartitionId;
  }

  openPartitions(): PartitionIndex[] {
    return this.#open.filter((partition) => partition !== undefined);
  }

  isOpen(partition: PartitionId): boolean {
    const index = this.#partitionIndex.get(partition);
    return index !== undefined && this.#open[index] !== undefined;
  }

  /** How much there is in all open partitions, or in one of them, by its ordinal. */
  usage(partition?: number): Usage {
    const { nodes, edges } = this;
    const of = (tally: Tally) => (partition === undefined ? tally.total : tally.at(partition));
    const elements = { nodes: of(nodes.there), edges: of(edges.there) };
    const bytes = ELEMENT_BYTES * (elements.nodes + elements.edges) + of(nodes.bytes) + of(edges.bytes);
    return { ...elements, bytes };
  }

  /** The open partition. @throws Unhydrated */
  need(partition: PartitionId): PartitionIndex {
    return this.needAt(this.indexOf(partition));
  }

  needAt(index: number): PartitionIndex {
    const partition = this.#open[index];
    if (partition === undefined) throw new Unhydrated([this.partitionAt(index)]);
    return partition;
  }

  /**
   * Estimated memory of what belongs to no open partition: the far ends of edges that lead out of them, and what queries
   * keep of properties and edges to find it faster.
   */
  get outsideBytes(): number {
    const { nodes } = this;
    const queried = nodes.columns.bytes + nodes.out.slices.bytes + nodes.in.slices.bytes;
    return NAMED_NODE_BYTES * (nodes.size - this.#nodeFold.records) + queried;
  }

  /** Opens an empty partition, into which the caller folds all its patches before anybody reads. */
  open(partition: PartitionId): PartitionIndex {
    const index = this.indexOf(partition);
    assert(this.#open[index] === undefined, 'a partition is opened once');
    const opened = new PartitionIndex(partition, index);
    this.#open[index] = opened;
    this.openCount++;
    return opened;
  }

  /** Forgets all elements of a partition. */
  close(partition: PartitionId): void {
    const index = this.indexOf(partition);
    const closed = this.#open[index];
    assert(closed !== undefined, 'only an open partition is closed');
    this.#open[index] = undefined;
    this.openCount--;
    this.indexes.invalidate();
    // Mostly it is closed because memory is short.
    this.nodes.columns.drop();
    this.nodes.out.slices.drop();
    this.nodes.in.slices.drop();
    this.#nodeFold.records -= closed.nodes.length;
    for (const edge of closed.edges.items()) this.#edgeFold.dropRecord(edge);
    for (const edge of closed.stubs.items()) this.#edgeFold.dropStub(edge);
    for (const node of closed.nodes.items()) {
      this.nodes.out.clear(node);
      this.nodes.in.clear(node);
      this.nodes.clearRecord(node);
      this.nodes.release(node);
    }
  }

  /**
   * Runs `fold`, which folds many patches in, and then makes what their nodes show, once: made after each patch, a set of n
   * members would cost n² in all. Until then nobody may read.
   */
  foldMany(fold: () => void): void {
    this.#nodeFold.foldMany(fold);
  }

  /** So many nodes of an open partition came into the columns without `fold`. */
  countNodes(added: number): void {
    this.#nodeFold.records += added;
  }

  /**
   * Folds one patch of an open partition in. `chars` is the length of its text, for the memory estimate; `row` and `toRow` are
   * as `DraftedPatch` has them.
   */
  fold(partition: PartitionIndex, patch: Patch, chars: number, row?: number, toRow?: number): void {
    partition.patches++;
    switch (patch.kind) {
      case 'node-create':
        if (isPlain(patch) && this.#nodeFold.foldFirstCreate(partition, patch, chars)) break;
        this.#nodeFold.fold(partition, patch, chars);
        break;
      case 'node-update':
      case 'node-delete':
        this.#nodeFold.fold(partition, patch, chars, row);
        break;
      case 'edge-create':
        if (isPlain(patch) && this.#edgeFold.foldFirstCreate(partition, patch, chars, row, toRow)) break;
        this.#edgeFold.foldEdge(partition, patch, chars);
        break;
      case 'edge-update':
      case 'edge-delete':
        this.#edgeFold.foldEdge(partition, patch, chars);
        break;
      case 'stub-create':
        if (this.#edgeFold.foldFirstStub(partition, patch, chars)) break;
        this.#edgeFold.foldStub(partition, patch);
        break;
      case 'stub-delete':
        this.#edgeFold.foldStub(partition, patch);
        break;
    }
  }

  /** The create patch of an edge that has no registers. */
  plainEdgeCreate(edge: number): EdgeCreate {
    return this.#edgeFold.plainEdgeCreate(edge);
  }

  /** The create patch of a stub that has no registers. */
  plainStubCreate(edge: number): StubCreate {
    return this.#edgeFold.plainStubCreate(edge);
  }

  /** The row with the stub that a partition holds of the edge with this id and source. */
  findStub(partition: PartitionIndex, id: string, from: string): number | undefined {
    const edge = this.edges.find(id, this.homeOf(from));
    return edge === undefined ? undefined : this.edges.findStub(edge, partition.ordinal);
  }

  /** The node in whose incoming list a stub stands. */
  stubTarget(edge: number): number {
    return this.#edgeFold.stubTarget(edge);
  }

  /** What the stub itself says, whatever its edge's record says. */
  stubEnds(edge: number): Ends & { readonly id: string } {
    return this.#edgeFold.stubEnds(edge);
  }
}

/** What columns can hold: one create that clears nothing, of an element that never expires. */
function isPlain(patch: NodeCreate | EdgeCreate): boolean {
  return patch.more === undefined && expiryOf(patch.properties) === undefined;
}
