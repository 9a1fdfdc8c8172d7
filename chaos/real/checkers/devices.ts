/** Offline replicas in the end: all that they wrote was sent, none of it was refused, and they show what servers hold. */
import { judge } from '../../checkers/verdict.ts';
import { elementsOf, type RunRecord } from '../run-record.ts';
import { ofKind } from './of-answers.ts';
import type { RealChecker } from './real-checker.ts';

export const devices: RealChecker = {
  name: 'devices',
  promise: 'an offline replica that is back sends all that it kept, and shows what servers hold',
  check(run) {
    const ends = ofKind(run, 'settled');
    if (run.final.length === 0) {
      return { verdict: { kind: 'unknown', reason: 'no server told what it held in the end' }, judged: ends.length };
    }
    return { verdict: judge(ends.flatMap((end) => wrongWith(end, run))), judged: ends.length };
  },
};

function wrongWith(end: ReturnType<typeof ofKind<'settled'>>[number], run: RunRecord): string[] {
  const { process: device } = end.invocation;
  const { set, members, refused } = end.call;
  if (end.completion?.type !== 'ok') return [`${device} did not come to send all that it kept`];
  const evidence =
    refused > 0 ? [`${refused} batches of ${device} were refused, though nothing was wrong with them`] : [];
  const shown = new Set(members);
  for (const final of run.final) {
    const held = elementsOf(final).nodes.get(set)?.members;
    const theirs = new Set(Array.isArray(held) ? held.map(String) : []);
    const more = [...shown].filter((member) => !theirs.has(member));
    const less = [...theirs].filter((member) => !shown.has(member));
    if (more.length > 0)
      evidence.push(`${device} shows ${more.slice(0, 3).join(', ')}, which ${final.server} does not hold`);
    if (less.length > 0)
      evidence.push(`${device} does not show ${less.slice(0, 3).join(', ')}, which ${final.server} holds`);
  }
  return evidence;
}
