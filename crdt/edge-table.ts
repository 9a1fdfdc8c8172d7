/**
 * Edges as columns. One ordinal stands for an edge id in one source partition; it is known by its record (source
 * partition open), by its stub (target partition open), or both. Columns hold the record's stamp and ends, or the stub's
 * while there is no record. A stub that differs from its record keeps registers of its own.
 *
 * An edge id that was created concurrently with targets in several partitions has a stub in each. The edge's own row holds
 * one of them; the others have rows that hold nothing but the stub.
 */
import type { ReplicaId } from '../base/ids.ts';
import type { Properties } from '../graph/value.ts';
import { grown, Ordinals } from './columns.ts';
import { EdgeIds, type PartitionNumbers } from './edge-ids.ts';
import { NO_PROPERTIES } from './patch-codec.ts';
import type { Registers } from './registers.ts';
import { bytesAdded, Tally } from './usage.ts';

export const EDGE_RECORD = 1;
export const EDGE_EXISTS = 2;
export const STUB_RECORD = 4;
export const STUB_EXISTS = 8;
/** The edge is there but hidden, because its time has come (EXP-1). */
export const EDGE_EXPIRED = 16;
/** The edge is there, expired or not: what no clock decides. */
export const EDGE_THERE = EDGE_EXISTS | EDGE_EXPIRED;

/** An end that no patch has named yet. */
export const UNKNOWN = -1;

export class EdgeTable {
  readonly #ordinals = new Ordinals();
  readonly #ids: EdgeIds;
  /** Rows that hold only a stub, by the edge's own row and the partition of the stub, and back. */
  readonly #stubRows = new Map<number, Map<number, number>>();
  readonly #mainOf = new Map<number, number>();
  flags = new Uint8Array(0);
  /** Index of the partition whose stub the row holds; without meaning if it holds none. */
  stubHome = new Int32Array(0);
  /** Node ordinals. */
  from = new Int32Array(0);
  to = new Int32Array(0);
  type = new Int32Array(0);
  readonly properties: Properties[] = [];
  readonly registers = new Map<number, Registers>();
  readonly stubRegisters = new Map<number, Registers>();
  /** For a stub with registers: the node in whose incoming list it stands; retained. */
  readonly stubTargets = new Map<number, number>();
  /** Of those that are there, and of their properties; by home. */
  readonly there = new Tally();
  readonly bytes = new Tally();
  readonly #typeOrdinal = new Map<string, number>();
  readonly types: string[] = [];
  /** How many rows there are, by home. */
  readonly countAt: number[] = [];

  constructor(partitions: PartitionNumbers) {
    this.#ids = new EdgeIds(partitions);
  }

  /** Index of the source partition. */
  get home(): Int32Array {
    return this.#ids.home;
  }

  /** Stamp of the one create of a row without registers. */
  get clock(): Float64Array {
    return this.#ids.clock;
  }

  get replica(): Uint32Array {
    return this.#ids.replica;
  }

  get capacity(): number {
    return this.#ordinals.capacity;
  }

  find(id: string, home: number): number | undefined {
    return this.#ids.find(id, home);
  }

  /** The row of the edge itself. */
  mainOf(row: number): number {
    return this.#mainOf.size === 0 ? row : (this.#mainOf.get(row) ?? row);
  }

  /** The row that holds the stub of an edge in a partition. */
  findStub(edge: number, partition: number): number | undefined {
    if (this.has(edge, STUB_RECORD) && this.stubHome[edge] === partition) return edge;
    return this.#stubRows.get(edge)?.get(partition);
  }

  /** The row for the stub of an edge in a partition: the edge's own, unless that holds the stub of another partition. */
  internStub(edge: number, partition: number): number {
    const known = this.findStub(edge, partition);
    if (known !== undefined) return known;
    if (!this.has(edge, STUB_RECORD)) return edge;
    const row = this.#take(this.home[edge] as number);
    this.#ids.copy(row, edge);
    let rows = this.#stubRows.get(edge);
    if (rows === undefined) {
      rows = new Map();
      this.#stubRows.set(edge, rows);
    }
    rows.set(partition, row);
    this.#mainOf.set(row, edge);
    return row;
  }

