/** The queues of a cluster that must stay bounded, with the most that they held. */
import { LIMITS } from '../base/limits.ts';
import type { Cluster } from './cluster.ts';
import type { QueueObservation } from './history.ts';

/** What a link may have under way: its window, and the frames that do not count towards it. */
const LINK_BYTES_MAX = 4 * 1024 * 1024;

export function queuesOf({ network, pendingBytesMax }: Cluster): QueueObservation[] {
  return [
    { queue: 'bytes that one end of a link had to send', peak: network.inFlightBytesMax, limit: LINK_BYTES_MAX },
    { queue: 'bytes that waited for a disk', peak: pendingBytesMax, limit: LIMITS.pendingBytesMax },
  ];
}
