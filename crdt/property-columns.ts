/**
 * Values of one property of all nodes as an array by ordinal, for queries that read it of node after node: what stands in
 * an array is found several times faster than in the node's own object. An entry is read from the node when it is first
 * asked for, and forgotten when the node changes; a property that is read of few nodes gets no array. Whoever goes through
 * thousands of nodes may have numbers and texts packed, in typed arrays beside it, with the same entries.
 */
import { getOwnData } from '../base/record.ts';
import type { NodeColumn, PackedNumbers, PackedTexts } from '../graph/query-graph.ts';
import type { Properties, Value } from '../graph/value.ts';
import { PROPERTY_PACKS } from './parts.ts';
import type { NumberPack, TextPack } from './property-packs.ts';

/** What the table of nodes lends. */
interface NodeProperties {
  readonly properties: readonly Properties[];
  /** One past the largest ordinal. */
  readonly capacity: number;
}

/** A property gets an array once it was read at least so often, and once for each so many nodes. */
const READS_MIN = 1024;
const NODES_PER_READ = 4;
/** Arrays that are kept at a time: each takes eight bytes a node, twice that if it is packed, where a node takes some 300. */
const ARRAYS_MAX = 8;
/** Names that are known at a time. */
const NAMES_MAX = 256;
const VALUE_BYTES = 8;

class PropertyColumn implements NodeColumn {
  readonly #columns: PropertyColumns;
  readonly #nodes: NodeProperties;
  readonly #name: string;
  /** By ordinal: undefined was not read yet, null is absent. */
  values: (Value | undefined)[] | undefined;
  #reads = 0;
  #numbers: NumberPack | undefined;
  #texts: TextPack | undefined;

  constructor(columns: PropertyColumns, nodes: NodeProperties, name: string) {
    this.#columns = columns;
    this.#nodes = nodes;
    this.#name = name;
  }

  /** The value of a node, undefined if it has none. */
  at(node: number): Value | undefined {
    const { values } = this;
    if (values !== undefined && node < values.length) {
      const value = values[node];
      if (value !== undefined) return value === null ? undefined : value;
    }
    return this.#read(node);
  }

  numbers(): PackedNumbers | undefined {
    const values = this.#valuesOfAll();
    const packs = PROPERTY_PACKS.ifThere;
    if (values === undefined || packs === undefined) return undefined;
    this.#numbers ??= new packs.NumberPack(values);
    return this.#numbers.view(values.length);
  }

  texts(): PackedTexts | undefined {
    const values = this.#valuesOfAll();
    const packs = PROPERTY_PACKS.ifThere;
    if (values === undefined || packs === undefined) return undefined;
    this.#texts ??= new packs.TextPack(values);
    return this.#texts.view(values.length);
  }

  /** The array with an entry for each node, if there is one. */
  #valuesOfAll(): (Value | undefined)[] | undefined {
    const { values } = this;
    if (values !== undefined && values.length < this.#nodes.capacity) this.#grow(values);
    return values;
  }

  forget(node: number): void {
    const values = this.values as (Value | undefined)[];
    if (node >= values.length) return;
    values[node] = undefined;
    this.#numbers?.forget(node);
    this.#texts?.forget(node);
  }

  drop(): void {
    this.values = undefined;
    this.#numbers = undefined;
    this.#texts = undefined;
  }

  get bytes(): number {
    return (this.values?.length ?? 0) * VALUE_BYTES + (this.#numbers?.bytes ?? 0) + (this.#texts?.bytes ?? 0);
  }

  #read(node: number): Value | undefined {
    const value = getOwnData(this.#nodes.properties[node] as Properties, this.#name);
    if (this.values !== undefined) {
      if (node >= this.values.length) this.#grow(this.values);
      this.values[node] = value ?? null;
      this.#numbers?.note(node, value);
      this.#texts?.note(node, value);
    } else if (++this.#reads > READS_MIN && this.#reads * NODES_PER_READ > this.#nodes.capacity) {
      this.#reads = 0;
      this.values = [];
      this.#grow(this.values);
      this.#columns.admit(this);
    }
    return value;
  }

  #grow(values: (Value | undefined)[]): void {
    const { capacity } = this.#nodes;
    const length = capacity + (capacity >> 3) + 16;
    while (values.length < length) values.push(undefined);
  }
}

export class PropertyColumns {
  readonly #nodes: NodeProperties;
  readonly #byName = new Map<string, PropertyColumn>();
  /** Those with an array, the oldest first. */
  readonly #filled: PropertyColumn[] = [];

  constructor(nodes: NodeProperties) {
    this.#nodes = nodes;
  }

  column(name: string): PropertyColumn {
    let column = this.#byName.get(name);
    if (column === undefined) {
      // Columns that are in use go on to work, since it is the list of filled ones that keeps them true.
      if (this.#byName.size >= NAMES_MAX) this.#byName.clear();
      column = new PropertyColumn(this, this.#nodes, name);
      this.#byName.set(name, column);
    }
    return column;
  }

  /** A column got an array: it hears of changes from now on. */
  admit(column: PropertyColumn): void {
    if (this.#filled.length >= ARRAYS_MAX) {
      this.#filled.shift()?.drop();
    }
    this.#filled.push(column);
  }

  /** The properties of a node are others now. */
  forget(node: number): void {
    for (let i = 0; i < this.#filled.length; i++) (this.#filled[i] as PropertyColumn).forget(node);
  }

  /** Drops all arrays, to give their memory back. */
  drop(): void {
    for (const column of this.#filled) column.drop();
    this.#filled.length = 0;
  }

  get bytes(): number {
    let sum = 0;
    for (const column of this.#filled) sum += column.bytes;
    return sum;
  }
}
