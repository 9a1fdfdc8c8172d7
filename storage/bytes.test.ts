import { expect, test } from 'vitest';
import { SeededRandom } from '../base/seeded-random.ts';
import { asBuffer, asUint8Array, ByteReader, ByteWriter } from './bytes.ts';

const hex = (buffer: Uint8Array): string => Buffer.from(buffer).toString('hex');

/** An unsigned LEB128, as one would write it down. */
function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value % 128n) + 128, ...varint(value / 128n)];
}

test('numbers around every power of two -> as LEB128, and read back', () => {
  const numbers = Array.from({ length: 54 }, (_, bit) => 2 ** bit).flatMap((power) => [power - 1, power, power + 1]);
  for (const number of numbers.filter(Number.isSafeInteger)) {
    const written = new ByteWriter().uint(number).finish();
    expect([...written], String(number)).toEqual(varint(BigInt(number)));
    expect(new ByteReader(written).uint()).toBe(number);
  }
});

test.each([0, 1, 31, 32, 33, 127, 128, 300])(
  'texts of %i characters -> length in bytes, then UTF-8, and read back',
  (length) => {
    for (const character of ['a', '\u007f', '\u0080', 'é', '\uffff', '\u{1f600}']) {
      for (const text of [character.repeat(length), `${'a'.repeat(length)}${character}`]) {
        const written = new ByteWriter(1).text(text).finish();
        const utf8 = Buffer.from(text, 'utf8');
        expect(hex(written)).toBe(hex(Buffer.from([...varint(BigInt(utf8.length)), ...utf8])));
        expect(new ByteReader(written).text()).toBe(text);
      }
    }
  },
);

test('fields of any kind and size, in a buffer of any size -> read back in order', () => {
  const random = new SeededRandom(1);
  for (let round = 0; round < 200; round++) {
    const writer = new ByteWriter(random.below(40));
    const checks: ((reader: ByteReader) => void)[] = [];
    for (let field = random.below(12); field > 0; field--) {
      const kind = random.below(4);
      if (kind === 0) {
        const value = random.uint32() * 2 ** random.below(21);
        writer.uint(value);
        checks.push((reader) => expect(reader.uint()).toBe(value));
      } else if (kind === 1) {
        const value = random.uint32();
        writer.word(value);
        checks.push((reader) => expect(reader.word()).toBe(value));
      } else if (kind === 2) {
        const value = Uint8Array.from({ length: random.below(50) }, () => random.below(256));
        writer.bytes(value);
        checks.push((reader) => expect(hex(reader.bytes())).toBe(hex(value)));
      } else {
        const value = random.pick(['x', 'é', '\u{1f600}']).repeat(random.below(40));
        writer.text(value);
        checks.push((reader) => expect(reader.text()).toBe(value));
      }
    }
    const reader = new ByteReader(writer.finish());
    for (const check of checks) check(reader);
    expect(reader.rest().length).toBe(0);
  }
});

test('several records in one buffer that grows -> each stays as it was finished', () => {
  const random = new SeededRandom(2);
  const writer = new ByteWriter(16);
  const records: { readonly found: Buffer; readonly right: string }[] = [];
  for (let at = 0; at < 300; at++) {
    const content = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
    const found = writer.begin().raw(content.subarray(0, 7)).raw(content.subarray(7)).finish();
    records.push({ found, right: hex(content) });
  }
  for (const { found, right } of records) expect(hex(found)).toBe(right);
});

test('a writer that is cleared -> its next record holds what was written since, in the same buffer', () => {
  const writer = new ByteWriter(64).text('before');
  const before = writer.finish();
  const after = writer.clear().uint(1).finish();
  expect([...after]).toEqual([1]);
  expect(before[0]).toBe(1);
  expect(writer.capacityBytes).toBe(64);
});

test('a word -> four bytes, the lowest first', () => {
  expect([...new ByteWriter(0).word(0x01020384).finish()]).toEqual([0x84, 3, 2, 1]);
});

test('a record that ends early -> RangeError, whatever is read', () => {
  const short = (): ByteReader => new ByteReader(Buffer.from([0x85]));
  for (const read of [
    () => short().uint(),
    () => short().word(),
    () => short().raw(2),
    () => new ByteReader(Buffer.from([2, 65])).bytes(),
    () => new ByteReader(Buffer.from([2, 65])).text(),
  ]) {
    expect(read).toThrow(RangeError);
  }
  expect(hex(new ByteReader(Buffer.from([1, 65])).bytes())).toBe('41');
});

test('bytes within a larger buffer -> the same ones in the other type, not copied', () => {
  const whole = Uint8Array.from([1, 2, 3, 4, 5]);
  const part = whole.subarray(1, 4);
  const buffer = asBuffer(part);
  expect([...buffer]).toEqual([2, 3, 4]);
  expect([...asUint8Array(buffer)]).toEqual([2, 3, 4]);
  expect(Buffer.isBuffer(asUint8Array(buffer))).toBe(false);
  whole[2] = 9;
  expect([...asUint8Array(buffer)]).toEqual([2, 9, 4]);
});
