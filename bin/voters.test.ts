import { expect, test } from 'vitest';
import { describeVoters } from './voters.ts';

const quorum = { configuration: 4, voters: ['a', 'b', 'd'], reachable: 2, majority: 2, votes: true, isReachable: true };

test('voters: some can be reached -> names, configuration, how many are needed', () => {
  expect(describeVoters(quorum)).toBe('voters (configuration 4): a, b, d\n2 reachable, 2 needed; this server votes');
  expect(describeVoters({ ...quorum, votes: false })).toContain('this server does not vote');
});

test('voters: the servers have not met -> says so', () => {
  expect(describeVoters({ ...quorum, configuration: 0, voters: [] })).toContain('have not all met');
});
