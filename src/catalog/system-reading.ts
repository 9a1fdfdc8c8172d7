/** What was read from `_system`, which is asked for with each request and seldom changes. */
import type { PartitionId } from '../../base/ids.ts';
import type { PartitionIndex } from '../../crdt/partition-index.ts';

/** It has only this one. */
export const SYSTEM_PARTITION = '0' as PartitionId;

export class SystemReading {
  /** The partition that was read, and what it had counted by then. */
  #partition: PartitionIndex | undefined;
  #patches = 0;
  #revision = 0;

  /** False if the partition may have changed since this was asked last, or if it is the first time. */
  isCurrent(partition: PartitionIndex): boolean {
    const { patches, revision } = partition;
    // Two nodes that were made apart merge: what they hold changes, and the revision does not.
    if (partition === this.#partition && patches === this.#patches && revision === this.#revision) return true;
    this.#partition = partition;
    this.#patches = patches;
    this.#revision = revision;
    return false;
  }
}
