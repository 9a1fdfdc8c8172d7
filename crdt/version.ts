/**
 * The version of an element, which serves as its ETag: equal versions mean equal content on every replica. It is the
 * stamp of the create, plus a hash of all registers that have another stamp. Dead patches do not count, so compaction
 * does not change it.
 */
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { hashText } from '../base/text.ts';
import { encodeStamp } from './patch-codec.ts';
import type { Registers } from './registers.ts';

const ZERO = 0x30;
const PAIRS: readonly string[] = Array.from({ length: 36 * 36 }, (_, i) => i.toString(36).padStart(2, '0'));

/** Version of an element with a single create. */
export function plainVersion(clock: number, replica: ReplicaId): string {
  return encodeStamp(clock, replica);
}

/** `restored`: of an element that shows what its latest delete hides. */
export function registersVersion(registers: Registers, restored = false): string {
  const { createdClock, createdReplica } = registers;
  let sum = 0;
  let mixed = 0;
  let others = 0;
  registers.forEachLaterRegister(restored, (kind, name, clock, replica) => {
    let hash = hashText(name, kind);
    hash = Math.imul(hash ^ replica, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (clock % 0x1_0000_0000), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ Math.floor(clock / 0x1_0000_0000), 0xc2b2ae35);
    hash ^= hash >>> 16;
    // Signed, because V8 makes an object of every larger number that a closure changes.
    sum = (sum + hash) | 0;
    mixed = (mixed + Math.imul(hash, hash | 1)) | 0;
    others++;
  });
  const created = encodeStamp(createdClock, replicaId(createdReplica));
  return others === 0 ? created : `${created}-${withoutZeros(base36(sum))}${base36(mixed)}`;
}

function withoutZeros(digits: string): string {
  let start = 0;
  while (start < digits.length - 1 && digits.charCodeAt(start) === ZERO) start++;
  return digits.slice(start);
}

/** All 32 bits in seven digits. `toString(36)` takes several times as long for numbers beyond 31 bits. */
function base36(bits: number): string {
  const value = bits >>> 0;
  const high = Math.floor(value / PAIRS.length);
  const low = PAIRS[value % PAIRS.length] as string;
  const middle = PAIRS[high % PAIRS.length] as string;
  const rest = Math.floor(high / PAIRS.length);
  return (rest >= PAIRS.length ? '1' : '0') + (PAIRS[rest % PAIRS.length] as string) + middle + low;
}
