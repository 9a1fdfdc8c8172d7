/**
 * Bugs that can be switched on, only by `chaos/` and tests, to see that a checker catches them. Each is looked at in the
 * one place that it breaks; production never sets one.
 */
export type PlantedBug = ReplicationBug | GraphBug | QuorumBug | ConstraintBug | OfflineBug;

export type ReplicationBug =
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

/** In what is done with elements and properties (`src/graphs/`). */
export type GraphBug =
  /** What has expired is deleted at once, without the time that an extension may take to arrive. */
  | 'purge-at-once'
  /** An edit of a text takes the place of the text. */
  | 'text-replaced';

/** In strong operations (`src/consistency/`). */
export type QuorumBug =
  /** A coordinator does not finish what it finds accepted. */
  | 'no-recovery'
  /** Of several accepted proposals the one of the last ballot that changes something is finished. */
  | 'recover-last-with-patches'
  /** A proposal is accepted by voters that lack what it rests on. */
  | 'no-cover'
  /** A strong read is answered without a proposal before anything was chosen in the era. */
  | 'one-round-read'
  /** Repeated votes of one voter count as several. */
  | 'count-duplicate-votes'
  /** A voter accepts before its state is synced. */
  | 'vote-before-sync'
  /** A voter promises before its state is synced. */
  | 'promise-in-memory'
  /** A coordinator does not move its clock past what the promises say. */
  | 'clock-not-from-promises'
  /** Accepted patches are shown at once, not when they are chosen. */
  | 'merge-on-accept'
  /** A write whose time was over while it was being decided, which was refused as not done, is proposed all the same. */
  | 'refused-yet-proposed'
  /** Voters of an earlier configuration go on to decide. */
  | 'old-voters-decide'
  /** Servers that all lost their memory take the cluster for one that was never founded. */
  | 'founded-again'
  /** A server that lost its memory votes at once. */
  | 'empty-server-votes'
  /** A strong read asks nobody. */
  | 'read-without-quorum'
  /** A coordinator takes a place that another one told for its own. */
  | 'place-of-another'
  /** A strong read takes what came in after it for what it saw. */
  | 'read-dated-late'
  /** The outcome of an Idempotency-Key does not travel with the patches. */
  | 'outcome-without-patches';

/** In the keeping of constraints (`crdt/draft-constraints.ts`). */
export type ConstraintBug =
  /** Below `strong` a node with a unique key gets any id, as if it had none. */
  | 'ids-not-derived'
  /** A strong write is decided without a look at constraints. */
  | 'constraints-undecided';

/** In offline replicas (`client/`) and in what servers do with their batches (`api/sync-session.ts`). */
export type OfflineBug =
  /** A batch leaves the outbox when it is sent, not when its receipt comes. */
  | 'outbox-gone-when-sent'
  /** What a refused batch did stays visible. */
  | 'no-rollback'
  /** A server says that it has a batch before the batch is durable there. */
  | 'receipt-before-durable'
  /** A server goes on to take batches that rest on one that it refused. */
  | 'taken-after-refusal'
  /** A replica that begins anew does so on any server, though that may lag behind what it knew. */
  | 'begins-anew-anywhere';

/** True if `bug` is switched on. */
export function isPlanted(bugs: ReadonlySet<PlantedBug> | undefined, bug: PlantedBug): boolean {
  return bugs?.has(bug) ?? false;
}
