/**
 * Verification at open. LevelDB reports neither a hole in its log nor a flipped bit in a table, so nothing is believed:
 * the last seal must not be older than the high-water mark, the state rows must add up to the seal, the commits must be
 * all that the seal counts and form a chain in each stream, and each partition's rows must be those that the commits
 * name. Two sequential scans; memory grows with streams and partitions, not with commits.
 */
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { ReplicaId } from '../base/ids.ts';
import {
  BASE,
  CLEAN,
  COMMITS,
  commitKey,
  DROPS,
  FORMAT_KEY,
  parseCommitKey,
  parsePartitionPath,
  parseRowKey,
  ROWS,
  rowKey,
  SEAL_KEYS,
  SNAPSHOTS,
  startingWith,
} from './keys.ts';
import { corrupt, type Database, entries, isSystemFailure, unusable } from './level-database.ts';
import { LogIndex, type PartitionEntry } from './log-index.ts';
import type { Mark } from './mark-file.ts';
import {
  chainHash,
  decodeBase,
  decodeDrop,
  decodeManifest,
  decodeRow,
  decodeSeal,
  decodeSnapshotHeader,
  type Manifest,
  type ManifestPart,
  type Seal,
} from './records.ts';
import { StateRows } from './state-rows.ts';
import type { Lsn, Recovery } from './store.ts';

export const FORMAT_VERSION = 1;

/** See docs/operations/upgrade.md. */
const MOVING = 'Back it up with the program that wrote it, and restore the backup with this one into a new folder';

/** What a fresh directory says about itself; plain text, so that every version can read it. */
export const formatValue = (version: number): Buffer => Buffer.from(`weft data format ${version}`);

export interface Recovered {
  readonly index: LogIndex;
  readonly state: StateRows;
  readonly seal: Seal;
  readonly recovery: Recovery;
  /** False if any row of a partition is damaged, also one that a snapshot covers. */
  readonly hasAllRows: boolean;
}

/**
 * Reads and verifies everything but the bodies of snapshots, which are verified when they are read.
 * @returns undefined for an empty database
 * @throws WeftError `data-format`, `data-corrupt`, `storage-failed`
 */
export async function recover(db: Database, mark: Mark | undefined, env: Env): Promise<Recovered | undefined> {
  try {
    return await verify(db, mark, env);
  } catch (error) {
    if (error instanceof WeftError || !(error instanceof Error && 'code' in error)) throw error;
    if (isSystemFailure(error)) throw unusable(db.location, error);
    throw corrupt(`LevelDB cannot read its data: ${error.message}`, {}, error);
  }
}

/** All but the log and the rows of partitions: what the last batch left, which nothing that is older passes for. */
export interface Sealed {
  readonly seal: Seal;
  readonly state: StateRows;
  readonly index: LogIndex;
  readonly clean: boolean;
}

/** @returns undefined for an empty database. @throws WeftError `data-format`, `data-corrupt` */
export async function readSealed(db: Database, mark: Mark | undefined, env: Env): Promise<Sealed | undefined> {
  const format = await db.get(FORMAT_KEY);
  if (format === undefined) {
    if (mark === undefined && (await db.keys({ limit: 1 }).all()).length === 0) return undefined;
    throw corrupt('the format version is missing');
  }
  checkFormat(format.toString('utf8'));
  const seal = await readSeal(db);
  if (mark !== undefined && seal.batch < mark.batch) {
    throw corrupt(
      `the store ends with batch ${seal.batch} (commit ${seal.lastLsn}), ` +
        `but batch ${mark.batch} (commit ${mark.lsn}) was durable: acknowledged writes are missing`,
      { lastLsn: seal.lastLsn, expectedLsn: mark.lsn },
    );
  }
  return { seal, ...(await loadState(db, seal, env)) };
}

async function verify(db: Database, mark: Mark | undefined, env: Env): Promise<Recovered | undefined> {
  const sealed = await readSealed(db, mark, env);
  if (sealed === undefined) return undefined;
  const { seal, state, index, clean } = sealed;
  const tallies = await verifyCommits(db, index, seal);
  const hasAllRows = await verifyRows(db, index, tallies, env);
  const damaged = [...index.entries()].flatMap(({ graphKey, partition, damage }) =>
    damage === undefined ? [] : [{ graphKey, partition, reason: damage.reason }],
  );
  for (const fields of damaged) env.log.write('error', 'storage: a partition failed verification', fields);
  const streams = [...index.heads].map(([origin, { seq, clock }]) => ({ origin, seq, clock }));
  return { index, state, seal, hasAllRows, recovery: { clean, streams, lastLsn: index.lastLsn, damaged } };
}

function checkFormat(text: string): void {
  const version = Number(/^weft data format (\d+)$/.exec(text)?.[1]);
  if (!Number.isSafeInteger(version)) throw corrupt('the format version is unreadable');
  if (version === FORMAT_VERSION) return;
  throw new WeftError(
    'data-format',
    `the data directory has format version ${version}; this program reads version ${FORMAT_VERSION}. ${MOVING}`,
    { found: version, supported: FORMAT_VERSION },
  );
}

