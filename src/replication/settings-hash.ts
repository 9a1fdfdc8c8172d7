/** What must be the same on all servers, or they would not agree on the graph. Compared at the handshake. */
import { createHash } from 'node:crypto';
import { LIMITS } from '../../base/limits.ts';

/** @param voters how many servers vote: two sets of voters may have two majorities that know nothing of each other */
export function hashOfSettings(voters: number): string {
  const { tombstoneRetentionMs, partitionsDefault, clockDriftMsMax, patchCharsMax, valueDepthMax } = LIMITS;
  const settings = { voters, tombstoneRetentionMs, partitionsDefault, clockDriftMsMax, patchCharsMax, valueDepthMax };
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex');
}
