/** What the planner counts with, of a view: counts what is open, which for planning is enough. */
import type { GraphStatistics, SchemaEntry } from '../graph/query-graph.ts';
import { EDGE_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';

const SAMPLE = 512;

export class ViewStatistics implements GraphStatistics {
  readonly #view: GraphView;
  readonly #declared: () => readonly SchemaEntry[];

  constructor(view: GraphView, declared: () => readonly SchemaEntry[]) {
    this.#view = view;
    this.#declared = declared;
  }

  nodeCount(label?: string): number {
    let count = 0;
    for (const partition of this.#view.openPartitions()) {
      count += label === undefined ? partition.nodes.length : (partition.labelled(label)?.length ?? 0);
    }
    return count;
  }

  edgeCount(type?: string): number {
    let count = 0;
    for (const partition of this.#view.openPartitions()) count += partition.edges.length;
    if (type === undefined || count === 0) return count;
    const token = this.#view.edges.findType(type);
    return token === undefined ? 0 : count * this.#share(token);
  }

  /** The part of the edges that has a type, from a sample. */
  #share(type: number): number {
    const { edges } = this.#view;
    const step = Math.max(1, Math.floor(edges.capacity / SAMPLE));
    let seen = 0;
    let found = 0;
    for (let edge = 0; edge < edges.capacity; edge += step) {
      if (!edges.has(edge, EDGE_EXISTS)) continue;
      seen++;
      if (edges.type[edge] === type) found++;
    }
    return seen === 0 ? 0 : Math.max(found, 0.5) / seen;
  }

  hasIndex(label: string, property: string): boolean {
    return this.#declared().some((entry) => indexes(entry, label, property));
  }

  distinctValues(label: string, property: string): number {
    return Math.max(1, this.#view.indexes.distinctValues(label, property) ?? this.nodeCount(label));
  }
}

/** Whether nodes of a label are found by a property because of a declaration. */
export function indexes({ kind, on, label: of, properties }: SchemaEntry, label: string, property: string): boolean {
  const isIndex = kind === 'index' || kind === 'unique' || kind === 'key';
  return isIndex && on === 'node' && of === label && properties[0] === property;
}
