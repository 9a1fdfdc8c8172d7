/**
 * Votes of one ballot. At most one of each voter counts (STR-5), and none of a voter whose memory another vote of the same
 * ballot knows to be lost (STR-6): a promise that its voter has forgotten is none.
 */
import type { Vote } from './message.ts';

export class Votes<V extends Vote> {
  readonly #votes = new Map<string, V>();

  /** A repeated vote takes the place of the one before. */
  add(voter: string, vote: V): void {
    this.#votes.set(voter, vote);
  }

  get size(): number {
    return this.#votes.size;
  }

  voters(): Iterable<string> {
    return this.#votes.keys();
  }

  all(): Iterable<readonly [voter: string, vote: V]> {
    return this.#votes;
  }

  /** The votes that count, given all that is known in this ballot. */
  counted(others: Votes<Vote> | undefined): ReadonlyMap<string, V> {
    const otherVotes: ReadonlyMap<string, Vote> = others === undefined ? new Map() : others.#votes;
    const all: Vote[] = [...this.#votes.values(), ...otherVotes.values()];
    const counted = new Map<string, V>();
    for (const [voter, vote] of this.#votes) {
      const isForgotten = all.some(({ known }) => (known.get(voter) ?? vote.memory) !== vote.memory);
      const changed = otherVotes.get(voter);
      if (!isForgotten && (changed === undefined || changed.memory === vote.memory)) counted.set(voter, vote);
    }
    return counted;
  }
}

export function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}
