import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { unpackSnappy } from './snappy.ts';

/** A part of a packed stream: bytes as they are, or bytes that came so many before. */
type Part =
  | { readonly literal: Uint8Array }
  | { readonly back: number; readonly size: number; readonly kind: 1 | 2 | 3 };

/** Little-endian, in so many bytes. */
const bytesOf = (value: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.floor(value / 256 ** i) % 256);

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...varint(Math.floor(value / 0x80))];
}

/** As the format description of Snappy says (google/snappy, format_description.txt). */
function packed(length: number, parts: readonly Part[]): Uint8Array {
  const bytes = varint(length);
  for (const part of parts) {
    if ('literal' in part) {
      const rest = part.literal.length - 1;
      const sizeBytes = rest < 60 ? 0 : rest < 0x100 ? 1 : rest < 0x1_0000 ? 2 : 3;
      bytes.push(...(sizeBytes === 0 ? [rest << 2] : [(59 + sizeBytes) << 2, ...bytesOf(rest, sizeBytes)]));
      for (const byte of part.literal) bytes.push(byte);
    } else if (part.kind === 1) {
      bytes.push(1 | ((part.size - 4) << 2) | (Math.floor(part.back / 256) << 5), part.back % 256);
    } else {
      bytes.push(part.kind | ((part.size - 1) << 2), ...bytesOf(part.back, part.kind === 2 ? 2 : 4));
    }
  }
  return Uint8Array.from(bytes);
}

function plain(parts: readonly Part[]): Uint8Array {
  const out: number[] = [];
  for (const part of parts) {
    if ('literal' in part) for (const byte of part.literal) out.push(byte);
    else for (let i = 0; i < part.size; i++) out.push(out.at(-part.back) as number);
  }
  return Uint8Array.from(out);
}

const literal = (length: number): Part => ({ literal: Uint8Array.from({ length }, (_, i) => (i * 31) % 251) });

/** Parts of which each copy has something to copy. */
const parts: fc.Arbitrary<Part[]> = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes): Part => ({ literal: bytes })),
      fc.record({
        kind: fc.constantFrom(1, 2, 3),
        back: fc.integer({ min: 1, max: 3000 }),
        size: fc.integer({ min: 1, max: 64 }),
      }),
    ),
    { maxLength: 20 },
  )
  .map((drawn) => {
    let written = 0;
    return drawn.flatMap((part): Part[] => {
      if ('literal' in part) {
        written += part.literal.length;
        return [part];
      }
      if (written === 0) return [];
      const kind = part.kind as 1 | 2 | 3;
      const size = kind === 1 ? 4 + (part.size % 8) : part.size;
      const back = 1 + (part.back % Math.min(written, kind === 1 ? 2047 : written));
      written += size;
      return [{ kind, size, back }];
    });
  });

describe('what Snappy packed', () => {
  test.each([0, 1, 59, 60, 61, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])(
    'a literal of %i bytes -> it',
    (length) => {
      const one = length === 0 ? [] : [literal(length)];
      expect(unpackSnappy(packed(length, one))).toEqual(Buffer.from(plain(one)));
    },
  );

  test('any literals and copies, also such as overlap what they write -> what they stand for', () => {
    fc.assert(
      fc.property(parts, (drawn) => {
        const whole = plain(drawn);
        expect(unpackSnappy(packed(whole.length, drawn))).toEqual(Buffer.from(whole));
      }),
    );
  });

  test('cut off anywhere, or of another length than it says -> not such a stream', () => {
    fc.assert(
      fc.property(parts, fc.nat(), fc.integer({ min: -3, max: 3 }), (drawn, cut, more) => {
        const whole = plain(drawn);
        const bytes = packed(whole.length, drawn);
        expect(unpackSnappy(bytes.subarray(0, cut % bytes.length))).toBeUndefined();
        if (more !== 0 && whole.length + more >= 0) {
          expect(unpackSnappy(packed(whole.length + more, drawn))).toBeUndefined();
        }
      }),
    );
  });

  test('a copy of what comes before the beginning, or of nothing -> not such a stream', () => {
    for (const kind of [1, 2, 3] as const) {
      for (const back of [0, 9, 1000]) {
        expect(unpackSnappy(packed(8 + 4, [literal(8), { kind, back, size: 4 }]))).toBeUndefined();
      }
      expect(unpackSnappy(packed(8 + 4, [literal(8), { kind, back: 8, size: 4 }]))?.length).toBe(12);
    }
  });

  test('it says that it is larger than any block, or its length never ends -> not such a stream, no memory is taken', () => {
    const largest = LIMITS.tableBlockBytesMax;
    expect(unpackSnappy(packed(largest + 1, [literal(8)]))).toBeUndefined();
    expect(unpackSnappy(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]))).toBeUndefined();
    expect(unpackSnappy(new Uint8Array())).toBeUndefined();
  });

  test('any bytes -> bytes of the length that they name, or not such a stream; never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const out = unpackSnappy(bytes);
        const end = bytes.findIndex((byte) => byte < 0x80);
        const length = bytes.subarray(0, end + 1).reduceRight((sum, byte) => sum * 0x80 + (byte & 0x7f), 0);
        if (out !== undefined) expect(out.length).toBe(length);
      }),
      { numRuns: 1000 },
    );
  });
});
