/**
 * The records of a data directory. Each starts with a checksum over its key and its content, so that a row that
 * LevelDB returns under the wrong key is noticed like one with a flipped bit.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import type { Commit, Lsn, PartitionKey } from './store.ts';

const CHECKSUM_BYTES = 4;
export const HASH_BYTES = 32;
/** Stands for the predecessor of the first commit of a stream. */
export const NO_HASH = Buffer.alloc(HASH_BYTES);

const checksum = (key: string, content: Uint8Array): number => crc32(content, crc32(key));

/** By way of a text: a buffer that OpenSSL fills costs more than twice as much as the hash. */
export const chainHash = (record: Uint8Array): Buffer => Buffer.from(hash('sha256', record, 'binary'), 'latin1');

function startRecord(capacityBytes?: number): ByteWriter {
  return beginRecord(new ByteWriter(capacityBytes));
}

const beginRecord = (writer: ByteWriter): ByteWriter => writer.begin().word(0);

function finishRecord(key: string, writer: ByteWriter): Buffer {
  const record = writer.finish();
  record.writeUInt32LE(checksum(key, record.subarray(CHECKSUM_BYTES)), 0);
  return record;
}

/** The content of a record, or undefined if its checksum does not fit. */
function openRecord(key: string, record: Buffer): ByteReader | undefined {
  if (record.length < CHECKSUM_BYTES) return undefined;
  const content = record.subarray(CHECKSUM_BYTES);
  return checksum(key, content) === record.readUInt32LE(0) ? new ByteReader(content) : undefined;
}

/** What a commit record says of a part whose bytes lie in the partition's row. */
export interface ManifestPart extends PartitionKey {
  readonly length: number;
  readonly crc: number;
}

/** A commit record: everything of a commit except the bytes of its parts. */
export interface Manifest extends Omit<Commit, 'parts'> {
  readonly lsn: Lsn;
  /** `chainHash` of the record before it in its stream. */
  readonly previous: Uint8Array;
  readonly parts: readonly ManifestPart[];
}

/** @param to holds other records too; a buffer of its own if absent */
export function encodeManifest(key: string, manifest: Manifest, to = new ByteWriter()): Buffer {
  const { parts, locators, after } = manifest;
  const texts = new TextTable();
  for (const { graphKey, partition } of parts) {
    texts.index(graphKey);
    texts.index(partition);
  }
  for (const { graphKey, partition } of locators) {
    texts.index(graphKey);
    texts.index(partition);
  }
  const writer = beginRecord(to)
    .word(manifest.origin)
    .uint(manifest.seq)
    .uint(manifest.lsn)
    .uint(manifest.clock)
    .raw(manifest.previous)
    .uint(texts.all.length);
  for (const text of texts.all) writer.text(text);
  writer.uint(parts.length);
  for (const { graphKey, partition, length, crc } of parts) {
    writer.uint(texts.index(graphKey)).uint(texts.index(partition)).uint(length).word(crc);
  }
  writer.uint(after.length);
  for (const [origin, seq] of after) writer.word(origin).uint(seq);
  writer.uint(locators.length);
  for (const { graphKey, edge, partition } of locators) {
    writer.uint(texts.index(graphKey)).text(edge).uint(texts.index(partition));
  }
  return finishRecord(key, writer);
}

/** Texts that a table finds by looking at all. */
const FEW_TEXTS = 8;

/** Numbers different texts in the order in which they come. Most commits have two: a graph and a partition. */
class TextTable {
  readonly all: string[] = [];
  #numbers: Map<string, number> | undefined;

