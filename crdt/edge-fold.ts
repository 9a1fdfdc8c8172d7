/**
 * How patches of edges and stubs become rows of the edge table and entries of adjacency. The record of an edge lies in the
 * partition of its source, its stub in that of its target; either may be open without the other.
 */

import type { Properties } from '../graph/value.ts';
import {
  EDGE_EXISTS,
  EDGE_EXPIRED,
  EDGE_RECORD,
  EDGE_THERE,
  type EdgeTable,
  STUB_EXISTS,
  STUB_RECORD,
  UNKNOWN,
} from './edge-table.ts';
import type { NodeTable } from './node-table.ts';
import { EDGE_BYTES, type PartitionIndex, REGISTERS_BYTES } from './partition-index.ts';
import type { EdgeCreate, Patch, StubCreate, StubDelete } from './patch.ts';
import { NO_PROPERTIES } from './patch-codec.ts';
import { type Ends, Registers } from './registers.ts';

/** What the view lends. */
export interface EdgeFoldHost {
  readonly nodes: NodeTable;
  readonly edges: EdgeTable;
  /** Index of the partition of a node. */
  homeOf(node: string): number;
  /** Ordinal of a node, made if there is none; not retained. @param row as for `NodeTable.find` */
  intern(node: string, row?: number): number;
  /** Whether edges of this type bring their endpoints back. */
  restores(type: string): boolean;
  /** An edge at this node came or went. */
  refreshEndpoint(node: number | undefined): void;
  /** Whether an edge with these properties has expired; undefined for one that is not there. */
  hasExpired(partition: PartitionIndex, edge: number, properties: Properties | undefined): boolean;
}

export class EdgeFold {
  readonly #host: EdgeFoldHost;
  /** The edge whose first create was folded last, and its id, empty once the row is another edge's. */
  #lastEdge = UNKNOWN;
  #lastId = '';

  constructor(host: EdgeFoldHost) {
    this.#host = host;
  }

  /** Forgets the record of an edge whose source partition closes. */
  dropRecord(edge: number): void {
    const { edges, nodes } = this.#host;
    const from = edges.from[edge] as number;
    if (from !== UNKNOWN) nodes.out.clear(from);
    edges.set(edge, EDGE_RECORD | EDGE_THERE, false);
    edges.setProperties(edge, NO_PROPERTIES);
    this.#touch(edge);
    edges.registers.delete(edge);
    if (!edges.has(edge, STUB_RECORD)) {
      this.#forgetEdge(edge);
      return;
    }
    const stub = edges.stubRegisters.get(edge);
    if (stub?.ends !== undefined) this.#setEnds(edge, stub.ends);
  }

  /** Forgets the stub of an edge whose target partition closes. */
  dropStub(edge: number): void {
    const { edges, nodes } = this.#host;
    const target = this.stubTarget(edge);
    if (target !== UNKNOWN) nodes.in.clear(target);
    edges.set(edge, STUB_RECORD | STUB_EXISTS, false);
    edges.stubRegisters.delete(edge);
    this.#setStubTarget(edge, UNKNOWN);
    if (!edges.has(edge, EDGE_RECORD)) this.#forgetEdge(edge);
  }

  /** Forgets a row that holds neither record nor stub, unless others refer to it. */
  #forgetEdge(row: number): void {
    const { edges, nodes } = this.#host;
    if (edges.hasStubRows(row)) return;
    if (row === this.#lastEdge) this.#lastId = '';
    const source = edges.from[row] as number;
    const target = edges.to[row] as number;
    const edge = edges.mainOf(row);
    edges.remove(row);
    if (source !== UNKNOWN) nodes.release(source);
    if (target !== UNKNOWN) nodes.release(target);
    if (edge !== row && !edges.has(edge, EDGE_RECORD | STUB_RECORD)) this.#forgetEdge(edge);
  }

