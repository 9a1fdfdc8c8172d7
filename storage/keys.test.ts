/** Keys are part of the format of a data directory: what is written today must be found under the same key for ever. */
import { expect, test } from 'vitest';
import type { ReplicaId } from '../base/ids.ts';
import { SeededRandom } from '../base/seeded-random.ts';
import {
  BASE,
  CLEAN,
  COMMITS,
  commitKey,
  compareKeys,
  decodeNumber,
  documentKey,
  dropName,
  encodeNumber,
  FORMAT_KEY,
  locatorKey,
  metaName,
  parseCommitKey,
  parsePartitionPath,
  parseRowKey,
  parseStagedKey,
  partitionPath,
  ROWS,
  rowKey,
  rowPrefix,
  SEAL_KEYS,
  STATE_PREFIXES,
  snapshotName,
  stagedKey,
  startingWith,
  viewKey,
} from './keys.ts';
import { at } from './store.conformance.ts';

const key = at('0', 'g-1');
const odd = at('a\u0000b\u0001', 'g');

test.each([
  ['commit', commitKey(0xa11ce as ReplicaId, 300), 'c/000a11ce/c12c'],
  ['the first commit of the last origin', commitKey(0xffff_ffff as ReplicaId, 1), 'c/ffffffff/a1'],
  ['row', rowKey(rowPrefix(key), 16), 't/g-1/0\u0000b10'],
  [
    'row of a partition with a name that is escaped',
    rowKey(rowPrefix(odd), 0),
    't/g/a\u0001\u0001b\u0001\u0002\u0000a0',
  ],
  ['document', documentKey(key), 's/g-1/0\u0000d'],
  ['view', viewKey(key), 's/g-1/0\u0000v'],
  ['state that is kept apart', stagedKey(key), 'p/g-1/0\u0000'],
  ['locator', locatorKey('g-1', 'knows'), 'l/g-1/knows\u0000'],
  ['meta value', metaName('id'), 'meta/id\u0000'],
  ['meta value that has no name', metaName(''), 'meta/\u0000'],
  ['drop', dropName('g-1'), 'drop/g-1'],
  ['snapshot', snapshotName(key), 'snapshot/g-1/0\u0000'],
  ['base', BASE, 'base'],
  ['clean marker', CLEAN, 'clean'],
  ['format', FORMAT_KEY, '!format'],
  ['seals', SEAL_KEYS.join(), '!seal,~seal'],
  ['prefixes of commits and rows', COMMITS + ROWS, 'c/t/'],
  ['prefixes of state rows', STATE_PREFIXES.join(), 'x/,y/'],
])('%s -> its key is that of format version 1', (_name, found, right) => {
  expect(found).toBe(right);
});

/** As LevelDB orders keys. */
const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

test('numbers of any size -> read back, and keys sort as they do', () => {
  const random = new SeededRandom(1);
  const powers = Array.from({ length: 53 }, (_, bit) => 2 ** bit);
  const numbers = [
    ...[0, Number.MAX_SAFE_INTEGER],
    ...powers.flatMap((power) => [power - 1, power, power + random.below(Math.min(power, 2 ** 31) + 1)]),
  ];
  for (const number of numbers) expect(decodeNumber(encodeNumber(number))).toBe(number);
  const sorted = random.shuffled(numbers).sort((a, b) => compareBytes(encodeNumber(a), encodeNumber(b)));
  expect(sorted).toEqual(numbers.toSorted((a, b) => a - b));
});

test('names of any characters -> read back, kept apart, and sorted as they are', () => {
  const random = new SeededRandom(2);
  const characters = ['\u0000', '\u0001', '\u0002', '/', 'a', 'z', '~', 'é', '\uffff', '\u{1f600}'];
  const names = Array.from({ length: 500 }, () =>
    Array.from({ length: 1 + random.below(4) }, () => random.pick(characters)).join(''),
  );
  for (const name of names) {
    const here = at(name, 'g');
    expect(parsePartitionPath(partitionPath(here))).toEqual(here);
    expect(parseStagedKey(stagedKey(here))).toEqual(here);
    expect(parseRowKey(rowKey(rowPrefix(here), 77))).toEqual({ prefix: rowPrefix(here), lsn: 77 });
  }
  const different = [...new Set(names)];
  const paths = different.map((name) => partitionPath(at(name, 'g')));
  for (const [i, path] of paths.entries()) {
    expect(paths.filter((other) => other.startsWith(path))).toEqual([path]);
    const other = random.below(paths.length);
    expect(Math.sign(compareBytes(path, paths[other] as string))).toBe(
      Math.sign(compareBytes(different[i] as string, different[other] as string)),
    );
  }
});

test('a commit key -> origin and seq are read back', () => {
  for (const origin of [0, 1, 0xa11ce, 0xffff_ffff] as ReplicaId[]) {
    for (const seq of [0, 1, 15, 16, 2 ** 40]) expect(parseCommitKey(commitKey(origin, seq))).toEqual({ origin, seq });
  }
});

test('a name that is no Unicode -> a bug: it would share a key with others', () => {
  expect(() => rowPrefix(at('\ud800'))).toThrow('well-formed');
});

test('all keys with a prefix -> in its range, and no other', () => {
  const { gte, lt } = startingWith('t/g/');
  const keys = ['t/g', 't/g-/x', 't/g.', 't/g/', 't/g/\u0000', 't/g/\u{10ffff}', 't/g0', 't/h/'];
  expect(keys.filter((each) => compareBytes(each, gte) >= 0 && compareBytes(each, lt) < 0)).toEqual(keys.slice(3, 6));
});

test('partitions -> compared by graph, then by name', () => {
  const sorted = [at('9', 'a'), at('0', 'b'), at('1', 'b'), at('0', 'c')];
  expect(new SeededRandom(3).shuffled(sorted).sort(compareKeys)).toEqual(sorted);
  expect(compareKeys(at('0'), at('0'))).toBe(0);
});
