/** Texts as sets of letters: what was inserted stays until it is deleted, and no edit of others is undone or done twice. */
import { sets } from '../../checkers/sets.ts';
import { EMPTY_HISTORY } from '../../history.ts';
import { elementsOf } from '../run-record.ts';
import { answered, ofKind, recordOf } from './of-answers.ts';
import type { RealChecker } from './real-checker.ts';

export const texts: RealChecker = {
  name: 'texts',
  promise: 'edits of a text on several servers all take effect, once: none is lost, none undoes another',
  check(run) {
    const edits = ofKind(run, 'letter');
    if (run.final.length === 0) {
      return { verdict: { kind: 'unknown', reason: 'no server told what it held in the end' }, judged: edits.length };
    }
    const reads = answered(run, 'text');
    const twice = reads.flatMap(({ call: { text, twice: letters }, invocation: { server, atMs } }) =>
      letters.length === 0 ? [] : [`${server} showed ${letters.join('')} of ${text} twice at ${atMs.toFixed(0)} ms`],
    );
    const verdict = sets.check({
      ...EMPTY_HISTORY,
      members: edits.map(({ call: { text, letter, change }, invocation: { id } }) => {
        return { set: text, member: letter, change: change === 'insert' ? 'add' : 'remove', operation: id };
      }),
      operations: edits.map((found) => recordOf(found, run)),
      final: run.final.map((final) => {
        const { nodes } = elementsOf(final);
        const contents = new Map<string, readonly string[]>();
        for (const [id, { content }] of nodes) if (content !== undefined) contents.set(id, lettersOf(content));
        return { ...NOTHING, server: final.server, sets: contents };
      }),
    });
    const [first] = twice;
    const judged = edits.length + reads.length;
    if (first === undefined) return { verdict, judged };
    return { verdict: { kind: 'invalid', evidence: `${first} (${twice.length} in all)` }, judged };
  },
};

const NOTHING = { vector: new Map(), graphs: new Map(), counters: new Map(), broken: [] };

/** A letter that is there twice counts as another one, which nobody has inserted. */
function lettersOf(content: unknown): string[] {
  const letters = [...(typeof content === 'string' ? content : String((content as { $text?: string }).$text))];
  return letters.map((letter, at) => (letters.indexOf(letter) < at ? `${letter} again` : letter));
}
