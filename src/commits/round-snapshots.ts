/**
 * Snapshots of partitions that are written to. Once in each round view and document of every partition hold the same: when what was
 * drafted is in the documents and nothing that was received is yet. Then a snapshot is encoded; it is written when the round is durable.
 * One in a round, so that no request waits for several.
 */
import type { PartitionSnapshot } from '../../storage/store.ts';
import { encodeSnapshot } from '../residency/encode-snapshot.ts';
import type { Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import type { ResidentPartition } from '../residency/resident-partition.ts';

interface Wanted {
  readonly graph: ResidentGraph;
  readonly partition: ResidentPartition;
  readonly done: () => void;
}

export class RoundSnapshots {
  readonly #residency: Residency;
  readonly #wanted: Wanted[] = [];
  #encoded: (Wanted & { readonly snapshot: PartitionSnapshot | undefined }) | undefined;

  constructor(residency: Residency) {
    this.#residency = residency;
  }

  get isEmpty(): boolean {
    return this.#wanted.length === 0;
  }

  /** @param partition held open, with its document. Resolves once a snapshot is written, or cannot be */
  want(graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
    return new Promise((done) => this.#wanted.push({ graph, partition, done }));
  }

  /** @param lsn of the local commit of this round, which partitions in flight hold already */
  encode(lsn: number): void {
    const wanted = this.#wanted.shift();
    if (wanted === undefined) return;
    const { graph, partition } = wanted;
    // A state of others that is on its way to the store is in the document; what comes later asks again.
    const isDurable = partition.arriving === 0 && partition.document !== undefined;
    const upTo = partition.inFlight ? lsn : partition.lsn;
    const snapshot = isDurable ? encodeSnapshot(graph, partition, upTo) : undefined;
    this.#encoded = { ...wanted, snapshot };
  }

  /** After the round. @throws what the store does */
  async write(): Promise<void> {
    const encoded = this.#encoded;
    this.#encoded = undefined;
    if (encoded === undefined) return;
    const { partition, snapshot, done } = encoded;
    try {
      if (snapshot !== undefined) await this.#residency.writeSnapshot(partition, snapshot);
    } finally {
      done();
    }
  }

  /** Nothing more is written. */
  fail(): void {
    this.#encoded?.done();
    this.#encoded = undefined;
    for (const { done } of this.#wanted.splice(0)) done();
  }
}
