import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from './byte-reader.ts';

/** Seven bits a byte, least first, as Yjs writes numbers. */
function written(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
  return new Uint8Array([...bytes, Number(rest)]);
}
const read = (bytes: Uint8Array): number => new ByteReader(bytes).varUint();

describe('numbers in an update', () => {
  test('any safe integer -> itself', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (value) => void expect(read(written(BigInt(value)))).toBe(value)));
    expect(read(written(BigInt(Number.MAX_SAFE_INTEGER)))).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('beyond the safe integers -> refused, never rounded', () => {
    const first = BigInt(Number.MAX_SAFE_INTEGER) + 1n;
    for (const value of [first, first + 1n, 2n ** 56n - 1n, 2n ** 63n, 2n ** 200n]) {
      expect(() => read(written(value))).toThrow(RangeError);
    }
  });

  test('longer than it must be, or cut off -> refused', () => {
    for (const bytes of [[0x80, 0], [0x81, 0x80, 0], [0x80], [0xff, 0xff], []]) {
      expect(() => read(new Uint8Array(bytes))).toThrow(RangeError);
    }
  });
});