  /** The number of the text, which it gets if it has none. */
  index(text: string): number {
    const known = this.#numbers === undefined ? this.all.indexOf(text) : (this.#numbers.get(text) ?? -1);
    if (known >= 0) return known;
    const number = this.all.push(text) - 1;
    if (this.#numbers !== undefined) this.#numbers.set(text, number);
    else if (number >= FEW_TEXTS) this.#numbers = new Map(this.all.map((each, at) => [each, at]));
    return number;
  }
}

/** The manifest under `key`, or undefined if it is damaged. `without: 'references'` skips `after` and `locators`. */
export function decodeManifest(key: string, record: Buffer, without?: 'references'): Manifest | undefined {
  const reader = openRecord(key, record);
  if (reader === undefined) return undefined;
  const origin = reader.word() as ReplicaId;
  const [seq, lsn, clock] = [reader.uint(), reader.uint(), reader.uint()];
  const previous = reader.raw(HASH_BYTES);
  const texts = times(reader.uint(), () => reader.text());
  const graphKey = (): string => texts[reader.uint()] ?? '';
  const partition = (): PartitionId => graphKey() as PartitionId;
  const parts = times(reader.uint(), () => ({
    graphKey: graphKey(),
    partition: partition(),
    length: reader.uint(),
    crc: reader.word(),
  }));
  if (without === 'references') return { origin, seq, lsn, clock, previous, parts, after: [], locators: [] };
  const after = times(reader.uint(), () => [reader.word() as ReplicaId, reader.uint()] as const);
  const locators = times(reader.uint(), () => ({ graphKey: graphKey(), edge: reader.text(), partition: partition() }));
  return { origin, seq, lsn, clock, previous, parts, after, locators };
}

function times<T>(count: number, make: () => T): T[] {
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(make());
  return items;
}

/** One update of a partition. `previousLsn` links the rows of a partition, so that a missing one is noticed on read. */
export interface Row {
  readonly previousLsn: Lsn;
  readonly crc: number;
  readonly update: Buffer;
}

export const updateChecksum = (update: Uint8Array): number => crc32(update);

/** What a row has beside its update, at most: checksums and link. */
const ROW_HEAD_BYTES = 20;

/** The row's own checksum covers key, link and the checksum of the update, so the bytes are read only once. */
export function encodeRow(
  key: string,
  row: { previousLsn: Lsn; crc: number; update: Uint8Array },
  to = new ByteWriter(ROW_HEAD_BYTES + row.update.length),
): Buffer {
  const writer = beginRecord(to).word(row.crc).uint(row.previousLsn);
  const head = writer.finish();
  head.writeUInt32LE(checksum(key, head.subarray(CHECKSUM_BYTES)), 0);
  return writer.raw(row.update).finish();
}

export function decodeRow(key: string, record: Buffer): Row | undefined {
  if (record.length < CHECKSUM_BYTES + 5) return undefined;
  let end = CHECKSUM_BYTES + 4;
  while (end < record.length && (record[end] ?? 0) >= 0x80) end++;
  const head = record.subarray(CHECKSUM_BYTES, end + 1);
  if (checksum(key, head) !== record.readUInt32LE(0)) return undefined;
  const reader = new ByteReader(record.subarray(CHECKSUM_BYTES));
  const crc = reader.word();
  const previousLsn = reader.uint();
  const update = reader.rest();
  return updateChecksum(update) === crc ? { previousLsn, crc, update } : undefined;
}

/** What the store holds as snapshot of a partition; document and view are rows of their own. */
export interface SnapshotHeader {
  readonly lsn: Lsn;
  readonly document: { readonly length: number; readonly crc: number };
  readonly view: { readonly length: number; readonly crc: number } | undefined;
}

export function encodeSnapshotHeader({ lsn, document, view }: SnapshotHeader): Buffer {
  const writer = new ByteWriter(40).uint(lsn).uint(document.length).word(document.crc);
  return (view === undefined ? writer.uint(0) : writer.uint(1).uint(view.length).word(view.crc)).finish();
}

export function decodeSnapshotHeader(content: Buffer): SnapshotHeader {
  const reader = new ByteReader(content);
  const lsn = reader.uint();
  const document = { length: reader.uint(), crc: reader.word() };
  const view = reader.uint() === 1 ? { length: reader.uint(), crc: reader.word() } : undefined;
  return { lsn, document, view };
}

/** Where the retained log starts: after commit `lsn`, and in each stream after the commit that is named. */
export interface LogBase {
  readonly lsn: Lsn;
  readonly streams: ReadonlyMap<ReplicaId, StreamHead>;
}

/** A position in a stream: its last commit, what the next one must name as predecessor, and its clock. */
export interface StreamHead {
  readonly seq: number;
  readonly hash: Buffer;
  readonly clock: number;
}

export function encodeBase({ lsn, streams }: LogBase): Buffer {
  const writer = new ByteWriter().uint(lsn).uint(streams.size);
  for (const [origin, head] of streams) writer.word(origin).uint(head.seq).raw(head.hash).uint(head.clock);
  return writer.finish();
}

export function decodeBase(content: Buffer): LogBase {
  const reader = new ByteReader(content);
  const lsn = reader.uint();
  const streams = times(reader.uint(), () => {
    const origin = reader.word() as ReplicaId;
    return [origin, { seq: reader.uint(), hash: Buffer.from(reader.raw(HASH_BYTES)), clock: reader.uint() }] as const;
  });
  return { lsn, streams: new Map(streams) };
}

/** A graph generation was dropped: nothing of it up to `lsn` is visible; `done` when nothing is stored any more. */
export interface Drop {
  readonly lsn: Lsn;
  readonly done: boolean;
}

export const encodeDrop = (drop: Drop): Buffer =>
  new ByteWriter(10)
    .uint(drop.lsn)
    .uint(drop.done ? 1 : 0)
    .finish();

export function decodeDrop(content: Buffer): Drop {
  const reader = new ByteReader(content);
  return { lsn: reader.uint(), done: reader.uint() === 1 };
}

/** Where an edge id was created. `incomplete` when the row before this one was damaged: places may be missing. */
export interface Locator {
  readonly incomplete: boolean;
  readonly places: readonly { readonly partition: PartitionId; readonly lsn: Lsn }[];
}

export function encodeLocator(key: string, { incomplete, places }: Locator): Buffer {
  const writer = startRecord(32)
    .uint(incomplete ? 1 : 0)
    .uint(places.length);
  for (const { partition, lsn } of places) writer.text(partition).uint(lsn);
  return finishRecord(key, writer);
}

export function decodeLocator(key: string, record: Buffer): Locator | undefined {
  const reader = openRecord(key, record);
  if (reader === undefined) return undefined;
  const incomplete = reader.uint() === 1;
  return {
    incomplete,
    places: times(reader.uint(), () => ({ partition: reader.text() as PartitionId, lsn: reader.uint() })),
  };
}

/** A state row: its content and the batch that wrote it, by which the newer of two copies is known. */
export function encodeState(key: string, batch: number, content: Uint8Array): Buffer {
  return finishRecord(
    key,
    startRecord(16 + content.length)
      .uint(batch)
      .raw(content),
  );
}

export function decodeState(
  key: string,
  record: Buffer,
): { readonly batch: number; readonly content: Buffer } | undefined {
  const reader = openRecord(key, record);
  return reader === undefined ? undefined : { batch: reader.uint(), content: reader.rest() };
}

/**
 * Written anew with every batch: what must be in the store after it. Because LevelDB may drop a batch from the middle
 * of its log without an error, the last seal is checked against everything that it counts.
 */
export interface Seal {
  readonly batch: number;
  readonly lastLsn: Lsn;
  readonly stateRows: number;
  readonly stateDigest: number;
}

export function encodeSeal(key: string, seal: Seal): Buffer {
  const writer = startRecord(40).uint(seal.batch).uint(seal.lastLsn).uint(seal.stateRows).uint(seal.stateDigest);
  return finishRecord(key, writer);
}

export function decodeSeal(key: string, record: Buffer): Seal | undefined {
  const reader = openRecord(key, record);
  if (reader === undefined) return undefined;
  return { batch: reader.uint(), lastLsn: reader.uint(), stateRows: reader.uint(), stateDigest: reader.uint() };
}
