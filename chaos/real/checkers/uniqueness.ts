/** One node for each key that somebody merged or claimed: as it was answered, and in the end on every server. */
import { judge } from '../../checkers/verdict.ts';
import { effectOf, elementsOf, type RunRecord } from '../run-record.ts';
import { answered, ofKind } from './of-answers.ts';
import type { RealChecker } from './real-checker.ts';

export const uniqueness: RealChecker = {
  name: 'uniqueness',
  promise:
    'a unique key is of one node, on both sides of every cut: for all who MERGE it, and for the one whose claim won',
  check(run) {
    const merges = ofKind(run, 'merge');
    if (run.final.length === 0) {
      return { verdict: { kind: 'unknown', reason: 'no server told what it held in the end' }, judged: merges.length };
    }
    const evidence = [...contradictions(run), ...run.final.flatMap((final) => wrongIn(run, final))];
    return { verdict: judge(evidence), judged: merges.length };
  },
};

/** Answers that name different nodes for one key. */
function contradictions(run: RunRecord): string[] {
  const first = new Map<string, ReturnType<typeof answered<'merge'>>[number]>();
  return answered(run, 'merge').flatMap((found) => {
    const { key, id } = found.call;
    const known = first.get(key);
    if (known === undefined) first.set(key, found);
    if (known === undefined || known.call.id === id) return [];
    const [a, b] = [known.invocation, found.invocation];
    return [`${key} is ${known.call.id} (${a.server}, ${a.atMs} ms) and ${id} (${b.server}, ${b.atMs} ms)`];
  });
}

function wrongIn(run: RunRecord, final: RunRecord['final'][number]): string[] {
  const { nodes } = elementsOf(final);
  const holders = new Map<string, string[]>();
  for (const [id, { key }] of nodes) {
    if (typeof key !== 'string') continue;
    const known = holders.get(key);
    if (known === undefined) holders.set(key, [id]);
    else known.push(id);
  }
  const twice = [...holders]
    .filter(([, ids]) => ids.length > 1)
    .map(([key, ids]) => `${final.server} holds ${key} in ${ids.join(' and ')}`);
  const missing = answered(run, 'merge')
    .filter((found) => effectOf(found, run.faults) === 'sure' && !nodes.has(found.call.id))
    .map(({ call: { key, id } }) => `${id}, which holds ${key}, is missing on ${final.server}`);
  return [...twice, ...missing];
}
