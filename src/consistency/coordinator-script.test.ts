/**
 * The coordinator in scripts: what it is told, and what it wants done then. It has replica 1 and asks the voters a, b and c; a
 * ballot is written as its counter, with `'` if it is of another coordinator.
 */
import { expect, test } from 'vitest';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import { joined, type VersionVector, vectorObject } from '../commits/version-vector.ts';
import { NOTHING_ACCEPTED } from './acceptor.ts';
import { type Ballot, NO_BALLOT } from './ballot.ts';
import { ballotOf, type CoordinatorEffect, type CoordinatorEvent, IDLE, stepCoordinator } from './coordinator.ts';
import type { Accept, Prepare, ProvisionalPatch, Settled, Vote } from './message.ts';

const SETTINGS = {
  graph: 'g',
  replica: 1 as ReplicaId,
  configuration: 4,
  voters: new Set(['a', 'b', 'c']),
} as const;
const OTHER = 2 as ReplicaId;

const vectorOf = (text: string): VersionVector =>
  new Map(Array.from(text.matchAll(/(\d+):(\d+)/g), ([, origin, seq]) => [Number(origin) as ReplicaId, Number(seq)]));

function ballotIn(text: string): Ballot {
  return text.endsWith("'")
    ? { counter: Number(text.slice(0, -1)), replica: OTHER }
    : { counter: Number(text), replica: SETTINGS.replica };
}

const patchesOf = (text: string | undefined): ProvisionalPatch[] =>
  text === undefined || text === '-' ? [] : [{ graphKey: 'g', partition: '0' as PartitionId, text }];

const textOf = (patches: readonly ProvisionalPatch[]): string => patches.map(({ text }) => text).join(' ') || '-';
const nameOf = ({ counter, replica }: Ballot): string => `${counter}${replica === OTHER ? "'" : ''}`;
const vectorText = (vector: VersionVector): string =>
  Object.entries(vectorObject(vector))
    .map(([origin, seq]) => `${origin}:${seq}`)
    .join(',');

class Script {
  #state = IDLE;

