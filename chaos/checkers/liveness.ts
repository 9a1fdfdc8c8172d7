/** What must happen does, in bounded time. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

/** Connecting again, catching up and comparing digests take seconds; minutes mean that something hangs. */
export const CONVERGENCE_MS_MAX = 60_000;
/** The wait for a session token and a slow disk are the longest that an operation knows. */
const OPERATION_MS_MAX = 10_000;

export const liveness: Checker = {
  name: 'liveness',
  promise: 'after the last fault all servers converge, and no operation waits longer than its budget',
  check({ operations, convergedAfterMs }) {
    const evidence: string[] = [];
    if (convergedAfterMs === undefined)
      evidence.push(`no convergence within ${CONVERGENCE_MS_MAX} ms after the last fault`);
    for (const { id, what, server, invokedMs, endedMs, stalledMs } of operations) {
      const waitedMs = endedMs - invokedMs - stalledMs;
      if (waitedMs > OPERATION_MS_MAX) {
        evidence.push(`operation ${id} (${what}) waited ${waitedMs.toFixed(0)} ms for ${server}`);
      }
    }
    return judge(evidence);
  },
};
