/**
 * Compares what the indexes of a view answer with the elements themselves, in slices: a generator that gives `undefined`
 * after each slice, so that others may have a turn, and each difference that it finds. Patches may be folded in between:
 * whatever looks wrong is judged again in one step before it counts. Partitions that are looked at must stay open.
 */
import * as LIMITS from '../base/limits.ts';
import { getOwn } from '../base/record.ts';
import { EDGE_THERE, STUB_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { KeyIndex } from './key-index.ts';
import type { NodeTable } from './node-table.ts';
import type { PartitionIndex } from './partition-index.ts';
import { candidateAt, candidateCount, distinctCandidates, indexKey, PropertyIndex } from './property-index.ts';
import { keyText } from './unique-key.ts';

export interface IndexDifference {
  /** `edge-id` finds edges with ids of the caller's choice; `count` is a number of elements that is kept. */
  readonly index: 'label' | 'property' | 'key' | 'adjacency' | 'edge-id' | 'count';
  /** The label, the label and properties, the direction, the edge id, or what is counted. */
  readonly of: string;
  /** Absent where the index is of the graph as a whole. */
  readonly partition?: string;
}

export type IndexCheck = Generator<IndexDifference | undefined, void, void>;

const SLICE = LIMITS.integritySliceRows;

/** Label lists, adjacency and kept lists of one open partition. With `repair` what differs is made anew. */
export function* checkPartitionIndexes(view: GraphView, partition: PartitionIndex, repair: boolean): IndexCheck {
  yield* checkLabels(view, partition, repair);
  yield* checkAdjacency(view, partition, repair);
  yield* checkKeptLists(view, partition, repair);
}

function* checkLabels(view: GraphView, partition: PartitionIndex, repair: boolean): IndexCheck {
  const { nodes } = view;
  /** By node: in how many lists of its own labels it stands. */
  const listed = new Uint16Array(nodes.capacity);
  let rows = 0;
  for (const label of partition.labels()) {
    const list = partition.labelled(label);
    if (list === undefined) continue;
    const seen = partition.mayRepeat(label) ? new Set<number>() : undefined;
    for (let i = 0; i < list.length; i++) {
      if (++rows % SLICE === 0) yield undefined;
      const node = list.at(i);
      if (!nodes.labels[node]?.includes(label) || seen?.has(node)) continue;
      seen?.add(node);
      listed[node] = (listed[node] ?? 0) + 1;
    }
  }
  const wrong = new Set<string>();
  for (let i = 0; i < partition.nodes.length; i++) {
    if (++rows % SLICE === 0) yield undefined;
    const node = partition.nodes.at(i);
    const labels = nodes.labels[node] as readonly string[];
    if ((listed[node] ?? 0) >= labels.length) continue;
    // Judging one looks through whole lists.
    yield undefined;
    for (const label of nodes.labels[node] as readonly string[]) {
      if (wrong.has(label) || partition.withLabel(label).includes(node)) continue;
      wrong.add(label);
      if (repair) partition.relabel(label, partition.nodes.items().filter(has(nodes, label)));
      yield { index: 'label', of: label, partition: partition.id };
    }
  }
}

function has(nodes: NodeTable, label: string): (node: number) => boolean {
  return (node) => (nodes.labels[node] as readonly string[]).includes(label);
}

function* checkAdjacency(view: GraphView, partition: PartitionIndex, repair: boolean): IndexCheck {
  const { nodes, edges } = view;
  for (const direction of ['out', 'in'] as const) {
    const rows = direction === 'out' ? partition.edges : partition.stubs;
    const flag = direction === 'out' ? EDGE_THERE : STUB_EXISTS;
    const adjacency = nodes[direction];
    const nodeOf = (row: number) => (direction === 'out' ? (edges.from[row] as number) : view.stubTarget(row));
    /** By node: a sum over the rows that it should have, whose order does not matter. */
    const sums = new Map<number, number>();
    for (let i = 0; i < partition.nodes.length; i++) {
      if (i % SLICE === SLICE - 1) yield undefined;
      if (adjacency.degree(partition.nodes.at(i)) > 0) sums.set(partition.nodes.at(i), 0);
    }
    for (let i = 0; i < rows.length; i++) {
      if (i % SLICE === SLICE - 1) yield undefined;
      const row = rows.at(i);
      if (!edges.has(row, flag)) continue;
      const node = nodeOf(row);
      sums.set(node, ((sums.get(node) ?? 0) + mixed(row)) | 0);
    }
    const entriesOf = (node: number) =>
      Array.from({ length: adjacency.degree(node) }, (_, i) => adjacency.edgeAt(node, i));
    const isRight = (node: number) => {
      const there = rows.items().filter((row) => edges.has(row, flag) && nodeOf(row) === node);
      const entries = entriesOf(node);
      const held = new Set(entries);
      return there.length === entries.length && held.size === entries.length && there.every((row) => held.has(row));
    };
    let looked = 0;
    for (const [node, sum] of sums) {
      looked += 1 + adjacency.degree(node);
      if (looked >= SLICE) {
        looked = 0;
        yield undefined;
      }
      if (entriesOf(node).reduce((total, row) => (total + mixed(row)) | 0, 0) === sum) continue;
      // Judging one looks through all edges of the partition.
      yield undefined;
      if (isRight(node)) continue;
      if (repair) relink(view, partition);
      yield { index: 'adjacency', of: direction, partition: partition.id };
      break;
    }
  }
}

/** A number whose sums tell which rows they are of, but for a chance of one in four billion. */
function mixed(row: number): number {
  const spread = Math.imul(row + 1, 0x9e3779b1);
  return Math.imul(spread ^ (spread >>> 15), 0x85ebca6b);
}

/** Sorted lists that are kept for paging: each is as long as there are such nodes. */
function* checkKeptLists(view: GraphView, partition: PartitionIndex, repair: boolean): IndexCheck {
  const { nodes } = view;
  for (const { label, length } of partition.keptLists()) {
    let count = 0;
    for (const node of partition.nodes.items()) {
      if (nodes.exists(node) && (label === undefined || has(nodes, label)(node))) count++;
    }
    if (count === length) continue;
    if (repair) partition.revision++;
    yield { index: 'count', of: label === undefined ? 'nodes' : `nodes with label ${label}`, partition: partition.id };
  }
}

/** Indexes by properties, and counts, of all that is open. With `repair` what differs is made anew. */
export function* checkViewIndexes(view: GraphView, repair: boolean): IndexCheck {
  const { nodes, indexes } = view;
  if (nodes.hidden !== countHidden(nodes)) {
    if (repair) nodes.hidden = countHidden(nodes);
    yield { index: 'count', of: 'hidden nodes' };
  }
  for (const index of indexes.filled()) {
    const difference = index instanceof PropertyIndex ? checkProperty(view, index) : checkKeys(view, index);
    for (const found of difference) {
      if (found !== undefined && repair) indexes.invalidate();
      yield found;
    }
  }
}

function* checkProperty(view: GraphView, index: PropertyIndex): IndexCheck {
  const { nodes, indexes } = view;
  const keyOf = (node: number) => {
    const value = nodes.exists(node) ? getOwn(nodes.properties[node] ?? {}, index.property) : undefined;
    return value === undefined ? undefined : indexKey(value);
  };
  const found = new Uint8Array(nodes.capacity);
  let rows = 0;
  for (const [key, candidates] of index.entriesByKey()) {
    for (let i = 0; i < candidateCount(candidates); i++) {
      if (++rows % SLICE === 0) yield undefined;
      const node = candidateAt(candidates, i);
      if (keyOf(node) === key) found[node] = 1;
    }
  }
  for (const partition of view.openPartitions()) {
    const list = partition.labelled(index.label);
    for (let i = 0; i < (list?.length ?? 0); i++) {
      if (++rows % SLICE === 0) yield undefined;
      // What opens or closes partitions empties the index, too.
      if (!indexes.isFilled(index) || !view.isOpen(partition.id)) return;
      const node = list?.at(i) as number;
      if (found[node] === 1 || !has(nodes, index.label)(node)) continue;
      // Judging one may look through many nodes of its value.
      yield undefined;
      if (!indexes.isFilled(index) || !view.isOpen(partition.id)) return;
      const key = keyOf(node);
      if (key === undefined || !has(nodes, index.label)(node)) continue;
      if (distinctCandidates(index.find(key)).has(node)) continue;
      yield { index: 'property', of: `${index.label}(${index.property})` };
      return;
    }
  }
}

function* checkKeys(view: GraphView, index: KeyIndex): IndexCheck {
  const { nodes, indexes } = view;
  let rows = 0;
  for (const partition of view.openPartitions()) {
    const list = partition.labelled(index.label);
    for (let i = 0; i < (list?.length ?? 0); i++) {
      if (++rows % SLICE === 0) yield undefined;
      if (!indexes.isFilled(index) || !view.isOpen(partition.id)) return;
      const node = list?.at(i) as number;
      if (!nodes.exists(node) || !has(nodes, index.label)(node)) continue;
      const key = keyText(nodes.properties[node] ?? {}, index.names);
      if (key === undefined || index.find(key).includes(node)) continue;
      yield { index: 'key', of: `${index.label}(${index.names.join(', ')})` };
      return;
    }
  }
}

/** What `hidden` must be. */
export function countHidden(nodes: NodeTable): number {
  let existing = 0;
  for (let ordinal = 0; ordinal < nodes.capacity; ordinal++) if (nodes.exists(ordinal)) existing++;
  return nodes.size - existing;
}

/** Makes the adjacency of a partition's nodes anew. */
function relink(view: GraphView, partition: PartitionIndex): void {
  const { nodes, edges } = view;
  const records = partition.edges.items().filter((edge) => edges.has(edge, EDGE_THERE));
  const stubs = partition.stubs.items().filter((edge) => edges.has(edge, STUB_EXISTS));
  for (const node of [...partition.nodes.items(), ...records.map((edge) => edges.from[edge] as number)]) {
    nodes.out.clear(node);
  }
  for (const node of [...partition.nodes.items(), ...stubs.map((edge) => view.stubTarget(edge))]) nodes.in.clear(node);
  for (const edge of records) nodes.out.add(edges.from[edge] as number, edge);
  for (const edge of stubs) nodes.in.add(view.stubTarget(edge), edge);
}
