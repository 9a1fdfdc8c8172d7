/**
 * The checksum of LevelDB's blocks and log records, CRC-32C, and what it says beyond "damaged": because it is linear, the
 * difference of two checksums depends only on which bytes differ. So one that differs in a single byte, which is what a
 * flipped bit comes to, can be traced back to the byte.
 */

const POLYNOMIAL = 0x82f63b78;
/** Tables for eight bytes at a time; the first is that for one. */
const TABLES = Array.from({ length: 8 }, () => new Int32Array(256));
/** Which entry of the first table has this highest byte; each has another one. */
const BY_HIGHEST_BYTE = new Uint8Array(256);

const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

for (let byte = 0; byte < 256; byte++) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  T0[byte] = remainder;
  BY_HIGHEST_BYTE[remainder >>> 24] = byte;
}
for (let at = 1; at < TABLES.length; at++) {
  const [before, table] = [TABLES[at - 1], TABLES[at]] as [Int32Array, Int32Array];
  for (let byte = 0; byte < 256; byte++) {
    const value = before[byte] as number;
    table[byte] = (value >>> 8) ^ (T0[value & 0xff] as number);
  }
}

export function crc32c(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let crc = -1;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc =
      (T7[low & 0xff] as number) ^
      (T6[(low >>> 8) & 0xff] as number) ^
      (T5[(low >>> 16) & 0xff] as number) ^
      (T4[low >>> 24] as number) ^
      (T3[high & 0xff] as number) ^
      (T2[(high >>> 8) & 0xff] as number) ^
      (T1[(high >>> 16) & 0xff] as number) ^
      (T0[high >>> 24] as number);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (T0[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return (crc ^ -1) >>> 0;
}

const MASK_DELTA = 0xa282ead8;
/** LevelDB stores checksums so, because checksums of data that holds checksums are weak. */
export const maskedCrc = (crc: number): number => (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;

export function unmaskedCrc(masked: number): number {
  const rotated = (masked - MASK_DELTA) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

export interface ByteError {
  readonly offset: number;
  /** The right byte is that which is there, exclusive-or this. */
  readonly xor: number;
}

/**
 * All changes of one byte among `length` that make this difference between two checksums. More than one is rare (a few
 * in 2^32 for each byte), and damage of several bytes looks like one now and then: whoever corrects must check the result.
 */
export function singleByteErrors(difference: number, length: number): ByteError[] {
  const errors: ByteError[] = [];
  let remainder = difference | 0;
  for (let offset = length - 1; offset >= 0 && remainder !== 0; offset--) {
    const byte = BY_HIGHEST_BYTE[remainder >>> 24] as number;
    const value = T0[byte] as number;
    if (value === remainder) errors.push({ offset, xor: byte });
    // What the checksum was before the last byte.
    remainder = ((remainder ^ value) << 8) | byte;
  }
  return errors;
}
