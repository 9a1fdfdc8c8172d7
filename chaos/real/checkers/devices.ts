/**
 * Offline replicas: they always show what they kept, and never what was refused. In the end all that they wrote was sent, what
 * servers must refuse came back and is nowhere, nothing else did, and they show what servers hold.
 */
import { judge } from '../../checkers/verdict.ts';
import { elementsOf, type FinalGraph, type RunRecord } from '../run-record.ts';
import { answered, ofKind } from './of-answers.ts';
import type { RealChecker } from './real-checker.ts';

type Settled = ReturnType<typeof ofKind<'settled'>>[number];
type Claim = ReturnType<typeof ofKind<'claim'>>[number];

export const devices: RealChecker = {
  name: 'devices',
  promise:
    'an offline replica shows what it keeps until servers refuse it; one that is back sends all of it, and shows what they hold',
  check(run) {
    const ends = ofKind(run, 'settled');
    const looks = answered(run, 'look');
    const claims = ofKind(run, 'claim');
    const judged = ends.length + looks.length + claims.length;
    if (run.final.length === 0) {
      return { verdict: { kind: 'unknown', reason: 'no server told what it held in the end' }, judged };
    }
    const evidence = [
      ...looks.flatMap(wrongWithLook),
      ...claims.flatMap((claim) => wrongWithClaim(claim, ends, run)),
      ...ends.flatMap((end) => wrongWithEnd(end, run)),
    ];
    return { verdict: judge(evidence), judged, figures: { claims: claims.length } };
  },
};

function wrongWithLook({
  invocation,
  call: { undone, missing },
}: ReturnType<typeof answered<'look'>>[number]): string[] {
  const at = `${invocation.process} at ${invocation.atMs.toFixed(0)} ms`;
  return [
    ...(undone.length > 0 ? [`${at}: shows ${undone.slice(0, 3).join(', ')}, which was refused`] : []),
    ...(missing.length > 0 ? [`${at}: does not show ${missing.slice(0, 3).join(', ')}, which it had kept`] : []),
  ];
}

function wrongWithClaim({ invocation, completion, call }: Claim, ends: readonly Settled[], run: RunRecord): string[] {
  const { set, member, restsOn } = call;
  const what = restsOn === undefined ? member : `${member}, which rests on ${restsOn}`;
  const evidence = run.final
    .filter((final) => membersOf(final, set).has(member))
    .map(({ server }) => `${server} holds ${what}, though it must be refused`);
  const end = ends.find(({ invocation: { process } }) => process === invocation.process);
  // Of a device that did not come to an end that is told already, and it may have died before its disk had an unknown one.
  const isKnown = completion?.type === 'ok' && end?.completion?.type === 'ok';
  if (isKnown && end.call.handedBack?.includes(member) !== true)
    evidence.push(`${invocation.process} was not told that ${what} is refused`);
  return evidence;
}

function wrongWithEnd(end: Settled, run: RunRecord): string[] {
  const { process: device } = end.invocation;
  const { set, members, refused } = end.call;
  if (end.completion?.type !== 'ok') return [`${device} did not come to send all that it kept`];
  const evidence =
    refused > 0 ? [`${refused} batches of ${device} were refused, though nothing was wrong with them`] : [];
  const shown = new Set(members);
  for (const final of run.final) {
    const theirs = membersOf(final, set);
    const more = [...shown].filter((member) => !theirs.has(member));
    const less = [...theirs].filter((member) => !shown.has(member));
    if (more.length > 0)
      evidence.push(`${device} shows ${more.slice(0, 3).join(', ')}, which ${final.server} does not hold`);
    if (less.length > 0)
      evidence.push(`${device} does not show ${less.slice(0, 3).join(', ')}, which ${final.server} holds`);
  }
  return evidence;
}

function membersOf(final: FinalGraph, set: string): ReadonlySet<string> {
  const held = elementsOf(final).nodes.get(set)?.members;
  return new Set(Array.isArray(held) ? held.map(String) : []);
}
