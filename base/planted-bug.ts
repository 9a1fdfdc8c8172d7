/**
 * Bugs that can be switched on, only by `chaos/` and tests, to see that a checker catches them. Each is looked at in the
 * one place that it breaks; production never sets one.
 */
export type PlantedBug =
  /** Commits are applied as they come, whether or not what they build on is here. */
  | 'no-causal-gate'
  /** A local commit is acknowledged and shown before the store has synced it. */
  | 'acknowledge-before-sync'
  /** A server starts with the replica id that it had, even after an unclean stop. */
  | 'reuse-replica-id'
  /** Commits of third parties are never passed on. */
  | 'no-relay'
  /** A state diff leaves deletes (tombstone patches) out. */
  | 'diff-without-tombstones'
  /** An adopted vector counts before the state is merged. */
  | 'adopt-early'
  /** The session token that a write answers does not cover the write. */
  | 'token-without-write'
  /** The parts of a received commit become visible one by one. */
  | 'non-atomic-apply'
  /** Compaction forgets the last live patch of the segments that it rewrites. */
  | 'compaction-drops-live'
  /** The clock does not move past stamps that were seen. */
  | 'clock-ignores-seen'
  /** A session read answers at once, whatever its token says. */
  | 'no-session-wait'
  /** A vector counts commits that are received but not durable. */
  | 'vector-before-durable';

/** True if `bug` is switched on. */
export function isPlanted(bugs: ReadonlySet<PlantedBug> | undefined, bug: PlantedBug): boolean {
  return bugs?.has(bug) ?? false;
}
