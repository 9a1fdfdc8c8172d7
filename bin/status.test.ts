import { expect, test } from 'vitest';
import type { Member } from '../src/engine-port.ts';
import { describeStatus } from './status.ts';

const member = (name: string, more: Partial<Member> = {}): Member => ({
  name,
  url: `http://10.0.0.1/${name}`,
  state: 'alive',
  self: false,
  heardMsAgo: 120,
  lagCommits: 0,
  lagMs: 0,
  link: { state: 'up', bytesSent: 1_500, bytesReceived: 2_500_000, unacknowledgedBytes: 0 },
  ...more,
});

const statusOf = (members: readonly Member[]) =>
  describeStatus({
    url: 'http://127.0.0.1:7401',
    self: { name: 'a', replicaId: 5 },
    members,
    quorum: { configuration: 1, voters: ['a', 'b'], reachable: 2, majority: 2, votes: true, isReachable: true },
    vector: { 5: 1200, 7: 3 },
    graphs: [{ name: 'default', partitions: 16, nodes: 65, edges: 182 }],
  });

test('status: members -> state, since when, lag, link, bytes; why a link is not up stands below', () => {
  const link = { bytesSent: 0, bytesReceived: 0, unacknowledgedBytes: 0 };
  const text = statusOf([
    member('a', { self: true }),
    member('b'),
    member('c', {
      state: 'dead',
      heardMsAgo: 90_000,
      lagCommits: 1200,
      lagMs: 65_000,
      link: { ...link, state: 'refused', reason: 'the cluster secret is another one' },
    }),
  ]);
  expect(text).toBe(
    `a at http://127.0.0.1:7401, replica 5

members
  name  url                state  heard       lag                  link         sent    received
  a     http://10.0.0.1/a  alive  -           -                    this server  -       -
  b     http://10.0.0.1/b  alive  120 ms ago  none                 up           1.5 kB  2.5 MB
  c     http://10.0.0.1/c  dead   90 s ago    1,200 commits, 65 s  refused      0 B     0 B
  link to c refused: the cluster secret is another one

voters (configuration 1): a, b
2 reachable, 2 needed; this server votes

graphs
  name     nodes  edges  partitions
  default     65    182          16

vector (commits applied here, by origin)
  5  1,200
  7      3`,
  );
});

test('status: a server alone, or a peer that was never met -> says so', () => {
  expect(statusOf([member('a', { self: true })])).toContain('members\n  none but this one: it runs alone\n');
  const { heardMsAgo: _, ...unmet } = member('http://b', { lagCommits: 1 });
  expect(statusOf([member('a', { self: true }), unmet])).toMatch(/http:\/\/b .* never +1 commit, 0 ms/);
});
