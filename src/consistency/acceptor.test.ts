import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import { NOTHING_ACCEPTED, stepAcceptor } from './acceptor.ts';
import { type Ballot, compareBallots } from './ballot.ts';
import { someBallot } from './message.model.ts';
import type { Accept, AcceptorState, Prepare, ProvisionalPatch, Settled } from './message.ts';

const ballot = (counter: number, replica = 1): Ballot => ({ counter, replica: replica as ReplicaId });
const prepare = (b: Ballot): Prepare => ({
  kind: 'prepare',
  graph: 'g',
  ballot: b,
  configuration: 1,
  round: 1,
  cover: new Map(),
});
const patch: ProvisionalPatch = { graphKey: 'g', partition: '0' as PartitionId, text: 'a patch' };
const accept = (b: Ballot, cover: Accept['cover'] = new Map()): Accept => ({
  kind: 'accept',
  graph: 'g',
  ballot: b,
  configuration: 1,
  next: { ...b, counter: b.counter + 1 },
  cover,
  patches: [patch],
});
const settled = (b: Ballot): Settled => ({ kind: 'settled', graph: 'g', ballot: b, commit: [7, 3] });
const all = () => true;
const none = (wanted: ReadonlyMap<unknown, unknown>) => wanted.size === 0;

/** The state after these messages, all of which must be answered or noted. */
function stateAfter(...messages: (Prepare | Accept | Settled)[]): AcceptorState {
  return messages.reduce((state, message) => stepAcceptor(state, message, all)?.state ?? state, NOTHING_ACCEPTED);
}

describe('acceptor', () => {
  test('prepare: a later ballot -> promised, with what was accepted before', () => {
    const before = stateAfter(prepare(ballot(1)), accept(ballot(1)));
    const step = stepAcceptor(before, prepare(ballot(5, 2)), all);
    expect(step?.reply).toEqual({
      kind: 'promised',
      state: { promised: ballot(5, 2), accepted: ballot(1), cover: new Map(), patches: [patch] },
    });
  });

  test('prepare, accept: an earlier ballot than the promised one -> refused with it, nothing changes', () => {
    const before = stateAfter(prepare(ballot(3, 2)));
    for (const message of [prepare(ballot(3, 1)), accept(ballot(3, 1)), accept(ballot(2, 9))]) {
      const step = stepAcceptor(before, message, all);
      expect(step?.state).toBe(before);
      expect(step?.reply).toMatchObject({ kind: 'refused', ballot: message.ballot, promised: ballot(3, 2) });
    }
  });

  test('prepare: what a reader saw is not here -> no answer until it is', () => {
    const before = stateAfter(prepare(ballot(1)));
    const message = { ...prepare(ballot(1)), cover: new Map([[1 as ReplicaId, 4]]) };
    expect(stepAcceptor(before, message, none)).toBeUndefined();
    expect(stepAcceptor(before, message, all)?.reply).toMatchObject({ kind: 'promised' });
  });

  test('accept: what it covers is not here -> no answer, nothing changes; once it is -> accepted', () => {
    const before = stateAfter(prepare(ballot(1)));
    const message = accept(ballot(1), new Map([[1 as ReplicaId, 4]]));
    expect(stepAcceptor(before, message, none)).toBeUndefined();
    const step = stepAcceptor(before, message, all);
    expect(step?.reply).toEqual({ kind: 'accepted', promisedNext: true });
    expect(step?.state).toMatchObject({ accepted: ballot(1), promised: ballot(2), patches: [patch] });
  });

  test('accept: repeated -> accepted again; its next ballot is promised unless somebody else came in between', () => {
    const before = stateAfter(prepare(ballot(1)), accept(ballot(1)));
    expect(stepAcceptor(before, accept(ballot(1)), none)).toEqual({
      state: before,
      reply: { kind: 'accepted', promisedNext: true },
    });
    const taken = stateAfter(prepare(ballot(1)), accept(ballot(1)), prepare(ballot(9, 2)));
    expect(stepAcceptor(taken, accept(ballot(1)), all)?.reply).toEqual({ kind: 'accepted', promisedNext: false });
  });

  test('settled: the commit is here -> the patches are kept no longer; of another ballot -> ignored', () => {
    const before = stateAfter(prepare(ballot(1)), accept(ballot(1)));
    expect(stepAcceptor(before, settled(ballot(1)), all)?.state.patches).toEqual([]);
    expect(stepAcceptor(before, settled(ballot(1, 2)), all)?.state).toBe(before);
    const waiting = stepAcceptor(before, settled(ballot(1)), none)?.state as AcceptorState;
    expect(waiting.patches).toEqual([patch]);
    expect(stepAcceptor(waiting, prepare(ballot(4)), all)?.reply).toMatchObject({ state: { patches: [] } });
  });

  test('settled: nothing is kept, or a commit that another one does not stand for -> nothing changes', () => {
    const empty = stepAcceptor(stateAfter(prepare(ballot(1))), { ...accept(ballot(1)), patches: [] }, all)?.state;
    expect(stepAcceptor(empty as AcceptorState, settled(ballot(1)), all)?.state).toBe(empty);
    const before = stateAfter(prepare(ballot(1)), accept(ballot(1)));
    const asked: unknown[] = [];
    stepAcceptor(before, settled(ballot(1)), (wanted) => {
      asked.push(...wanted);
      return false;
    });
    expect(asked).toEqual([[7, 3]]);
  });

  test.each([ballot(3), ballot(2, 9)])('accept: the next ballot is %o, not a later one -> a bug (STR-3)', (next) => {
    const before = stateAfter(prepare(ballot(3)));
    expect(() => stepAcceptor(before, { ...accept(ballot(3)), next }, all)).toThrow(/STR-3/);
  });

  test('any messages in any order -> promised only grows, accepted never exceeds it, repeating changes nothing', () => {
    const message = fc.oneof(
      someBallot.map(prepare),
      someBallot.map((b) => accept({ ...b, counter: b.counter % 1e6 })),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        let state = NOTHING_ACCEPTED;
        for (const one of messages) {
          const step = stepAcceptor(state, one, all);
          const next = step?.state as AcceptorState;
          expect(compareBallots(next.promised, state.promised)).toBeGreaterThanOrEqual(0);
          expect(compareBallots(next.accepted, state.accepted)).toBeGreaterThanOrEqual(0);
          expect(compareBallots(next.promised, next.accepted)).toBeGreaterThanOrEqual(0);
          expect(stepAcceptor(next, one, all)?.state).toEqual(next);
          state = next;
        }
      }),
    );
  });
});
