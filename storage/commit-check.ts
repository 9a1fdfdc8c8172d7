/** What a caller of the port must keep; anything else is a bug of the caller, found before anything is changed. */
import { assert } from '../base/assert.ts';
import { utf8Length } from '../base/text.ts';
import type { Commit, Lsn, PartitionKey, PartitionSnapshot } from './store.ts';

const GRAPH_KEY = /^[A-Za-z0-9_-]{1,64}$/;

export function checkGraphKey(graphKey: string): void {
  assert(GRAPH_KEY.test(graphKey), () => `a graph key matches ${GRAPH_KEY.source}: ${JSON.stringify(graphKey)}`);
}

export function checkPartitionKey(key: PartitionKey): void {
  checkGraphKey(key.graphKey);
  assert(utf8Length(key.partition) > 0, 'a partition id is non-empty, well-formed Unicode');
}

/** @param lastSeq the last commit of the same stream, 0 if it has none. */
export function checkCommit(commit: Commit, lastSeq: number): void {
  assert(
    commit.seq === lastSeq + 1,
    () => `commits of a stream come without gaps: ${commit.origin}/${commit.seq} does not follow ${lastSeq}`,
  );
  assert(Number.isSafeInteger(commit.clock) && commit.clock >= 0, 'a clock reading is a non-negative safe integer');
  for (const part of commit.parts) checkPartitionKey(part);
  if (commit.parts.length > 1) {
    const names = new Set(commit.parts.map(({ graphKey, partition }) => `${graphKey}/${partition}`));
    assert(names.size === commit.parts.length, 'a commit has at most one part for each partition');
  }
  for (const { graphKey, edge, partition } of commit.locators) {
    checkPartitionKey({ graphKey, partition });
    assert(utf8Length(edge) >= 0, 'an edge id is well-formed Unicode');
  }
}

/** @param lastLsn the last commit that was appended. */
export function checkSnapshot(
  key: PartitionKey,
  snapshot: PartitionSnapshot,
  lastLsn: Lsn,
  edges: readonly string[],
): void {
  checkPartitionKey(key);
  for (const edge of edges) assert(utf8Length(edge) >= 0, 'an edge id is well-formed Unicode');
  assert(
    Number.isSafeInteger(snapshot.lsn) && snapshot.lsn >= 0 && snapshot.lsn <= lastLsn,
    () => `a snapshot covers commits that exist: ${snapshot.lsn} is not in 0..${lastLsn}`,
  );
}
