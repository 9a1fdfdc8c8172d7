/** What the killed process writes and the surviving one expects: every byte follows from origin, seq and partition. */
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import type { Commit, PartitionKey, PartitionState } from '../../storage/store.ts';

export const PARTITIONS = ['0', '1', '2', '3', 'tenant \u{1f680}!', 'a/b!'] as const;
export const partitionKey = (partition: string): PartitionKey => ({
  graphKey: 'crash-1',
  partition: partition as PartitionId,
});

/** A 32-bit generator: the same seed gives the same numbers everywhere. */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below;
  };
}

/** The partitions of a commit: one to all of them. */
export function partitionsOf(origin: number, seq: number): string[] {
  const next = numbersFrom(origin * 1_000_003 + seq);
  const count = 1 + next(PARTITIONS.length);
  const first = next(PARTITIONS.length);
  return Array.from({ length: count }, (_, i) => PARTITIONS[(first + i) % PARTITIONS.length] ?? '0');
}

export function updateOf(origin: number, seq: number, partition: string): Uint8Array {
  const next = numbersFrom(origin * 7919 + seq);
  return new TextEncoder().encode(`${origin}/${seq} ${partition};`.repeat(1 + next(next(8) === 0 ? 400 : 20)));
}

export const edgeOf = (origin: number, seq: number): string => `edge ${origin} ${seq}`;

export function commitOf(origin: number, seq: number): Commit {
  const partitions = partitionsOf(origin, seq);
  return {
    origin: origin as ReplicaId,
    seq,
    clock: seq,
    parts: partitions.map((partition) => ({ ...partitionKey(partition), update: updateOf(origin, seq, partition) })),
    locators: partitions.slice(0, 1).map((partition) => ({ ...partitionKey(partition), edge: edgeOf(origin, seq) })),
    after: [[origin as ReplicaId, seq - 1]],
  };
}

/** A snapshot's document is the number of updates that it covers; its view repeats a byte. */
export const documentOf = (updates: number): Uint8Array => new TextEncoder().encode(`${updates} updates`);
export const viewOf = (updates: number): Uint8Array => new Uint8Array(1000 + (updates % 5000)).fill(updates % 251);

export function snapshotUpdates(state: PartitionState): number {
  return state.snapshot === undefined ? 0 : Number.parseInt(new TextDecoder().decode(state.snapshot.document), 10);
}
