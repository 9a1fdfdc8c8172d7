/** What must be the same on all servers, or they would not agree on the graph. Compared at the handshake. */
import { createHash } from 'node:crypto';
import * as LIMITS from '../../base/limits.ts';

export function hashOfSettings(): string {
  const { tombstoneRetentionMs, partitionsDefault, clockDriftMsMax, patchCharsMax, valueDepthMax } = LIMITS;
  const settings = { tombstoneRetentionMs, partitionsDefault, clockDriftMsMax, patchCharsMax, valueDepthMax };
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex');
}
