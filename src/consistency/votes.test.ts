import { describe, expect, test } from 'vitest';
import type { Vote } from './message.ts';
import { countedVotes, majorityOf, withVote } from './votes.ts';

const vote = (memory: string, known: Record<string, string> = {}): Vote => ({
  memory,
  known: new Map(Object.entries(known)),
  vector: new Map(),
  clock: 0,
});
const names = (votes: ReadonlyMap<string, Vote>) => [...votes.keys()];

describe('votes', () => {
  test('one voter twice -> counts once', () => {
    expect(withVote(withVote(new Map(), 'a', vote('m1')), 'a', vote('m1')).size).toBe(1);
  });

  test('a vote of a memory that another vote knows to be lost -> does not count, in either round', () => {
    const promises = new Map([
      ['a', vote('a1')],
      ['b', vote('b1')],
    ]);
    expect(names(countedVotes(promises))).toEqual(['a', 'b']);
    const acceptances = new Map([
      ['a', vote('a1')],
      ['c', vote('c1', { b: 'b2' })],
    ]);
    expect(names(countedVotes(promises, acceptances))).toEqual(['a']);
    expect(names(countedVotes(acceptances, promises))).toEqual(['a', 'c']);
  });

  test('one voter with two memories in one ballot -> counts in neither round', () => {
    const promises = new Map([['a', vote('a1')]]);
    const acceptances = new Map([['a', vote('a2')]]);
    expect(names(countedVotes(promises, acceptances))).toEqual([]);
    expect(names(countedVotes(acceptances, promises))).toEqual([]);
  });

  test('majority of 1 to 7 -> more than half', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(majorityOf)).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });
});
