/**
 * Nodes as columns, indexed by dense ordinals that are valid for one graph on one server. An ordinal exists while the
 * node has a record (its partition is open and a patch of it was folded) or an edge refers to it.
 */
import { compareText } from '../base/order.ts';
import type { Properties } from '../graph/value.ts';
import { Adjacency } from './adjacency.ts';
import { grown, Ordinals, SparseColumn } from './columns.ts';
import { IdIndex } from './id-index.ts';
import type { NodeCreate } from './patch.ts';
import { NO_PROPERTIES } from './patch-codec.ts';
import { PropertyColumns } from './property-columns.ts';
import type { Registers } from './registers.ts';
import type { Stamp } from './stamp.ts';
import { bytesAdded, propertiesBytes, Tally } from './usage.ts';

/** The node has a record: its partition is open and has at least one patch of it. */
export const NODE_RECORD = 1;
/** The node is visible. */
export const NODE_EXISTS = 2;
/** The node is there but hidden, because its time has come (EXP-1). */
export const NODE_EXPIRED = 4;

const NO_LABELS: readonly string[] = Object.freeze([]);

export class NodeTable {
  readonly #ordinals = new Ordinals();
  readonly ids: string[] = [];
  readonly #index = new IdIndex(this.ids);
  /** Index of the partition in which the node lives; see `GraphView`. */
  home = new Int32Array(0);
  flags = new Uint8Array(0);
  /** Ordinals that stand for no visible node: deleted, or named by an edge only. */
  hidden = 0;
  /** Stamp of the one create of a node without `registers`. */
  clock = new Float64Array(0);
  replica = new Uint32Array(0);
  /** What readers see, never changed in place: labels in canonical order, properties in any. */
  readonly labels: (readonly string[])[] = [];
  /** How often a node of a partition lost labels, by home: as long as it is the same, who had one has it. */
  readonly labelLosses: number[] = [];
  readonly properties: Properties[] = [];
  readonly columns = new PropertyColumns(this);
  /** Only for nodes with more than a single create. */
  readonly registers = new SparseColumn<Registers>();
  readonly out = new Adjacency();
  readonly in = new Adjacency();
  #references = new Int32Array(0);
  /** How many nodes have an ordinal, by home. */
  readonly countAt: number[] = [];
  /** Of those that are there, and of their properties. */
  readonly there = new Tally();
  readonly bytes = new Tally();
  /** Sets of one label by the label, others by their JSON, which no label can be taken for. */
  readonly #singleLabels = new Map<string, readonly string[]>();
  readonly #labelSets = new Map<string, readonly string[]>();

  get capacity(): number {
    return this.#ordinals.capacity;
  }

  /** How many nodes have an ordinal. */
  get size(): number {
    return this.#index.size;
  }

  /** @param row an ordinal that `id` had, which spares the look-up while it still is the node's */
  find(id: string, row?: number): number | undefined {
    return row !== undefined && this.ids[row] === id ? row : this.#index.find(id);
  }

  /**
   * The ordinal of `id`, made if there is none. The caller must hold it with `retain` before anything else happens.
   * `home`: index of the partition in which the node lives. `row`: as for `find`.
   */
  intern(id: string, home: number, row?: number): number {
    const known = this.find(id, row);
    if (known !== undefined) return known;
    const ordinal = this.#take(id);
    this.setLabels(ordinal, NO_LABELS);
    this.setProperties(ordinal, NO_PROPERTIES);
    this.home[ordinal] = home;
    this.countAt[home] = (this.countAt[home] ?? 0) + 1;
    this.flags[ordinal] = 0;
    this.hidden++;
    this.#references[ordinal] = 0;
    return ordinal;
  }

  /** Makes room for so many more nodes. */
  makeRoom(more: number): void {
    this.#reserve(this.#ordinals.capacity + more);
  }

  /** Adds a node that `find` does not find, as its one create makes it; its record retains it. Returns its ordinal. */
  addCreated(id: string, home: number, stamp: Stamp, labels: readonly string[], properties: Properties): number {
    const ordinal = this.#take(id);
    this.labels[ordinal] = labels;
    this.properties[ordinal] = properties;
    this.columns.forget(ordinal);
    this.home[ordinal] = home;
    this.flags[ordinal] = NODE_RECORD | NODE_EXISTS;
    this.clock[ordinal] = stamp.clock;
    this.replica[ordinal] = stamp.replica;
    this.#references[ordinal] = 1;
    this.countAt[home] = (this.countAt[home] ?? 0) + 1;
    this.there.add(home, 1);
    this.bytes.add(home, propertiesBytes(properties));
    return ordinal;
  }

