/** No queue outgrows its limit, whatever a peer, a disk or a link does; nor does what must not happen at all. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const bounds: Checker = {
  name: 'bounds',
  promise: 'what waits for a slow disk, a slow peer or a missing commit is bounded',
  check: ({ queues }) =>
    judge(
      queues
        .filter(({ peak, limit }) => !(peak <= limit))
        .map(({ queue, peak, limit }) => `${queue} reached ${peak}, its limit is ${limit}`),
    ),
};
