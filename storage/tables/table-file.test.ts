/** Blocks, indexes and footers that are put together as LevelDB's `doc/table_format.md` says, and what is none of these. */
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../base/seeded-random.ts';
import { crc32c, maskedCrc } from './crc32c.ts';
import {
  blockDifference,
  checkedBytes,
  readBlock,
  readEntries,
  readFooter,
  readIndex,
  readRecords,
  readVarint,
  userKey,
} from './table-file.ts';

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...varint(Math.floor(value / 0x80))];
}
function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

interface Rec {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Each key without what it shares with the one before it, but for every `interval`th. */
function blockOf(records: readonly Rec[], interval = 16): Buffer {
  const parts: Buffer[] = [];
  const restarts: number[] = [];
  let size = 0;
  for (const [at, { key, value }] of records.entries()) {
    const before = records[at - 1]?.key ?? Buffer.alloc(0);
    let shared = 0;
    if (at % interval === 0) restarts.push(size);
    else while (shared < Math.min(before.length, key.length) && before[shared] === key[shared]) shared++;
    const own = key.subarray(shared);
    const head = Buffer.from([...varint(shared), ...varint(own.length), ...varint(value.length)]);
    parts.push(head, own, value);
    size += head.length + own.length + value.length;
  }
  return Buffer.concat([...parts, ...restarts.map(word), word(restarts.length)]);
}

/** A key as it lies in a table. */
function rowKey(key: string, sequence: number, type = 1): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeBigUInt64LE(BigInt(sequence) * 256n + BigInt(type));
  return Buffer.concat([Buffer.from(key), trailer]);
}

const row = (key: string, sequence: number, type = 1): Rec => ({
  key: rowKey(key, sequence, type),
  value: type === 0 ? Buffer.alloc(0) : Buffer.from(`value of ${key}`),
});

describe('numbers', () => {
  test.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER])(
    '%i -> read back, from where it lies',
    (value) => {
      const bytes = Uint8Array.from([0xff, ...varint(value), 0xff]);
      expect(readVarint(bytes, 1)).toEqual({ value, end: bytes.length - 1 });
      expect(readVarint(bytes.subarray(0, -2), 1)).toBeUndefined();
    },
  );

  test.each([
    ['more than 53 bits', [...Array(7).fill(0xff), 0x7f]],
    ['never at its end', Array(12).fill(0x80)],
    ['nothing', []],
  ])('%s -> none', (_name, bytes) => {
    expect(readVarint(Uint8Array.from(bytes), 0)).toBeUndefined();
  });
});

describe('records of a block', () => {
  test('any that share beginnings -> read as they were', () => {
    const random = new SeededRandom(1);
    for (let round = 0; round < 60; round++) {
      const keys = new Set(
        Array.from({ length: 1 + random.below(30) }, () => random.uint32().toString(2 + random.below(3))),
      );
      const records = [...keys]
        .sort()
        .map((key) => ({ key: Buffer.from(key), value: Buffer.alloc(random.below(200), key) }));
      expect(readRecords(blockOf(records, 1 + random.below(8)))).toEqual(records);
    }
  });

  test.each<[string, Buffer, number | undefined]>([
    ['no restart, which is how a block is emptied', Buffer.alloc(40), 0],
    ['no restart and nothing else', word(0), 0],
    ['a restart, and no record', Buffer.concat([word(0), word(1)]), 0],
    ['less than a count of restarts', Buffer.alloc(3), undefined],
    ['more restarts than there is room for', Buffer.concat([word(0), word(2)]), undefined],
    [
      'a record that shares more than there was',
      Buffer.concat([Buffer.from([1, 1, 0, 65]), word(0), word(1)]),
      undefined,
    ],
    [
      'a value that goes on behind the records',
      Buffer.concat([Buffer.from([0, 1, 1, 65]), word(0), word(1)]),
      undefined,
    ],
    ['a key that goes on behind the records', Buffer.concat([Buffer.from([0, 2, 0, 65]), word(0), word(1)]), undefined],
  ])('%s', (_name, block, count) => {
    expect(readRecords(block)?.length).toBe(count);
  });
});

