/**
 * The vector clock of a replica: for every stream of commits, the last one that is durable and visible here with all
 * before it. A missing origin counts as 0.
 *
 * Source: Parker et al., Detection of Mutual Inconsistency in Distributed Systems, 1983 (version vectors).
 */
import type { ReplicaId } from '../../base/ids.ts';

export type VersionVector = ReadonlyMap<ReplicaId, number>;

export function seqOf(vector: VersionVector, origin: ReplicaId): number {
  return vector.get(origin) ?? 0;
}

/** True if `vector` is at least `wanted` in every entry. */
export function covers(vector: VersionVector, wanted: Iterable<readonly [ReplicaId, number]>): boolean {
  for (const [origin, seq] of wanted) if (seqOf(vector, origin) < seq) return false;
  return true;
}

/** The least vector that covers both. */
export function joined(a: VersionVector, b: Iterable<readonly [ReplicaId, number]>): VersionVector {
  const join = new Map(a);
  for (const [origin, seq] of b) if (seq > seqOf(join, origin)) join.set(origin, seq);
  return join;
}

/** The greatest vector that all of them cover; empty without any. */
export function met(vectors: readonly VersionVector[]): VersionVector {
  const [first, ...rest] = vectors;
  const meet = new Map<ReplicaId, number>();
  if (first === undefined) return meet;
  for (const [origin, seq] of first) {
    const least = rest.reduce((low, vector) => Math.min(low, seqOf(vector, origin)), seq);
    if (least > 0) meet.set(origin, least);
  }
  return meet;
}

/** Commits that `vector` has and `other` lacks. */
export function ahead(vector: VersionVector, other: VersionVector): number {
  let commits = 0;
  for (const [origin, seq] of vector) commits += Math.max(0, seq - seqOf(other, origin));
  return commits;
}

export function equalVectors(a: VersionVector, b: VersionVector): boolean {
  return covers(a, b) && covers(b, a);
}

/** As it appears in JSON: origins as decimal text, in numeric order. */
export function vectorObject(vector: VersionVector): Record<string, number> {
  return Object.fromEntries(Array.from(vector).sort(([a], [b]) => a - b));
}
