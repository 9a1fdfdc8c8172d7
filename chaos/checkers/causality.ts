/** Black box: whoever sees an effect sees its cause. A client writes the cause, sees it, and then writes the effect. */
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const causality: Checker = {
  name: 'causality',
  promise: 'an effect is never visible without its cause, on any server, with or without a token',
  check: ({ causal }) =>
    judge(
      causal
        .filter(({ effect, cause }) => cause < effect)
        .map(
          ({ chain, effect, cause, server, atMs }) =>
            `${server} showed effect ${effect} of ${chain} with cause ${cause} at ${atMs.toFixed(1)} ms`,
        ),
    ),
};
