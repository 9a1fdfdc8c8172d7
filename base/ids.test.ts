import { describe, expect, test } from 'vitest';
import { WeftError } from './errors.ts';
import { checkName, edgeId, graphName, nodeId, replicaId } from './ids.ts';

const codeOf = (call: () => unknown) => {
  try {
    call();
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
  return 'accepted';
};

describe('checkName', () => {
  test.each([
    ['one character', 'a'],
    ['1024 bytes of ASCII', 'a'.repeat(1024)],
    ['1024 bytes of emoji', '🦜'.repeat(256)],
    ['a name of Object.prototype', '__proto__'],
    ['separators of URLs and of ids', '/?#%!~'],
    ['controls', '\u0000\n'],
  ])('%s: -> accepted as it is', (_, text) => {
    expect(checkName('label', text)).toBe(text);
  });

  test.each([
    ['empty', ''],
    ['1025 bytes of ASCII', 'a'.repeat(1025)],
    ['1025 bytes in 257 emoji and a letter', `${'🦜'.repeat(256)}a`],
    ['a lone surrogate', 'a\ud800'],
    ['no text', 7],
    ['null', null],
  ])('%s: -> refused as invalid-name', (_, text) => {
    expect(codeOf(() => checkName('label', text))).toBe('invalid-name');
  });

  test('every kind of id: -> the same rule', () => {
    for (const make of [nodeId, edgeId, graphName]) {
      expect(make('x')).toBe('x');
      expect(codeOf(() => make(''))).toBe('invalid-name');
    }
  });
});

test('replicaId: any number -> an unsigned 32-bit integer', () => {
  expect([0, 1, 0xffffffff, -1, 2 ** 32 + 5].map(replicaId)).toEqual([0, 1, 0xffffffff, 0xffffffff, 5]);
});