  /**
   * The record changed, and with it what queries keep of the edges that lead to its target. Those that lead from its source
   * follow its adjacency, which changes with the record.
   */
  #touch(edge: number): void {
    const { edges, nodes } = this.#host;
    nodes.in.slices.forget(edges.to[edge] as number);
  }

  /** @param fromRow,toRow as for `NodeTable.find` */
  #setEnds(edge: number, ends: Ends, fromRow?: number, toRow?: number): void {
    const { edges, nodes } = this.#host;
    const fromBefore = edges.from[edge] as number;
    const toBefore = edges.to[edge] as number;
    if (toBefore !== UNKNOWN) this.#touch(edge);
    const from = this.#host.intern(ends.from, fromRow);
    nodes.retain(from);
    const to = this.#host.intern(ends.to, toRow);
    nodes.retain(to);
    edges.from[edge] = from;
    edges.to[edge] = to;
    edges.type[edge] = edges.internType(ends.type);
    this.#touch(edge);
    if (fromBefore !== UNKNOWN) nodes.release(fromBefore);
    if (toBefore !== UNKNOWN) nodes.release(toBefore);
  }

  #hasEnds(edge: number, ends: Ends): boolean {
    const { edges, nodes } = this.#host;
    return (
      edges.from[edge] === nodes.find(ends.from) &&
      edges.to[edge] === nodes.find(ends.to) &&
      edges.types[edges.type[edge] as number] === ends.type
    );
  }

  /** A stamp is given to one create only, so equal stamps mean equal ends. */
  #sameCreate(edge: number, patch: EdgeCreate | StubCreate): boolean {
    return this.#host.edges.clock[edge] === patch.clock && this.#host.edges.replica[edge] === patch.replica;
  }

  #setStamp(edge: number, patch: EdgeCreate | StubCreate): void {
    this.#host.edges.setStamp(edge, patch.clock, patch.replica);
  }

  /**
   * Folds the first create of an edge, or a duplicate of it. False if it takes registers.
   * @param fromRow,toRow as for `NodeTable.find`
   */
  foldFirstCreate(
    partition: PartitionIndex,
    patch: EdgeCreate,
    chars: number,
    fromRow?: number,
    toRow?: number,
  ): boolean {
    const { edges, nodes } = this.#host;
    const edge = edges.intern(patch.id, partition.ordinal);
    if (edges.has(edge, EDGE_RECORD)) return !edges.registers.has(edge) && this.#sameCreate(edge, patch);
    if (edges.has(edge, STUB_RECORD)) {
      if (!edges.stubRegisters.has(edge) && !this.#sameCreate(edge, patch)) this.#stubRegisters(edge);
      if (!this.#hasEnds(edge, patch)) this.#setEnds(edge, patch);
    } else {
      this.#setEnds(edge, patch, fromRow, toRow);
    }
    this.#setStamp(edge, patch);
    this.#addEdgeRecord(partition, edge, chars);
    this.#lastEdge = edge;
    this.#lastId = patch.id;
    edges.set(edge, EDGE_EXISTS, true);
    this.#touch(edge);
    edges.setProperties(edge, patch.properties);
    const from = edges.from[edge] as number;
    nodes.out.add(from, edge);
    if (this.#host.restores(patch.type)) {
      partition.addRestorer(patch.from, edge);
      this.#host.refreshEndpoint(from);
    }
    return true;
  }

  #addEdgeRecord(partition: PartitionIndex, edge: number, chars: number): void {
    this.#host.edges.set(edge, EDGE_RECORD, true);
    partition.edges.push(edge);
    partition.bytes += EDGE_BYTES + chars;
  }

  foldEdge(partition: PartitionIndex, patch: Patch, chars: number): void {
    const { edges } = this.#host;
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
    if (patch.kind === 'edge-create' && this.#host.restores(patch.type)) partition.addRestorer(patch.from, edge);
    this.#refreshEdge(partition, edge, registers);
  }

  /** The edge may have expired. */
  refresh(partition: PartitionIndex, edge: number): void {
    const registers = this.#host.edges.registers.get(edge);
    if (registers !== undefined) this.#refreshEdge(partition, edge, registers);
  }

  /** The create patch of an edge that has no registers. */
  plainEdgeCreate(edge: number): EdgeCreate {
    return {
      ...this.plainStubCreate(edge),
      kind: 'edge-create',
      properties: this.#host.edges.properties[edge] ?? NO_PROPERTIES,
    };
  }

  /** The create patch of a stub that has no registers. */
  plainStubCreate(edge: number): StubCreate {
    const { edges, nodes } = this.#host;
    return {
      kind: 'stub-create',
      clock: edges.clock[edge] as number,
      replica: edges.replica[edge] as StubCreate['replica'],
      id: edges.idAt(edge),
      type: edges.types[edges.type[edge] as number] as string,
      from: nodes.ids[edges.from[edge] as number] as string,
      to: nodes.ids[edges.to[edge] as number] as string,
    };
  }

  #refreshEdge(partition: PartitionIndex, edge: number, registers: Registers): void {
    const { edges, nodes } = this.#host;
    const fromBefore = edges.has(edge, EDGE_THERE) ? (edges.from[edge] as number) : UNKNOWN;
    if (registers.ends !== undefined && (edges.from[edge] === UNKNOWN || !this.#hasEnds(edge, registers.ends))) {
      // The columns serve a stub without registers, too; they are about to stop doing so.
      if (edges.has(edge, STUB_RECORD)) this.#stubRegisters(edge);
      if (fromBefore !== UNKNOWN) nodes.out.remove(fromBefore, edge);
      edges.set(edge, EDGE_THERE, false);
      this.#touch(edge);
      if (fromBefore !== UNKNOWN) this.#host.refreshEndpoint(fromBefore);
      this.#setEnds(edge, registers.ends);
    }
    const from = edges.from[edge] as number;
    const existed = edges.has(edge, EDGE_THERE);
    const properties = registers.exists ? registers.properties() : undefined;
    const expired = this.#host.hasExpired(partition, edge, properties);
    edges.set(edge, EDGE_EXISTS, registers.exists && !expired);
    edges.set(edge, EDGE_EXPIRED, expired);
    this.#touch(edge);
    nodes.out.slices.forget(from);
    const bytesBefore = edges.bytes.total;
    edges.setProperties(edge, expired ? NO_PROPERTIES : (properties ?? NO_PROPERTIES));
    // Of one that went the registers stay.
    if (existed && registers.exists) partition.bytes += edges.bytes.total - bytesBefore;
    // An expired edge stays in the adjacency of its source, where all ask it whether it exists.
    if (existed === registers.exists) return;
    if (registers.exists) nodes.out.add(from, edge);
    else nodes.out.remove(from, edge);
    this.#host.refreshEndpoint(from);
  }

  /** Folds the first stub of an edge, or a duplicate of it. False if it takes registers. */
  foldFirstStub(partition: PartitionIndex, patch: StubCreate, chars: number): boolean {
    const { edges, nodes } = this.#host;
    // Mostly the record came just before; its stamp says that it is the same edge.
    const isLast =
      patch.id === this.#lastId && edges.has(this.#lastEdge, EDGE_RECORD) && this.#sameCreate(this.#lastEdge, patch);
    const known = isLast ? this.#lastEdge : edges.intern(patch.id, this.#host.homeOf(patch.from));
    const edge = edges.internStub(known, partition.ordinal);
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
    if (this.#host.restores(patch.type)) {
      partition.addRestorer(patch.to, edge);
      this.#host.refreshEndpoint(to);
    }
    return true;
  }

  #addStub(partition: PartitionIndex, edge: number, chars: number): void {
    this.#host.edges.set(edge, STUB_RECORD, true);
    this.#host.edges.stubHome[edge] = partition.ordinal;
    partition.stubs.push(edge);
    partition.bytes += EDGE_BYTES / 2 + chars;
  }

  /** The registers of a stub, moved out of the columns if it had none. */
  #stubRegisters(edge: number): Registers {
    const known = this.#host.edges.stubRegisters.get(edge);
    if (known !== undefined) return known;
    const registers = new Registers();
    if (this.#host.edges.has(edge, STUB_EXISTS)) {
      registers.fold(this.plainStubCreate(edge));
      this.#setStubTarget(edge, this.#host.edges.to[edge] as number);
    }
    this.#host.edges.stubRegisters.set(edge, registers);
    return registers;
  }

  foldStub(partition: PartitionIndex, patch: StubCreate | StubDelete): void {
    const { edges, nodes } = this.#host;
    const edge = edges.internStub(edges.intern(patch.id, this.#host.homeOf(patch.from)), partition.ordinal);
    if (!edges.has(edge, STUB_RECORD)) {
      this.#addStub(partition, edge, EDGE_BYTES);
      edges.stubRegisters.set(edge, new Registers());
    }
    const registers = this.#stubRegisters(edge);
    const existed = edges.has(edge, STUB_EXISTS);
    const before = this.stubTarget(edge);
    registers.fold(patch);
    if (patch.kind === 'stub-create' && this.#host.restores(patch.type)) partition.addRestorer(patch.to, edge);
    const { ends, exists } = registers;
    const after = ends === undefined ? UNKNOWN : this.#host.intern(ends.to);
    if (existed && (!exists || before !== after)) nodes.in.remove(before, edge);
    if (exists && (!existed || before !== after)) nodes.in.add(after, edge);
    edges.set(edge, STUB_EXISTS, exists);
    if (ends !== undefined && !edges.has(edge, EDGE_RECORD)) {
      if (edges.from[edge] === UNKNOWN || !this.#hasEnds(edge, ends)) this.#setEnds(edge, ends);
    }
    if (before !== after && before !== UNKNOWN) this.#host.refreshEndpoint(before);
    this.#setStubTarget(edge, after);
    this.#host.refreshEndpoint(after);
  }

  /** The node in whose incoming list the stub stands. */
  stubTarget(edge: number): number {
    const { stubRegisters, stubTargets, to } = this.#host.edges;
    return stubRegisters.has(edge) ? (stubTargets.get(edge) ?? UNKNOWN) : (to[edge] as number);
  }

  /** What the stub itself says, whatever its edge's record says. */
  stubEnds(edge: number): Ends & { readonly id: string } {
    const id = this.#host.edges.idAt(edge);
    const ends = this.#host.edges.stubRegisters.get(edge)?.ends;
    return ends === undefined ? this.plainStubCreate(edge) : { id, ...ends };
  }

  #setStubTarget(edge: number, node: number): void {
    const { stubTargets } = this.#host.edges;
    const before = stubTargets.get(edge);
    if (before === node) return;
    if (node === UNKNOWN) stubTargets.delete(edge);
    else {
      this.#host.nodes.retain(node);
      stubTargets.set(edge, node);
    }
    if (before !== undefined) this.#host.nodes.release(before);
  }
}
