/** What was created is there, what was deleted stays away, and nothing comes from nowhere: in the end, on every server. */
import { judge } from '../../checkers/verdict.ts';
import { effectOf, elementsOf, type FinalElements, type RunRecord } from '../run-record.ts';
import { answered, ofKind } from './of-answers.ts';
import type { RealChecker } from './real-checker.ts';

type Effect = 'sure' | 'possible' | 'none';

interface Made {
  readonly effect: Effect;
  /** Of an edge, which goes when one of them does. */
  readonly ends: readonly string[];
}

export const elements: RealChecker = {
  name: 'elements',
  promise: 'no element that was acknowledged is lost, and none that was deleted comes back',
  check(run) {
    const [first] = run.final;
    const made = madeBy(run);
    if (first === undefined) return { verdict: { kind: 'unknown', reason: 'no server told what it held' }, judged: 0 };
    const gone = new Map<string, Effect>();
    for (const found of ofKind(run, 'delete')) gone.set(found.call.element, effectOf(found, run.faults));
    const evidence = run.final.flatMap((final) => violationsOf(final.server, elementsOf(final), made, gone));
    return { verdict: judge(evidence), judged: made.size + gone.size };
  },
};

/** By id; an import names the beginning that its ids share, and how many there are. */
function madeBy(run: RunRecord): Map<string, Made> {
  const made = new Map<string, Made>();
  for (const found of ofKind(run, 'create')) {
    const { elements: ids, ends = [] } = found.call;
    for (const id of ids) made.set(id, { effect: effectOf(found, run.faults), ends });
  }
  for (const found of ofKind(run, 'import')) {
    const [prefix = '', count = '0'] = found.call.elements;
    // An import that ended with an error has applied the lines before it.
    const effect = effectOf(found, run.faults) === 'sure' ? 'sure' : 'possible';
    for (let line = 0; line < Number(count); line++) made.set(`${prefix}${line}`, { effect, ends: [] });
  }
  return made;
}

function violationsOf(
  server: string,
  { nodes, edges }: FinalElements,
  made: ReadonlyMap<string, Made>,
  gone: ReadonlyMap<string, Effect>,
): string[] {
  const evidence: string[] = [];
  for (const [id, { effect, ends }] of made) {
    const isThere = nodes.has(id) || edges.has(id);
    const mayBeGone = [id, ...ends].some((one) => gone.has(one) && gone.get(one) !== 'none');
    // An end whose creation was lost takes the edge along.
    const mayBeLost = ends.some((end) => made.get(end)?.effect !== 'sure');
    if (effect === 'sure' && !isThere && !mayBeGone && !mayBeLost) evidence.push(`${id} is missing on ${server}`);
    if (effect === 'none' && isThere) evidence.push(`${id} was refused and is there on ${server}`);
    if (gone.get(id) === 'sure' && isThere) evidence.push(`${id} was deleted and is there on ${server}`);
  }
  for (const [id, { from, to }] of edges) {
    for (const end of [from, to])
      if (!nodes.has(end)) evidence.push(`${id} on ${server} leads to ${end}, which is not there`);
  }
  for (const id of [...nodes.keys(), ...edges.keys()]) {
    if (/^(?:churn|edge|import)-/.test(id) && !made.has(id)) evidence.push(`${id} on ${server} comes from nowhere`);
  }
  return evidence;
}

export const dangling: RealChecker = {
  name: 'dangling',
  promise: 'an edge is visible only while both its ends are, whatever was merged',
  check(run) {
    const exports = answered(run, 'export');
    const evidence = exports.flatMap(({ call, invocation }) =>
      call.dangling.map((edge) => `${invocation.server} showed ${edge} at ${invocation.atMs.toFixed(0)} ms`),
    );
    return { verdict: judge(evidence), judged: exports.reduce((sum, { call }) => sum + call.edges, 0) };
  },
};
