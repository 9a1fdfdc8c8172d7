/**
 * A short look at a table: its index, its filters, and blocks that are asked for. A damaged filter makes LevelDB say of rows that
 * they are not there, so it is looked at with every start; most blocks are verified when they are read, row by row.
 */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { KeyRange } from './mend-table.ts';
import {
  type BlockHandle,
  blockDifference,
  checkedBytes,
  FOOTER_BYTES,
  readBlock,
  readFooter,
  readIndex,
  TRAILER_BYTES,
} from './table-file.ts';

export interface GlanceRules {
  /** No key of the table is smaller. */
  readonly smallestKey: Buffer;
  /** Whether the block with these keys is looked at. */
  readonly isWanted: (range: KeyRange) => boolean;
}

/** True if what was looked at is as it was written. */
export async function looksWhole(path: string, { smallestKey, isWanted }: GlanceRules): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    // Only the parts that are read take memory.
    const file = Buffer.alloc((await handle.stat()).size);
    const isRight = async (block: BlockHandle): Promise<boolean> => {
      await readInto(file, handle, block.offset, block.size + TRAILER_BYTES);
      return blockDifference(file, block) === 0;
    };
    await readInto(file, handle, Math.max(0, file.length - FOOTER_BYTES), FOOTER_BYTES);
    const footer = readFooter(file);
    if (footer === undefined || !(await isRight(footer.index)) || !(await isRight(footer.metaindex))) return false;
    const content = readBlock(checkedBytes(file, footer.index));
    const blocks = content && readIndex(content, file);
    if (blocks === undefined) return false;
    let from = smallestKey;
    let end = 0;
    for (const { handle: block, lastKey } of blocks) {
      if (isWanted({ from, to: lastKey }) && !(await isRight(block))) return false;
      from = lastKey;
      end = block.offset + block.size + TRAILER_BYTES;
    }
    const filterBytes = footer.metaindex.offset - end - TRAILER_BYTES;
    return filterBytes < 0 || (await isRight({ offset: end, size: filterBytes }));
  } finally {
    await handle.close();
  }
}

async function readInto(file: Buffer, handle: FileHandle, offset: number, length: number): Promise<void> {
  for (let read = 0; read < length; ) {
    const { bytesRead } = await handle.read(
      file,
      offset + read,
      Math.min(length, file.length - offset) - read,
      offset + read,
    );
    if (bytesRead === 0) return;
    read += bytesRead;
  }
}
