import { describe, expect, test } from 'vitest';
import { WeftError } from '../base/errors.ts';
import { conditionOf, conditionOfFields } from './conditions.ts';

describe('conditions', () => {
  test.each([
    ['"a"', ['a'], ['a']],
    ['"a", "b"', ['a', 'b'], ['a', 'b']],
    ['"a",W/"b" ,  "c"', ['a', 'c'], ['a', 'b', 'c']],
    ['W/"a"', [], ['a']],
    ['*', '*', '*'],
    [' * ', '*', '*'],
    ['"with, comma"', undefined, undefined],
    ['"comma,inside"', ['comma,inside'], ['comma,inside']],
    ['""', [''], ['']],
    ['"a",', ['a'], ['a']],
    [', ,"a"', ['a'], ['a']],
    ['', [], []],
    ['a', undefined, undefined],
    ['"a" "b"', undefined, undefined],
    ['"a', undefined, undefined],
    ['*, "a"', undefined, undefined],
    ['w/"a"', undefined, undefined],
  ])('conditions: %s -> strong %o, weak %o', (text, strong, weak) => {
    const read = (header: 'if-match' | 'if-none-match') => {
      try {
        return conditionOf({ [header]: text });
      } catch (error) {
        if (error instanceof WeftError && error.code === 'malformed-request') return undefined;
        throw error;
      }
    };
    expect(read('if-match')?.match).toEqual(strong);
    expect(read('if-none-match')?.noneMatch).toEqual(weak);
  });

  test.each([
    ['a', ['a'], ['a']],
    ['"a"', ['a'], ['a']],
    ['W/"a"', [], ['a']],
    [
      ['W/"a"', '"b"', 'c'],
      ['b', 'c'],
      ['a', 'b', 'c'],
    ],
    ['*', '*', '*'],
  ])('conditions in a batch: %j -> strong %j, weak %j', (field, match, noneMatch) => {
    expect(conditionOfFields(field, field, (name) => name)).toEqual({ match, noneMatch });
  });

  test('conditions: no header -> none', () => {
    expect(conditionOf({})).toBeUndefined();
  });
});
