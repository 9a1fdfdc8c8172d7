/** A voter beside a disk that syncs when the test says so. */
import { describe, expect, test } from 'vitest';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug, QuorumBug } from '../../base/planted-bug.ts';
import { firstConfiguration, withoutVoter } from '../replication/configuration.ts';
import { VoterSet } from '../replication/voter-set.ts';
import { testEnv } from '../test-env.model.ts';
import type { Accept, Message, Prepare } from './message.ts';
import { Voter } from './voter.ts';

const FIRST = firstConfiguration(new Map(['a', 'b', 'c'].map((name) => [name, `memory of ${name}`])));
const ballot = (counter: number) => ({ counter, replica: 7 as ReplicaId });
const prepare: Prepare = {
  kind: 'prepare',
  graph: 'g',
  ballot: ballot(1),
  configuration: 1,
  round: 1,
  cover: new Map(),
};
const accept: Accept = {
  kind: 'accept',
  graph: 'g',
  ballot: ballot(2),
  configuration: 1,
  next: ballot(3),
  cover: new Map(),
  patches: [],
};

/** The server a, which votes in the first configuration. */
async function voterA(bugs: readonly QuorumBug[] = []) {
  const unsynced: (() => void)[] = [];
  let holdsSyncs = false;
  let coversAll = true;
  const notes = {
    readNote: async () => undefined,
    writeNote: () => new Promise<void>((resolve) => (holdsSyncs ? unsynced.push(resolve) : resolve())),
  };
  const voterSet = await VoterSet.read(notes);
  voterSet.adopt(FIRST);
  await voterSet.vote();
  const sent: Message[] = [];
  const voter = await Voter.open({
    env: testEnv(),
    host: { ...notes, vector: new Map(), clockReading: 0, isWhole: true, covers: () => coversAll },
    self: 'a',
    voterSet,
    channel: { size: 3, met: () => ['a', 'b', 'c'] },
    send: (_to, message) => void sent.push(message),
    guard: (work) => void work.catch((error: unknown) => expect.fail(String(error))),
    bugs: new Set<PlantedBug>(bugs),
  });
  const turns = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    voterSet,
    /** What is asked from now on rests on commits that it lacks; or these have come. */
    covers: (all: boolean): void => {
      coversAll = all;
      voter.moved();
    },
    /** Hears it, and tells when its span ends. */
    async traced(message: Parameters<Voter['hear']>[1]): Promise<{ ends: number }> {
      const told = { ends: 0 };
      const span = { traceparent: '', set: () => undefined, end: () => void told.ends++ };
      voter.hear('b', message, span as never);
      await turns();
      return told;
    },
    turns,
    /** What it answers before the disk has synced, and after. */
    async hear(message: Parameters<Voter['hear']>[1]): Promise<{ early: string[]; late: string[] }> {
      sent.length = 0;
      holdsSyncs = true;
      voter.hear('b', message);
      await turns();
      const early = sent.map(({ kind }) => kind);
      holdsSyncs = false;
      for (const resolve of unsynced.splice(0)) resolve();
      await turns();
      return { early, late: sent.map(({ kind }) => kind) };
    },
  };
}

describe('a vote (STR-1)', () => {
  test('the disk has not synced -> no promise and no acceptance leaves', async () => {
    const voter = await voterA();
    expect(await voter.hear(prepare)).toEqual({ early: [], late: ['promised'] });
    expect(await voter.hear(accept)).toEqual({ early: [], late: ['accepted'] });
  });

  test('planted -> this is seen', async () => {
    expect((await (await voterA(['promise-in-memory'])).hear(prepare)).early).toEqual(['promised']);
    expect((await (await voterA(['vote-before-sync'])).hear(accept)).early).toEqual(['accepted']);
  });
});

test('proposals that rest on commits which are not here yet -> the last one is answered when they are; each span ends once, when it is clear', async () => {
  const voter = await voterA();
  voter.covers(false);
  const first = await voter.traced(accept);
  expect(first.ends).toBe(0);
  const later = await voter.traced({ ...accept, ballot: ballot(4), next: ballot(5) });
  const late = await voter.traced({ ...accept, ballot: ballot(3), next: ballot(6) });
  // Whoever proposes later has won, whichever comes first.
  expect([first.ends, later.ends, late.ends]).toEqual([1, 0, 1]);
  voter.covers(true);
  await voter.turns();
  expect([first.ends, later.ends, late.ends]).toEqual([1, 1, 1]);
});

describe('a configuration that is over (STR-12)', () => {
  const second = withoutVoter(FIRST, 'c');

  test('a ballot of it -> told which one is in force, whatever the ballot; planted -> this is seen', async () => {
    for (const [bugs, answer] of [
      [[], 'outdated'],
      [['old-voters-decide'], 'accepted'],
    ] as const) {
      const voter = await voterA(bugs);
      voter.voterSet.adopt(second);
      expect((await voter.hear(accept)).late).toEqual([answer]);
    }
  });

  test('it learns of the next one from a join -> that is durable before it tells what it has accepted', async () => {
    const voter = await voterA();
    await voter.hear(accept);
    const join = { kind: 'join', memory: 'memory of b', configuration: second, asksState: true } as const;
    expect(await voter.hear(join)).toEqual({ early: [], late: ['joined'] });
    expect((await voter.hear({ ...accept, ballot: ballot(4), next: ballot(5) })).late).toEqual(['outdated']);
  });

  test('a ballot of one that it has not heard of, or in which it does not vote yet -> no answer', async () => {
    const voter = await voterA();
    expect((await voter.hear({ ...accept, configuration: 2 })).late).toEqual([]);
    voter.voterSet.adopt(second);
    expect((await voter.hear({ ...accept, configuration: 2 })).late).toEqual([]);
  });
});
