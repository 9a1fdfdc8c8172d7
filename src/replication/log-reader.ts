/** Reads what somebody lacks from the log, in the order in which this server applied it, as much as one round should send. */
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { seqOf, type VersionVector } from '../commits/version-vector.ts';
import type { TailCommit } from './commit-tail.ts';
import { encodeCommit } from './frame-codec.ts';
import type { Replica, StreamCommit } from './replica.ts';

/** Commits that are read of a stream at a time. */
const READ_COMMITS = 64;
/** Reading stops beyond this many bytes, however many streams there are. */
export const READ_BYTES = 512 * 1024;
/** What a commit has beside its updates, roughly. */
const COMMIT_HEAD_BYTES = 64;

/** A stream that is being read. */
interface Stream {
  readonly origin: ReplicaId;
  /** The last commit of it that is wanted. */
  readonly until: number;
  /** What was read and not taken, in order; never empty. */
  ahead: StreamCommit[];
}

/**
 * Commits of these streams after these positions and up to `have`, in the order of lsn: the first ones of all streams together,
 * `bytesMax` and one commit at most. There is one at least, unless every stream is behind. `behind`: of some stream the log
 * starts later, and `have` says that there was more.
 */
export async function readLog(
  log: Pick<Replica, 'readCommits'>,
  after: VersionVector,
  have: VersionVector,
  bytesMax = READ_BYTES,
): Promise<{ readonly commits: readonly StreamCommit[]; readonly behind: boolean }> {
  const streams = new Set<Stream>();
  let behind = false;
  for (const [origin, seq] of after) {
    const until = seqOf(have, origin);
    if (seq >= until) continue;
    // One of each, to see which is next: a commit may have megabytes, and streams may be many.
    const ahead = await readOn(log, origin, seq, 1);
    if (ahead.length === 0) behind = true;
    else streams.add({ origin, until, ahead });
  }
  const found: StreamCommit[] = [];
  let bytes = 0;
  while (bytes < bytesMax && streams.size > 0) {
    const stream = earliestOf(streams);
    const next = stream.ahead.shift() as StreamCommit;
    found.push(next);
    bytes += bytesOf(next);
    if (next.seq >= stream.until) streams.delete(stream);
    else if (stream.ahead.length === 0 && bytes < bytesMax) {
      // Its share of as many as should fit if they are like those before, so that all streams together hold no more.
      const fitting = Math.ceil(((bytesMax - bytes) * found.length) / bytes / streams.size);
      stream.ahead = await readOn(log, stream.origin, next.seq, Math.min(fitting, READ_COMMITS));
      // The log ends here for now. What others wrote after it may build on what it lacks.
      if (stream.ahead.length === 0) break;
    }
  }
  return { commits: found, behind };
}

/** The stream whose next commit was applied here first. */
function earliestOf(streams: ReadonlySet<Stream>): Stream {
  const lsnOf = ({ ahead }: Stream): number => (ahead[0] as StreamCommit).lsn;
  return [...streams].reduce((earliest, stream) => (lsnOf(stream) < lsnOf(earliest) ? stream : earliest));
}

/** The next commits of a stream; none if the log does not go on with the one after `seq`, or that is damaged, or a part of it. */
async function readOn(
  log: Pick<Replica, 'readCommits'>,
  origin: ReplicaId,
  seq: number,
  limit: number,
): Promise<StreamCommit[]> {
  try {
    const commits = await log.readCommits(origin, seq, limit);
    return commits[0]?.seq === seq + 1 ? [...commits] : [];
  } catch (error) {
    const isDamage =
      error instanceof WeftError && (error.code === 'partition-recovering' || error.code === 'data-corrupt');
    if (!isDamage) throw error;
    // Those before the damaged one can be read.
    return limit === 1 ? [] : readOn(log, origin, seq, 1);
  }
}

function bytesOf({ parts }: StreamCommit): number {
  return parts.reduce((sum, { update }) => sum + update.length, COMMIT_HEAD_BYTES);
}

/**
 * As `readLog`, encoded for a link. The log ends for others where it left out parts: who lacks such a commit lacks the deletion of
 * their graph, too, and would show what is left of that; from elsewhere it may get what builds on what was left out.
 */
export async function readBeyond(
  log: Pick<Replica, 'readCommits'>,
  after: VersionVector,
  have: VersionVector,
  { nowMs, bytesMax }: { readonly nowMs: number; readonly bytesMax?: number },
): Promise<{ readonly commits: readonly TailCommit[]; readonly behind: boolean }> {
  const { commits, behind } = await readLog({ readCommits: whole(log) }, after, have, bytesMax);
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
