/** A commit on its way into the store: its place in log and stream is fixed when it is accepted, its rows are one batch. */
import type { PartitionId } from '../base/ids.ts';
import { ByteWriter } from './bytes.ts';
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

/** What the rows of a commit have beside its updates, roughly: keys, checksums, the record. */
const HEAD_BYTES = 192;
/** Of the buffer for records that is kept from commit to commit: at first, and at most. */
const KEPT_BYTES = 32 * 1024;
const KEPT_BYTES_MAX = 1024 * 1024;

/** What is to be written, field by field: an object for each row would cost more than the row. */
interface Rows {
  readonly keys: string[];
  readonly values: Buffer[];
  bytes: number;
}

/** The same of the parts that are written. */
interface Parts {
  readonly entries: PartitionEntry[];
  readonly lengths: number[];
  readonly lsns: Lsn[];
}

interface Place {
  readonly at: string;
  readonly place: { readonly partition: PartitionId; readonly lsn: Lsn };
}

/**
 * Gives commits their positions, in order, and builds what is to be written: one write for all, because what each would
 * cost by itself is as much as the commit. They must be written in the order in which they were accepted.
 * @throws BugError at the first that does not follow the last one of its stream; those before it were accepted then
 */
export function acceptCommits(
  index: LogIndex,
  commits: readonly Commit[],
): { readonly lastLsn: Lsn; readonly write: Write } {
  const rows: Rows = { keys: [], values: [], bytes: 0 };
  const parts: Parts = { entries: [], lengths: [], lsns: [] };
  const places: Place[] = [];
  const records = writerFor(index, commits);
  for (const commit of commits) {
    const { origin, seq, clock, locators, after } = commit;
    const head = index.head(origin);
    checkCommit(commit, head.seq);
    const lsn = ++index.lastLsn;
    const manifestParts = commit.parts.map((part) => acceptPart(index, part, lsn, { rows, parts, records }));
    const key = commitKey(origin, seq);
    const manifest = { origin, seq, clock, locators, after, parts: manifestParts, lsn, previous: head.hash };
    const record = encodeManifest(key, manifest, records);
    index.heads.set(origin, { seq, hash: chainHash(record), clock });
    addRow(rows, key, record);
    for (const { graphKey, edge, partition } of locators) {
      places.push({ at: locatorKey(graphKey, edge), place: { partition, lsn } });
    }
  }
  const lastLsn = index.lastLsn;
  const write: Write = {
    bytes: rows.bytes,
    reads: places.map(({ at }) => at),
    stage(batch, _batchNumber, read) {
      index.stagedLsn = lastLsn;
      for (let i = 0; i < rows.keys.length; i++) batch.put(rows.keys[i] as string, rows.values[i] as Buffer);
      for (const { at, place } of places) addPlace(batch, read, at, place);
      // The batch holds copies of them.
      if (records.capacityBytes <= KEPT_BYTES_MAX) index.spareWriter = records.clear();
    },
    done() {
      index.durableLsn = lastLsn;
      for (const { origin, seq } of commits) index.durableSeqs.set(origin, seq);
      for (let i = 0; i < parts.entries.length; i++) {
        const entry = parts.entries[i] as PartitionEntry;
        entry.durableLsn = parts.lsns[i] as Lsn;
        index.addLogBytes(entry, parts.lengths[i] as number);
      }
    },
  };
  return { lastLsn, write };
}

/** Builds the row of a part; returns what the commit record says of it. */
function acceptPart(
  index: LogIndex,
  part: CommitPart,
  lsn: Lsn,
  to: { readonly rows: Rows; readonly parts: Parts; readonly records: ByteWriter },
): ManifestPart {
  const { graphKey, partition, update } = part;
  const { rows, parts, records } = to;
  const entry = index.entry(part);
  const key = rowKey(entry.rowPrefix, lsn);
  const crc = updateChecksum(update);
  addRow(rows, key, encodeRow(key, { previousLsn: entry.lastLsn, crc, update }, records));
  entry.lastLsn = lsn;
  parts.entries.push(entry);
  parts.lengths.push(update.length);
  parts.lsns.push(lsn);
  return { graphKey, partition, length: update.length, crc };
}

function addRow(rows: Rows, key: string, value: Buffer): void {
  rows.keys.push(key);
  rows.values.push(value);
  rows.bytes += value.length;
}

function writerFor(index: LogIndex, commits: readonly Commit[]): ByteWriter {
  const bytes = roomFor(commits);
  const spare = index.spareWriter;
  index.spareWriter = undefined;
  return spare !== undefined && spare.capacityBytes >= bytes ? spare : new ByteWriter(Math.max(bytes, KEPT_BYTES));
}

function roomFor(commits: readonly Commit[]): number {
  let bytes = commits.length * HEAD_BYTES;
  for (const { parts } of commits) for (const { update } of parts) bytes += update.length;
  return bytes;
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
