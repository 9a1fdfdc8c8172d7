/**
 * The format of LevelDB's tables (`doc/table_format.md` there): blocks, each with a type and a checksum behind it; an index
 * block that names the data blocks in the order of their keys; a footer that names the index. Only reading, and only over
 * bytes in memory: a table has two megabytes, or somewhat more than one large row.
 */
import { crc32c, unmaskedCrc } from './crc32c.ts';
import { unpackSnappy } from './snappy.ts';

/** Type and checksum. */
export const TRAILER_BYTES = 5;
export const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
const SEQUENCE_BYTES = 8;
const UNPACKED = 0;
const SNAPPY = 1;

/** Where a block lies, without its trailer. */
export interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

export interface TableEntry {
  /** Without what LevelDB adds to it. */
  readonly key: Buffer;
  readonly value: Buffer;
  readonly isDeletion: boolean;
}

/** What the block holds and its type, over which the checksum is. */
export const checkedBytes = (file: Buffer, { offset, size }: BlockHandle): Buffer =>
  file.subarray(offset, offset + size + 1);

/** 0 if the block is as it was written, else the difference of the two checksums. */
export function blockDifference(file: Buffer, handle: BlockHandle): number {
  const stored = unmaskedCrc(file.readUInt32LE(handle.offset + handle.size + 1));
  return (crc32c(checkedBytes(file, handle)) ^ stored) >>> 0;
}

export interface Footer {
  readonly metaindex: BlockHandle;
  readonly index: BlockHandle;
}

/** @returns undefined if this is no footer of a file with these blocks */
export function readFooter(file: Buffer): Footer | undefined {
  if (file.length < FOOTER_BYTES || file.readBigUInt64LE(file.length - 8) !== MAGIC) return undefined;
  const footer = file.subarray(-FOOTER_BYTES);
  const metaindex = readHandle(footer, 0, file);
  const index = metaindex && readHandle(footer, metaindex.end, file);
  return index && metaindex && { metaindex: metaindex.handle, index: index.handle };
}

/** Content of a block whose checksum is right. @returns undefined if it cannot be unpacked */
export function readBlock(checked: Buffer): Buffer | undefined {
  const content = checked.subarray(0, -1);
  const type = checked.at(-1);
  if (type === UNPACKED) return content;
  return type === SNAPPY ? unpackSnappy(content) : undefined;
}

/** Keys of a block with what they stand for, as LevelDB reads them. @returns undefined if a record of it is none */
export function readRecords(block: Buffer): { readonly key: Buffer; readonly value: Buffer }[] | undefined {
  if (block.length < 4) return undefined;
  const restarts = block.readUInt32LE(block.length - 4);
  if (restarts === 0) return [];
  const end = block.length - 4 - 4 * restarts;
  const records: { key: Buffer; value: Buffer }[] = [];
  let key: Buffer = Buffer.alloc(0);
  for (let at = 0; at < end; ) {
    const shared = readVarint(block, at);
    const own = shared && readVarint(block, shared.end);
    const length = own && readVarint(block, own.end);
    if (shared === undefined || own === undefined || length === undefined) return undefined;
    const valueAt = length.end + own.value;
    if (shared.value > key.length || valueAt + length.value > end) return undefined;
    key = Buffer.concat([key.subarray(0, shared.value), block.subarray(length.end, valueAt)]);
    at = valueAt + length.value;
    records.push({ key, value: block.subarray(valueAt, at) });
  }
  return end < 0 ? undefined : records;
}

/** Rows of a data block. @returns undefined if it is none, or its keys are in a wrong order, at which LevelDB would abort */
export function readEntries(block: Buffer): TableEntry[] | undefined {
  const entries: TableEntry[] = [];
  let last: { readonly key: Buffer; readonly sequence: bigint } | undefined;
  const records = readRecords(block);
  if (records === undefined) return undefined;
  for (const { key: whole, value } of records) {
    if (whole.length < SEQUENCE_BYTES) return undefined;
    const key = userKey(whole);
    const sequence = whole.readBigUInt64LE(key.length);
    const type = Number(sequence & 0xffn);
    const order = last === undefined ? 1 : Buffer.compare(key, last.key);
    if (type > 1 || order < 0 || (order === 0 && last !== undefined && sequence >= last.sequence)) return undefined;
    entries.push({ key, value, isDeletion: type === 0 });
    last = { key, sequence };
  }
  return entries;
}

export interface IndexEntry {
  /** No key of the block is larger, and every key of the next one is. */
  readonly lastKey: Buffer;
  readonly handle: BlockHandle;
}

/** @returns undefined if it is no index of a file of these blocks */
export function readIndex(block: Buffer, file: Buffer): IndexEntry[] | undefined {
  const entries: IndexEntry[] = [];
  const records = readRecords(block);
  if (records === undefined) return undefined;
  for (const { key, value } of records) {
    const handle = readHandle(value, 0, file)?.handle;
    if (handle === undefined || key.length < SEQUENCE_BYTES) return undefined;
    entries.push({ lastKey: userKey(key), handle });
  }
  return entries;
}

/** LevelDB puts number and type of the change behind each key. */
export const userKey = (key: Buffer): Buffer => key.subarray(0, -SEQUENCE_BYTES);

function readHandle(bytes: Buffer, at: number, file: Buffer): { handle: BlockHandle; end: number } | undefined {
  const offset = readVarint(bytes, at);
  const size = offset && readVarint(bytes, offset.end);
  if (offset === undefined || size === undefined) return undefined;
  if (offset.value + size.value + TRAILER_BYTES > file.length - FOOTER_BYTES) return undefined;
  return { handle: { offset: offset.value, size: size.value }, end: size.end };
}

/** A number of up to 53 bits. */
export function readVarint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  let scale = 1;
  for (let end = at; end < bytes.length && scale < 2 ** 53; scale *= 0x80) {
    const byte = bytes[end++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return Number.isSafeInteger(value) ? { value, end } : undefined;
  }
  return undefined;
}
