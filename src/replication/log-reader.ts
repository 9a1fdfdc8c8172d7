/** Reads what somebody lacks from the log, in the order in which this server applied it, as much as one round should send. */

import { seqOf, type VersionVector } from '../commits/version-vector.ts';
import type { TailCommit } from './commit-tail.ts';
import { encodeCommit } from './frame-codec.ts';
import type { Replica, StreamCommit } from './replica.ts';

/** Commits of one read: small, since a commit may have megabytes. */
const READ_COMMITS = 64;
/** Reading of a stream stops beyond this many bytes. */
const READ_BYTES = 512 * 1024;

/**
 * Commits of these streams after these positions, in the order of lsn. `behind`: of some stream the log starts later, and
 * `have` says that there was more.
 */
export async function readLog(
  log: Pick<Replica, 'readCommits'>,
  after: VersionVector,
  have: VersionVector,
): Promise<{ readonly commits: readonly StreamCommit[]; readonly behind: boolean }> {
  const found: StreamCommit[] = [];
  let behind = false;
  let complete = Number.POSITIVE_INFINITY;
  for (const [origin, seq] of after) {
    const commits = await readStream(log, origin, seq);
    if (commits[0]?.seq !== seq + 1 && seqOf(have, origin) > seq) {
      behind = true;
      continue;
    }
    const last = commits.at(-1);
    // Beyond the end of the shortest read, commits of that stream may come between those of others.
    if (last !== undefined && last.seq < seqOf(have, origin)) complete = Math.min(complete, last.lsn);
    found.push(...commits);
  }
  return { commits: found.filter(({ lsn }) => lsn <= complete).sort((a, b) => a.lsn - b.lsn), behind };
}

/**
 * As `readLog`, encoded for a link. The log ends for others where it left out parts: who lacks such a commit lacks the deletion of
 * their graph, too, and would show what is left of that; from elsewhere it may get what builds on what was left out.
 */
export async function readBeyond(
  log: Pick<Replica, 'readCommits'>,
  after: VersionVector,
  have: VersionVector,
  nowMs: number,
): Promise<{ readonly commits: readonly TailCommit[]; readonly behind: boolean }> {
  const { commits, behind } = await readLog({ readCommits: whole(log) }, after, have);
  const encoded = commits.map((commit) => {
    const { origin, seq, lsn } = commit;
    return { origin, seq, lsn, encoded: encodeCommit(commit), atMs: nowMs };
  });
  return { commits: encoded, behind };
}

function whole(log: Pick<Replica, 'readCommits'>): Replica['readCommits'] {
  return async (origin, afterSeq, limit) => {
    const commits = await log.readCommits(origin, afterSeq, limit);
    const partial = commits.findIndex(({ isPartial }) => isPartial);
    return partial < 0 ? commits : commits.slice(0, partial);
  };
}

async function readStream(
  log: Pick<Replica, 'readCommits'>,
  origin: StreamCommit['origin'],
  afterSeq: number,
): Promise<StreamCommit[]> {
  const commits: StreamCommit[] = [];
  let bytes = 0;
  while (bytes < READ_BYTES) {
    const chunk = await log.readCommits(origin, commits.at(-1)?.seq ?? afterSeq, READ_COMMITS);
    commits.push(...chunk);
    for (const { parts } of chunk) for (const { update } of parts) bytes += update.length;
    if (chunk.length < READ_COMMITS) break;
  }
  return commits;
}
