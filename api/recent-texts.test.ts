import { describe, expect, test } from 'vitest';
import { RecentTexts } from './recent-texts.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text);

/** Looks a text up, and tells whether it had to be decoded. */
function reader() {
  const texts = new RecentTexts();
  return (bytes: Uint8Array, start = 0, end = bytes.length) => {
    let isDecoded = false;
    const text = texts.text(bytes, start, end, (from, to) => {
      isDecoded = true;
      return Buffer.from(bytes).toString('utf8', from, to);
    });
    return { text, isDecoded };
  };
}

describe('recent texts', () => {
  test('a text that comes again -> decoded twice, then known', () => {
    const read = reader();
    const found = [1, 2, 3, 4].map(() => read(bytesOf('statement')));
    expect(found.map(({ text }) => text)).toEqual(Array(4).fill('statement'));
    expect(found.map(({ isDecoded }) => isDecoded)).toEqual([true, true, false, false]);
  });

  test('texts of all kinds, more than there are places -> each is what its bytes say', () => {
    const read = reader();
    const texts = Array.from({ length: 3000 }, (_, i) => `${'ä'.repeat(i % 7)}${i}`);
    for (let round = 0; round < 3; round++) {
      for (const text of texts) for (let again = 0; again < 3; again++) expect(read(bytesOf(text)).text).toBe(text);
    }
  });

  test('a part of longer bytes, which change afterwards -> the text that it was', () => {
    const read = reader();
    const bytes = bytesOf('..name..');
    for (let again = 0; again < 3; again++) expect(read(bytes, 2, 6).text).toBe('name');
    // Some of these share the place of the first one.
    for (let i = 1000; i < 5000; i++) {
      bytes.write(String(i), 2);
      expect(read(bytes, 2, 6).text).toBe(String(i));
    }
    expect(read(bytesOf('name')).text).toBe('name');
  });

  test('a long text -> never kept', () => {
    const read = reader();
    const bytes = bytesOf('x'.repeat(513));
    for (let again = 0; again < 4; again++) expect(read(bytes).isDecoded).toBe(true);
  });
});
