/** Goes through the lists of ordinals that partitions keep, one partition after the other. */
import type { PartitionId } from '../base/ids.ts';
import type { OrdinalCursor } from '../graph/query-graph.ts';
import type { Int32List } from './columns.ts';
import type { GraphView } from './graph-view.ts';
import type { PartitionIndex } from './partition-index.ts';

/** A list that each partition keeps, of ordinals that may have to be left out by now. */
export interface KeptLists {
  of(partition: PartitionIndex): Int32List | undefined;
  keep(ordinal: number): boolean;
  /** Of nodes that ever had the label: whole lists of it may be known to be true. */
  readonly label?: string;
}

export class ListScan implements OrdinalCursor {
  readonly #view: GraphView;
  readonly #partitions: readonly PartitionId[];
  readonly #lists: KeptLists;
  #at = 0;
  #index = 0;
  #seen: Set<number> | undefined;
  /** Losses of labels in the partition while all of its list so far was kept; -1 once something was left out. */
  #losses = 0;

  constructor(view: GraphView, partitions: readonly PartitionId[], lists: KeptLists) {
    this.#view = view;
    this.#partitions = partitions;
    this.#lists = lists;
  }

  next(into: Int32Array, start: number, limit: number): number {
    while (this.#at < this.#partitions.length) {
      const count = this.#nextIn(this.#view.need(this.#partitions[this.#at] as PartitionId), into, start, limit);
      if (count > 0) return count;
      this.#at++;
      this.#index = 0;
      this.#seen = undefined;
    }
    return 0;
  }

  #nextIn(partition: PartitionIndex, into: Int32Array, start: number, limit: number): number {
    const list = this.#lists.of(partition);
    if (list === undefined) return 0;
    const { label } = this.#lists;
    if (label === undefined) return this.#keepFrom(list, into, start, limit);
    const losses = this.#view.nodes.labelLosses[partition.ordinal] ?? 0;
    if (this.#index === 0) this.#losses = losses;
    if (partition.isSettled(label, losses)) {
      const count = Math.min(limit, list.length - this.#index);
      list.copyTo(into, start, this.#index, count);
      this.#index += count;
      return count;
    }
    if (this.#seen === undefined && partition.mayRepeat(label)) {
      this.#seen = new Set();
      for (let i = 0; i < this.#index; i++) this.#seen.add(list.at(i));
    }
    const count = this.#keepFrom(list, into, start, limit);
    if (count === 0 && this.#losses === losses) partition.settle(label, losses);
    return count;
  }

  #keepFrom(list: Int32List, into: Int32Array, start: number, limit: number): number {
    const { length } = list;
    const lists = this.#lists;
    const seen = this.#seen;
    let count = 0;
    let i = this.#index;
    for (; i < length && count < limit; i++) {
      const ordinal = list.at(i);
      if (!lists.keep(ordinal)) {
        this.#losses = -1;
        continue;
      }
      if (seen !== undefined) {
        if (seen.has(ordinal)) continue;
        seen.add(ordinal);
      }
      into[start + count++] = ordinal;
    }
    this.#index = i;
    return count;
  }
}
