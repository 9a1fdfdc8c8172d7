/** Unpacks what LevelDB packed with Snappy (format: google/snappy, format_description.txt). */
import * as LIMITS from '../../base/limits.ts';

/** @returns undefined if the bytes are not such a stream, as a whole */
export function unpackSnappy(packed: Uint8Array): Buffer | undefined {
  let at = 0;
  let length = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = packed[at++];
    if (byte === undefined || scale > 2 ** 28) return undefined;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (length > LIMITS.tableBlockBytesMax) return undefined;
  const out = Buffer.allocUnsafe(length);
  let written = 0;
  while (at < packed.length) {
    const tag = packed[at++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let size = tag >>> 2;
      if (size >= 60) {
        const bytes = size - 59;
        size = littleEndian(packed, at, bytes);
        at += bytes;
      }
      size++;
      if (at + size > packed.length || written + size > length) return undefined;
      out.set(packed.subarray(at, at + size), written);
      at += size;
      written += size;
      continue;
    }
    const bytes = kind === 3 ? 4 : kind;
    const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const back = kind === 1 ? (tag >>> 5) * 256 + littleEndian(packed, at, 1) : littleEndian(packed, at, bytes);
    at += bytes;
    if (at > packed.length || back === 0 || back > written || written + size > length) return undefined;
    // A copy may overlap what it writes.
    for (let i = 0; i < size; i++) out[written + i] = out[written + i - back] as number;
    written += size;
  }
  return written === length ? out : undefined;
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
