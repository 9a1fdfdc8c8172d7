/**
 * Votes of one ballot, by voter. At most one of each voter counts (STR-5), and none of a voter whose memory another vote of
 * the same ballot knows to be lost (STR-6): a promise that its voter has forgotten is none.
 */
import type { Vote } from './message.ts';

export type Votes<V extends Vote = Vote> = ReadonlyMap<string, V>;

export const NO_VOTES: ReadonlyMap<string, never> = new Map<string, never>();

/** A repeated vote takes the place of the one before. */
export function withVote<V extends Vote>(votes: Votes<V>, voter: string, vote: V): Votes<V> {
  return new Map(votes).set(voter, vote);
}

/** Those of `votes` that count, given all that is known in this ballot. */
export function countedVotes<V extends Vote>(votes: Votes<V>, others: Votes = NO_VOTES): Votes<V> {
  const all: Vote[] = [...votes.values(), ...others.values()];
  const counted = new Map<string, V>();
  for (const [voter, vote] of votes) {
    const isForgotten = all.some(({ known }) => (known.get(voter) ?? vote.memory) !== vote.memory);
    if (!isForgotten && (others.get(voter)?.memory ?? vote.memory) === vote.memory) counted.set(voter, vote);
  }
  return counted;
}

export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
