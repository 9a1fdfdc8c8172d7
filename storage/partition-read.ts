/** Reading of partitions, edge locators and commits, each row verified. All rows of one read are of one moment. */
import { WeftError } from '../base/errors.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import { asUint8Array } from './bytes.ts';
import {
  BASE,
  commitKey,
  commitPrefix,
  documentKey,
  encodeNumber,
  LOCATORS,
  locatorKey,
  parseCommitKey,
  parseLocatorKey,
  rowKey,
  rowPrefix,
  snapshotName,
  startingWith,
  viewKey,
} from './keys.ts';
import {
  corrupt,
  type Database,
  type DatabaseSnapshot,
  entries,
  isReadError,
  isSystemFailure,
} from './level-database.ts';
import type { LogIndex, PartitionEntry } from './log-index.ts';
import {
  chainHash,
  decodeBase,
  decodeLocator,
  decodeManifest,
  decodeRow,
  decodeSnapshotHeader,
  type Manifest,
  type SnapshotHeader,
  updateChecksum,
} from './records.ts';
import { readStateRow } from './state-rows.ts';
import type { LoggedCommit, Lsn, PartitionKey, PartitionSnapshot, PartitionState } from './store.ts';

export const NOTHING: PartitionState = { snapshot: undefined, tail: [] };

export function recovering(key: PartitionKey, reason: string): WeftError {
  const { graphKey, partition } = key;
  return new WeftError(
    'partition-recovering',
    `partition ${JSON.stringify(partition)} of graph ${graphKey} failed verification: ${reason}`,
    { graphKey, partition },
  );
}

/** Damage that was found in a partition; the store remembers it until a snapshot heals it. */
export class DamageFound extends Error {}

/**
 * What reading a partition failed with says that it is damaged: what it holds, or what LevelDB makes of it. A system that is out of
 * files, say, says nothing of it: healed by others it would lose what they do not have yet.
 */
export function isDamage(error: unknown): boolean {
  return error instanceof DamageFound || error instanceof WeftError || (isReadError(error) && !isSystemFailure(error));
}

/** What must be found of a partition at one moment, as far as it is known without reading. */
export interface Expected extends PartitionKey {
  readonly rowPrefix: string;
  readonly header: SnapshotHeader | undefined;
  readonly lastLsn: Lsn;
  /** Nothing up to this commit is visible; -1 if the graph was never dropped. */
  readonly droppedLsn: Lsn;
}

/** To be noted in the turn in which the moment is fixed; the database may be further already. */
export function expectedNow(index: LogIndex, entry: PartitionEntry): Expected {
  const { graphKey, partition, rowPrefix: prefix, durableLsn } = entry;
  const droppedLsn = index.drops.get(graphKey)?.lsn ?? -1;
  return {
    graphKey,
    partition,
    rowPrefix: prefix,
    header: index.visibleHeader(entry),
    lastLsn: durableLsn,
    droppedLsn,
  };
}

/**
 * What is there now.
 * @throws DamageFound if a row is missing, misplaced or has a wrong checksum
 */
export async function readPartitionRows(
  db: Database,
  index: LogIndex,
  entry: PartitionEntry,
  want: { readonly document: boolean },
): Promise<PartitionState> {
  const expected = expectedNow(index, entry);
  const moment = db.snapshot();
  try {
    return await readPartitionAt(db, moment, expected, want);
  } finally {
    await moment.close();
  }
}

/** @throws DamageFound */
export async function readPartitionAt(
  db: Database,
  moment: DatabaseSnapshot,
  expected: Expected,
  want: { readonly document: boolean },
): Promise<PartitionState> {
  const { droppedLsn } = expected;
  const known = expected.header !== undefined;
  const content = await readStateRow(db, snapshotName(expected), { known, snapshot: moment });
  const found = content === undefined ? undefined : decodeSnapshotHeader(content);
  const header = found !== undefined && found.lsn <= droppedLsn ? undefined : found;
  if (expected.header !== undefined && (header === undefined || header.lsn < expected.header.lsn)) {
    throw new DamageFound('the snapshot is missing or stale');
  }
  const snapshot = header === undefined ? undefined : await readSnapshot(db, moment, expected, header, want);
  const from = Math.max(header?.lsn ?? 0, droppedLsn);
  return { snapshot, tail: await readTail(db, moment, expected, { from, to: expected.lastLsn }) };
}

async function readSnapshot(
  db: Database,
  moment: DatabaseSnapshot,
  key: PartitionKey,
  header: SnapshotHeader,
  want: { readonly document: boolean },
): Promise<PartitionSnapshot> {
  const wantsDocument = want.document || header.view === undefined;
  const read = async (name: string, about: { length: number; crc: number }): Promise<Uint8Array> => {
    const bytes = await db.get(name, { snapshot: moment, fillCache: false });
    if (bytes?.length !== about.length || updateChecksum(bytes) !== about.crc) {
      throw new DamageFound(`the snapshot of commit ${header.lsn} is missing or has a wrong checksum`);
    }
    return asUint8Array(bytes);
  };
  return {
    lsn: header.lsn,
    document: wantsDocument ? await read(documentKey(key), header.document) : new Uint8Array(),
    view: header.view === undefined ? undefined : await read(viewKey(key), header.view),
  };
}

