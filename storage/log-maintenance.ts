/**
 * Letting go of what is no longer needed: the log's oldest commits, and dropped graphs. Both work in bounded batches,
 * each of which leaves a store that verifies, so that a crash or a close in between only postpones the rest.
 */
import { assert } from '../base/assert.ts';
import type { ReplicaId } from '../base/ids.ts';
import type { GroupWriter } from './group-writer.ts';
import {
  BASE,
  commitKey,
  commitPrefix,
  documentKey,
  dropName,
  encodeNumber,
  graphRowsPrefix,
  locatorPrefix,
  parseRowKey,
  rowKey,
  rowPrefix,
  snapshotName,
  startingWith,
  viewKey,
} from './keys.ts';
import { corrupt, type Database, type DatabaseSnapshot, entries } from './level-database.ts';
import type { LogIndex } from './log-index.ts';
import {
  chainHash,
  decodeLocator,
  decodeManifest,
  encodeBase,
  encodeDrop,
  encodeLocator,
  type Manifest,
  NO_HASH,
  type StreamHead,
} from './records.ts';
import type { StateRows } from './state-rows.ts';
import type { Lsn, StreamPosition } from './store.ts';

export interface Maintained {
  readonly db: Database;
  readonly writer: Pick<GroupWriter, 'enqueue'>;
  readonly index: LogIndex;
  readonly state: StateRows;
  /** Rejects when the store was told to close. */
  readonly checkOpen: () => void;
}

/** Commits or rows in one batch: large enough to be fast, small enough not to delay a commit that waits behind it. */
const BATCH_ITEMS = 500;
/** One key in a batch, or one entry of a state row: roughly, in bytes. */
const ITEM_BYTES = 50;

interface LoggedCommit {
  readonly manifest: Manifest;
  readonly hash: Buffer;
}

/** Removes commits up to `upTo` in the order of the log, and stops at the first that a snapshot does not cover. */
export async function truncateLog(store: Maintained, upTo: Lsn): Promise<number> {
  const { db, index } = store;
  const moment = db.snapshot();
  const log = commitsInOrder(db, moment, index);
  let freed = 0;
  try {
    for (let more = true; more; ) {
      store.checkOpen();
      const chunk: LoggedCommit[] = [];
      more = false;
      for (let lsn = index.base.lsn + 1; lsn <= Math.min(upTo, index.durableLsn); lsn++) {
        const next = await log.next();
        if (next.done) break;
        const { manifest } = next.value;
        if (manifest.lsn !== lsn) throw corrupt(`commit ${lsn} is missing from the log`, { lsn });
        if (!manifest.parts.every((part) => index.isCovered(part, lsn))) break;
        chunk.push(next.value);
        more = chunk.length === BATCH_ITEMS;
        if (more) break;
      }
      freed += await removeCommits(store, chunk);
    }
  } finally {
    await log.return(undefined);
    await moment.close();
  }
  return freed;
}

async function removeCommits({ writer, index, state }: Maintained, chunk: readonly LoggedCommit[]): Promise<number> {
  const last = chunk.at(-1);
  if (last === undefined) return 0;
  const streams = new Map<ReplicaId, StreamHead>(index.base.streams);
  for (const { manifest, hash } of chunk) {
    streams.set(manifest.origin, { seq: manifest.seq, hash, clock: manifest.clock });
  }
  const base = { lsn: last.manifest.lsn, streams };
  const forgotten: string[] = [];
  let freed = 0;
  await writer.enqueue({
    bytes: chunk.length * 4 * ITEM_BYTES,
    sync: true,
    stage(batch, batchNumber) {
      for (const { manifest } of chunk) {
        batch.del(commitKey(manifest.origin, manifest.seq));
        for (const part of manifest.parts) batch.del(rowKey(rowPrefix(part), manifest.lsn));
      }
      state.put(batch, batchNumber, BASE, encodeBase(base));
      // Those that were forgotten the last time: no snapshot is on its way for so long.
      for (const [graphKey, lsn] of index.acceptedDrops) {
        if (lsn <= index.base.lsn && !index.drops.has(graphKey)) index.acceptedDrops.delete(graphKey);
      }
      for (const [graphKey, { lsn, done }] of index.drops) {
        if (!done || lsn > base.lsn || index.acceptedDrops.get(graphKey) !== lsn) continue;
        forgotten.push(graphKey);
        // In memory it stays a while: a snapshot of before the drop may be on its way.
        state.delete(batch, dropName(graphKey));
      }
    },
    done() {
      index.base = base;
      for (const { manifest } of chunk) {
        for (const part of manifest.parts) {
          const entry = index.find(part);
          if (entry === undefined || manifest.lsn <= index.droppedLsn(part.graphKey)) continue;
          index.addLogBytes(entry, -part.length);
          freed += part.length;
        }
      }
      for (const graphKey of forgotten) index.drops.delete(graphKey);
    },
  });
  return freed;
}

