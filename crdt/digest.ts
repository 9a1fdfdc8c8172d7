/**
 * The digest of a partition's canonical state: equal on replicas that folded the same patches, whatever the order, the
 * compactions or the hydrations in between. It covers what exists by the partition's own registers, with versions, so it
 * needs no other partition; tombstones do not count, because replicas forget them at different times.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { compareText } from '../base/order.ts';
import { toUtf8 } from '../base/text.ts';
import { STUB_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { PartitionIndex } from './partition-index.ts';
import { valueKey } from './value-codec.ts';
import { edgeAt, edgeVersion, nodeAt, nodeVersion, sortedEdges, sortedNodes } from './view-reads.ts';

/** Lines hashed at a time: bounds memory. */
const LINES_PER_CHUNK = 1024;

/** Digest of one open partition, in hexadecimal. The digest of an empty partition is the empty text. */
export function digestOfPartition(view: GraphView, partition: PartitionIndex): string {
  const hash = sha256.create();
  let lines: string[] = [];
  let count = 0;
  const put = (line: readonly unknown[]) => {
    count++;
    lines.push(JSON.stringify(line));
    if (lines.length === LINES_PER_CHUNK) flush();
  };
  const flush = () => {
    hash.update(toUtf8(`${lines.join('\n')}\n`));
    lines = [];
  };
  for (const at of sortedNodes(view, partition, undefined)) {
    const node = nodeAt(view, at);
    put(['N', node.id, node.labels, valueKey(node.properties), nodeVersion(view, at)]);
  }
  for (const at of sortedEdges(view, partition)) {
    const edge = edgeAt(view, at);
    const properties = valueKey(edge.properties);
    put(['E', edge.id, edge.type, edge.from, edge.to, properties, edgeVersion(view, at)]);
  }
  for (const line of stubLines(view, partition)) put(['S', line]);
  if (count === 0) return '';
  flush();
  return bytesToHex(hash.digest());
}

function stubLines(view: GraphView, partition: PartitionIndex): string[] {
  const lines: string[] = [];
  for (const edge of partition.stubs.items()) {
    if (!view.edges.has(edge, STUB_EXISTS)) continue;
    const { id, type, from, to } = view.stubEnds(edge);
    lines.push(JSON.stringify([id, type, from, to]));
  }
  return lines.sort(compareText);
}

/** Digest of a graph from those of its partitions; empty partitions do not count. */
export function digestOfGraph(partitions: Readonly<Record<string, string>>): string {
  const lines = Object.keys(partitions)
    .filter((id) => partitions[id] !== '')
    .sort(compareText)
    .map((id) => JSON.stringify([id, partitions[id]]));
  return bytesToHex(sha256(toUtf8(lines.join('\n'))));
}
