/** How patches of nodes become rows of the node table, and what a node shows of its registers. */
import { assert } from '../base/assert.ts';
import { getOwnData, setOwn } from '../base/record.ts';
import type { Properties, Value } from '../graph/value.ts';
import { EDGE_THERE, type EdgeTable, STUB_EXISTS, UNKNOWN } from './edge-table.ts';
import { EXPIRY_PROPERTY } from './expiry.ts';
import { NODE_EXISTS, NODE_EXPIRED, NODE_RECORD, type NodeTable } from './node-table.ts';
import { NODE_BYTES, type PartitionIndex, REGISTERS_BYTES } from './partition-index.ts';
import type { NodeCreate, NodeUpdate, Patch } from './patch.ts';
import { NO_PROPERTIES } from './patch-codec.ts';
import type { PropertyIndexes } from './property-indexes.ts';
import { type Ends, Registers } from './registers.ts';
import { NEVER } from './stamp.ts';
import { propertyBytesAdded } from './usage.ts';

/** What the view lends. */
export interface NodeFoldHost {
  readonly nodes: NodeTable;
  readonly edges: EdgeTable;
  readonly indexes: PropertyIndexes;
  /** Types of edges that bring their endpoints back. */
  readonly restoring: ReadonlySet<string>;
  /** What a stub says of its edge. */
  stubEnds(edge: number): Ends;
  /** The partition with this index, if it is open. */
  openAt(index: number): PartitionIndex | undefined;
  /** @throws Unhydrated */
  needAt(index: number): PartitionIndex;
  /** Whether a node with these properties has expired; undefined for one that is not there. */
  hasExpired(partition: PartitionIndex, node: number, properties: Properties | undefined): boolean;
}

export class NodeFold {
  readonly #host: NodeFoldHost;
  /** Nodes of open partitions. */
  records = 0;
  /** While many patches are folded in: the nodes that do not show them yet. */
  #unshown: Set<number> | undefined;

  constructor(host: NodeFoldHost) {
    this.#host = host;
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
      for (const node of unshown) this.refresh(this.#host.needAt(this.#host.nodes.home[node] as number), node);
    }
  }

  /** Folds the first create of a node, or a duplicate of it. False if it takes registers. */
  foldFirstCreate(partition: PartitionIndex, patch: NodeCreate, chars: number): boolean {
    const { nodes } = this.#host;
    const known = nodes.find(patch.id);
    if (known !== undefined && nodes.hasRecord(known)) {
      // A duplicate of the only create.
      if (nodes.registers.has(known)) return false;
      return nodes.clock[known] === patch.clock && nodes.replica[known] === patch.replica;
    }
    const labels = nodes.labelSet(patch.labels);
    const node = known ?? nodes.addCreated(patch.id, partition.ordinal, patch, labels, patch.properties);
    if (known === undefined) this.#count(partition, node, chars);
    else {
      this.#addRecord(partition, node, chars);
      nodes.setFlags(node, NODE_RECORD | NODE_EXISTS);
      nodes.clock[node] = patch.clock;
      nodes.replica[node] = patch.replica;
      nodes.setProperties(node, patch.properties);
      nodes.setLabels(node, labels);
    }
    for (const label of labels) partition.addLabel(label, node);
    this.#host.indexes.note(node);
    partition.revision++;
    return true;
  }

  #addRecord(partition: PartitionIndex, node: number, chars: number): void {
    assert(this.#host.nodes.home[node] === partition.ordinal, 'a node patch lies in the partition of its node');
    this.#host.nodes.setFlags(node, NODE_RECORD);
    this.#host.nodes.retain(node);
    this.#count(partition, node, chars);
  }

