/** A version vector as bytes: for each stream its origin (32 bits, little endian) and seq (varint), by origin, to the end. */
import { type ReplicaId, replicaId } from '../../base/ids.ts';
import type { VersionVector } from './version-vector.ts';

export function pushVector(bytes: number[], vector: VersionVector): void {
  for (const [origin, seq] of Array.from(vector).sort(([a], [b]) => a - b)) {
    if (seq === 0) continue;
    for (let shift = 0; shift < 32; shift += 8) bytes.push((origin >>> shift) & 0xff);
    pushVarint(bytes, seq);
  }
}

/** @param body well-formed from `from` on: it was signed, so it has the form that we gave it */
export function readVector(body: Buffer, from: number): VersionVector {
  const vector = new Map<ReplicaId, number>();
  for (let at = from; at < body.length; ) {
    const origin = replicaId(body.readUInt32LE(at));
    const { value, end } = readVarint(body, at + 4);
    vector.set(origin, value);
    at = end;
  }
  return vector;
}

export function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
}

export function readVarint(body: Buffer, from: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let at = from;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = body.readUInt8(at++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at };
  }
}
