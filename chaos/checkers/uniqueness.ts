/**
 * CON-2: whatever was cut and killed, no two nodes have one key if all servers knew of the constraint from the start. A server
 * that lost its disk knows of none until it hears of them, and is believed by nobody to keep any.
 */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const uniqueness: Checker = {
  name: 'uniqueness',
  promise: 'in the end no server holds data that breaks a constraint, unless a disk was lost',
  check({ final, lostDisks }) {
    if (lostDisks > 0) return judge([]);
    return judge(final.flatMap(({ server, broken }) => broken.map((what) => `${server} holds what breaks ${what}`)));
  },
};
