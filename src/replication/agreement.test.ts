/** What follows from knowing all members: what may be let go of, which streams have ended, and that the cluster is one. */
import { describe, expect, test } from 'vitest';
import type { VersionVector } from '../commits/version-vector.ts';
import { Agreement } from './agreement.ts';
import { replica, vector } from './link-harness.ts';

interface Known {
  readonly clusterId?: string;
  readonly replica?: number;
  readonly vector?: VersionVector | undefined;
}

interface Around {
  readonly members?: readonly Known[] | 'unknown';
  readonly isWhole?: boolean;
}

/** The server of replica 1, which has this of the streams 1 to 3. */
function setup(peers: readonly Known[], { members = peers, isWhole = true }: Around = {}) {
  const truncations: VersionVector[] = [];
  const retired: number[] = [];
  const logged: unknown[] = [];
  let established = 0;
  const here = { vector: vector({ 1: 10, 2: 20, 3: 30 }) };
  const membership = { peers, members: members === 'unknown' ? undefined : members, isWhole };
  const agreement = new Agreement({
    env: { log: { write: (...line: unknown[]) => void logged.push(line) } } as never,
    replica: {
      replicaId: replica(1),
      get vector() {
        return here.vector;
      },
      allowTruncation: (stable: VersionVector) => void truncations.push(stable),
      retire: async (origin: number) => void retired.push(origin),
    } as never,
    membership: membership as never,
    identity: { id: 'ours', establish: async () => void established++ } as never,
    have: () => here.vector,
    guard: () => undefined,
  });
  agreement.tick();
  return { agreement, truncations, retired, logged, here, established: () => established };
}

const LEVEL: Known = { clusterId: 'ours', replica: 2, vector: vector({ 1: 10, 2: 20, 3: 30 }) };

describe('what every member has', () => {
  test('known of all -> the log may let go of that, said once for each time that it moves', () => {
    const behind = { ...LEVEL, vector: vector({ 1: 4, 2: 20 }) };
    const { agreement, truncations, here } = setup([LEVEL, behind], { isWhole: false });
    expect(truncations).toEqual([vector({ 1: 4, 2: 20 })]);
    agreement.tick();
    expect(truncations).toHaveLength(1);
    here.vector = vector({ 1: 3, 2: 20, 3: 30 });
    agreement.tick();
    expect(truncations.at(-1)).toEqual(vector({ 1: 3, 2: 20 }));
  });

  test('one of them was never heard, or nobody knows who they are -> nothing may go', () => {
    expect(setup([LEVEL, { ...LEVEL, vector: undefined }]).truncations).toEqual([]);
    expect(setup([LEVEL], { members: 'unknown' }).truncations).toEqual([]);
  });
});

describe('a stream', () => {
  test('all have the same of it, and no server goes on with it -> it ended, and is logged; those that somebody goes on with stay', () => {
    const { retired, logged } = setup([LEVEL, { ...LEVEL, replica: 4 }]);
    expect(retired).toEqual([3]);
    expect(logged).toEqual([['info', 'replication: a stream ended', { origin: 3, commits: 30 }]]);
  });

  test.each<readonly [string, readonly Known[], Around]>([
    ['one lacks some of it', [LEVEL, { ...LEVEL, vector: vector({ 3: 29 }) }], {}],
    ['one has more of it', [LEVEL, { ...LEVEL, vector: vector({ 3: 31 }) }], {}],
    ['one is not heard', [LEVEL], { isWhole: false }],
    ['nobody knows who the members are', [LEVEL], { members: 'unknown' }],
    [
      'a server that is no member lacks some of it',
      [LEVEL, { replica: 5, vector: vector({ 3: 29 }) }],
      { members: [LEVEL] },
    ],
    ['a server that is no member was never heard', [LEVEL, { replica: 5 }], { members: [LEVEL] }],
  ])('%s -> it goes on', (_, peers, how) => {
    expect(setup(peers, how).retired).toEqual([]);
  });
});

describe('the cluster', () => {
  test('all members are of one -> it is established', () => {
    expect(setup([LEVEL, LEVEL]).established()).toBe(1);
  });

  test('one is of another, one is not heard, or nobody knows who they are -> not yet', () => {
    expect(setup([LEVEL, { ...LEVEL, clusterId: 'theirs' }]).established()).toBe(0);
    expect(setup([LEVEL], { isWhole: false }).established()).toBe(0);
    expect(setup([LEVEL], { members: 'unknown' }).established()).toBe(0);
  });
});
