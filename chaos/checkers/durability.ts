/** No acknowledged write is lost, as long as what was promised to survive did survive. */
import { commitKey } from '../history.ts';
import type { Checker } from './verdict.ts';
import { judge } from './verdict.ts';

export const durability: Checker = {
  name: 'durability',
  promise: 'an acknowledged write is there in the end, unless every disk that held it was lost',
  check({ operations, final, destroyed }) {
    if (final.length === 0) return { kind: 'unknown', reason: 'the final state of no server is known' };
    const evidence: string[] = [];
    for (const { id, what, server, outcome, commit } of operations) {
      if (outcome !== 'ok' || commit === undefined || destroyed.has(commitKey(commit))) continue;
      for (const state of final) {
        if ((state.vector.get(commit.origin) ?? 0) >= commit.seq) continue;
        evidence.push(
          `operation ${id} (${what}), acknowledged by ${server} in commit ${commitKey(commit)}, is missing on ${state.server}`,
        );
      }
    }
    return judge(evidence);
  },
};
