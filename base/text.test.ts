import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromUtf8, hashText, toUtf8, utf8Length } from './text.ts';

const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7fe, max: 0xe001 })), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));

describe('utf8Length', () => {
  test('any text: -> the length that TextEncoder gives, or -1 with a lone surrogate', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(fc.oneof(anyText, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), (text) => {
        const bytes = new TextEncoder().encode(text);
        const wellFormed = decoder.decode(bytes) === text;
        expect(utf8Length(text)).toBe(wellFormed ? bytes.length : -1);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['', 0],
    ['a', 1],
    ['\u007f', 1],
    ['\u0080', 2],
    ['\u07ff', 2],
    ['\u0800', 3],
    ['\ud7ff', 3],
    ['\ue000', 3],
    ['\uffff', 3],
    ['🦜', 4],
    ['\udbff\udfff', 4],
    ['\ud800', -1],
    ['\udc00', -1],
    ['\udc00\ud800', -1],
    ['a\ud83e', -1],
    ['\ud83e🦜', -1],
  ])('boundary: %j -> %d', (text, bytes) => {
    expect(utf8Length(text)).toBe(bytes);
  });
});

describe('fromUtf8', () => {
  test('well-formed text: encoded and decoded -> the same, a byte order mark included', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\ufeffa')), (text) => {
        expect(fromUtf8(toUtf8(text))).toBe(text);
      }),
    );
  });

  test('bytes that are not UTF-8: -> refused, never replaced', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x9f]]) {
      expect(() => fromUtf8(Uint8Array.from(bytes))).toThrow(TypeError);
    }
  });
});

describe('hashText', () => {
  test('data format: known texts -> the hashes that existing graphs were routed by', () => {
    expect(Object.fromEntries(PINNED.map(([text]) => [text, hashText(text)]))).toEqual(Object.fromEntries(PINNED));
  });

  test('any text: -> an unsigned 32-bit integer', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const hash = hashText(text);
        expect(hash).toBe(hash >>> 0);
      }),
    );
  });
});

const PINNED: readonly (readonly [string, number])[] = [
  ['', 2872998923],
  ['a', 444641715],
  ['b', 2193908274],
  ['user-1', 2005895916],
  ['user-2', 853201105],
  ['user-10', 2537985373],
  ['Alice', 2129378291],
  ['🦜', 2278702596],
  ['日本語', 3456843481],
  ['__proto__', 3182021803],
  ['00000000-0000-0000-0000-000000000000', 928234904],
];