  #take(id: string): number {
    const ordinal = this.#ordinals.take();
    this.#reserve(ordinal + 1);
    this.ids[ordinal] = id;
    this.#index.add(id, ordinal);
    return ordinal;
  }

  /** The create patch of a node that has no registers. */
  plainCreate(node: number): NodeCreate {
    return {
      kind: 'node-create',
      clock: this.clock[node] as number,
      replica: this.replica[node] as NodeCreate['replica'],
      id: this.ids[node] as string,
      labels: this.labels[node] as readonly string[],
      properties: this.properties[node] as NodeCreate['properties'],
    };
  }

  retain(ordinal: number): void {
    this.#references[ordinal] = (this.#references[ordinal] as number) + 1;
  }

  release(ordinal: number): void {
    const left = (this.#references[ordinal] as number) - 1;
    this.#references[ordinal] = left;
    if (left > 0) return;
    this.#index.remove(this.ids[ordinal] as string, ordinal);
    const home = this.home[ordinal] as number;
    this.countAt[home] = (this.countAt[home] as number) - 1;
    this.ids[ordinal] = '';
    if (!this.exists(ordinal)) this.hidden--;
    this.out.clear(ordinal);
    this.in.clear(ordinal);
    this.#ordinals.release(ordinal);
  }

  setFlags(ordinal: number, flags: number): void {
    const was = this.exists(ordinal);
    const wasThere = this.isThere(ordinal);
    this.flags[ordinal] = flags;
    this.there.add(this.home[ordinal] as number, Number(this.isThere(ordinal)) - Number(wasThere));
    const is = this.exists(ordinal);
    if (was !== is) this.hidden += is ? -1 : 1;
  }

  /** @param labels from `labelSet` */
  setLabels(ordinal: number, labels: readonly string[]): void {
    const before = this.labels[ordinal];
    if (before === labels) return;
    this.labels[ordinal] = labels;
    if (before === undefined || before.length === 0) return;
    const home = this.home[ordinal] as number;
    this.labelLosses[home] = (this.labelLosses[home] ?? 0) + 1;
  }

  /** @param bytes what they have more than before (`bytesAdded`), if that is known */
  setProperties(ordinal: number, properties: Properties, bytes?: number): void {
    const added = bytes ?? bytesAdded(this.properties[ordinal] ?? NO_PROPERTIES, properties);
    this.bytes.add(this.home[ordinal] as number, added);
    this.properties[ordinal] = properties;
    this.columns.forget(ordinal);
  }

  exists(ordinal: number): boolean {
    return ((this.flags[ordinal] as number) & NODE_EXISTS) !== 0;
  }

  /** Whether it is there, expired or not: what no clock decides. */
  isThere(ordinal: number): boolean {
    return ((this.flags[ordinal] as number) & (NODE_EXISTS | NODE_EXPIRED)) !== 0;
  }

  hasExpired(ordinal: number): boolean {
    return ((this.flags[ordinal] as number) & NODE_EXPIRED) !== 0;
  }

  hasRecord(ordinal: number): boolean {
    return ((this.flags[ordinal] as number) & NODE_RECORD) !== 0;
  }

  /** Forgets the record but not the ordinal. */
  clearRecord(ordinal: number): void {
    this.setFlags(ordinal, 0);
    this.setLabels(ordinal, NO_LABELS);
    this.setProperties(ordinal, NO_PROPERTIES);
    this.registers.delete(ordinal);
  }

  /** One shared array for each distinct set of labels, sorted and without repetition. */
  labelSet(labels: readonly string[]): readonly string[] {
    const [first] = labels;
    if (first === undefined) return NO_LABELS;
    const sets = labels.length === 1 ? this.#singleLabels : this.#labelSets;
    const key = labels.length === 1 ? first : JSON.stringify(labels);
    const known = sets.get(key);
    if (known !== undefined) return known;
    const sorted = Array.from(new Set(labels)).sort(compareText);
    // Of a set in another order, or with repetitions, the array is that of its canonical form.
    const isCanonical = sorted.length === labels.length && sorted.every((label, i) => label === labels[i]);
    const shared = isCanonical ? Object.freeze(sorted) : this.labelSet(sorted);
    sets.set(key, shared);
    return shared;
  }

  #reserve(capacity: number): void {
    if (capacity > this.home.length) {
      this.home = grown(this.home, capacity);
      this.flags = grown(this.flags, capacity);
      this.clock = grown(this.clock, capacity);
      this.replica = grown(this.replica, capacity);
      this.#references = grown(this.#references, capacity);
      this.out.reserve(this.home.length);
      this.in.reserve(this.home.length);
    }
  }
}