describe('rows of a block', () => {
  test('different keys, and the same one with the newer first -> read, deletions too', () => {
    const records = [row('', 9), row('a', 9), row('a', 8, 0), row('a', 7), row('b', 9)];
    expect(readEntries(blockOf(records))).toEqual(
      records.map(({ key, value }, at) => ({ key: userKey(key), value, isDeletion: at === 2 })),
    );
  });

  test.each<[string, Rec[]]>([
    ['a smaller key behind a larger one', [row('b', 9), row('a', 8)]],
    ['the same key with the older first', [row('a', 8), row('a', 9)]],
    ['the same change twice', [row('a', 9), row('a', 9)]],
    ['a change of no kind that there is', [row('a', 9, 2)]],
    ['a key that is too short for its number', [{ key: Buffer.alloc(7), value: Buffer.alloc(0) }]],
  ])('%s -> none', (_name, records) => {
    expect(readEntries(blockOf(records))).toBeUndefined();
  });

  test('a block that is none -> none', () => {
    expect(readEntries(Buffer.alloc(3))).toBeUndefined();
    expect(readIndex(Buffer.alloc(3), Buffer.alloc(100))).toBeUndefined();
  });
});

/** Handles must lie in the file, before trailer and footer. */
const handle = (offset: number, size: number): Buffer => Buffer.from([...varint(offset), ...varint(size)]);
const FILE_BYTES = 400;
const ROOM = FILE_BYTES - 48 - 5;

describe('index and footer', () => {
  const footerOf = (...handles: Buffer[]): Buffer => {
    const file = Buffer.alloc(FILE_BYTES);
    Buffer.concat(handles).copy(file, FILE_BYTES - 48);
    file.writeBigUInt64LE(0xdb4775248b80fb57n, FILE_BYTES - 8);
    return file;
  };

  test.each([
    ['up to the footer', handle(100, ROOM - 100), { offset: 100, size: ROOM - 100 }],
    ['a byte too long', handle(100, ROOM - 99), undefined],
    ['a byte too far', handle(ROOM + 1, 0), undefined],
    ['half a handle', Buffer.from([100]), undefined],
    ['half a number', Buffer.from([0x80]), undefined],
  ])('an index with a block %s', (_name, value, right) => {
    const found = readIndex(blockOf([{ key: rowKey('k', 1), value }]), Buffer.alloc(FILE_BYTES));
    expect(found).toEqual(right && [{ lastKey: Buffer.from('k'), handle: right }]);
  });

  test('an index with a key that is none -> none', () => {
    expect(
      readIndex(blockOf([{ key: Buffer.alloc(7), value: handle(0, 1) }]), Buffer.alloc(FILE_BYTES)),
    ).toBeUndefined();
    const file = Buffer.alloc(FILE_BYTES);
    expect(readIndex(blockOf([{ key: Buffer.alloc(8), value: handle(0, 1) }]), file)?.length).toBe(1);
  });

  test('a footer -> both handles, if it is one and they lie in the file', () => {
    const whole = footerOf(handle(200, 7), handle(212, 135));
    expect(readFooter(whole)).toEqual({ metaindex: { offset: 200, size: 7 }, index: { offset: 212, size: 135 } });
    expect(readFooter(footerOf(handle(200, 7), handle(212, 136)))).toBeUndefined();
    expect(readFooter(footerOf(handle(400, 7), handle(212, 135)))).toBeUndefined();
    expect(readFooter(whole.subarray(FILE_BYTES - 47))).toBeUndefined();
    whole[FILE_BYTES - 1] = 0;
    expect(readFooter(whole)).toBeUndefined();
  });
});

describe('a block with its trailer', () => {
  const content = Buffer.from('content');
  const stored = (type: number): Buffer => {
    const checked = Buffer.concat([content, Buffer.from([type])]);
    return Buffer.concat([Buffer.from('..'), checked, word(maskedCrc(crc32c(checked)))]);
  };
  const lies = { offset: 2, size: content.length };

  test.each([
    [0, content],
    [1, undefined],
    [2, undefined],
  ])('of type %i -> read, or refused', (type, right) => {
    const file = stored(type);
    expect(blockDifference(file, lies)).toBe(0);
    expect(readBlock(checkedBytes(file, lies))).toEqual(right);
  });

  test('any byte differs, its type and its checksum too -> a difference that is no negative number', () => {
    for (let at = 2; at < stored(0).length; at++) {
      const file = stored(0);
      file[at] = (file[at] as number) ^ 0x80;
      expect(blockDifference(file, lies), `byte ${at}`).toBeGreaterThan(0);
    }
  });

  test('packed -> unpacked', () => {
    expect(readBlock(Buffer.from([5, 16, 104, 101, 108, 108, 111, 1]))).toEqual(Buffer.from('hello'));
  });
});
