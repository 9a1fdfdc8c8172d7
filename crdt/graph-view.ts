/**
 * The graph as readers see it: the fold of all patches of the open partitions, in columns. Reads never touch Yjs.
 *
 * - VIEW-1 Folding a patch twice, or patches in any order, gives the same visible graph.
 * - VIEW-2 An edge is visible only if it exists and both endpoints do; what is read needs the partitions of all three
 *   open, and a read that meets a closed one throws `Unhydrated`.
 * - VIEW-3 An ordinal is valid until the partition that it was read from is closed.
 *
 * `view-reads.ts` has the reads, `view-snapshot.ts` the compact form on disk.
 */
import { assert } from '../base/assert.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import type { GraphSettings } from '../graph/model.ts';
import { NotResident } from '../graph/not-resident.ts';
import type { Properties } from '../graph/value.ts';
import type { Int32List } from './columns.ts';
import { EdgeFold } from './edge-fold.ts';
import { EDGE_RECORD, EDGE_THERE, EdgeTable, STUB_EXISTS, UNKNOWN } from './edge-table.ts';
import { type ExpiringKind, expiryOf } from './expiry.ts';
import { NODE_EXISTS, NODE_EXPIRED, NODE_RECORD, NodeTable } from './node-table.ts';
import { NAMED_NODE_BYTES, NODE_BYTES, PartitionIndex, REGISTERS_BYTES } from './partition-index.ts';
import type { EdgeCreate, NodeCreate, Patch, PatchHead, StubCreate } from './patch.ts';
import { NO_PROPERTIES } from './patch-codec.ts';
import { PropertyIndexes } from './property-indexes.ts';
import { type Ends, Registers } from './registers.ts';
import { partitionOfNode } from './routing.ts';
import { NEVER } from './stamp.ts';
import { ELEMENT_BYTES, type Tally, type Usage } from './usage.ts';
import { propertiesFromPlain } from './value-codec.ts';

/** Updates beyond this length are charged to the estimate; smaller ones mostly replace as much as they bring. */
const LARGE_UPDATE_CHARS = 256;

