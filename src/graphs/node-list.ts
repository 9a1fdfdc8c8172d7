/**
 * Lists of nodes by label and properties, page by page. Their order is that of partitions, then of ids, so a cursor that names
 * the last node goes on behind it whatever was written meanwhile; where an index is declared and everything is in memory, what
 * it finds is put into the same order, and a list may change from one way to the other between two pages.
 */
import type { PartitionId } from '../../base/ids.ts';
import { compareText } from '../../base/order.ts';
import { getOwn } from '../../base/record.ts';
import { distinctCandidates, indexKey } from '../../crdt/property-index.ts';
import { nodeAt, sortedNodes } from '../../crdt/view-reads.ts';
import type { Node } from '../../graph/model.ts';
import { type Value, valuesEqual } from '../../graph/value.ts';
import type { GraphSchema } from '../catalog/graph-schema.ts';
import type { NodeFilter, Page, PageRequest } from '../engine-port.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';

export class NodeList {
  readonly #graph: ResidentGraph;
  readonly #residency: Residency;
  readonly #schema: GraphSchema;

  constructor(graph: ResidentGraph, residency: Residency, schema: GraphSchema) {
    this.#graph = graph;
    this.#residency = residency;
    this.#schema = schema;
  }

  /** @throws WeftError `invalid-cursor`, definite */
  async page(filter: NodeFilter, page: PageRequest): Promise<Page<Node>> {
    const after = page.cursor === undefined ? ['', ''] : decodeCursor(page.cursor, 2);
    const place = { partition: after[0] as PartitionId, id: after[1] as string };
    this.#residency.expire(this.#graph);
    const sought = this.#graph.whole ? this.#sought(filter) : undefined;
    return sought === undefined ? this.#scan(filter, place, page.limit) : this.#pageOf(sought, place, page.limit);
  }

  async #scan(filter: NodeFilter, place: Place, limit: number): Promise<Page<Node>> {
    const { view } = this.#graph;
    const { nodes } = view;
    const items: Node[] = [];
    let last: Place | undefined;
    const collect = (partition: PartitionId): boolean => {
      const after = partition === place.partition ? place.id : '';
      const ordinals = sortedNodes(view, view.need(partition), filter.label);
      for (let i = firstAfter(ordinals, nodes.ids, after); i < ordinals.length; i++) {
        const node = ordinals[i] as number;
        if (!matches(nodes.properties[node] as Node['properties'], filter.properties)) continue;
        if (items.length === limit) return true;
        items.push(nodeAt(view, node));
        last = { partition, id: nodes.ids[node] as string };
      }
      this.#residency.touchRead(this.#graph.partition(partition));
      return false;
    };
    for (const partition of this.#graph.partitionIds()) {
      if (partition < place.partition) continue;
      // A graph that is open as a whole is read in one step.
      const full = view.isOpen(partition)
        ? collect(partition)
        : await this.#residency.run(this.#graph, [partition], () => collect(partition));
      if (full && last !== undefined) return { items, cursor: encodeCursor(last.partition, last.id) };
    }
    return { items };
  }

  /** Ordinals that an index finds for the filter, all that match it; undefined if none serves it. */
  #sought({ label, properties }: NodeFilter): number[] | undefined {
    if (label === undefined) return undefined;
    for (const [property, value] of properties ?? []) {
      const key = indexKey(value);
      if (key === undefined || !this.#schema.hasIndex(label, property)) continue;
      const { nodes, indexes } = this.#graph.view;
      const candidates = distinctCandidates(indexes.use(label, property).find(key));
      return Array.from(candidates).filter(
        (node) =>
          nodes.exists(node) &&
          (nodes.labels[node] as readonly string[]).includes(label) &&
          matches(nodes.properties[node] as Node['properties'], properties),
      );
    }
    return undefined;
  }

  #pageOf(ordinals: readonly number[], place: Place, limit: number): Page<Node> {
    const { view } = this.#graph;
    const placed = ordinals.map((node) => ({
      node,
      partition: view.partitionAt(view.nodes.home[node] as number),
      id: view.nodes.ids[node] as string,
    }));
    const behind = placed.filter((each) => comparePlaces(each, place) > 0).sort(comparePlaces);
    const items = behind.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(({ node }) => nodeAt(view, node)),
      ...(last !== undefined && behind.length > limit && { cursor: encodeCursor(last.partition, last.id) }),
    };
  }
}

interface Place {
  readonly partition: PartitionId;
  readonly id: string;
}

function comparePlaces(a: Place, b: Place): number {
  return compareText(a.partition, b.partition) || compareText(a.id, b.id);
}

/** Index of the first ordinal whose id comes after `after`. */
function firstAfter(ordinals: Int32Array, ids: readonly string[], after: string): number {
  let low = 0;
  let high = ordinals.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareText(ids[ordinals[middle] as number] as string, after) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

function matches(properties: Node['properties'], wanted: readonly (readonly [string, Value])[] | undefined): boolean {
  if (wanted === undefined) return true;
  return wanted.every(([name, value]) => {
    const held = getOwn(properties, name);
    return held !== undefined && valuesEqual(held, value);
  });
}
