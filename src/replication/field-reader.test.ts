/** What is read of the fields of a frame, and what is said of those that are none. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { asInteger, FieldReader, flat, isGraphKey, keyFields, malformed } from './field-reader.ts';

const bytes = new Uint8Array([1]);
const KEY = { graphKey: 'g', partition: '7' };

/** What comes of reading, or what is said instead. */
function read(fields: unknown, as: (reader: FieldReader) => unknown): unknown {
  try {
    const reader = new FieldReader(fields);
    const value = as(reader);
    reader.end();
    return value;
  } catch (error) {
    if (!(error instanceof WeftError) || error.code !== 'malformed-request') throw error;
    return error.message;
  }
}

const BAD_GRAPH = 'bad frame: a graph key is malformed';
const BAD_PARTITION = 'bad frame: a partition id is malformed';
const NO_INTEGER = 'bad frame: x must be a non-negative integer';
const NO_REPLICA = 'bad frame: x must be a replica id';

describe('a field', () => {
  test.each<
    readonly [string, (reader: FieldReader) => unknown, readonly (readonly [given: unknown[], read: unknown])[]]
  >([
    [
      'integer',
      (reader) => reader.integer('x'),
      [
        [[0], 0],
        [[2 ** 53 - 1], 2 ** 53 - 1],
        [[2 ** 53], NO_INTEGER],
        [[-1], NO_INTEGER],
        [[1.5], NO_INTEGER],
        [['1'], NO_INTEGER],
        [[], 'bad frame: x is missing'],
      ],
    ],
    [
      'replica',
      (reader) => reader.replica('x'),
      [
        [[1], 1],
        [[0xffff_ffff], 0xffff_ffff],
        [[2 ** 32], NO_REPLICA],
        [[0], NO_REPLICA],
        [[-1], NO_INTEGER],
      ],
    ],
    [
      'boolean',
      (reader) => reader.boolean('x'),
      [
        [[false], false],
        [[true], true],
        [[0], 'bad frame: x must be a boolean'],
      ],
    ],
    [
      'text',
      (reader) => reader.text('x'),
      [
        [[''], ''],
        [['a'], 'a'],
        [[5], 'bad frame: x must be text'],
      ],
    ],
    [
      'name',
      (reader) => reader.name('x'),
      [
        [['a'], 'a'],
        [[''], 'bad frame: x must not be empty'],
        [[5], 'bad frame: x must be text'],
      ],
    ],
    [
      'graph',
      (reader) => reader.graph('x'),
      [
        [['a-B_9'], 'a-B_9'],
        [['a'.repeat(64)], 'a'.repeat(64)],
        [['a'.repeat(65)], BAD_GRAPH],
        [[''], BAD_GRAPH],
        [['a/b'], BAD_GRAPH],
        [['a\n'], BAD_GRAPH],
        [[5], 'bad frame: x must be text'],
      ],
    ],
    [
      'bytes',
      (reader) => reader.bytes('x'),
      [
        [[bytes], bytes],
        [[[1]], 'bad frame: x must be bytes'],
      ],
    ],
    [
      'array',
      (reader) => reader.array('x'),
      [
        [[[1, 'a']], [1, 'a']],
        [['a'], 'bad frame: x must be an array'],
      ],
    ],
    [
      'list',
      (reader) => reader.list('x', (field) => asInteger('x', field)),
      [
        [[[1, 2]], [1, 2]],
        [[[1, 'a']], NO_INTEGER],
      ],
    ],
    [
      'vector',
      (reader) => reader.vector('x'),
      [
        [[[]], new Map()],
        [
          [[1, 5, 2, 0]],
          new Map([
            [1, 5],
            [2, 0],
          ]),
        ],
        [[[1, 5, 2]], NO_INTEGER],
        [[[0, 5]], NO_REPLICA],
        [[5], 'bad frame: x must be an array'],
      ],
    ],
    [
      'key',
      (reader) => reader.key('x'),
      [
        [['g', '7'], KEY],
        [['g', 'p'.repeat(LIMITS.nameBytesMax + 1)], { ...KEY, partition: 'p'.repeat(LIMITS.nameBytesMax + 1) }],
        [['g', 'p'.repeat(LIMITS.nameBytesMax + 2)], BAD_PARTITION],
        [['g', ''], BAD_PARTITION],
        [['g', 7], BAD_PARTITION],
        [[5, '7'], BAD_GRAPH],
        [['', '7'], BAD_GRAPH],
        [['g'], 'bad frame: x is missing'],
      ],
    ],
    [
      'optional key',
      (reader) => reader.optionalKey('x'),
      [
        [['g', '7'], KEY],
        [[null, null], undefined],
        [[null, '7'], BAD_GRAPH],
        [['g', null], BAD_PARTITION],
        [[null], 'bad frame: x is missing'],
      ],
    ],
  ])('%s -> its value, or what is wrong with it', (_, as, cases) => {
    expect(cases.map(([given]) => read(given, as))).toEqual(cases.map(([, expected]) => expected));
  });

  test('one after the other, and all that are left -> the end is where none is left', () => {
    const reader = new FieldReader([1, 2, 3]);
    expect([reader.done, reader.integer('x'), reader.done]).toEqual([false, 1, false]);
    expect(() => reader.end()).toThrow('bad frame: 2 fields too many');
    expect(reader.rest((field) => asInteger('x', field))).toEqual([2, 3]);
    expect([reader.done, reader.rest(() => 'more')]).toEqual([true, []]);
    reader.end();
    expect(read('no fields', () => undefined)).toBe('bad frame: expected an array');
  });
});

test('the other way -> what is read is what was said', () => {
  const vector = new Map([
    [1, 5],
    [2, 6],
  ]) as never;
  expect(read([flat(vector)], (reader) => reader.vector('x'))).toEqual(vector);
  for (const key of [KEY as never, undefined])
    expect(read([...keyFields(key)], (reader) => reader.optionalKey('x'))).toEqual(key);
  expect([isGraphKey('g'), isGraphKey('a b')]).toEqual([true, false]);
  expect(malformed('so').message).toBe('bad frame: so');
});