/** Creates of nodes as a snapshot has them: one entry a node in each column, and what entries of two of them stand for. */
export interface NodeCreates {
  readonly id: readonly string[];
  /** Index into `labelSets`, which are shared (`NodeTable.labelSet`). */
  readonly labels: readonly number[];
  readonly labelSets: readonly (readonly string[])[];
  readonly properties: readonly { readonly [name: string]: unknown }[];
  readonly clock: readonly number[];
  /** Index into `replicas`. */
  readonly replica: readonly number[];
  readonly replicas: readonly ReplicaId[];
}

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
  /** Nodes of open partitions. */
  #records = 0;
  readonly #restoring: ReadonlySet<string>;
  readonly #edgeFold: EdgeFold;
  /** EXP-2. Milliseconds since the Unix epoch. */
  #nowMs = Number.NEGATIVE_INFINITY;
  /** No element expires before. */
  #nextExpiryMs = Number.POSITIVE_INFINITY;
  /** While many patches are folded in: the nodes that do not show them yet. */
  #unshown: Set<number> | undefined;

  constructor(settings: GraphSettings) {
    this.settings = settings;
    this.#restoring = new Set(settings.restoringTypes);
    this.#edgeFold = new EdgeFold({
      nodes: this.nodes,
      edges: this.edges,
      homeOf: (node) => this.homeOf(node),
      intern: (node) => this.#intern(node),
      restores: (type) => this.#restoring.has(type),
      refreshEndpoint: (node) => this.#refreshEndpoint(node),
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
        if (due.kind === 'node') this.#refreshNode(partition, due.row);
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

  #intern(id: string): number {
    return this.nodes.find(id) ?? this.nodes.intern(id, this.indexOf(this.partitionOf(id)));
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
    return NAMED_NODE_BYTES * (nodes.size - this.#records) + queried;
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
    this.#records -= closed.nodes.length;
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
    assert(this.#unshown === undefined, 'what folds many patches does not begin anew in between');
    const unshown = new Set<number>();
    this.#unshown = unshown;
    try {
      fold();
    } finally {
      this.#unshown = undefined;
      for (const node of unshown) this.#refreshNode(this.needAt(this.nodes.home[node] as number), node);
    }
  }

  /** Folds one patch of an open partition in. `chars` is the length of its text, for the memory estimate. */
  fold(partition: PartitionIndex, patch: Patch, chars: number): void {
    partition.patches++;
    switch (patch.kind) {
      case 'node-create':
        if (isPlain(patch) && this.#foldFirstNodeCreate(partition, patch, chars)) break;
        this.#foldNode(partition, patch, chars);
        break;
      case 'node-update':
      case 'node-delete':
        this.#foldNode(partition, patch, chars);
        break;
      case 'edge-create':
        if (isPlain(patch) && this.#edgeFold.foldFirstCreate(partition, patch, chars)) break;
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

  /**
   * Whether an edge that nobody here has seen may still bring back what a delete hides of a node: somebody may have made it
   * while the node was there. It was until its delete, and until the last edge that restored it went.
   */
  mayReturn(partition: PartitionIndex, node: number, horizon: number): boolean {
    if (this.#restoring.size === 0) return false;
    const { nodes, edges } = this;
    if (nodes.isThere(node) || (nodes.registers.get(node)?.deletedClock ?? NEVER) >= horizon) return true;
    for (const row of partition.restorersOf(nodes.ids[node] as string)) {
      const record = edges.registers.get(row);
      const stub = edges.stubRegisters.get(row);
      if (Math.max(record?.lastEvent ?? NEVER, stub?.lastEvent ?? NEVER) >= horizon) return true;
    }
    return false;
  }

  /**
   * CRDT-3 for a patch of an open partition. In a graph with restoring types, what a delete hides of a node stays live while
   * it may return, and for that, which nodes an edge named stays live until its last coming and going lie before the clock
   * reading `horizon`.
   */
  isLive(partition: PartitionIndex, patch: PatchHead, horizon: number): boolean {
    const { nodes, edges } = this;
    const isHeld = (registers: Registers) =>
      registers.isLive(patch, false) ||
      (this.#restoring.size > 0 && registers.lastEvent >= horizon && registers.namesEnds(patch));
    const plain = (clock: Float64Array, replica: Uint32Array, at: number) =>
      clock[at] === patch.clock && replica[at] === patch.replica;
    switch (patch.kind) {
      case 'node-create':
      case 'node-update':
      case 'node-delete': {
        const node = nodes.find(patch.id);
        if (node === undefined || !nodes.hasRecord(node)) return false;
        const registers = nodes.registers.get(node);
        if (registers === undefined) return plain(nodes.clock, nodes.replica, node);
        return registers.isLive(patch, this.mayReturn(partition, node, horizon));
      }
      case 'edge-create':
      case 'edge-update':
      case 'edge-delete': {
        const edge = edges.find(patch.id, partition.ordinal);
        if (edge === undefined || !edges.has(edge, EDGE_RECORD)) return false;
        const registers = edges.registers.get(edge);
        return registers === undefined ? plain(edges.clock, edges.replica, edge) : isHeld(registers);
      }
      case 'stub-create':
      case 'stub-delete': {
        const edge = this.findStub(partition, patch.id, patch.from ?? '');
        if (edge === undefined) return false;
        const registers = edges.stubRegisters.get(edge);
        return registers === undefined ? plain(edges.clock, edges.replica, edge) : isHeld(registers);
      }
    }
  }

  // --- nodes

  #foldFirstNodeCreate(partition: PartitionIndex, patch: NodeCreate, chars: number): boolean {
    const { nodes } = this;
    const node = nodes.intern(patch.id, partition.ordinal);
    if (nodes.hasRecord(node)) {
      // A duplicate of the only create.
      return !nodes.registers.has(node) && nodes.clock[node] === patch.clock && nodes.replica[node] === patch.replica;
    }
    this.#addNodeRecord(partition, node, chars);
    nodes.setFlags(node, NODE_RECORD | NODE_EXISTS);
    nodes.clock[node] = patch.clock;
    nodes.replica[node] = patch.replica;
    nodes.setProperties(node, patch.properties);
    const labels = nodes.labelSet(patch.labels);
    nodes.setLabels(node, labels);
    for (const label of labels) partition.addLabel(label, node);
    this.indexes.note(node);
    partition.revision++;
    return true;
  }

  /** As `fold` of one create after the other, each of `chars`: what is new and plain goes into the columns at once. */
  foldNodeCreates(partition: PartitionIndex, creates: NodeCreates, chars: number): void {
    const { nodes, indexes } = this;
    const { id: ids, labels, labelSets, clock, replica, replicas } = creates;
    const lists = labelSets.map((set) => set.map((label) => partition.labelList(label)));
    nodes.makeRoom(ids.length);
    partition.nodes.makeRoom(ids.length);
    let added = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as string;
      const head = { clock: clock[i] as number, replica: replicas[replica[i] as number] as ReplicaId };
      const set = labels[i] as number;
      const shown = labelSets[set] as readonly string[];
      const properties = propertiesFromPlain(creates.properties[i] as { readonly [name: string]: unknown });
      if (expiryOf(properties) !== undefined || nodes.find(id) !== undefined) {
        this.fold(partition, { kind: 'node-create', ...head, id, labels: shown, properties }, chars);
        continue;
      }
      const node = nodes.addCreated(id, partition.ordinal, head, shown, properties);
      partition.nodes.push(node);
      for (const list of lists[set] as Int32List[]) list.push(node);
      indexes.note(node);
      added++;
    }
    partition.patches += added;
    partition.revision += added;
    partition.bytes += (NODE_BYTES + chars) * added;
    this.#records += added;
  }

  #addNodeRecord(partition: PartitionIndex, node: number, chars: number): void {
    assert(this.nodes.home[node] === partition.ordinal, 'a node patch lies in the partition of its node');
    this.nodes.setFlags(node, NODE_RECORD);
    this.nodes.retain(node);
    partition.nodes.push(node);
    this.#records++;
    partition.bytes += NODE_BYTES + chars;
  }

  #foldNode(partition: PartitionIndex, patch: Patch, chars: number): void {
    const { nodes } = this;
    const node = nodes.intern(patch.id, partition.ordinal);
    if (!nodes.hasRecord(node)) {
      this.#addNodeRecord(partition, node, chars);
      nodes.registers.set(node, new Registers());
    }
    this.#nodeRegisters(partition, node).fold(patch);
    if (chars > LARGE_UPDATE_CHARS) partition.bytes += chars;
    this.#refreshNode(partition, node);
  }

  /** The registers of a node with a record, made from its one create if it had no others. */
  #nodeRegisters(partition: PartitionIndex, node: number): Registers {
    const known = this.nodes.registers.get(node);
    if (known !== undefined) return known;
    const registers = new Registers();
    registers.fold(this.plainNodeCreate(node));
    this.nodes.registers.set(node, registers);
    partition.bytes += REGISTERS_BYTES;
    return registers;
  }

  /** The create patch of a node that has no registers. */
  plainNodeCreate(node: number): NodeCreate {
    const { nodes } = this;
    return {
      kind: 'node-create',
      clock: nodes.clock[node] as number,
      replica: nodes.replica[node] as NodeCreate['replica'],
      id: nodes.ids[node] as string,
      labels: nodes.labels[node] as readonly string[],
      properties: nodes.properties[node] as NodeCreate['properties'],
    };
  }

  #refreshNode(partition: PartitionIndex, node: number): void {
    if (this.#unshown !== undefined) {
      this.#unshown.add(node);
      return;
    }
    const { nodes } = this;
    const registers = nodes.registers.get(node);
    if (registers === undefined) return;
    const restored = !registers.exists && this.#isRestored(node, registers);
    const isThere = registers.exists || restored;
    const properties = isThere ? registers.properties(restored) : undefined;
    const expired = this.#hasExpired(partition, 'node', node, properties);
    const exists = isThere && !expired;
    const labelsBefore = nodes.labels[node] as readonly string[];
    const existedBefore = nodes.exists(node);
    nodes.setFlags(node, NODE_RECORD | (exists ? NODE_EXISTS : 0) | (expired ? NODE_EXPIRED : 0));
    nodes.setProperties(node, exists && properties !== undefined ? properties : NO_PROPERTIES);
    const labels = nodes.labelSet(exists ? registers.labels(restored) : []);
    const same = labels === labelsBefore && exists === existedBefore;
    nodes.setLabels(node, labels);
    this.indexes.note(node);
    if (same) return;
    partition.revision++;
    for (const label of labels) if (!labelsBefore.includes(label)) partition.addLabelAgain(label, node);
  }

  #isRestored(node: number, registers: Registers): boolean {
    if (this.#restoring.size === 0 || registers.createdClock === NEVER) return false;
    const { nodes, edges } = this;
    for (let i = 0; i < nodes.out.degree(node); i++) {
      const edge = nodes.out.edgeAt(node, i);
      if (edges.has(edge, EDGE_THERE) && this.#restoring.has(edges.types[edges.type[edge] as number] as string)) {
        return true;
      }
    }
    for (let i = 0; i < nodes.in.degree(node); i++) {
      const edge = nodes.in.edgeAt(node, i);
      if (edges.has(edge, STUB_EXISTS) && this.#restoring.has(this.stubEnds(edge).type)) return true;
    }
    return false;
  }

  /** An edge of a restoring type came or went: its endpoint may have, too. */
  #refreshEndpoint(node: number | undefined): void {
    if (this.#restoring.size === 0 || node === undefined || node === UNKNOWN || !this.nodes.hasRecord(node)) return;
    const partition = this.#open[this.nodes.home[node] as number];
    if (partition !== undefined) this.#refreshNode(partition, node);
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

  /** Makes the adjacency of a partition's nodes anew. */
  relink(partition: PartitionIndex): void {
    this.#edgeFold.relink(partition);
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
