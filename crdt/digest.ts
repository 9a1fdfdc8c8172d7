/**
 * The digest of a partition's canonical state: equal on replicas that folded the same patches, whatever the order, the
 * compactions or the hydrations in between. It covers what exists by the partition's own registers, with versions, so it
 * needs no other partition; tombstones do not count, because replicas forget them at different times. What has expired
 * counts as long as it is not deleted, because replicas hide it by clocks of their own.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { compareText } from '../base/order.ts';
import { toUtf8 } from '../base/text.ts';
import type { Node } from '../graph/model.ts';
import { EDGE_EXPIRED, STUB_EXISTS } from './edge-table.ts';
import type { GraphView } from './graph-view.ts';
import type { PartitionIndex } from './partition-index.ts';
import { valueKey } from './value-codec.ts';
import { registersVersion } from './version.ts';
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
  for (const at of nodesThere(view, partition)) {
    const node = nodeThere(view, at);
    put(['N', node.id, node.labels, valueKey(node.properties), node.version]);
  }
  for (const at of sortedEdges(view, partition, 'expired too')) {
    const edge = edgeAt(view, at);
    const shown = view.edges.has(at, EDGE_EXPIRED) ? view.edges.registers.get(at)?.properties() : edge.properties;
    const properties = valueKey(shown ?? edge.properties);
    put(['E', edge.id, edge.type, edge.from, edge.to, properties, edgeVersion(view, at)]);
  }
  for (const line of stubLines(view, partition)) put(['S', line]);
  if (count === 0) return '';
  flush();
  return bytesToHex(hash.digest());
}

/** By id in canonical order. */
function nodesThere(view: GraphView, partition: PartitionIndex): Int32Array {
  const visible = sortedNodes(view, partition, undefined);
  const expired = partition.expiries.nodes;
  if (expired.size === 0) return visible;
  const { ids } = view.nodes;
  return Int32Array.from([...visible, ...expired.keys()]).sort((a, b) =>
    compareText(ids[a] as string, ids[b] as string),
  );
}

function nodeThere(view: GraphView, at: number): Node & { readonly version: string } {
  const node = nodeAt(view, at);
  const registers = view.nodes.hasExpired(at) ? view.nodes.registers.get(at) : undefined;
  if (registers === undefined) return { ...node, version: nodeVersion(view, at) };
  const restored = !registers.exists;
  const shown = { labels: registers.labels(restored), properties: registers.properties(restored) };
  return { id: node.id, ...shown, version: registersVersion(registers, restored) };
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
