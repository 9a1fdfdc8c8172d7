/**
 * The version of an element, which serves as its ETag: equal versions mean equal content on every replica. It is the
 * stamp of the create, plus a hash of all registers that have another stamp. Dead patches do not count, so compaction
 * does not change it.
 */
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { hashText } from '../base/text.ts';
import { encodeStamp } from './patch-codec.ts';
import type { Registers, RegisterVisitor } from './registers.ts';

const ZERO = 0x30;
const BASE = 36;
const SQUARE = BASE ** 2;
const CUBE = BASE ** 3;
const UNITS = Uint8Array.from({ length: BASE }, (_, i) => i.toString(BASE).charCodeAt(0));

/** Version of an element with a single create. */
export function plainVersion(clock: number, replica: ReplicaId): string {
  return encodeStamp(clock, replica);
}

/** Sums of the hashes of registers, which tell nothing of their order. One object for all, since a version is made for each write. */
class RegistersHash implements RegisterVisitor {
  count = 0;
  // Signed, because V8 makes an object of every larger number.
  sum = 0;
  mixed = 0;

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.mixed = 0;
  }

  visit(kind: string, name: string, clock: number, replica: number): void {
    let hash = hashText(name, kind);
    hash = Math.imul(hash ^ replica, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (clock % 0x1_0000_0000), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ Math.floor(clock / 0x1_0000_0000), 0xc2b2ae35);
    hash ^= hash >>> 16;
    this.sum = (this.sum + hash) | 0;
    this.mixed = (this.mixed + Math.imul(hash, hash | 1)) | 0;
    this.count++;
  }
}

const later = new RegistersHash();

/** `restored`: of an element that shows what its latest delete hides. */
export function registersVersion(registers: Registers, restored = false): string {
  later.reset();
  registers.forEachLaterRegister(restored, later);
  const created = encodeStamp(registers.createdClock, replicaId(registers.createdReplica));
  return later.count === 0 ? created : `${created}-${withoutZeros(base36(later.sum))}${base36(later.mixed)}`;
}

function withoutZeros(digits: string): string {
  let start = 0;
  while (start < digits.length - 1 && digits.charCodeAt(start) === ZERO) start++;
  return digits.slice(start);
}

/** All 32 bits in seven digits. `toString(36)` takes several times as long for numbers beyond 31 bits. */
function base36(bits: number): string {
  const value = bits >>> 0;
  const high = Math.floor(value / CUBE);
  const low = value % CUBE;
  return String.fromCharCode(
    unitAt(high / CUBE),
    unitAt(high / SQUARE),
    unitAt(high / BASE),
    unitAt(high),
    unitAt(low / SQUARE),
    unitAt(low / BASE),
    unitAt(low),
  );
}

/** The last digit of the integral part. */
function unitAt(value: number): number {
  return UNITS[Math.floor(value) % BASE] as number;
}
