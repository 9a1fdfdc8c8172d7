/** What is passivated first when memory is short: what was not used for longest, a document before the view that was used as long ago. */
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/** A document that may go, or a view and with it the document. */
export interface EvictionCandidate {
  readonly graph: ResidentGraph;
  readonly partition: ResidentPartition;
  /** Logical time of its last use. */
  readonly at: number;
  /** True for the document alone. */
  readonly document: boolean;
}

/** All that is in memory, in use or not. */
export function evictionOrder(graphs: Iterable<ResidentGraph>): EvictionCandidate[] {
  const candidates: EvictionCandidate[] = [];
  for (const graph of graphs) {
    for (const partition of graph.partitions()) {
      if (partition.document !== undefined) {
        candidates.push({ graph, partition, at: partition.lastWritten, document: true });
      }
      if (partition.index !== undefined) {
        const at = Math.max(partition.lastRead, partition.lastWritten);
        candidates.push({ graph, partition, at, document: false });
      }
    }
  }
  return candidates.sort((a, b) => a.at - b.at || Number(b.document) - Number(a.document));
}