  /** Votes answer the question that is open, unless they name another ballot or round. */
  play(line: string): string {
    const [word = '', ...rest] = line.split(' ');
    const { state, effects } = stepCoordinator(this.#state, this.#event(word, rest), SETTINGS);
    this.#state = state;
    return effects.map(said).join('; ');
  }

  #event(word: string, rest: readonly string[]): CoordinatorEvent {
    const [first = ''] = rest;
    const option = (name: string) => rest.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
    const ballot = option('of') === undefined ? ballotOf(this.#state) : ballotIn(option('of') as string);
    const round = Number(option('round') ?? this.#state.rounds);
    const known = new Map(
      Array.from((option('knows') ?? '').matchAll(/(\w):(\w+)/g), ([, a, b]) => [a ?? '', b ?? '']),
    );
    const vector = vectorOf(option('has') ?? '');
    const vote: Vote = { memory: option('memory') ?? first, known, vector, clock: Number(option('clock') ?? 0) };
    const head = { ...vote, graph: 'g', ballot };
    switch (word) {
      case 'promise': {
        const [accepted = NO_BALLOT] = [option('accepted')].flatMap((text) =>
          text === undefined ? [] : [ballotIn(text)],
        );
        const state = { ...NOTHING_ACCEPTED, promised: ballot, accepted, patches: patchesOf(option('patches')) };
        return { kind: 'vote', from: first, vote: { ...head, kind: 'promised', round, state } };
      }
      case 'accept':
        return {
          kind: 'vote',
          from: first,
          vote: { ...head, kind: 'accepted', promisedNext: option('next') !== 'no' },
        };
      case 'refuse': {
        const promised = ballotIn(option('for') ?? '0');
        return { kind: 'vote', from: first, vote: { kind: 'refused', graph: 'g', ballot, promised } };
      }
      case 'propose':
        return { kind: 'propose', cover: vectorOf(option('on') ?? ''), patches: patchesOf(first) };
      case 'committed':
        return first === '' ? { kind: 'committed' } : { kind: 'committed', commit: [1, Number(first)] };
      case 'probe':
        return { kind: 'probe', seen: vectorOf(option('on') ?? '') };
      case 'begin':
      case 'caught-up':
      case 'outdated':
      case 'resend':
        return { kind: word };
      default:
        throw new Error(`nobody knows ${word}`);
    }
  }
}

function said(effect: CoordinatorEffect): string {
  switch (effect.kind) {
    case 'send': {
      const except = Array.from(effect.except).sort().join('');
      return `${asked(effect.message)}${except && ` but ${except}`}`;
    }
    case 'catch-up':
      return `catch up to ${vectorText(effect.wanted)} clock ${effect.clock}`;
    case 'leads':
      return `leads after ${nameOf(effect.accepted)}`;
    case 'chosen':
      return `chosen ${textOf(effect.patches)} of ${nameOf(effect.of)}`;
    case 'probed':
      return effect.holds ? 'still leads' : 'takes a proposal';
    case 'lost':
      return 'lost';
  }
}

function asked(message: Prepare | Accept | Settled): string {
  const ballot = nameOf(message.ballot);
  const on = (cover: VersionVector) => (cover.size === 0 ? '' : ` on ${vectorText(joined(cover, []))}`);
  switch (message.kind) {
    case 'prepare':
      return `prepare ${ballot} in ${message.configuration} round ${message.round}${on(message.cover)}`;
    case 'accept':
      return `accept ${textOf(message.patches)} of ${ballot} in ${message.configuration} then ${nameOf(message.next)}${on(message.cover)}`;
    case 'settled':
      return `settled ${ballot} by ${message.commit.join(':')}`;
  }
}

/** Leads with ballot 1, and has let x take effect: the next ballot is 2. */
const LEADS: readonly (readonly [string, string])[] = [
  ['begin', 'prepare 1 in 4 round 1'],
  ['promise a', ''],
  ['promise b', 'catch up to  clock 0'],
  ['caught-up', 'leads after 0'],
  ['propose x', 'accept x of 1 in 4 then 2'],
  ['accept a', ''],
  ['accept b', 'chosen x of 1'],
  ['committed 7', 'settled 1 by 1:7; leads after 1'],
];

const SCRIPTS: Readonly<Record<string, readonly (readonly [event: string, effects: string])[]>> = {
  'a majority promises -> it catches up to all that they hold, and leads beyond the latest of their clocks': [
    ['begin', 'prepare 1 in 4 round 1'],
    ['promise a has=1:5,2:3 clock=70', ''],
    ['promise b has=1:4,3:9 clock=60', 'catch up to 1:5,2:3,3:9 clock 70'],
    ['promise c has=1:99', ''],
    ['caught-up', 'leads after 0'],
  ],
  'one proposal after the other -> the next ballot needs no round of its own': [
    ...LEADS,
    ['propose y on=1:7', 'accept y of 2 in 4 then 3 on 1:7'],
    ['accept b', ''],
    ['accept c', 'chosen y of 2'],
    ['committed 8', 'settled 2 by 1:8; leads after 2'],
  ],
  'a proposal that changes nothing -> nothing is settled, and it leads on': [
    ...LEADS,
    ['propose -', 'accept - of 2 in 4 then 3'],
    ['accept a', ''],
    ['accept b', 'chosen - of 2'],
    ['committed', 'leads after 2'],
  ],
  'no answer for a while -> those who have not answered are asked again, the same': [
    ['begin', 'prepare 1 in 4 round 1'],
    ['resend', 'prepare 1 in 4 round 1'],
    ['promise b', ''],
    ['resend', 'prepare 1 in 4 round 1 but b'],
    ['refuse c for=0', ''],
    ['resend', 'prepare 1 in 4 round 1 but bc'],
    ['promise a', 'catch up to  clock 0'],
    ['resend', ''],
    ['caught-up', 'leads after 0'],
    ['resend', ''],
    ['propose x', 'accept x of 1 in 4 then 2'],
    ['accept c', ''],
    ['resend', 'accept x of 1 in 4 then 2 but c'],
    ['accept c', ''],
    ['accept a', 'chosen x of 1'],
    ['resend', ''],
  ],
  'two of three refuse -> lost; its next ballot is beyond what they promised': [
    ['begin', 'prepare 1 in 4 round 1'],
    ["refuse a for=9'", ''],
    ["refuse a for=9'", ''],
    ["refuse b for=5'", 'lost'],
    ['begin', 'prepare 10 in 4 round 2'],
  ],
  'a refusal of an earlier ballot -> it is not counted, but what was promised is remembered': [
    ['begin', 'prepare 1 in 4 round 1'],
    ['begin', 'prepare 2 in 4 round 2'],
    ["refuse a of=1 for=7'", ''],
    ["refuse b of=1 for=7'", ''],
    ['promise a', ''],
    ['promise b', 'catch up to  clock 0'],
    ['begin', 'prepare 8 in 4 round 3'],
  ],
  'a promise to an earlier question or of another ballot -> not counted (STR-5)': [
    ['begin', 'prepare 1 in 4 round 1'],
    ['begin', 'prepare 2 in 4 round 2'],
    ['promise a round=1', ''],
    ['promise a of=1', ''],
    ['promise b', ''],
    ['promise c', 'catch up to  clock 0'],
  ],
  'a promise knows of a later ballot -> the next one is beyond it': [
    ['begin', 'prepare 1 in 4 round 1'],
    ["promise a accepted=30' patches=y", ''],
    ['begin', 'prepare 31 in 4 round 2'],
  ],
  'who promised has accepted something -> it is proposed under the new ballot, and known as what it was (STR-7)': [
    ['begin', 'prepare 1 in 4 round 1'],
    ['begin', 'prepare 2 in 4 round 2'],
    ['promise a accepted=1 patches=old has=2:6', ''],
    ['promise b', 'catch up to 2:6 clock 0'],
    ['caught-up', 'accept old of 2 in 4 then 3 on 2:6'],
    ['accept a', ''],
    ['accept c', 'chosen old of 1'],
    ['committed 3', 'settled 2 by 1:3; leads after 2'],
  ],
  'a voter lost its memory between two answers -> neither counts (STR-6)': [
    ['begin', 'prepare 1 in 4 round 1'],
    ['promise a memory=m', ''],
    ['promise b knows=a:n', ''],
    ['promise c', 'catch up to  clock 0'],
  ],
  'a voter that promised has lost its memory since -> the acceptances of the others do not stand on it (STR-6)': [
    ['begin', 'prepare 1 in 4 round 1'],
    ['promise a memory=m', ''],
    ['promise b', 'catch up to  clock 0'],
    ['caught-up', 'leads after 0'],
    ['propose x', 'accept x of 1 in 4 then 2'],
    ['accept b', ''],
    ['accept c knows=a:n', ''],
    ['accept a memory=n', ''],
  ],
  'acceptances of another ballot -> not counted': [
    ...LEADS,
    ['propose y', 'accept y of 2 in 4 then 3'],
    ['accept a of=1', ''],
    ["accept b of=2'", ''],
    ['accept c', ''],
    ['accept b', 'chosen y of 2'],
  ],
  'the next ballot was promised to somebody else meanwhile -> what was chosen is settled, and it leads no more': [
    ...LEADS,
    ['propose y', 'accept y of 2 in 4 then 3'],
    ['accept a next=no', ''],
    ['accept b', 'chosen y of 2'],
    ['committed 8', 'settled 2 by 1:8; lost'],
  ],
  'the same, and the third accepts before the commit is there -> it promised the next ballot too, so it leads': [
    ...LEADS,
    ['propose y', 'accept y of 2 in 4 then 3'],
    ['accept a next=no', ''],
    ['accept b', 'chosen y of 2'],
    ['accept c of=2', ''],
    ['committed 8', 'settled 2 by 1:8; leads after 2'],
  ],
  'the same, but the third accepted the proposal before -> that promises nothing': [
    ...LEADS,
    ['propose y', 'accept y of 2 in 4 then 3'],
    ['accept a next=no', ''],
    ['accept b', 'chosen y of 2'],
    ['accept c of=1', ''],
    ['accept c of=2 next=no', ''],
    ['committed 8', 'settled 2 by 1:8; lost'],
  ],
  'a strong read -> all are asked whether it still leads, and hold what was seen before they answer (STR-8)': [
    ...LEADS,
    ['probe on=2:4', 'prepare 2 in 4 round 2 on 2:4'],
    ['promise a round=1', ''],
    ['promise a', ''],
    ['resend', 'prepare 2 in 4 round 2 on 2:4 but a'],
    ['promise c', 'still leads'],
    ['propose y', 'accept y of 2 in 4 then 3'],
  ],
  'a strong read, and two of three have promised somebody else -> lost': [
    ...LEADS,
    ['probe', 'prepare 2 in 4 round 2'],
    ["refuse a for=9'", ''],
    ["refuse b for=9'", 'lost'],
  ],
  'a strong read, and a voter that promised lost its memory -> a majority that remembers is needed (STR-6)': [
    ...LEADS,
    ['probe', 'prepare 2 in 4 round 2'],
    ['promise a memory=n', ''],
    ['promise c', ''],
  ],
  'votes of those who are none -> nothing (STR-13)': [
    ...LEADS,
    ['propose y', 'accept y of 2 in 4 then 3'],
    ['accept d', ''],
    ['accept e', ''],
    ["refuse d for=9'", ''],
    ["refuse e for=9'", ''],
    ['accept a', ''],
    ['accept b', 'chosen y of 2'],
  ],
  'what comes late -> nothing: it catches up, and commits, only for who waits for it': [
    ['caught-up', ''],
    ['committed 3', ''],
    ['resend', ''],
    ['outdated', ''],
    ["refuse a for=9'", ''],
    ['accept a of=3', ''],
    ['begin', 'prepare 10 in 4 round 1'],
    ['committed 3', ''],
    ['caught-up', ''],
  ],
  'it begins anew while it commits -> the commit changes nothing': [
    ...LEADS,
    ['propose y', 'accept y of 2 in 4 then 3'],
    ['accept a', ''],
    ['accept b', 'chosen y of 2'],
    ['begin', 'prepare 4 in 4 round 2'],
    ['committed 8', ''],
  ],
};

test.each(Object.entries(SCRIPTS))('%s', (_name, lines) => {
  const script = new Script();
  expect(lines.map(([event]) => [event, script.play(event)])).toEqual(lines);
});

test('two proposals at once, or a question while it does not lead -> a bug (STR-3)', () => {
  for (const event of ['propose x', 'probe']) {
    expect(() => new Script().play(event)).toThrow(/only who leads/);
    const asking = new Script();
    for (const [line] of LEADS) asking.play(line);
    asking.play('propose y');
    expect(() => asking.play(event)).toThrow(/only who leads/);
  }
});
