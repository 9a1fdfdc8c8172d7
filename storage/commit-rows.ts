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
import type { Commit, Lsn } from './store.ts';

type Row = readonly [key: string, value: Buffer];

/**
 * Gives commits their positions, in order, and builds what is to be written: one write for all, because what each would
 * cost by itself is as much as the commit. They must be written in the order in which they were accepted.
 * @throws BugError at the first that does not follow the last one of its stream; those before it were accepted then
 */
export function acceptCommits(
  index: LogIndex,
  commits: readonly Commit[],
): { readonly lastLsn: Lsn; readonly write: Write } {
  const rows: Row[] = [];
  const parts: { readonly entry: PartitionEntry; readonly length: number; readonly lsn: Lsn }[] = [];
  const places: { readonly at: string; readonly place: { readonly partition: PartitionId; readonly lsn: Lsn } }[] = [];
  for (const commit of commits) {
    const { origin, seq, clock } = commit;
    const head = index.head(origin);
    checkCommit(commit, head.seq);
    const lsn = ++index.lastLsn;
    const manifestParts: ManifestPart[] = [];
    for (const { graphKey, partition, update } of commit.parts) {
      const entry = index.entry({ graphKey, partition });
      const key = rowKey(entry.rowPrefix, lsn);
      const crc = updateChecksum(update);
      rows.push([key, encodeRow(key, { previousLsn: entry.lastLsn, crc, update })]);
      entry.lastLsn = lsn;
      manifestParts.push({ graphKey, partition, length: update.length, crc });
      parts.push({ entry, length: update.length, lsn });
    }
    const key = commitKey(origin, seq);
    const record = encodeManifest(key, { ...commit, parts: manifestParts, lsn, previous: head.hash });
    index.heads.set(origin, { seq, hash: chainHash(record), clock });
    rows.push([key, record]);
    for (const { graphKey, edge, partition } of commit.locators) {
      places.push({ at: locatorKey(graphKey, edge), place: { partition, lsn } });
    }
  }
  const lastLsn = index.lastLsn;
  const write: Write = {
    bytes: rows.reduce((sum, [, value]) => sum + value.length, 0),
    reads: places.map(({ at }) => at),
    stage(batch, _batchNumber, read) {
      index.stagedLsn = lastLsn;
      for (const [at, value] of rows) batch.put(at, value);
      for (const { at, place } of places) addPlace(batch, read, at, place);
    },
    done() {
      index.durableLsn = lastLsn;
      for (const { origin, seq } of commits) index.durableSeqs.set(origin, seq);
      for (const { entry, length, lsn } of parts) {
        entry.durableLsn = lsn;
        index.addLogBytes(entry, length);
      }
    },
  };
  return { lastLsn, write };
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