/** Lets streams jump forward over an empty log: what follows is chained to nothing that this store has seen. */
export async function adoptStreams(store: Maintained, positions: readonly StreamPosition[]): Promise<void> {
  const { writer, index, state } = store;
  assert(index.base.lsn === index.lastLsn, 'streams jump over an empty log only');
  const streams = new Map<ReplicaId, StreamHead>(index.base.streams);
  for (const { origin, seq, clock } of positions) {
    if (seq > index.head(origin).seq) streams.set(origin, { seq, clock, hash: NO_HASH });
  }
  const base = { lsn: index.base.lsn, streams };
  await writer.enqueue({
    bytes: streams.size * ITEM_BYTES,
    sync: true,
    stage: (batch, batchNumber) => state.put(batch, batchNumber, BASE, encodeBase(base)),
    done() {
      index.base = base;
      for (const [origin, head] of streams) {
        index.heads.set(origin, head);
        index.durableSeqs.set(origin, head.seq);
      }
    },
  });
}

/** Merges all streams by position. */
async function* commitsInOrder(
  db: Database,
  snapshot: DatabaseSnapshot,
  index: LogIndex,
): AsyncGenerator<LoggedCommit, undefined> {
  const streams: { next: LoggedCommit; rest: AsyncGenerator<LoggedCommit> }[] = [];
  try {
    for (const [origin, seq] of index.durableSeqs) {
      const baseSeq = index.base.streams.get(origin)?.seq ?? 0;
      if (seq <= baseSeq) continue;
      const rest = commitsOf(db, snapshot, origin, baseSeq);
      const first = await rest.next();
      if (!first.done) streams.push({ next: first.value, rest });
    }
    for (;;) {
      const earliest = streams.reduce<(typeof streams)[number] | undefined>(
        (best, stream) => (best === undefined || stream.next.manifest.lsn < best.next.manifest.lsn ? stream : best),
        undefined,
      );
      if (earliest === undefined) return undefined;
      yield earliest.next;
      const following = await earliest.rest.next();
      if (following.done) streams.splice(streams.indexOf(earliest), 1);
      else earliest.next = following.value;
    }
  } finally {
    for (const { rest } of streams) await rest.return(undefined);
  }
}

async function* commitsOf(
  db: Database,
  snapshot: DatabaseSnapshot,
  origin: ReplicaId,
  afterSeq: number,
): AsyncGenerator<LoggedCommit> {
  const prefix = commitPrefix(origin);
  const range = { gt: prefix + encodeNumber(afterSeq), lt: startingWith(prefix).lt, snapshot };
  for await (const chunk of entries(db, range)) {
    for (const [key, record] of chunk) {
      const manifest = decodeManifest(key, record, 'references');
      if (manifest === undefined) throw corrupt(`a commit of origin ${origin} has a wrong checksum`, { origin });
      yield { manifest, hash: chainHash(record) };
    }
  }
}