  hasStubRows(edge: number): boolean {
    return this.#stubRows.has(edge);
  }

  /** The ordinals of this id in all source partitions. */
  findAll(id: string): number[] {
    return this.#ids.findAll(id);
  }

  idAt(row: number): string {
    return this.#ids.at(row);
  }

  intern(id: string, home: number): number {
    const stamp = this.#ids.stampOf(id, home);
    const known = this.#ids.find(id, home, stamp);
    if (known !== undefined) return known;
    const ordinal = this.#take(home);
    this.#ids.add(ordinal, id, home, stamp);
    return ordinal;
  }

  #take(home: number): number {
    const ordinal = this.#ordinals.take();
    this.#reserve(ordinal + 1);
    this.countAt[home] = (this.countAt[home] ?? 0) + 1;
    this.properties[ordinal] = NO_PROPERTIES;
    this.flags[ordinal] = 0;
    this.from[ordinal] = UNKNOWN;
    this.to[ordinal] = UNKNOWN;
    return ordinal;
  }

  /** Gives the ordinal back. The caller has released its ends and removed the rows of its other stubs. */
  remove(ordinal: number): void {
    const home = this.home[ordinal] as number;
    this.setProperties(ordinal, NO_PROPERTIES);
    this.countAt[home] = (this.countAt[home] as number) - 1;
    if (this.#removeStubRow(ordinal)) this.#ids.removeCopy(ordinal);
    else this.#ids.remove(ordinal);
    this.registers.delete(ordinal);
    this.stubRegisters.delete(ordinal);
    this.flags[ordinal] = 0;
    this.#ordinals.release(ordinal);
  }

  #removeStubRow(row: number): boolean {
    const edge = this.#mainOf.get(row);
    if (edge === undefined) return false;
    this.#mainOf.delete(row);
    const rows = this.#stubRows.get(edge);
    rows?.delete(this.stubHome[row] as number);
    if (rows?.size === 0) this.#stubRows.delete(edge);
    return true;
  }

  setStamp(row: number, clock: number, replica: ReplicaId): void {
    this.#ids.adopt(row, clock, replica);
  }

  has(ordinal: number, flag: number): boolean {
    return ((this.flags[ordinal] as number) & flag) !== 0;
  }

  set(ordinal: number, flag: number, on: boolean): void {
    const flags = this.flags[ordinal] as number;
    const after = on ? flags | flag : flags & ~flag;
    this.flags[ordinal] = after;
    const came = Number((after & EDGE_THERE) !== 0) - Number((flags & EDGE_THERE) !== 0);
    if (came !== 0) this.there.add(this.home[ordinal] as number, came);
  }

  setProperties(ordinal: number, properties: Properties): void {
    const before = this.properties[ordinal] ?? NO_PROPERTIES;
    if (before === properties) return;
    this.bytes.add(this.home[ordinal] as number, bytesAdded(before, properties));
    this.properties[ordinal] = properties;
  }

  internType(type: string): number {
    let ordinal = this.#typeOrdinal.get(type);
    if (ordinal === undefined) {
      ordinal = this.types.length;
      this.types.push(type);
      this.#typeOrdinal.set(type, ordinal);
    }
    return ordinal;
  }

  findType(type: string): number | undefined {
    return this.#typeOrdinal.get(type);
  }

  #reserve(capacity: number): void {
    if (capacity <= this.flags.length) return;
    this.#ids.reserve(capacity);
    this.flags = grown(this.flags, capacity);
    this.stubHome = grown(this.stubHome, capacity);
    this.from = grown(this.from, capacity);
    this.to = grown(this.to, capacity);
    this.type = grown(this.type, capacity);
  }
}
