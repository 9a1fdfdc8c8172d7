/**
 * Reads backups back: checks that files belong together, and takes them into an empty replica, a full one as a state of
 * another server, incremental ones as its commits. Up to a moment: a commit that has seen another one has a later
 * reading of the clock, so the commits up to any reading are a state that could have been.
 */
import { WeftError } from '../../base/errors.ts';
import { checkState } from '../../crdt/foreign-update.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import { wallMsOfClock } from '../../crdt/stamp.ts';
import type { Commit } from '../../storage/store.ts';
import { joined, type VersionVector } from '../commits/version-vector.ts';
import type { Replica } from '../replication/replica.ts';
import { type BackupHeader, type BackupRecord, readArchive } from './archive.ts';

/** A file, for errors, and its bytes, which can be read again and again. */
export interface BackupSource {
  readonly name: string;
  readonly read: () => AsyncIterable<Uint8Array>;
}

export interface BackupContents {
  readonly name: string;
  readonly header: BackupHeader;
  readonly partitions: number;
  readonly commits: number;
  /** Of the first and the last commit; undefined without any. */
  readonly spanMs: readonly [from: number, to: number] | undefined;
}

/** Commits that are given to the replica at once. */
const BATCH_COMMITS = 200;

/**
 * Verifies every byte of one file, and that all states and commits can be read.
 * @throws WeftError `data-corrupt` that names the file
 */
export async function inspectBackup(source: BackupSource): Promise<BackupContents> {
  let header: BackupHeader | undefined;
  let partitions = 0;
  let commits = 0;
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const record of recordsOf(source)) {
    if (record.kind === 'header') header = record.header;
    else if (record.kind === 'partition') {
      partitions++;
      for (const update of record.updates) checkReadable(source, () => checkState(update));
    } else {
      commits++;
      const atMs = wallMsOfClock(record.commit.clock);
      [from, to] = [Math.min(from, atMs), Math.max(to, atMs)];
      for (const { update } of record.commit.parts) checkReadable(source, () => checkState(update));
    }
  }
  if (header === undefined) throw new WeftError('data-corrupt', `${source.name} has no header`);
  return { name: source.name, header, partitions, commits, spanMs: commits === 0 ? undefined : [from, to] };
}

/** @throws WeftError `invalid-request` unless they are a full backup and those that go on from it, in order */
export function checkChain(backups: readonly BackupContents[]): void {
  backups.forEach(({ name, header }, at) => {
    const before = backups[at - 1];
    if (before === undefined && header.kind !== 'full') {
      throw new WeftError('invalid-request', `${name} is incremental: begin with the full backup that it goes on from`);
    }
    if (before !== undefined && header.since !== before.header.id) {
      const why = header.kind === 'full' ? 'is a full backup of its own' : 'does not go on from it';
      throw new WeftError('invalid-request', `after ${before.name} comes ${name}, which ${why}`);
    }
  });
}

/** @throws WeftError `invalid-request` if the first backup is later than the moment that is wanted */
export function checkMoment({ name, header }: Pick<BackupContents, 'name' | 'header'>, untilMs: number): void {
  const earliestMs = wallMsOfClock(header.clock);
  if (untilMs >= earliestMs) return;
  const [asked, first] = [untilMs, earliestMs].map((atMs) => new Date(atMs).toISOString());
  throw new WeftError('invalid-request', `${name} is of ${first}, later than ${asked}: take an earlier full backup`);
}

/**
 * Takes a chain of backups that was inspected into a replica that is empty. Returns what it then has.
 * @param untilMs commits after this time are left out; undefined for all
 */
export async function restoreBackups(
  replica: Replica,
  sources: readonly BackupSource[],
  untilMs: number | undefined,
): Promise<VersionVector> {
  const [full, ...incremental] = sources;
  if (full === undefined) throw new WeftError('invalid-request', 'no backup is named');
  if (replica.vector.size > 0) throw new WeftError('invalid-request', 'backups are restored into what is empty');
  await restoreFull(replica, full);
  for (const source of incremental) await restoreCommits(replica, source, untilMs);
  return joined(replica.vector, replica.retired);
}

async function restoreFull(replica: Replica, source: BackupSource): Promise<void> {
  let header: BackupHeader | undefined;
  await replica.beginAdoption();
  for await (const record of recordsOf(source)) {
    if (record.kind === 'header') header = record.header;
    if (record.kind !== 'partition') continue;
    const { key, updates } = record;
    const guid = `${key.graphKey}/${key.partition}`;
    await replica.stageState(key, PartitionDocument.hydrate(guid, replica.replicaId, updates).encode());
  }
  if (header !== undefined) await replica.adoptState(header);
}

async function restoreCommits(replica: Replica, source: BackupSource, untilMs: number | undefined): Promise<void> {
  let batch: Commit[] = [];
  for await (const record of recordsOf(source)) {
    if (record.kind !== 'commit') continue;
    if (untilMs !== undefined && wallMsOfClock(record.commit.clock) > untilMs) continue;
    if (batch.push(record.commit) < BATCH_COMMITS) continue;
    await replica.receive(batch);
    batch = [];
  }
  await replica.receive(batch);
}

async function* recordsOf(source: BackupSource): AsyncGenerator<BackupRecord> {
  try {
    yield* readArchive(source.read());
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    throw new WeftError(error.code, `${source.name}: ${error.message}`, error.context, error);
  }
}

function checkReadable({ name }: BackupSource, read: () => unknown): void {
  try {
    read();
  } catch (cause) {
    throw new WeftError('data-corrupt', `${name}: a state or commit cannot be read`, {}, cause);
  }
}
