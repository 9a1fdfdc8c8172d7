/** What belongs to one open partition: its elements, its labels, and sorted pages of them. */
import type { PartitionId } from '../base/ids.ts';
import { Int32List } from './columns.ts';
import { ExpiryQueue } from './expiry.ts';

/** Estimated bytes beside their text of a node, an edge or a stub, and of registers, for the memory budget. */
export const NODE_BYTES = 270;
export const EDGE_BYTES = 120;
export const REGISTERS_BYTES = 700;
/** The same of a node that edges or stubs name while its own partition is closed. */
export const NAMED_NODE_BYTES = 150;

export class PartitionIndex {
  readonly id: PartitionId;
  /** Its dense number in the view. */
  readonly ordinal: number;
  /** Ordinals of nodes, edges and stubs that have a record here. */
  readonly nodes = new Int32List();
  readonly edges = new Int32List();
  readonly stubs = new Int32List();
  readonly expiries = new ExpiryQueue();
  /** Nodes that ever had the label since the partition was opened: readers check the node itself. */
  readonly #labelled = new Map<string, Int32List>();
  readonly #repeating = new Set<string>();
  /** Labels of which a reader found the whole list true, with the losses of labels here until then. */
  readonly #settled = new Map<string, number>();
  readonly #sorted = new Map<string, { readonly revision: number; readonly ordinals: Int32Array }>();
  /** Rows of edges or stubs here that restore a node of this partition, or once did; by the node's id. */
  readonly #restorers = new Map<string, Set<number>>();
  /** Counts changes of existence and labels. */
  revision = 0;
  /** Patches folded since it was opened: with the live ones, the measure of what compaction would gain. */
  patches = 0;
  /** Estimated bytes of memory of the elements. */
  bytes = 0;

  constructor(id: PartitionId, ordinal: number) {
    this.id = id;
    this.ordinal = ordinal;
  }

  addRestorer(node: string, row: number): void {
    const rows = this.#restorers.get(node);
    if (rows === undefined) this.#restorers.set(node, new Set([row]));
    else rows.add(row);
  }

  restorersOf(node: string): Iterable<number> {
    return this.#restorers.get(node) ?? [];
  }

  /** As `addLabel`, for a node that may have had the label before. */
  addLabelAgain(label: string, node: number): void {
    this.addLabel(label, node);
    this.#repeating.add(label);
  }

  /** Whether `withLabel` may return a node more than once. */
  mayRepeat(label: string): boolean {
    return this.#repeating.has(label);
  }

  addLabel(label: string, node: number): void {
    this.labelList(label).push(node);
  }

  /** The list of nodes that get the label, to be added to in place of `addLabel`. */
  labelList(label: string): Int32List {
    let list = this.#labelled.get(label);
    if (list === undefined) {
      list = new Int32List();
      this.#labelled.set(label, list);
    }
    return list;
  }

  labels(): IterableIterator<string> {
    return this.#labelled.keys();
  }

  /** The list that grows as nodes get the label. */
  labelled(label: string): Int32List | undefined {
    return this.#labelled.get(label);
  }

  /** Whether every node of the label's list has it, and is there once. `losses`: of labels in this partition so far. */
  isSettled(label: string, losses: number): boolean {
    return this.#settled.get(label) === losses && !this.#repeating.has(label);
  }

  /** All nodes of the label's list had it, and no label was lost here meanwhile. */
  settle(label: string, losses: number): void {
    this.#settled.set(label, losses);
  }

  /** Adds to the list of a label what it lacks of these nodes, at its end: who goes through it stands where he stood. */
  relabel(label: string, nodes: Iterable<number>): void {
    const list = this.labelList(label);
    const listed = new Set(list.items());
    for (const node of nodes) if (!listed.has(node)) list.push(node);
    this.revision++;
  }

  withLabel(label: string): Int32Array {
    return this.#labelled.get(label)?.items() ?? new Int32Array(0);
  }

  /** The sorted lists that are kept and current, of all nodes or of a label. */
  *keptLists(): Generator<{ readonly label: string | undefined; readonly length: number }> {
    for (const [key, { revision, ordinals }] of this.#sorted) {
      if (revision === this.revision) yield { label: key === '' ? undefined : key.slice(1), length: ordinals.length };
    }
  }

  /**
   * The ordinals of visible nodes, all or with a label, by id in canonical order. Kept until existence or labels
   * change, so that paging through a quiet partition sorts once.
   */
  sorted(
    label: string | undefined,
    isVisible: (node: number) => boolean,
    compare: (a: number, b: number) => number,
  ): Int32Array {
    const key = label === undefined ? '' : `=${label}`;
    const held = this.#sorted.get(key);
    if (held !== undefined && held.revision === this.revision) return held.ordinals;
    const candidates = label === undefined ? this.nodes.items() : this.withLabel(label);
    const ordinals = Int32Array.from(new Set(candidates.filter(isVisible))).sort(compare);
    if (this.#sorted.size >= 64) this.#sorted.clear();
    this.#sorted.set(key, { revision: this.revision, ordinals });
    return ordinals;
  }
}