/** Hides a graph with everything that was appended before this call; what is appended later is seen. */
export async function hideGraph({ writer, index, state }: Maintained, graphKey: string): Promise<void> {
  const drop = { lsn: index.lastLsn, done: false };
  index.acceptedDrops.set(graphKey, drop.lsn);
  await writer.enqueue({
    bytes: 2 * ITEM_BYTES,
    sync: true,
    stage: (batch, batchNumber) => state.put(batch, batchNumber, dropName(graphKey), encodeDrop(drop)),
    done() {
      index.drops.set(graphKey, drop);
      for (const entry of index.entries(graphKey)) index.addLogBytes(entry, -entry.logBytes);
    },
  });
}

/** Removes, piece by piece, what a hidden graph still occupies. */
export async function removeGraph(store: Maintained, graphKey: string): Promise<void> {
  const { writer, index, state } = store;
  const drop = { lsn: index.droppedLsn(graphKey), done: true };
  await removeRows(store, graphKey, drop.lsn);
  await removeLocators(store, graphKey, drop.lsn);
  await removeSnapshots(store, graphKey, drop.lsn);
  const isLatest = (): boolean => index.acceptedDrops.get(graphKey) === drop.lsn;
  await writer.enqueue({
    bytes: 2 * ITEM_BYTES,
    sync: true,
    stage(batch, batchNumber) {
      if (isLatest()) state.put(batch, batchNumber, dropName(graphKey), encodeDrop(drop));
    },
    done() {
      if (isLatest()) index.drops.set(graphKey, drop);
    },
  });
}

async function removeRows({ db, writer, checkOpen }: Maintained, graphKey: string, upTo: Lsn): Promise<void> {
  for await (const chunk of entries(db, startingWith(graphRowsPrefix(graphKey)))) {
    checkOpen();
    const keys = chunk.map(([key]) => key).filter((key) => parseRowKey(key).lsn <= upTo);
    if (keys.length === 0) continue;
    await writer.enqueue({
      bytes: keys.length * ITEM_BYTES,
      stage(batch) {
        for (const key of keys) batch.del(key);
      },
    });
  }
}

async function removeLocators({ db, writer, checkOpen }: Maintained, graphKey: string, upTo: Lsn): Promise<void> {
  for await (const chunk of entries(db, startingWith(locatorPrefix(graphKey)))) {
    checkOpen();
    const keys = chunk.map(([key]) => key);
    await writer.enqueue({
      bytes: keys.length * ITEM_BYTES,
      reads: keys,
      stage(batch, _batchNumber, rows) {
        for (const key of keys) {
          // Read again in the writer's turn: the graph may have been written to since.
          const record = rows.get(key);
          const locator = record === undefined ? undefined : decodeLocator(key, record);
          const places = locator?.places.filter(({ lsn }) => lsn > upTo) ?? [];
          if (places.length > 0) {
            const kept = encodeLocator(key, { incomplete: false, places });
            rows.set(key, kept);
            batch.put(key, kept);
          } else {
            rows.set(key, undefined);
            batch.del(key);
          }
        }
      },
    });
  }
}

async function removeSnapshots(
  { writer, index, state, checkOpen }: Maintained,
  graphKey: string,
  upTo: Lsn,
): Promise<void> {
  const all = [...index.entries(graphKey)];
  for (let at = 0; at < all.length; at += BATCH_ITEMS) {
    checkOpen();
    const chunk = all.slice(at, at + BATCH_ITEMS);
    const removed = new Set<(typeof all)[number]>();
    await writer.enqueue({
      bytes: chunk.length * 2 * ITEM_BYTES,
      stage(batch) {
        for (const entry of chunk) {
          if (entry.accepted === undefined || entry.accepted.lsn > upTo) continue;
          entry.accepted = undefined;
          removed.add(entry);
          state.delete(batch, snapshotName(entry));
          batch.del(documentKey(entry));
          batch.del(viewKey(entry));
        }
      },
      done() {
        for (const entry of chunk) {
          if (removed.has(entry) && entry.accepted === undefined) entry.header = undefined;
          if (entry.damage !== undefined && entry.damage.lsn <= upTo) entry.damage = undefined;
          if (entry.lastLsn <= upTo && entry.accepted === undefined && index.find(entry) === entry) index.forget(entry);
        }
      },
    });
  }
}
