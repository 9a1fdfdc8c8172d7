/**
 * The version of an element, which serves as its ETag: equal versions mean equal content on every replica. It is the
 * stamp of the create, plus a hash of all registers that have another stamp. Dead patches do not count, so compaction
 * does not change it.
 */
import { type ReplicaId, replicaId } from '../base/ids.ts';
import { hashText } from '../base/text.ts';
import { encodeStamp } from './patch-codec.ts';
import type { Registers } from './registers.ts';

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
  registers.forEachLaterRegister(restored, (name, clock, replica) => {
    let hash = hashText(name);
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
  return others === 0
    ? created
    : `${created}-${(sum >>> 0).toString(36)}${(mixed >>> 0).toString(36).padStart(7, '0')}`;
}
