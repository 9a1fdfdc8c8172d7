/**
 * Lets go of the log up to the last commit whose record is lost, so that a store goes on that would be refused otherwise. What
 * partitions hold up to there becomes a snapshot of each, which is how the log is let go of always; a partition of which a row is
 * missing gets a snapshot that nothing fulfils, so that it is refused until one heals it. What the records said beside that (which
 * commits there were, for readers of changes and for servers that are behind) is gone, as with every truncation.
 *
 * Only for a server that stands alone: others may rest on what the records said. It works in batches, each of which leaves what can
 * be cut again, and the last one leaves a store that verifies.
 */
import type { Env } from '../base/env.ts';
import type { ReplicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { asBuffer, asUint8Array } from './bytes.ts';
import { GroupWriter } from './group-writer.ts';
import {
  BASE,
  CLEAN,
  COMMITS,
  commitKey,
  documentKey,
  parseCommitKey,
  parsePartitionPath,
  parseRowKey,
  ROWS,
  rowKey,
  snapshotName,
  startingWith,
  viewKey,
} from './keys.ts';
import { corrupt, type Database, entries } from './level-database.ts';
import type { PartitionEntry } from './log-index.ts';
import { LostKeys } from './lost-keys.ts';
import type { Mark } from './mark-file.ts';
import {
  chainHash,
  decodeManifest,
  decodeRow,
  encodeBase,
  encodeSnapshotHeader,
  NO_HASH,
  type StreamHead,
  updateChecksum,
} from './records.ts';
import { readSealed, type Sealed } from './recovery.ts';
import type { Lsn, PartitionKey } from './store.ts';

export interface CutOptions {
  readonly db: Database;
  readonly mark: Mark | undefined;
  readonly lost: LostKeys;
  readonly env: Env;
  /** One update that says what all of them say; undefined if they build on something that is not among them. */
  readonly merge: (updates: readonly Uint8Array[]) => Uint8Array | undefined;
}

export interface LogCut {
  /** The last commit that was let go of. */
  readonly lsn: Lsn;
  /** How many of them had no readable record. */
  readonly lostCommits: number;
  readonly damaged: readonly PartitionKey[];
}

/**
 * @returns undefined if no record is lost
 * @throws WeftError `data-corrupt` if the store is damaged in another way, or nothing tells to which stream a lost commit belongs
 */
export async function cutLog(options: CutOptions): Promise<LogCut | undefined> {
  const { db, mark, env, lost } = options;
  const sealed = await readSealed(db, mark, env);
  if (sealed === undefined) return undefined;
  const log = await readLog(db, sealed);
  if (log.lostCommits === 0) return undefined;
  const streams = basesOf(sealed, log, lost);
  const writer = writerOf(db, sealed, env);
  const damaged: PartitionKey[] = [];
  for await (const partition of partitionsUpTo(options, sealed, log)) {
    if (!(await keep(options, sealed, writer, partition, log.lsn))) damaged.push(partition.entry);
  }
  await cut(db, sealed, writer, { lsn: log.lsn, streams });
  return { lsn: log.lsn, lostCommits: log.lostCommits, damaged };
}

/** A commit whose record is readable. */
interface Known {
  readonly seq: number;
  readonly lsn: Lsn;
  readonly clock: number;
  readonly previous: Uint8Array;
  readonly hash: Buffer;
}

interface ReadLog {
  /** The last commit that is lost. */
  readonly lsn: Lsn;
  readonly lostCommits: number;
  readonly streams: ReadonlyMap<ReplicaId, readonly Known[]>;
  /** Records that are there and damaged. */
  readonly unreadable: ReadonlySet<string>;
  /** By prefix of its rows, the last commit up to `lsn` that names the partition. */
  readonly named: ReadonlyMap<string, Lsn>;
}

async function readLog(db: Database, { index, seal }: Sealed): Promise<ReadLog> {
  const { base } = index;
  const streams = new Map<ReplicaId, Known[]>();
  const unreadable = new Set<string>();
  const isKnown = new Uint8Array(seal.lastLsn - base.lsn + 1);
  const parts: (readonly [prefix: string, lsn: Lsn])[] = [];
  for await (const chunk of entries(db, startingWith(COMMITS))) {
    for (const [key, record] of chunk) {
      const { origin, seq } = parseCommitKey(key);
      if (seq <= (base.streams.get(origin)?.seq ?? 0)) continue;
      const manifest = decodeManifest(key, record, 'references');
      if (manifest === undefined) {
        unreadable.add(key);
        continue;
      }
      const { lsn, clock, previous } = manifest;
      const known = streams.get(origin) ?? [];
      const last = known.at(-1);
      const follows = last?.seq !== seq - 1 || last.hash.equals(previous);
      if (
        !follows ||
        lsn <= Math.max(base.lsn, last?.lsn ?? 0) ||
        lsn > seal.lastLsn ||
        isKnown[lsn - base.lsn] === 1
      ) {
        throw corrupt(`commit ${seq} of origin ${origin} is of another history`, { origin, seq });
      }
      isKnown[lsn - base.lsn] = 1;
      known.push({ seq, lsn, clock, previous: Buffer.from(previous), hash: chainHash(record) });
      streams.set(origin, known);
      for (const part of manifest.parts) parts.push([index.entry(part).rowPrefix, lsn]);
    }
  }
  let [lsn, lostCommits] = [0, 0];
  for (let at = 1; at < isKnown.length; at++) {
    if (isKnown[at] === 1) continue;
    lsn = base.lsn + at;
    lostCommits++;
  }
  const named = new Map<string, Lsn>();
  for (const [prefix, at] of parts) if (at <= lsn) named.set(prefix, Math.max(at, named.get(prefix) ?? 0));
  return { lsn, lostCommits, streams, unreadable, named };
}

/** Where each stream goes on after the cut. */
function basesOf({ index }: Sealed, log: ReadLog, lost: LostKeys): Map<ReplicaId, StreamHead> {
  const bases = new Map<ReplicaId, StreamHead>(index.base.streams);
  const ended: ReplicaId[] = [];
  let lostAtEnds = log.lostCommits;
  for (const origin of new Set([...index.base.streams.keys(), ...log.streams.keys()])) {
    const known = log.streams.get(origin) ?? [];
    const baseSeq = index.base.streams.get(origin)?.seq ?? 0;
    const before = known.filter(({ lsn }) => lsn <= log.lsn);
    const next = known[before.length];
    const last = before.at(-1);
    if (next !== undefined) {
      bases.set(origin, { seq: next.seq - 1, hash: Buffer.from(next.previous), clock: next.clock });
    } else if (last !== undefined) {
      bases.set(origin, { seq: last.seq, hash: last.hash, clock: last.clock });
    }
    if (next === undefined) ended.push(origin);
    lostAtEnds -= (bases.get(origin)?.seq ?? 0) - baseSeq - before.length;
  }
  if (lostAtEnds === 0) return bases;
  const isCutShort = (origin: ReplicaId): boolean => {
    const key = commitKey(origin, (bases.get(origin)?.seq ?? 0) + 1);
    return log.unreadable.has(key) || lost.has(key);
  };
  const [shortened, ...more] = ended.filter(isCutShort);
  const head = shortened === undefined ? undefined : bases.get(shortened);
  if (shortened === undefined || head === undefined || more.length > 0) {
    throw corrupt(`of ${lostAtEnds} commits nothing tells to which stream they belong`);
  }
  bases.set(shortened, { seq: head.seq + lostAtEnds, hash: NO_HASH, clock: head.clock });
  return bases;
}

interface Kept {
  readonly entry: PartitionEntry;
  /** Its updates after the snapshot that is there, up to the cut. */
  readonly tail: readonly { readonly lsn: Lsn; readonly update: Uint8Array }[];
  readonly isWhole: boolean;
}

/** Each partition that has anything between its snapshot and the cut. */
async function* partitionsUpTo({ db, lost }: CutOptions, { index }: Sealed, log: ReadLog): AsyncGenerator<Kept> {
  for (const prefix of await partitionsWithRows(db)) index.entry(parsePartitionPath(prefix.slice(ROWS.length)));
  requireNoneUnknown(
    lost,
    Array.from(index.entries(), ({ rowPrefix }) => rowPrefix),
  );
  for (const entry of Array.from(index.entries())) {
    const { rowPrefix: prefix } = entry;
    const covered = Math.max(index.visibleHeader(entry)?.lsn ?? 0, index.droppedLsn(entry.graphKey), index.base.lsn);
    if (covered >= log.lsn) continue;
    const tail: { lsn: Lsn; update: Uint8Array }[] = [];
    let [last, isWhole, isEnd] = [covered, true, true];
    scan: for await (const chunk of entries(db, { gt: rowKey(prefix, covered), lt: `${prefix}z` })) {
      for (const [key, record] of chunk) {
        const { lsn } = parseRowKey(key);
        const row = decodeRow(key, record);
        const follows =
          row !== undefined && (tail.length === 0 ? row.previousLsn <= covered : row.previousLsn === last);
        isWhole &&= follows;
        isEnd = lsn <= log.lsn;
        if (!isEnd) break scan;
        if (row !== undefined) tail.push({ lsn, update: asUint8Array(Buffer.from(row.update)) });
        last = lsn;
      }
    }
    const named = log.named.get(prefix) ?? 0;
    // There is nothing of it since its graph was dropped.
    if (index.visibleHeader(entry) === undefined && isEnd && last === covered && named <= covered) continue;
    // The last row is missed by none after it.
    if (isEnd && (last < named || lost.touches(prefix))) isWhole = false;
    if (tail.length > 0 || !isWhole) yield { entry, tail, isWhole };
  }
}

/** Records name what must be there of a partition; without them, one of which all rows are lost would pass for one that never was. */
function requireNoneUnknown(lost: LostKeys, prefixes: readonly string[]): void {
  const known = prefixes.map((prefix) => Buffer.from(prefix, 'utf8'));
  const isWithin = (key: Buffer, prefix: Buffer): boolean => key.subarray(0, prefix.length).equals(prefix);
  for (const range of lost.ranges) {
    if (!new LostKeys([range]).touches(ROWS)) continue;
    if (known.some((prefix) => isWithin(range.from, prefix) && isWithin(range.to, prefix))) continue;
    throw corrupt('records of commits are lost, and rows of partitions which nobody names then');
  }
}

async function partitionsWithRows(db: Database): Promise<string[]> {
  const prefixes: string[] = [];
  for (let from: string = startingWith(ROWS).gte; ; ) {
    const [key] = await db.keys({ gte: from, lt: startingWith(ROWS).lt, limit: 1 }).all();
    if (key === undefined) return prefixes;
    const { prefix } = parseRowKey(key);
    prefixes.push(prefix);
    from = `${prefix}z`;
  }
}

/** Makes a snapshot up to the cut. @returns false if the partition is damaged, and is refused from now on */
async function keep(
  { db, merge }: CutOptions,
  { index, state }: Sealed,
  writer: GroupWriter,
  { entry, tail, isWhole }: Kept,
  lsn: Lsn,
): Promise<boolean> {
  const header = index.visibleHeader(entry);
  const before = header && (await db.get(documentKey(entry)));
  const isThere = header === undefined || (before !== undefined && updateChecksum(before) === header.document.crc);
  const updates = tail.map(({ update }) => update);
  const document = isWhole && isThere ? merge(before === undefined ? updates : [before, ...updates]) : undefined;
  await writer.enqueue({
    bytes: document?.length ?? 0,
    sync: true,
    stage(batch, batchNumber) {
      const fulfilled = document && { length: document.length, crc: updateChecksum(document) };
      const unfulfilled = { length: header?.document.length ?? 1, crc: ~(header?.document.crc ?? 0) >>> 0 };
      const about = { lsn, document: fulfilled ?? unfulfilled, view: undefined };
      state.put(batch, batchNumber, snapshotName(entry), encodeSnapshotHeader(about));
      if (document === undefined) return;
      batch.put(documentKey(entry), asBuffer(document));
      batch.del(viewKey(entry));
      for (const row of tail) batch.del(rowKey(entry.rowPrefix, row.lsn));
    },
  });
  return document !== undefined;
}

async function cut(
  db: Database,
  { state }: Sealed,
  writer: GroupWriter,
  base: { readonly lsn: Lsn; readonly streams: ReadonlyMap<ReplicaId, StreamHead> },
): Promise<void> {
  const keys = (await db.keys(startingWith(COMMITS)).all()).filter((key) => {
    const { origin, seq } = parseCommitKey(key);
    return seq <= (base.streams.get(origin)?.seq ?? 0);
  });
  await writer.enqueue({
    bytes: keys.length * 50,
    sync: true,
    stage(batch, batchNumber) {
      for (const key of keys) batch.del(key);
      state.put(batch, batchNumber, BASE, encodeBase(base));
      // Its id is not used again: nobody knows how far its stream and its clock came.
      state.delete(batch, CLEAN);
    },
  });
}

function writerOf(db: Database, { seal, state }: Sealed, env: Env): GroupWriter {
  return new GroupWriter({
    db,
    state,
    log: env.log,
    syncAlways: true,
    batchBytesMax: LIMITS.groupCharsMax,
    lastBatch: seal.batch,
    lastStagedLsn: () => seal.lastLsn,
    syncEarlier: () => Promise.resolve(),
    beforeWrite: undefined,
    onFailed: () => undefined,
    onDurable: () => undefined,
  });
}
