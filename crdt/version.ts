/**
 * The version of an element, which serves as its ETag: equal versions mean equal content on every replica. It is the
 * stamp of the create, plus a hash of all registers that have another stamp. Dead patches do not count, so compaction
 * does not change it.
 */
import { hashText } from '../base/text.ts';
import type { Registers } from './registers.ts';

/** Version of an element with a single create. */
export function plainVersion(clock: number, replica: number): string {
  return `${clock.toString(36)}-${replica.toString(36)}`;
}

export function registersVersion(registers: Registers): string {
  const { createdClock, createdReplica } = registers;
  let sum = 0;
  let mixed = 0;
  let others = 0;
  registers.forEachRegister((name, clock, replica) => {
    if (clock === createdClock && replica === createdReplica) return;
    const hash = hashText(`${name}\u0000${clock}\u0000${replica}`);
    sum = (sum + hash) >>> 0;
    mixed = (mixed + Math.imul(hash, hash | 1)) >>> 0;
    others++;
  });
  const created = plainVersion(createdClock, createdReplica);
  return others === 0 ? created : `${created}-${sum.toString(36)}${mixed.toString(36).padStart(7, '0')}`;
}
