/** What has expired is not shown, and what was extended in time is there in the end, wherever that was written. */
import { judge } from '../../checkers/verdict.ts';
import { effectOf, elementsOf, type FinalElements, type RunRecord } from '../run-record.ts';
import { answered, ofKind } from './of-answers.ts';
import type { RealChecker } from './real-checker.ts';

type Written = ReturnType<typeof ofKind<'lease'>>[number];

export const expiry: RealChecker = {
  name: 'expiry',
  promise: 'what has expired is not shown; an extension that was written in time wins, though a cut delays it',
  check(run) {
    const written = ofKind(run, 'lease');
    const lists = answered(run, 'leases');
    const judged = written.length + lists.length;
    if (run.final.length === 0) {
      return { verdict: { kind: 'unknown', reason: 'no server told what it held in the end' }, judged };
    }
    const finals = run.final.map((final) => ({ server: final.server, ...elementsOf(final) }));
    const extensions = new Map(
      written.flatMap((found) => (found.call.leftMs === undefined ? [] : [[found.call.id, found] as const])),
    );
    const evidence = [
      ...lists
        .filter(({ call }) => call.expired.length > 0)
        .map(({ call, invocation: { server, atMs } }) => {
          return `${server} showed ${call.expired.slice(0, 3).join(', ')} at ${atMs.toFixed(0)} ms, which had expired`;
        }),
      ...written.flatMap((made) =>
        made.call.leftMs === undefined ? wrongInTheEnd(made, extensions.get(made.call.id), { run, finals }) : [],
      ),
    ];
    const figures = { extended: extensions.size };
    return { verdict: judge(evidence), judged, figures };
  },
};

interface Ended {
  readonly run: RunRecord;
  readonly finals: readonly (FinalElements & { readonly server: string })[];
}

function wrongInTheEnd(made: Written, extension: Written | undefined, { run, finals }: Ended): string[] {
  const { id, inMs } = made.call;
  const isKept = extension !== undefined && effectOf(extension, run.faults) === 'sure' && isInTime(extension);
  const mayBeKept = extension !== undefined && effectOf(extension, run.faults) !== 'none';
  const isMade = effectOf(made, run.faults) === 'sure';
  const endMs = run.entries.find((entry) => entry.type === 'phase' && entry.phase === 'converged')?.atMs ?? 0;
  // By then the answer had come, so the moment that was meant has passed.
  const isOver = !mayBeKept && (made.completion?.atMs ?? endMs) + inMs < endMs;
  return finals.flatMap(({ server, nodes }) => {
    const isThere = nodes.has(id);
    if (isMade && isKept && !isThere) return [`${id} was extended in time and is missing on ${server}`];
    return isOver && isThere ? [`${id} has expired and is there on ${server}`] : [];
  });
}

function isInTime({ invocation, completion, call: { leftMs = 0 } }: Written): boolean {
  return completion !== undefined && completion.atMs - invocation.atMs < leftMs;
}
