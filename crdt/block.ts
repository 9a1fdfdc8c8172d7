/**
 * A block is the text of patches that were appended to a segment together, one a line; no patch holds a line break
 * (`patch-codec.ts`). One that begins with a line break holds copies that compaction made of patches that were there before
 * (DOC-7), so that whoever follows changes can pass over them.
 */

/** Characters of a block: long enough to spread the cost of a string, short enough for the fast path of lib0's encoder. */
const BLOCK_CHARS = 8000;
const BREAK = '\n';

/** Joins patches into blocks. A patch that is longer than a block is one by itself. */
export function blocksOf(patches: readonly string[], kind: 'new' | 'copies'): string[] {
  const begin = kind === 'copies' ? BREAK : '';
  const blocks: string[] = [];
  let block = '';
  for (const patch of patches) {
    if (block !== '' && block.length + patch.length >= BLOCK_CHARS) {
      blocks.push(begin + block);
      block = '';
    }
    block = block === '' ? patch : block + BREAK + patch;
  }
  blocks.push(begin + block);
  return blocks;
}

/** The texts of the patches of a block of either kind. */
export function patchesOfBlock(block: string): string[] {
  return (isOfCopies(block) ? block.slice(BREAK.length) : block).split(BREAK);
}

export function isOfCopies(block: string): boolean {
  return block.startsWith(BREAK);
}
