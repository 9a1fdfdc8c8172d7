/** The code under test found no bug in itself: no broken invariant, no rejection that nobody handled. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const soundness: Checker = {
  name: 'soundness',
  promise: 'no assertion fails, and no promise is rejected without anybody noticing',
  check: ({ bugs }) => judge(bugs),
};
