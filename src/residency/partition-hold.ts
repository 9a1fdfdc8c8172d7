/** Holding partitions in memory while somebody uses them. */
import type { PartitionId } from '../../base/ids.ts';
import { Unhydrated } from '../../crdt/graph-view.ts';
import type { PartitionDocument } from '../../crdt/partition-document.ts';
import type { ResidentGraph } from './resident-graph.ts';
import type { ResidentPartition } from './resident-partition.ts';

/** A commit needs documents that are not in memory. The caller hydrates them and drafts again. */
export class DocumentsNeeded extends Error {
  override readonly name = 'DocumentsNeeded';
  readonly partitions: readonly ResidentPartition[];
  constructor(partitions: readonly ResidentPartition[]) {
    super(`documents of partitions ${partitions.map(({ id }) => id).join(', ')} are not in memory`);
    this.partitions = partitions;
  }
}

/** As much of `Residency` as holding needs. */
export interface Holder {
  makeRoom(): Promise<void>;
  open(graph: ResidentGraph, partition: ResidentPartition): Promise<void>;
  document(graph: ResidentGraph, partition: ResidentPartition): Promise<PartitionDocument>;
  discardIfVoid(graph: ResidentGraph, partition: ResidentPartition): void;
  relieve(): void;
}

/** Partitions that somebody uses: pinned (RES-1) until `release`. */
export class PartitionHold {
  readonly #residency: Holder;
  readonly #graph: ResidentGraph;
  readonly #pinned = new Set<ResidentPartition>();

  constructor(residency: Holder, graph: ResidentGraph) {
    this.#residency = residency;
    this.#graph = graph;
  }

  #pin(partition: ResidentPartition): void {
    if (this.#pinned.has(partition)) return;
    partition.pins++;
    this.#pinned.add(partition);
  }

  /** Keeps these in memory as far as they are; before a wait. */
  keep(ids: Iterable<PartitionId>): void {
    for (const id of ids) this.#pin(this.#graph.partition(id));
  }

  async open(id: PartitionId): Promise<void> {
    const partition = this.#graph.partition(id);
    this.#pin(partition);
    if (partition.index !== undefined) return;
    // What is about to come in must find room first, or many requests together would outrun the eviction.
    await this.#residency.makeRoom();
    await this.#residency.open(this.#graph, partition);
  }

  /** Hydrates the document of a partition, and keeps it in memory. @throws WeftError `partition-recovering`, definite */
  async document(id: PartitionId): Promise<PartitionDocument> {
    const partition = this.#graph.partition(id);
    this.#pin(partition);
    return this.#residency.document(this.#graph, partition);
  }

  /** Opens what a read or a commit missed; throws what it does not know. */
  async provide(error: unknown): Promise<void> {
    if (error instanceof DocumentsNeeded) {
      for (const partition of error.partitions) {
        await this.open(partition.id);
        await this.document(partition.id);
      }
    } else if (error instanceof Unhydrated) {
      for (const id of error.partitions) await this.open(id);
    } else {
      throw error;
    }
  }

  /** Pins all that are open now: whoever goes on after a wait with what it read before needs all that it may have read. */
  keepOpen(): void {
    for (const { id } of this.#graph.view.openPartitions()) this.#pin(this.#graph.partition(id));
  }

  /** Idempotent. */
  release(): void {
    if (this.#pinned.size === 0) return;
    for (const partition of this.#pinned) {
      partition.pins--;
      this.#residency.discardIfVoid(this.#graph, partition);
    }
    this.#pinned.clear();
    this.#residency.relieve();
  }
}
