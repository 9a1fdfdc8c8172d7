import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineBlocks } from './import-lines.ts';

function linesOf(chunks: readonly Buffer[], lineBytesMax = 1000): string[] {
  const blocks = new LineBlocks(lineBytesMax);
  let text = '';
  for (const chunk of chunks) {
    const block = blocks.push(chunk);
    if (block === undefined) continue;
    expect(block.at(-1)).toBe(0x0a);
    text += block.toString('latin1');
  }
  return (text + (blocks.end()?.toString('latin1') ?? '')).split('\n');
}

describe('import lines', () => {
  test('import lines: any text in any chunks -> the lines of the text', () => {
    fc.assert(
      fc.property(
        fc
          .array(fc.stringMatching(/^[a-c\n]{0,8}$/), { maxLength: 12 })
          .map((parts) => parts.map((part) => Buffer.from(part))),
        (chunks) => {
          expect(linesOf(chunks)).toEqual(Buffer.concat(chunks).toString().split('\n'));
        },
      ),
    );
  });

  test('import lines: a line over the limit -> cut to a byte more, the next line whole', () => {
    const chunks = ['ab', 'cdef', 'ghij', 'kl\nnext\n', 'x'].map((part) => Buffer.from(part));
    expect(linesOf(chunks, 5)).toEqual(['abcdef', 'next', 'x']);
    const blocks = new LineBlocks(5);
    blocks.push(Buffer.from('abcde'));
    expect(blocks.isOverlong).toBe(false);
    blocks.push(Buffer.from('fgh'));
    expect(blocks.isOverlong).toBe(true);
    blocks.push(Buffer.from('\nab'));
    expect(blocks.isOverlong).toBe(false);
  });

  test('import lines: a long line in many chunks -> each byte is kept once', () => {
    const chunks = Array.from({ length: 5000 }, () => Buffer.alloc(100, 'x'));
    const [line] = linesOf([...chunks, Buffer.from('\n')], 1_000_000);
    expect(line).toHaveLength(500_000);
  });
});
