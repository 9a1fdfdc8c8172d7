/**
 * The acceptor of one graph: what a voter promises and accepts. A pure function of its durable state; the caller makes the
 * new state durable before the reply leaves (STR-1), and builds the reply from the same state.
 */
import { assert } from '../../base/assert.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { compareBallots, laterBallot, NO_BALLOT, sameBallot } from './ballot.ts';
import type { Accept, AcceptorState, Prepare, Refused, Settled } from './message.ts';

export const NOTHING_ACCEPTED: AcceptorState = {
  promised: NO_BALLOT,
  accepted: NO_BALLOT,
  cover: new Map(),
  patches: [],
};

/** What a voter answers, without what only its surroundings know. */
export type AcceptorReply =
  | { readonly kind: 'promised'; readonly state: AcceptorState }
  | { readonly kind: 'accepted'; readonly promisedNext: boolean }
  | Refused;

export interface AcceptorStep {
  readonly state: AcceptorState;
  /** Absent for what needs no answer. */
  readonly reply?: AcceptorReply;
}

/**
 * @param covers whether this voter durably holds what a vector says
 * @returns undefined while the voter lacks what the proposal covers: step again when it has more
 */
export function stepAcceptor(
  state: AcceptorState,
  message: Prepare | Accept | Settled,
  covers: (wanted: VersionVector) => boolean,
): AcceptorStep | undefined {
  switch (message.kind) {
    case 'prepare':
      return prepare(withoutSettled(state, covers), message, covers);
    case 'accept':
      return accept(state, message, covers);
    case 'settled':
      if (!sameBallot(state.accepted, message.ballot) || state.patches.length === 0) return { state };
      return { state: withoutSettled({ ...state, settled: message.commit }, covers) };
  }
}

/** STR-2: repeating the question changes nothing. */
function prepare(
  state: AcceptorState,
  { graph, ballot, cover }: Prepare,
  covers: (wanted: VersionVector) => boolean,
): AcceptorStep | undefined {
  if (compareBallots(ballot, state.promised) < 0) {
    return { state, reply: { kind: 'refused', graph, ballot, promised: state.promised } };
  }
  if (!covers(cover)) return undefined;
  const next = sameBallot(ballot, state.promised) ? state : { ...state, promised: ballot };
  return { state: next, reply: { kind: 'promised', state: next } };
}

function accept(
  state: AcceptorState,
  { graph, ballot, next, cover, patches }: Accept,
  covers: (wanted: VersionVector) => boolean,
): AcceptorStep | undefined {
  assert(compareBallots(ballot, next) < 0, 'STR-3 the next ballot of a proposal is a later one');
  if (sameBallot(ballot, state.accepted)) {
    // Accepted before, and the answer was lost.
    return { state, reply: { kind: 'accepted', promisedNext: compareBallots(state.promised, next) <= 0 } };
  }
  if (compareBallots(ballot, state.promised) < 0) {
    return { state, reply: { kind: 'refused', graph, ballot, promised: state.promised } };
  }
  // STR-4: a majority holds whatever the proposal rests on before anybody is told of it.
  if (!covers(cover)) return undefined;
  return {
    state: { promised: laterBallot(state.promised, next), accepted: ballot, cover, patches },
    reply: { kind: 'accepted', promisedNext: true },
  };
}

/** Patches that are in the documents need not be kept, nor finished by anybody. */
function withoutSettled(state: AcceptorState, covers: (wanted: VersionVector) => boolean): AcceptorState {
  if (state.settled === undefined) return state;
  const [origin, seq] = state.settled;
  if (!covers(new Map([[origin as ReplicaId, seq]]))) return state;
  const { settled: _, ...rest } = state;
  return { ...rest, patches: [] };
}
