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
import type { PartitionId } from '../base/ids.ts';
import type { GraphSettings } from '../graph/model.ts';
import { EDGE_EXISTS, EDGE_RECORD, EdgeTable, STUB_EXISTS, STUB_RECORD, UNKNOWN } from './edge-table.ts';
import { NODE_EXISTS, NODE_RECORD, NodeTable } from './node-table.ts';
import { PartitionIndex } from './partition-index.ts';
import type { EdgeCreate, NodeCreate, Patch, StubCreate } from './patch.ts';
import { NO_PROPERTIES } from './patch-codec.ts';
import { type Ends, Registers } from './registers.ts';
import { partitionOfNode } from './routing.ts';
import { NEVER } from './stamp.ts';

/** Estimated bytes of an element beside its text, for the memory budget. */
const ELEMENT_BYTES = 180;
const REGISTERS_BYTES = 700;
/** Updates beyond this length are charged to the estimate; smaller ones mostly replace as much as they bring. */
const LARGE_UPDATE_CHARS = 256;

/** A read met partitions that are not open. The caller hydrates them and reads again. */
export class Unhydrated extends Error {
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
  readonly edges = new EdgeTable();
  readonly #partitionIndex = new Map<PartitionId, number>();
  readonly #partitionIds: PartitionId[] = [];
  readonly #freeIndexes: number[] = [];
  readonly #open: (PartitionIndex | undefined)[] = [];
  /** Number of open partitions. */
  openCount = 0;
  readonly #restoring: ReadonlySet<string>;

  constructor(settings: GraphSettings) {
    this.settings = settings;
    this.#restoring = new Set(settings.restoringTypes);
  }

  partitionOf(node: string): PartitionId {
    return partitionOfNode(node, this.settings.partitions);
  }

  /** Index of the partition of a node. */
  #homeOf(id: string): number {
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
    if (index === undefined || this.#open[index] !== undefined || (this.nodes.countAt[index] ?? 0) > 0) return;
    this.#partitionIndex.delete(partition);
    this.#freeIndexes.push(index);
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

  /** The open partition. @throws Unhydrated */
  need(partition: PartitionId): PartitionIndex {
    return this.needAt(this.indexOf(partition));
  }

  needAt(index: number): PartitionIndex {
    const partition = this.#open[index];
    if (partition === undefined) throw new Unhydrated([this.partitionAt(index)]);
    return partition;
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
    for (const edge of closed.edges.items()) this.#dropEdgeRecord(edge);
    for (const edge of closed.stubs.items()) this.#dropStub(edge);
    for (const node of closed.nodes.items()) {
      this.nodes.out.clear(node);
      this.nodes.in.clear(node);
      this.nodes.clearRecord(node);
      this.nodes.release(node);
    }
  }

  #dropEdgeRecord(edge: number): void {
    const { edges, nodes } = this;
    const from = edges.from[edge] as number;
    if (from !== UNKNOWN) nodes.out.clear(from);
    edges.set(edge, EDGE_RECORD | EDGE_EXISTS, false);
    edges.registers.delete(edge);
    if (!edges.has(edge, STUB_RECORD)) {
      this.#forgetEdge(edge);
      return;
    }
    const stub = edges.stubRegisters.get(edge);
    if (stub?.ends !== undefined) this.#setEnds(edge, stub.ends);
  }

