/**
 * Makes a damaged LevelDB table one that LevelDB can read and compact. A block in which one byte differs is put right: its
 * checksum says which byte, and the rows, each with a checksum of its own, must agree. Any other damaged block is emptied: it
 * holds no rows any more, and the range of keys in which rows are missing is reported. Nothing moves, the size stays.
 */
import { crc32c, maskedCrc, singleByteErrors } from './crc32c.ts';
import {
  type BlockHandle,
  blockDifference,
  checkedBytes,
  FOOTER_BYTES,
  type Footer,
  type IndexEntry,
  readBlock,
  readEntries,
  readFooter,
  readIndex,
  TRAILER_BYTES,
} from './table-file.ts';

/** Rows between these keys, the ends included, may be missing, or be older than the last that was written. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

export interface TableRules {
  /** False only if the row is known to be another one than was written. */
  readonly isWhole: (key: Buffer, value: Buffer) => boolean;
  /** No key of the table is smaller. */
  readonly smallestKey: Buffer;
  /** Whether blocks with a right checksum are unpacked and looked through as well. */
  readonly isThorough: boolean;
}

export interface Mended {
  /** Blocks that are as they were written, which were not. */
  readonly corrected: number;
  /** Of each block that is empty now. */
  readonly lost: readonly KeyRange[];
  readonly isChanged: boolean;
}

const UNPACKED = 0;

/** Changes `file` in place. @returns undefined if it cannot be mended, since nothing tells where its blocks lie */
export function mendTable(file: Buffer, rules: TableRules): Mended | undefined {
  const before = { corrected: 0, isChanged: false };
  const footer = mendFooter(file);
  if (footer === undefined) return undefined;
  if (footer.isCorrected) Object.assign(before, { corrected: 1, isChanged: true });
  const { index, metaindex } = footer;
  const indexMending = correct(file, index, (block) => readIndex(block, file) !== undefined);
  const content = indexMending === 'lost' ? undefined : readBlock(checkedBytes(file, index));
  const blocks = content && readIndex(content, file);
  if (blocks === undefined) return undefined;
  const found = [indexMending, mendFilters(file, metaindex, blocks)];
  const lost: KeyRange[] = [];
  let from = rules.smallestKey;
  for (const { handle, lastKey } of blocks) {
    const range = { from, to: lastKey };
    const mending = correct(file, handle, (block) => isOf(block, range, rules), rules.isThorough);
    found.push(mending);
    if (mending === 'lost') {
      empty(file, handle);
      lost.push(range);
    }
    from = lastKey;
  }
  const corrected = before.corrected + found.filter((mending) => mending === 'corrected').length;
  const isChanged = before.isChanged || found.some((mending) => mending !== 'whole');
  return { corrected, lost, isChanged };
}

type Mending = 'whole' | 'corrected' | 'lost';

/** @param isRight decides whether a corrected block is what was written; with `always` also of one that needs no correction */
function correct(
  file: Buffer,
  handle: BlockHandle,
  isRight: (block: Buffer) => boolean,
  always: boolean = false,
): Mending {
  const difference = blockDifference(file, handle);
  const checked = checkedBytes(file, handle);
  const holds = (): boolean => {
    const block = readBlock(checked);
    return block !== undefined && isRight(block);
  };
  if (difference === 0) return !always || isReadable(checked) ? 'whole' : 'lost';
  const corrections = singleByteErrors(difference, checked.length).filter(({ offset, xor }) => {
    checked[offset] = (checked[offset] as number) ^ xor;
    const held = holds();
    checked[offset] = (checked[offset] as number) ^ xor;
    return held;
  });
  const isOnlyChecksum = differsInOneByte(file, handle, checked) && holds();
  if (corrections.length + (isOnlyChecksum ? 1 : 0) !== 1) return 'lost';
  for (const { offset, xor } of corrections) checked[offset] = (checked[offset] as number) ^ xor;
  writeChecksum(file, handle);
  return 'corrected';
}

function isReadable(checked: Buffer): boolean {
  const block = readBlock(checked);
  return block !== undefined && readEntries(block) !== undefined;
}

/** True if one byte of the stored checksum would make it right. */
function differsInOneByte(file: Buffer, { offset, size }: BlockHandle, checked: Buffer): boolean {
  const right = Buffer.alloc(4);
  right.writeUInt32LE(maskedCrc(crc32c(checked)));
  return right.filter((byte, at) => byte !== file[offset + size + 1 + at]).length === 1;
}

function writeChecksum(file: Buffer, handle: BlockHandle): void {
  file.writeUInt32LE(maskedCrc(crc32c(checkedBytes(file, handle))), handle.offset + handle.size + 1);
}

function isOf(block: Buffer, { from, to }: KeyRange, { isWhole }: TableRules): boolean {
  const entries = readEntries(block);
  if (entries === undefined || entries.length === 0) return false;
  return entries.every(
    ({ key, value, isDeletion }) =>
      Buffer.compare(key, from) >= 0 &&
      Buffer.compare(key, to) <= 0 &&
      (isDeletion ? value.length === 0 : isWhole(key, value)),
  );
}

/** Zeros are a block that counts no records. */
function empty(file: Buffer, handle: BlockHandle): void {
  checkedBytes(file, handle).fill(UNPACKED);
  writeChecksum(file, handle);
}

/**
 * The index of LevelDB's filters, and the filters between it and the last data block. A damaged filter hides rows from look-ups,
 * and none is only slower.
 */
function mendFilters(file: Buffer, metaindex: BlockHandle, blocks: readonly IndexEntry[]): Mending {
  const last = blocks.at(-1)?.handle;
  const offset = last === undefined ? 0 : last.offset + last.size + TRAILER_BYTES;
  const filter = { offset, size: metaindex.offset - offset - TRAILER_BYTES };
  const filterMending = filter.size >= 0 ? correct(file, filter, () => true) : 'whole';
  const mending = correct(file, metaindex, () => true);
  if (filterMending !== 'lost' && mending !== 'lost') return filterMending === 'whole' ? mending : filterMending;
  empty(file, metaindex);
  return 'corrected';
}

/** The footer has no checksum, but the blocks that it names lie before it without a gap. */
function mendFooter(file: Buffer): (Footer & { readonly isCorrected: boolean }) | undefined {
  const footer = contiguousFooter(file);
  if (footer !== undefined) return { ...footer, isCorrected: false };
  for (let at = file.length - FOOTER_BYTES; at >= 0 && at < file.length; at++) {
    const byte = file[at] as number;
    for (let value = 0; value < 256; value++) {
      file[at] = value;
      const corrected = value === byte ? undefined : contiguousFooter(file);
      if (corrected !== undefined && blockDifference(file, corrected.index) === 0) {
        return { ...corrected, isCorrected: true };
      }
    }
    file[at] = byte;
  }
  return undefined;
}

function contiguousFooter(file: Buffer): Footer | undefined {
  const footer = readFooter(file);
  if (footer === undefined) return undefined;
  const { metaindex, index } = footer;
  const isContiguous =
    metaindex.offset + metaindex.size + TRAILER_BYTES === index.offset &&
    index.offset + index.size + TRAILER_BYTES === file.length - FOOTER_BYTES;
  return isContiguous ? footer : undefined;
}