async function readSeal(db: Database): Promise<Seal> {
  const values = await db.getMany([...SEAL_KEYS]);
  const seals = SEAL_KEYS.flatMap((key, at) => {
    const value = values[at];
    const seal = value === undefined ? undefined : decodeSeal(key, value);
    return seal === undefined ? [] : [seal];
  });
  const newest = seals.sort((a, b) => b.batch - a.batch)[0];
  if (newest === undefined) throw corrupt('the seal of the last batch is missing or damaged');
  return newest;
}

async function loadState(
  db: Database,
  seal: Seal,
  env: Env,
): Promise<{ readonly state: StateRows; readonly index: LogIndex; readonly clean: boolean }> {
  const state = new StateRows();
  const contents = await state.load(db, env.log);
  if (state.count !== seal.stateRows || state.digest !== seal.stateDigest) {
    throw corrupt(
      `the state rows (${state.count} of ${seal.stateRows}) are not those of batch ${seal.batch}: a write is missing`,
    );
  }
  const index = new LogIndex();
  const base = contents.get(BASE);
  if (base !== undefined) index.base = decodeBase(base);
  for (const [origin, head] of index.base.streams) index.heads.set(origin, head);
  for (const [name, content] of contents) {
    if (name.startsWith(DROPS)) {
      const graphKey = name.slice(DROPS.length);
      const drop = decodeDrop(content);
      index.drops.set(graphKey, drop);
      index.acceptedDrops.set(graphKey, drop.lsn);
    }
    if (!name.startsWith(SNAPSHOTS)) continue;
    const entry = index.entry(parsePartitionPath(name.slice(SNAPSHOTS.length)));
    entry.header = entry.accepted = decodeSnapshotHeader(content);
  }
  return { state, index, clean: contents.has(CLEAN) };
}

/** Counts and sums that two scans in different orders must agree on. */
interface Tally {
  expectedRows: number;
  expectedSum: number;
  rows: number;
  sum: number;
}

type Tallies = Map<string, Tally>;

/** Depends on both numbers in every bit; sums of up to 2^20 of them stay exact before they are reduced. */
const mix = (lsn: Lsn, crc: number): number => (Math.imul(lsn ^ (crc >>> 15), 0x9e3779b1) ^ crc) >>> 0;
const addTo = (sum: number, value: number): number => (sum + value) % 2 ** 52;

/** Walks every stream of the log and returns what each partition must hold. */
async function verifyCommits(db: Database, index: LogIndex, seal: Seal): Promise<Tallies> {
  const tallies: Tallies = new Map();
  const { base } = index;
  let commits = 0;
  let lsnSum = 0;
  let lastOrigin: ReplicaId | undefined;
  let lastLsn = base.lsn;
  for await (const chunk of entries(db, startingWith(COMMITS))) {
    for (const [key, record] of chunk) {
      const { origin, seq } = parseCommitKey(key);
      // Let go of, and back because a damaged table took the note of that with it.
      if (seq <= (base.streams.get(origin)?.seq ?? 0)) continue;
      if (origin !== lastOrigin) lastLsn = base.lsn;
      const head = index.head(origin);
      if (seq !== head.seq + 1) throw brokenStream(origin, head.seq + 1, 'is missing');
      const manifest = decodeManifest(key, record, 'references');
      if (manifest === undefined) throw brokenStream(origin, seq, 'has a wrong checksum');
      if (!head.hash.equals(manifest.previous)) throw brokenStream(origin, seq, 'does not follow the one before it');
      if (manifest.lsn <= lastLsn || manifest.lsn > seal.lastLsn) throw brokenStream(origin, seq, 'is out of order');
      index.heads.set(origin, { seq, hash: chainHash(record), clock: manifest.clock });
      expectRows(index, tallies, manifest);
      lastOrigin = origin;
      lastLsn = manifest.lsn;
      commits++;
      lsnSum += manifest.lsn - base.lsn;
    }
  }
  // As many different positions as the log has, with the same sum: each is there once.
  const expected = seal.lastLsn - base.lsn;
  if (commits !== expected || lsnSum !== (expected * (expected + 1)) / 2) {
    const missing = await firstMissing(db, base.lsn);
    throw corrupt(
      `the log holds ${commits} of the ${expected} commits up to ${seal.lastLsn}; commit ${missing} is missing`,
      { lsn: missing },
    );
  }
  index.lastLsn = index.stagedLsn = index.durableLsn = seal.lastLsn;
  for (const [origin, { seq }] of index.heads) index.durableSeqs.set(origin, seq);
  return tallies;
}

function brokenStream(origin: ReplicaId, seq: number, what: string): WeftError {
  return corrupt(`commit ${seq} of origin ${origin} ${what}`, { origin, seq });
}