/** The rows after `from`: each names its predecessor, so none can be missing before `to`, which must be reached. */
async function readTail(
  db: Database,
  snapshot: DatabaseSnapshot,
  { rowPrefix: prefix }: Expected,
  { from, to }: { readonly from: Lsn; readonly to: Lsn },
): Promise<{ lsn: Lsn; update: Uint8Array }[]> {
  const tail: { lsn: Lsn; update: Uint8Array }[] = [];
  let last = from;
  const range = { gt: rowKey(prefix, from), lt: `${prefix}z`, snapshot };
  for await (const chunk of entries(db, range)) {
    for (const [key, record] of chunk) {
      const row = decodeRow(key, record);
      if (row === undefined) throw new DamageFound(`a row after commit ${last} has a wrong checksum`);
      if (tail.length === 0 ? row.previousLsn > from : row.previousLsn !== last) {
        throw new DamageFound(`the row of commit ${row.previousLsn} is missing`);
      }
      last = Number.parseInt(key.slice(prefix.length + 1), 16);
      tail.push({ lsn: last, update: asUint8Array(row.update) });
    }
  }
  if (last < to) throw new DamageFound(`the row of commit ${to} is missing`);
  return tail;
}

/** @throws WeftError `partition-recovering` if the row of an edge is damaged */
export async function readLocators(
  db: Database,
  index: LogIndex,
  graphKey: string,
  edges: readonly string[],
): Promise<PartitionId[][]> {
  const keys = edges.map((edge) => locatorKey(graphKey, edge));
  const records = await db.getMany(keys);
  // A snapshot that came from elsewhere may precede every commit.
  const droppedLsn = index.drops.get(graphKey)?.lsn ?? -1;
  return keys.map((key, at) => {
    const record = records[at];
    const isLost = index.lost.has(key);
    if (record === undefined && !isLost) return [];
    const locator = record === undefined || isLost ? undefined : decodeLocator(key, record);
    if (locator === undefined || locator.incomplete) {
      const edge = edges[at] ?? '';
      throw new WeftError(
        'partition-recovering',
        `the locator of edge ${JSON.stringify(edge)} of graph ${graphKey} is damaged`,
        { graphKey, edge },
      );
    }
    return locator.places.filter(({ lsn }) => lsn > droppedLsn).map(({ partition }) => partition);
  });
}

/** The edges whose rows are there and damaged, whose ids are refused. */
export async function damagedLocators(db: Database): Promise<ReturnType<typeof parseLocatorKey>[]> {
  const damaged: ReturnType<typeof parseLocatorKey>[] = [];
  for await (const chunk of entries(db, startingWith(LOCATORS))) {
    for (const [key, record] of chunk) {
      if (decodeLocator(key, record)?.incomplete !== false) damaged.push(parseLocatorKey(key));
    }
  }
  return damaged;
}

/**
 * @throws WeftError `data-corrupt` if a commit is missing or damaged, `partition-recovering` if one of its parts is
 */
export async function readStream(
  db: Database,
  index: LogIndex,
  request: { readonly origin: ReplicaId; readonly afterSeq: number; readonly limit: number },
): Promise<LoggedCommit[]> {
  const { origin, afterSeq, limit } = request;
  const commits: LoggedCommit[] = [];
  const durableSeq = index.durableSeqs.get(origin) ?? 0;
  if (limit <= 0 || afterSeq >= durableSeq) return commits;
  const known = index.base.lsn > 0;
  const moment = db.snapshot();
  try {
    const content = await readStateRow(db, BASE, { known, snapshot: moment });
    const base = content === undefined ? undefined : decodeBase(content).streams.get(origin);
    const baseSeq = base?.seq ?? 0;
    let expected = Math.max(afterSeq, baseSeq) + 1;
    let previous = afterSeq <= baseSeq ? base?.hash : undefined;
    const broken = (what: string) =>
      corrupt(`commit ${expected} of origin ${origin} ${what}`, { origin, seq: expected });
    const prefix = commitPrefix(origin);
    const range = { gt: prefix + encodeNumber(expected - 1), lt: startingWith(prefix).lt, snapshot: moment };
    for await (const chunk of entries(db, range)) {
      for (const [key, record] of chunk) {
        if (parseCommitKey(key).seq !== expected) throw broken('is missing');
        const manifest = decodeManifest(key, record);
        if (manifest === undefined) throw broken('has a wrong checksum');
        if (previous !== undefined && !previous.equals(manifest.previous))
          throw broken('does not follow its predecessor');
        commits.push(await withParts(db, moment, index, manifest));
        if (commits.length === limit) return commits;
        previous = chainHash(record);
        expected++;
      }
    }
    if (expected <= durableSeq) throw broken('is missing');
  } finally {
    await moment.close();
  }
  return commits;
}

/** Adds the bytes; parts and locators of graphs that were dropped since are left out. */
async function withParts(
  db: Database,
  snapshot: DatabaseSnapshot,
  index: LogIndex,
  manifest: Manifest,
): Promise<LoggedCommit> {
  const { origin, seq, lsn, clock, after } = manifest;
  const isDropped = ({ graphKey }: { readonly graphKey: string }): boolean => lsn <= index.droppedLsn(graphKey);
  const named = manifest.parts.filter((part) => !isDropped(part));
  const keys = named.map((part) => rowKey(rowPrefix(part), lsn));
  const records = await db.getMany(keys, { snapshot });
  const parts = named.map((part, at) => {
    const record = records[at];
    const row = record === undefined ? undefined : decodeRow(keys[at] ?? '', record);
    if (row?.crc !== part.crc || row.update.length !== part.length) {
      throw recovering(part, `its row of commit ${commitKey(origin, seq)} is missing or has a wrong checksum`);
    }
    return { graphKey: part.graphKey, partition: part.partition, update: asUint8Array(row.update) };
  });
  const locators = manifest.locators.filter((locator) => !isDropped(locator));
  const commit = { origin, seq, lsn, clock, parts, locators, after };
  const isWhole = parts.length === manifest.parts.length && locators.length === manifest.locators.length;
  return isWhole ? commit : { ...commit, isPartial: true };
}
