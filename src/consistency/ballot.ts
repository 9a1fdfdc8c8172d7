/**
 * Ballots number the rounds of one graph (Lamport: The Part-Time Parliament, 1998). A ballot belongs to one incarnation of
 * one server and is used for at most one proposal; a server that starts anew has a new replica id, so none comes twice.
 */
import type { ReplicaId } from '../../base/ids.ts';

export interface Ballot {
  /** From 1; 0 is before every ballot. */
  readonly counter: number;
  readonly replica: ReplicaId;
}

/** Before every ballot. */
export const NO_BALLOT: Ballot = { counter: 0, replica: 0 as ReplicaId };

export function compareBallots(a: Ballot, b: Ballot): number {
  return a.counter - b.counter || a.replica - b.replica;
}

/** The first ballot of `replica` after `last`. */
export function ballotAfter(last: Ballot, replica: ReplicaId): Ballot {
  return { counter: last.counter + 1, replica };
}

export function sameBallot(a: Ballot, b: Ballot): boolean {
  return compareBallots(a, b) === 0;
}

export function laterBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b;
}
