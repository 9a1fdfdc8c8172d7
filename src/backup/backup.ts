/**
 * Makes a backup of all graphs of this replica, while it goes on: a full one from a cut of the store, an incremental one from
 * the commits of the log since an earlier one. Either is of one moment, with its vector.
 */
import type { Env, Random } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import { covers, joined, seqOf, type VersionVector } from '../commits/version-vector.ts';
import type { BackupMark } from '../engine-port.ts';
import { readLog } from '../replication/log-reader.ts';
import type { Replica } from '../replication/replica.ts';
import { ArchiveWriter, type BackupHeader } from './archive.ts';
import type { SentBackup } from './backup-holds.ts';

export interface BackupOptions {
  readonly env: Env;
  readonly replica: Replica;
  /** Of the server. */
  readonly name: string;
  /** Of the backup, from `backupId`. */
  readonly id: string;
}

export function backupId(random: Random): string {
  const words: readonly number[] = [0, 0, 0, 0].map(() => random.uint32());
  return words.map((word) => word.toString(16).padStart(8, '0')).join('');
}

/** Passes the pieces on; before the last one is given away the hold is durable, so whoever has all of it can go on from it. */
export async function* keptPieces(
  pieces: AsyncGenerator<Uint8Array>,
  id: string,
  sent: SentBackup,
): AsyncGenerator<Uint8Array> {
  try {
    let last: Uint8Array | undefined;
    for await (const piece of pieces) {
      if (last !== undefined) yield last;
      last = piece;
    }
    await sent.keep(id);
    if (last !== undefined) yield last;
  } finally {
    sent.end();
  }
}

/**
 * The pieces of an archive, in bounded memory beyond the largest partition or commit. What is refused is refused before the
 * first piece; a failure later cuts it off, which every reader notices. Whoever does not read on must call `return`.
 * @throws WeftError `must-refetch` if the log no longer reaches back, `invalid-request` if `since` is of something else
 */
export function backupPieces(options: BackupOptions, since: BackupMark | undefined): AsyncGenerator<Uint8Array> {
  return since === undefined ? fullPieces(options) : incrementalPieces(options, since);
}

async function* fullPieces(options: BackupOptions): AsyncGenerator<Uint8Array> {
  const cut = await options.replica.openCut();
  try {
    const archive = new ArchiveWriter();
    // Streams that ended are in it too: one that goes on from it must not ask for them again, from a log that let go of them.
    const vector = joined(cut.vector, cut.retired);
    yield archive.begin(headerOf(options, { ...cut, vector, kind: 'full', since: undefined }));
    for (const key of cut.partitions) yield archive.partition(key, await cut.updates(key));
    yield archive.end();
  } finally {
    await cut.release();
  }
}

async function* incrementalPieces(options: BackupOptions, since: BackupMark): AsyncGenerator<Uint8Array> {
  const { replica } = options;
  if (replica.recovering) throw new WeftError('replica-recovering', 'this server takes over the state of another one');
  const { retired, clockReading: clock } = replica;
  const until = joined(replica.vector, retired);
  if (!covers(until, since.vector)) {
    const why =
      'this server has not all that is in the earlier backup: it is of another cluster, or the server lags behind';
    throw new WeftError('invalid-request', why, { field: 'since' });
  }
  let after: VersionVector = new Map(Array.from(until, ([origin]) => [origin, seqOf(since.vector, origin)]));
  let commits = await commitsAfter(replica, after, until);
  const archive = new ArchiveWriter();
  yield archive.begin(headerOf(options, { vector: until, retired, clock, kind: 'incremental', since: since.id }));
  while (commits.length > 0) {
    const reached = new Map(after);
    for (const commit of commits) {
      yield archive.commit(commit);
      reached.set(commit.origin, commit.seq);
    }
    after = reached;
    commits = await commitsAfter(replica, after, until);
  }
  yield archive.end();
}

/** The next commits in the order in which they were applied here; empty once `until` is reached. */
async function commitsAfter(replica: Replica, after: VersionVector, until: VersionVector) {
  const open = new Map(Array.from(after).filter(([origin, seq]) => seq < seqOf(until, origin)));
  if (open.size === 0) return [];
  const { commits, behind } = await readLog(replica, open, until);
  const wanted = commits.filter(({ origin, seq }) => seq <= seqOf(until, origin));
  if (behind || wanted.length === 0) {
    throw new WeftError('must-refetch', 'the log no longer reaches back to the earlier backup: make a full one');
  }
  return wanted;
}

function headerOf(
  { env, replica, name, id }: BackupOptions,
  about: Pick<BackupHeader, 'kind' | 'vector' | 'retired' | 'clock' | 'since'>,
): BackupHeader {
  const { kind, vector, retired, clock, since } = about;
  const madeMs = Math.floor(env.clock.wallMs());
  return { kind, id, server: name, replica: replica.replicaId as ReplicaId, madeMs, vector, retired, clock, since };
}