  #dropStub(edge: number): void {
    const { edges, nodes } = this;
    const target = this.#stubTarget(edge);
    if (target !== UNKNOWN) nodes.in.clear(target);
    edges.set(edge, STUB_RECORD | STUB_EXISTS, false);
    edges.stubRegisters.delete(edge);
    this.#setStubTarget(edge, UNKNOWN);
    if (!edges.has(edge, EDGE_RECORD)) this.#forgetEdge(edge);
  }

  #forgetEdge(edge: number): void {
    const { from, to } = this.edges;
    const source = from[edge] as number;
    const target = to[edge] as number;
    this.edges.remove(edge);
    if (source !== UNKNOWN) this.nodes.release(source);
    if (target !== UNKNOWN) this.nodes.release(target);
  }

  /** Folds one patch of an open partition in. `chars` is the length of its text, for the memory estimate. */
  fold(partition: PartitionIndex, patch: Patch, chars: number): void {
    partition.patches++;
    switch (patch.kind) {
      case 'node-create':
        if (patch.more === undefined && this.#foldFirstNodeCreate(partition, patch, chars)) break;
        this.#foldNode(partition, patch, chars);
        break;
      case 'node-update':
      case 'node-delete':
        this.#foldNode(partition, patch, chars);
        break;
      case 'edge-create':
        if (patch.more === undefined && this.#foldFirstEdgeCreate(partition, patch, chars)) break;
        this.#foldEdge(partition, patch, chars);
        break;
      case 'edge-update':
      case 'edge-delete':
        this.#foldEdge(partition, patch, chars);
        break;
      case 'stub-create':
        if (this.#foldFirstStub(partition, patch, chars)) break;
        this.#foldStub(partition, patch, this.#homeOf(patch.from));
        break;
      case 'stub-delete':
        this.#foldStub(partition, patch, this.#homeOf(patch.from));
        break;
    }
  }

  /**
   * CRDT-3 for a patch of an open partition. What a delete hides of a node may be restored by an edge, so it stays live
   * in a graph with restoring types until the delete is older than the clock reading `horizon`.
   */
  isLive(partition: PartitionIndex, patch: Patch, horizon: number): boolean {
    const { nodes, edges } = this;
    const keepDominated = (node: number, registers: Registers) =>
      this.#restoring.size > 0 && (registers.deletedClock >= horizon || nodes.exists(node));
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
        return registers.isLive(patch, keepDominated(node, registers));
      }
      case 'edge-create':
      case 'edge-update':
      case 'edge-delete': {
        const edge = edges.find(patch.id, partition.ordinal);
        if (edge === undefined || !edges.has(edge, EDGE_RECORD)) return false;
        const registers = edges.registers.get(edge);
        return registers?.isLive(patch, false) ?? plain(edges.clock, edges.replica, edge);
      }
      case 'stub-create':
      case 'stub-delete': {
        const edge = edges.find(patch.id, this.#homeOf(patch.from));
        if (edge === undefined || !edges.has(edge, STUB_RECORD)) return false;
        const registers = edges.stubRegisters.get(edge);
        return registers?.isLive(patch, false) ?? plain(edges.clock, edges.replica, edge);
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
    nodes.flags[node] = NODE_RECORD | NODE_EXISTS;
    nodes.clock[node] = patch.clock;
    nodes.replica[node] = patch.replica;
    nodes.properties[node] = patch.properties;
    const labels = nodes.labelSet(patch.labels);
    nodes.labels[node] = labels;
    for (const label of labels) partition.addLabel(label, node);
    partition.revision++;
    return true;
  }

  #addNodeRecord(partition: PartitionIndex, node: number, chars: number): void {
    assert(this.nodes.home[node] === partition.ordinal, 'a node patch lies in the partition of its node');
    this.nodes.flags[node] = NODE_RECORD;
    this.nodes.retain(node);
    partition.nodes.push(node);
    partition.bytes += ELEMENT_BYTES + chars;
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
    const { nodes } = this;
    const registers = nodes.registers.get(node);
    if (registers === undefined) return;
    const restored = !registers.exists && this.#isRestored(node, registers);
    const exists = registers.exists || restored;
    const labelsBefore = nodes.labels[node] as readonly string[];
    const existedBefore = nodes.exists(node);
    nodes.flags[node] = exists ? NODE_RECORD | NODE_EXISTS : NODE_RECORD;
    nodes.properties[node] = exists ? registers.properties(restored) : NO_PROPERTIES;
    const labels = nodes.labelSet(exists ? registers.labels(restored) : []);
    if (labels === labelsBefore && exists === existedBefore) return;
    nodes.labels[node] = labels;
    partition.revision++;
    for (const label of labels) if (!labelsBefore.includes(label)) partition.addLabel(label, node);
  }

  #isRestored(node: number, registers: Registers): boolean {
    if (this.#restoring.size === 0 || registers.createdClock === NEVER) return false;
    const { nodes, edges } = this;
    for (let i = 0; i < nodes.out.degree(node); i++) {
      const edge = nodes.out.edgeAt(node, i);
      if (edges.has(edge, EDGE_EXISTS) && this.#restoring.has(edges.types[edges.type[edge] as number] as string)) {
        return true;
      }
    }
    for (let i = 0; i < nodes.in.degree(node); i++) {
      const edge = nodes.in.edgeAt(node, i);
      if (edges.has(edge, STUB_EXISTS) && this.#restoring.has(this.#stubType(edge))) return true;
    }
    return false;
  }

  #stubType(edge: number): string {
    return (
      this.edges.stubRegisters.get(edge)?.ends?.type ?? (this.edges.types[this.edges.type[edge] as number] as string)
    );
  }

  /** An edge of a restoring type came or went: its endpoint may have, too. */
  #refreshEndpoint(node: number | undefined): void {
    if (this.#restoring.size === 0 || node === undefined || node === UNKNOWN || !this.nodes.hasRecord(node)) return;
    const partition = this.#open[this.nodes.home[node] as number];
    if (partition !== undefined) this.#refreshNode(partition, node);
  }

  // --- edges

  #setEnds(edge: number, ends: Ends): void {
    const { edges, nodes } = this;
    const before = [edges.from[edge] as number, edges.to[edge] as number];
    const from = this.#intern(ends.from);
    nodes.retain(from);
    const to = this.#intern(ends.to);
    nodes.retain(to);
    edges.from[edge] = from;
    edges.to[edge] = to;
    edges.type[edge] = edges.internType(ends.type);
    for (const node of before) if (node !== UNKNOWN) nodes.release(node);
  }

  #hasEnds(edge: number, ends: Ends): boolean {
    const { edges, nodes } = this;
    return (
      edges.from[edge] === nodes.find(ends.from) &&
      edges.to[edge] === nodes.find(ends.to) &&
      edges.types[edges.type[edge] as number] === ends.type
    );
  }

  /** A stamp is given to one create only, so equal stamps mean equal ends. */
  #sameCreate(edge: number, patch: EdgeCreate | StubCreate): boolean {
    return this.edges.clock[edge] === patch.clock && this.edges.replica[edge] === patch.replica;
  }

  #setStamp(edge: number, patch: EdgeCreate | StubCreate): void {
    this.edges.clock[edge] = patch.clock;
    this.edges.replica[edge] = patch.replica;
  }

  #foldFirstEdgeCreate(partition: PartitionIndex, patch: EdgeCreate, chars: number): boolean {
    const { edges, nodes } = this;
    const edge = edges.intern(patch.id, partition.ordinal);
    if (edges.has(edge, EDGE_RECORD)) return !edges.registers.has(edge) && this.#sameCreate(edge, patch);
    if (edges.has(edge, STUB_RECORD)) {
      if (!edges.stubRegisters.has(edge) && !this.#sameCreate(edge, patch)) this.#stubRegisters(edge);
      if (!this.#hasEnds(edge, patch)) this.#setEnds(edge, patch);
    } else {
      this.#setEnds(edge, patch);
    }
    this.#setStamp(edge, patch);
    this.#addEdgeRecord(partition, edge, chars);
    edges.set(edge, EDGE_EXISTS, true);
    edges.properties[edge] = patch.properties;
    const from = edges.from[edge] as number;
    nodes.out.add(from, edge);
    if (this.#restoring.has(patch.type)) this.#refreshEndpoint(from);
    return true;
  }

  #addEdgeRecord(partition: PartitionIndex, edge: number, chars: number): void {
    this.edges.set(edge, EDGE_RECORD, true);
    partition.edges.push(edge);
    partition.bytes += ELEMENT_BYTES + chars;
  }

  #foldEdge(partition: PartitionIndex, patch: Patch, chars: number): void {
    const { edges } = this;
    const edge = edges.intern(patch.id, partition.ordinal);
    let registers = edges.registers.get(edge);
    if (!edges.has(edge, EDGE_RECORD)) {
      registers = new Registers();
      edges.registers.set(edge, registers);
      this.#addEdgeRecord(partition, edge, chars);
    } else if (registers === undefined) {
      registers = new Registers();
      registers.fold(this.plainEdgeCreate(edge));
      edges.registers.set(edge, registers);
      partition.bytes += REGISTERS_BYTES;
    }
    registers.fold(patch);
    this.#refreshEdge(edge, registers);
  }

  /** The create patch of an edge that has no registers. */
  plainEdgeCreate(edge: number): EdgeCreate {
    return {
      ...this.plainStubCreate(edge),
      kind: 'edge-create',
      properties: this.edges.properties[edge] ?? NO_PROPERTIES,
    };
  }

  /** The create patch of a stub that has no registers. */
  plainStubCreate(edge: number): StubCreate {
    const { edges, nodes } = this;
    return {
      kind: 'stub-create',
      clock: edges.clock[edge] as number,
      replica: edges.replica[edge] as StubCreate['replica'],
      id: edges.ids[edge] as string,
      type: edges.types[edges.type[edge] as number] as string,
      from: nodes.ids[edges.from[edge] as number] as string,
      to: nodes.ids[edges.to[edge] as number] as string,
    };
  }

  #refreshEdge(edge: number, registers: Registers): void {
    const { edges, nodes } = this;
    const fromBefore = edges.has(edge, EDGE_EXISTS) ? (edges.from[edge] as number) : UNKNOWN;
    if (registers.ends !== undefined && (edges.from[edge] === UNKNOWN || !this.#hasEnds(edge, registers.ends))) {
      // The columns serve a stub without registers, too; they are about to stop doing so.
      if (edges.has(edge, STUB_RECORD)) this.#stubRegisters(edge);
      if (fromBefore !== UNKNOWN) nodes.out.remove(fromBefore, edge);
      edges.set(edge, EDGE_EXISTS, false);
      if (fromBefore !== UNKNOWN) this.#refreshEndpoint(fromBefore);
      this.#setEnds(edge, registers.ends);
    }
    const from = edges.from[edge] as number;
    const existed = edges.has(edge, EDGE_EXISTS);
    edges.set(edge, EDGE_EXISTS, registers.exists);
    edges.properties[edge] = registers.exists ? registers.properties() : NO_PROPERTIES;
    if (existed === registers.exists) return;
    if (registers.exists) nodes.out.add(from, edge);
    else nodes.out.remove(from, edge);
    this.#refreshEndpoint(from);
  }

  // --- stubs

  #foldFirstStub(partition: PartitionIndex, patch: StubCreate, chars: number): boolean {
    const { edges, nodes } = this;
    // Mostly the record came just before; its stamp says that it is the same edge, whatever the source's partition.
    const first = edges.findFirst(patch.id);
    const isSame = first !== undefined && edges.has(first, EDGE_RECORD) && this.#sameCreate(first, patch);
    const edge = isSame ? first : edges.intern(patch.id, this.#homeOf(patch.from));
    if (edges.has(edge, STUB_RECORD)) return !edges.stubRegisters.has(edge) && this.#sameCreate(edge, patch);
    if (edges.has(edge, EDGE_RECORD)) {
      if (edges.registers.has(edge) || !this.#sameCreate(edge, patch)) return false;
    } else {
      this.#setEnds(edge, patch);
      this.#setStamp(edge, patch);
    }
    this.#addStub(partition, edge, chars);
    edges.set(edge, STUB_EXISTS, true);
    const to = edges.to[edge] as number;
    nodes.in.add(to, edge);
    if (this.#restoring.has(patch.type)) this.#refreshEndpoint(to);
    return true;
  }

  #addStub(partition: PartitionIndex, edge: number, chars: number): void {
    this.edges.set(edge, STUB_RECORD, true);
    partition.stubs.push(edge);
    partition.bytes += ELEMENT_BYTES / 2 + chars;
  }

  /** The registers of a stub, moved out of the columns if it had none. */
  #stubRegisters(edge: number): Registers {
    const known = this.edges.stubRegisters.get(edge);
    if (known !== undefined) return known;
    const registers = new Registers();
    if (this.edges.has(edge, STUB_EXISTS)) {
      registers.fold(this.plainStubCreate(edge));
      this.#setStubTarget(edge, this.edges.to[edge] as number);
    }
    this.edges.stubRegisters.set(edge, registers);
    return registers;
  }

  #foldStub(partition: PartitionIndex, patch: Patch, home: number): void {
    const { edges, nodes } = this;
    const edge = edges.intern(patch.id, home);
    if (!edges.has(edge, STUB_RECORD)) {
      this.#addStub(partition, edge, ELEMENT_BYTES);
      edges.stubRegisters.set(edge, new Registers());
    }
    const registers = this.#stubRegisters(edge);
    const existed = edges.has(edge, STUB_EXISTS);
    const before = this.#stubTarget(edge);
    registers.fold(patch);
    const { ends, exists } = registers;
    const after = ends === undefined ? UNKNOWN : this.#intern(ends.to);
    if (existed && (!exists || before !== after)) nodes.in.remove(before, edge);
    if (exists && (!existed || before !== after)) nodes.in.add(after, edge);
    edges.set(edge, STUB_EXISTS, exists);
    if (ends !== undefined && !edges.has(edge, EDGE_RECORD)) {
      if (edges.from[edge] === UNKNOWN || !this.#hasEnds(edge, ends)) this.#setEnds(edge, ends);
    }
    if (before !== after && before !== UNKNOWN) this.#refreshEndpoint(before);
    this.#setStubTarget(edge, after);
    this.#refreshEndpoint(after);
  }

  /** The node in whose incoming list the stub stands. */
  #stubTarget(edge: number): number {
    const { stubRegisters, stubTargets, to } = this.edges;
    return stubRegisters.has(edge) ? (stubTargets.get(edge) ?? UNKNOWN) : (to[edge] as number);
  }

  /** What the stub itself says, whatever its edge's record says. */
  stubEnds(edge: number): Ends & { readonly id: string } {
    const id = this.edges.ids[edge] as string;
    const ends = this.edges.stubRegisters.get(edge)?.ends;
    return ends === undefined ? this.plainStubCreate(edge) : { id, ...ends };
  }

  #setStubTarget(edge: number, node: number): void {
    const { stubTargets } = this.edges;
    const before = stubTargets.get(edge);
    if (before === node) return;
    if (node === UNKNOWN) stubTargets.delete(edge);
    else {
      this.nodes.retain(node);
      stubTargets.set(edge, node);
    }
    if (before !== undefined) this.nodes.release(before);
  }
}
