/** A commit on its way into the store: its place in log and stream is fixed when it is accepted, its rows are one batch. */
import type { PartitionId } from '../base/ids.ts';
import { checkCommit } from './commit-check.ts';
import type { ReadRows, Write } from './group-writer.ts';
import { commitKey, locatorKey, rowKey } from './keys.ts';
import type { LogIndex, PartitionEntry } from './log-index.ts';
import {
  chainHash,
  decodeLocator,
  encodeLocator,
  encodeManifest,
  encodeRow,
  type ManifestPart,
  updateChecksum,
} from './records.ts';
import type { Batch } from './state-rows.ts';
import type { Commit, CommitPart, Lsn } from './store.ts';

type Row = readonly [key: string, value: Buffer];

/**
 * Gives the commit its position and builds what is to be written. Commits must be written in the order in which they
 * were accepted.
 * @throws BugError if the commit does not follow the last one of its stream; nothing has changed then
 */
export function acceptCommit(index: LogIndex, commit: Commit): { readonly lsn: Lsn; readonly write: Write } {
  const { origin, seq, clock } = commit;
  const head = index.head(origin);
  checkCommit(commit, head.seq);
  const lsn = index.lastLsn + 1;
  index.lastLsn = lsn;
  const accepted = commit.parts.map((part) => acceptPart(index, part, lsn));
  const parts = accepted.map((part) => part.manifest);
  const key = commitKey(origin, seq);
  const record = encodeManifest(key, { ...commit, parts, lsn, previous: head.hash });
  index.heads.set(origin, { seq, hash: chainHash(record), clock });
  const rows: Row[] = [...accepted.map((part) => part.row), [key, record]];
  const locators = commit.locators.map(({ graphKey, edge, partition }) => ({
    at: locatorKey(graphKey, edge),
    place: { partition, lsn },
  }));
  const write: Write = {
    bytes: rows.reduce((sum, [, value]) => sum + value.length, 0),
    reads: locators.map(({ at }) => at),
    stage(batch, _batchNumber, read) {
      index.stagedLsn = lsn;
      for (const [at, value] of rows) batch.put(at, value);
      for (const { at, place } of locators) addPlace(batch, read, at, place);
    },
    done() {
      index.durableLsn = lsn;
      index.durableSeqs.set(origin, seq);
      for (const { entry, manifest } of accepted) {
        entry.durableLsn = lsn;
        index.addLogBytes(entry, manifest.length);
      }
    },
  };
  return { lsn, write };
}

interface AcceptedPart {
  readonly entry: PartitionEntry;
  readonly manifest: ManifestPart;
  readonly row: Row;
}

function acceptPart(index: LogIndex, part: CommitPart, lsn: Lsn): AcceptedPart {
  const entry = index.entry(part);
  const { graphKey, partition, update } = part;
  const key = rowKey(entry.rowPrefix, lsn);
  const crc = updateChecksum(update);
  const value = encodeRow(key, { previousLsn: entry.lastLsn, crc, update });
  entry.lastLsn = lsn;
  return { entry, manifest: { graphKey, partition, length: update.length, crc }, row: [key, value] };
}

/** Adds a place to the row of an edge, which may have been created before, in another partition. */
export function addPlace(batch: Batch, rows: ReadRows, key: string, place: { partition: PartitionId; lsn: Lsn }): void {
  const record = rows.get(key);
  const known = record === undefined ? { incomplete: false, places: [] } : decodeLocator(key, record);
  const others = known?.places.filter(({ partition }) => partition !== place.partition) ?? [];
  const added = encodeLocator(key, { incomplete: known?.incomplete ?? true, places: [...others, place] });
  rows.set(key, added);
  batch.put(key, added);
}
