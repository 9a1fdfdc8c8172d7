/**
 * The declared property indexes of a view, and those of unique keys. They are filled when first sought and follow every
 * patch from then on.
 */
import { KeyIndex } from './key-index.ts';
import type { NodeTable } from './node-table.ts';
import type { PartitionIndex } from './partition-index.ts';
import { PropertyIndex } from './property-index.ts';

/** What the view lends. */
interface IndexedNodes {
  readonly nodes: NodeTable;
  openPartitions(): PartitionIndex[];
}

/** An index is filled anew once it has so many entries for each node of the view, and so many more. */
const STALE_FACTOR = 4;
const STALE_ENTRIES_MIN = 1024;

export class PropertyIndexes {
  readonly #view: IndexedNodes;
  readonly #byName = new Map<string, PropertyIndex>();
  readonly #keys = new Map<string, KeyIndex>();
  /** Mostly one is sought again and again. */
  #last: PropertyIndex | undefined;
  /** Those that are filled, for every patch of a node: most graphs have few. */
  #filled: (PropertyIndex | KeyIndex)[] = [];

  constructor(view: IndexedNodes) {
    this.#view = view;
  }

  /** The index, filled from what is open. */
  use(label: string, property: string): PropertyIndex {
    const last = this.#last;
    if (last !== undefined && last.label === label && last.property === property) {
      this.#freshen(last);
      return last;
    }
    const name = `${label.length}:${label}${property}`;
    let index = this.#byName.get(name);
    if (index === undefined) {
      index = new PropertyIndex(label, property);
      this.#byName.set(name, index);
    }
    this.#last = index;
    this.#freshen(index);
    return index;
  }

  /** The index of the keys that these properties make, filled from what is open. */
  useKey(label: string, properties: readonly string[]): KeyIndex {
    const name = JSON.stringify([label, properties]);
    let index = this.#keys.get(name);
    if (index === undefined) {
      index = new KeyIndex(label, properties);
      this.#keys.set(name, index);
    }
    this.#freshen(index);
    return index;
  }

  #freshen(index: PropertyIndex | KeyIndex): void {
    if (!this.#filled.includes(index)) this.#fill(index);
    else if (index.entries > STALE_FACTOR * this.#view.nodes.size + STALE_ENTRIES_MIN) this.#fill(index);
  }

  /** Those that follow every patch now. */
  filled(): readonly (PropertyIndex | KeyIndex)[] {
    return this.#filled;
  }

  isFilled(index: PropertyIndex | KeyIndex): boolean {
    return this.#filled.includes(index);
  }

  /** Number of different values, as far as it is known. */
  distinctValues(label: string, property: string): number | undefined {
    return this.#byName.get(`${label.length}:${label}${property}`)?.distinctKeys;
  }

  #fill(index: PropertyIndex | KeyIndex): void {
    index.clear();
    const { nodes } = this.#view;
    for (const partition of this.#view.openPartitions()) {
      for (const node of partition.withLabel(index.label)) {
        if (nodes.exists(node)) index.note(nodes.properties[node] ?? {}, node);
      }
    }
    if (!this.#filled.includes(index)) this.#filled.push(index);
  }

  /** A node was made or changed. */
  note(node: number): void {
    if (this.#filled.length === 0) return;
    const { nodes } = this.#view;
    const labels = nodes.labels[node];
    if (labels === undefined || labels.length === 0) return;
    for (const index of this.#filled) {
      if (labels.includes(index.label)) index.note(nodes.properties[node] ?? {}, node);
    }
  }

  /** Ordinals were given back: what names them is made anew when it is needed. */
  invalidate(): void {
    for (const index of this.#filled) index.clear();
    this.#filled = [];
  }
}