function expectRows(index: LogIndex, tallies: Tallies, manifest: Manifest): void {
  for (const part of manifest.parts) {
    if (manifest.lsn <= index.droppedLsn(part.graphKey)) continue;
    const entry = index.entry(part);
    entry.lastLsn = entry.durableLsn = Math.max(entry.lastLsn, manifest.lsn);
    index.addLogBytes(entry, part.length);
    const tally = tallyOf(tallies, entry.rowPrefix);
    tally.expectedRows++;
    tally.expectedSum = addTo(tally.expectedSum, mix(manifest.lsn, part.crc));
  }
}

function tallyOf(tallies: Tallies, prefix: string): Tally {
  let tally = tallies.get(prefix);
  if (tally === undefined) {
    tally = { expectedRows: 0, expectedSum: 0, rows: 0, sum: 0 };
    tallies.set(prefix, tally);
  }
  return tally;
}

/** Only when something is wrong: the first position that no commit has. */
async function firstMissing(db: Database, baseLsn: Lsn): Promise<Lsn> {
  const found = new Set<Lsn>();
  for await (const chunk of entries(db, startingWith(COMMITS))) {
    for (const [key, record] of chunk) found.add(decodeManifest(key, record, 'references')?.lsn ?? 0);
  }
  let lsn = baseLsn + 1;
  while (found.has(lsn)) lsn++;
  return lsn;
}

/** Compares the rows of all partitions with what the commits name, and marks those that differ. @returns true if none does */
async function verifyRows(db: Database, index: LogIndex, tallies: Tallies, env: Env): Promise<boolean> {
  let isReadable = true;
  const suspects = new Set<string>();
  let tally: Tally | undefined;
  let prefix = '';
  let droppedLsn = 0;
  try {
    for await (const chunk of entries(db, startingWith(ROWS))) {
      for (const [key, record] of chunk) {
        const at = parseRowKey(key);
        if (at.prefix !== prefix) {
          prefix = at.prefix;
          tally = tallies.get(prefix);
          droppedLsn = index.droppedLsn(prefix.slice(ROWS.length, prefix.indexOf('/', ROWS.length)));
        }
        const row = at.lsn <= droppedLsn ? undefined : decodeRow(key, record);
        if (row === undefined || tally === undefined) continue;
        tally.rows++;
        tally.sum = addTo(tally.sum, mix(at.lsn, row.crc));
      }
    }
  } catch (error) {
    if (isSystemFailure(error)) throw error;
    isReadable = false;
    env.log.write('warn', 'storage: partition rows are unreadable, each is looked up', { error: String(error) });
  }
  for (const [name, { expectedRows, expectedSum, rows, sum }] of tallies) {
    if (rows !== expectedRows || sum !== expectedSum) suspects.add(name);
  }
  if (suspects.size > 0) await blame(db, index, suspects, env);
  return isReadable && suspects.size === 0;
}

/** Only when something is wrong: looks up each row of the suspected partitions, to say which commit is damaged. */
async function blame(db: Database, index: LogIndex, suspects: ReadonlySet<string>, env: Env): Promise<void> {
  for await (const chunk of entries(db, startingWith(COMMITS))) {
    for (const [key, record] of chunk) {
      const manifest = decodeManifest(key, record, 'references');
      if (manifest === undefined || manifest.lsn <= index.base.lsn) continue;
      for (const part of manifest.parts) {
        const entry = index.find(part);
        if (entry === undefined || !suspects.has(entry.rowPrefix)) continue;
        if (manifest.lsn <= index.droppedLsn(part.graphKey)) continue;
        const problem = await rowProblem(db, entry, manifest.lsn, part);
        if (problem === undefined) continue;
        const { origin, seq, lsn } = manifest;
        const reason = `${problem} in commit ${lsn} (${commitKey(origin, seq)})`;
        const covered = lsn <= (index.visibleHeader(entry)?.lsn ?? 0);
        if (!covered) entry.damage = { reason, lsn: Math.max(lsn, entry.damage?.lsn ?? 0) };
        else env.log.write('warn', 'storage: a row that its snapshot covers is damaged', { ...part, reason });
      }
    }
  }
}

/** What is wrong with the row of a part, or undefined. */
async function rowProblem(
  db: Database,
  entry: PartitionEntry,
  lsn: Lsn,
  part: ManifestPart,
): Promise<string | undefined> {
  const key = rowKey(entry.rowPrefix, lsn);
  let record: Buffer | undefined;
  try {
    record = await db.get(key);
  } catch (error) {
    if (isSystemFailure(error)) throw error;
    return `an unreadable row (${String(error)})`;
  }
  if (record === undefined) return 'a missing row';
  const row = decodeRow(key, record);
  if (row === undefined) return 'a row with a wrong checksum';
  return row.crc === part.crc && row.update.length === part.length ? undefined : 'a row that is not its own';
}