  #count(partition: PartitionIndex, node: number, chars: number): void {
    partition.nodes.push(node);
    this.records++;
    partition.bytes += NODE_BYTES + chars;
  }

  /** Folds what takes registers. @param row as `NodeTable.intern` */
  fold(partition: PartitionIndex, patch: Patch, chars: number, row?: number): void {
    const { nodes } = this.#host;
    const node = nodes.intern(patch.id, partition.ordinal, row);
    if (!nodes.hasRecord(node)) {
      this.#addRecord(partition, node, chars);
      nodes.registers.set(node, new Registers());
    } else if (!nodes.exists(node)) {
      // What changes a node that is shown is charged by what it comes to show.
      partition.bytes += chars;
    }
    const registers = this.#registers(partition, node);
    registers.fold(patch);
    if (patch.kind === 'node-update' && this.#changesValuesOnly(patch, node, registers)) {
      this.#showValues(partition, node, registers, patch.properties);
    } else this.refresh(partition, node);
  }

  /** Whether all that an update can change are values which a node shows: the same node is there before and after, for as long. */
  #changesValuesOnly(update: NodeUpdate, node: number, registers: Registers): boolean {
    if (update.more !== undefined || this.#unshown !== undefined || !registers.exists) return false;
    return this.#host.nodes.exists(node) && !Object.hasOwn(update.properties, EXPIRY_PROPERTY);
  }

  #showValues(partition: PartitionIndex, node: number, registers: Registers, assigned: Properties): void {
    const { nodes, indexes } = this.#host;
    // A whole copy takes V8 less time than its properties one by one.
    const properties: { [name: string]: Value } = { ...nodes.properties[node] };
    let bytes = 0;
    for (const name in assigned) {
      // Undefined only if a delete dominates the update, which then changes nothing that is shown.
      const value = registers.property(name);
      if (value === undefined) continue;
      bytes += propertyBytesAdded(name, getOwnData(properties, name), value);
      setOwn(properties, name, value);
    }
    nodes.setProperties(node, properties, bytes);
    partition.bytes += bytes;
    indexes.note(node);
  }

  /** The registers of a node with a record, made from its one create if it had no others. */
  #registers(partition: PartitionIndex, node: number): Registers {
    const known = this.#host.nodes.registers.get(node);
    if (known !== undefined) return known;
    const registers = new Registers();
    registers.fold(this.#host.nodes.plainCreate(node));
    this.#host.nodes.registers.set(node, registers);
    partition.bytes += REGISTERS_BYTES;
    return registers;
  }

  /** Makes what the node shows anew: a patch of it was folded, or its time has come. */
  refresh(partition: PartitionIndex, node: number): void {
    if (this.#unshown !== undefined) {
      this.#unshown.add(node);
      return;
    }
    const { nodes } = this.#host;
    const registers = nodes.registers.get(node);
    if (registers === undefined) return;
    const restored = !registers.exists && this.#isRestored(node, registers);
    const isThere = registers.exists || restored;
    const properties = isThere ? registers.properties(restored) : undefined;
    const expired = this.#host.hasExpired(partition, node, properties);
    const exists = isThere && !expired;
    const labelsBefore = nodes.labels[node] as readonly string[];
    const existedBefore = nodes.exists(node);
    nodes.setFlags(node, NODE_RECORD | (exists ? NODE_EXISTS : 0) | (expired ? NODE_EXPIRED : 0));
    const bytesBefore = nodes.bytes.total;
    nodes.setProperties(node, exists && properties !== undefined ? properties : NO_PROPERTIES);
    // Of one that is hidden the registers stay.
    if (existedBefore && exists) partition.bytes += nodes.bytes.total - bytesBefore;
    const labels = nodes.labelSet(exists ? registers.labels(restored) : []);
    const same = labels === labelsBefore && exists === existedBefore;
    nodes.setLabels(node, labels);
    this.#host.indexes.note(node);
    if (same) return;
    partition.revision++;
    for (const label of labels) if (!labelsBefore.includes(label)) partition.addLabelAgain(label, node);
  }

  #isRestored(node: number, registers: Registers): boolean {
    if (this.#host.restoring.size === 0 || registers.createdClock === NEVER) return false;
    const { nodes, edges } = this.#host;
    for (let i = 0; i < nodes.out.degree(node); i++) {
      const edge = nodes.out.edgeAt(node, i);
      if (edges.has(edge, EDGE_THERE) && this.#host.restoring.has(edges.types[edges.type[edge] as number] as string)) {
        return true;
      }
    }
    for (let i = 0; i < nodes.in.degree(node); i++) {
      const edge = nodes.in.edgeAt(node, i);
      if (edges.has(edge, STUB_EXISTS) && this.#host.restoring.has(this.#host.stubEnds(edge).type)) return true;
    }
    return false;
  }

  /** An edge of a restoring type came or went: its endpoint may have, too. */
  refreshEndpoint(node: number | undefined): void {
    if (this.#host.restoring.size === 0 || node === undefined || node === UNKNOWN || !this.#host.nodes.hasRecord(node))
      return;
    const partition = this.#host.openAt(this.#host.nodes.home[node] as number);
    if (partition !== undefined) this.refresh(partition, node);
  }
}
