/** A batch is visible whole or not at all, over partitions too. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const atomicity: Checker = {
  name: 'atomicity',
  promise: 'markers that are always written together are always seen together',
  check: ({ atomic }) =>
    judge(
      atomic
        .filter(({ values }) => new Set(values).size > 1)
        .map(({ group, values, server, atMs }) => `${server} showed ${group} as ${values} at ${atMs.toFixed(1)} ms`),
    ),
};
