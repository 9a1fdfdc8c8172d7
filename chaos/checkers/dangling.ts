/** No answer shows an edge without both its ends. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const dangling: Checker = {
  name: 'dangling',
  promise: 'an edge is visible only while both its ends are',
  check: ({ edges }) =>
    judge(
      edges
        .filter(({ fromExists, toExists }) => !fromExists || !toExists)
        .map(({ edge, from, to, fromExists, server, atMs }) => {
          const missing = fromExists ? to : from;
          return `${server} showed edge ${edge} from ${from} to ${to} without ${missing} at ${atMs.toFixed(1)} ms`;
        }),
    ),
};
