/** To which configuration a change leads, or why not, and how long a server waits for what may pass: without any other server. */
import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Operation } from '../../graph/model.ts';
import type { VoterChange } from '../engine-port.ts';
import { type Configuration, configurationText, firstConfiguration } from '../replication/configuration.ts';
import { VoterSet } from '../replication/voter-set.ts';
import { testEnv } from '../test-env.model.ts';
import type { Joined } from './message.ts';
import {
  type Change,
  changed,
  configurationNode,
  decidedText,
  deciding,
  forgetConfigurations,
} from './voter-change.ts';
import { VoterChanges } from './voter-changes.ts';

const FIRST = firstConfiguration(new Map(['a', 'b', 'c'].map((name) => [name, `memory of ${name}`])));
/** d was made a voter. */
const SECOND: Configuration = {
  number: 2,
  voters: ['a', 'b', 'c', 'd'],
  before: ['a', 'b', 'c'],
  fresh: [['d', 'memory of d']],
};
const ONE: Configuration = { number: 3, voters: ['a'], before: ['a', 'b'], fresh: [] };
const FULL = firstConfiguration(
  new Map(Array.from({ length: LIMITS.votersMax }, (_, i) => [i === 0 ? 'a' : `v${i}`, 'its memory'])),
);

interface Around {
  readonly votes?: boolean;
  /** Without this server. */
  readonly reachable?: readonly string[];
  /** What others said in which configuration they vote; they have heard of the one in force. */
  readonly voting?: Readonly<Record<string, number>>;
  /** Those that have not heard of it. */
  readonly late?: readonly string[];
}

/** What the server a knows of others. */
function around(configuration: Configuration, { votes = true, reachable = [], voting = {}, late = [] }: Around) {
  const told = (name: string): Joined | undefined => {
    const votesIn = voting[name];
    if (votesIn === undefined) return undefined;
    const heard = late.includes(name) ? { ...configuration, number: configuration.number - 1 } : configuration;
    return { memory: `memory of ${name}`, configuration: heard, votesIn } as Joined;
  };
  return { self: 'a', votes, reachable: ['a', ...reachable], told };
}

function said(change: Change): unknown {
  if (change.kind === 'next') return change.next ?? 'as it is';
  const { code, message } = change.refusal;
  return `${code}: ${message}${change.mayPass ? ' (for now)' : ''}`;
}

const UNKNOWN = 'peer-not-found: x is not linked; start it with the URLs of all members in --peers first (for now)';
const ALL = { reachable: ['b', 'c'], voting: { b: 1, c: 1 } };
const ADD = (name: string): VoterChange => ({ kind: 'add', name });
const REMOVE = (name: string): VoterChange => ({ kind: 'remove', name });

describe('a change of who votes', () => {
  test.each<readonly [string, Configuration, VoterChange, Around, unknown]>([
    ['added, and nobody knows it', FIRST, ADD('x'), ALL, UNKNOWN],
    ['removed, and nobody knows it', FIRST, REMOVE('x'), ALL, UNKNOWN],
    ['added, and it votes', FIRST, ADD('b'), ALL, 'as it is'],
    ['removed, and it does not vote', FIRST, REMOVE('x'), { ...ALL, reachable: ['b', 'c', 'x'] }, 'as it is'],
    [
      'removed, is not linked and told once that it does not vote',
      FIRST,
      REMOVE('x'),
      { voting: { x: 0 } },
      'as it is',
    ],
    [
      'added, linked, and said nothing yet',
      FIRST,
      ADD('x'),
      { ...ALL, reachable: ['b', 'c', 'x'] },
      'voters-conflict: x has not heard yet who votes (for now)',
    ],
    [
      'added, and it knows of an earlier configuration',
      FIRST,
      ADD('x'),
      { reachable: ['b', 'c', 'x'], voting: { b: 1, c: 1, x: 0 }, late: ['x'] },
      'voters-conflict: x has not heard yet who votes (for now)',
    ],
    [
      'added',
      FIRST,
      ADD('x'),
      { reachable: ['b', 'c', 'x'], voting: { b: 1, c: 1, x: 0 } },
      { number: 2, voters: ['a', 'b', 'c', 'x'], before: ['a', 'b', 'c'], fresh: [['x', 'memory of x']] },
    ],
    [
      'added, with three of four that are there',
      FIRST,
      ADD('x'),
      { reachable: ['b', 'x'], voting: { b: 1, c: 1, x: 0 } },
      { number: 2, voters: ['a', 'b', 'c', 'x'], before: ['a', 'b', 'c'], fresh: [['x', 'memory of x']] },
    ],
    [
      'added, and it is not linked any more, with two others that are there',
      FIRST,
      ADD('x'),
      { reachable: ['b'], voting: { b: 1, c: 1, x: 0 } },
      'voters-conflict: of a, b, c, x only 2 can be reached and would vote (for now)',
    ],
    [
      'removed, and of the others one votes in an earlier configuration',
      SECOND,
      REMOVE('d'),
      { reachable: ['b', 'c'], voting: { b: 1, c: 2, d: 2 } },
      { number: 3, voters: ['a', 'b', 'c'], before: ['a', 'b', 'c', 'd'], fresh: [] },
    ],
    [
      'removed, and of the others two do not vote, this server among them',
      SECOND,
      REMOVE('d'),
      { votes: false, reachable: ['b', 'c', 'd'], voting: { b: 1, c: 2, d: 2 } },
      'voters-conflict: of a, b, c only 1 can be reached and would vote (for now)',
    ],
    [
      'another one, while a new voter does not vote yet',
      SECOND,
      REMOVE('b'),
      { reachable: ['b', 'c', 'd'], voting: { b: 2, c: 2, d: 0 } },
      'voters-conflict: d was made a voter and does not vote yet (for now)',
    ],
    [
      'the new voter itself, which does not vote yet',
      SECOND,
      REMOVE('d'),
      { reachable: ['b', 'c', 'd'], voting: { b: 2, c: 2, d: 0 } },
      { number: 3, voters: ['a', 'b', 'c'], before: ['a', 'b', 'c', 'd'], fresh: [] },
    ],
    [
      'another one, once the new voter votes',
      SECOND,
      REMOVE('b'),
      { reachable: ['b', 'c', 'd'], voting: { b: 2, c: 2, d: 2 } },
      { number: 3, voters: ['a', 'c', 'd'], before: ['a', 'b', 'c', 'd'], fresh: [] },
    ],
    [
      'one of the first, before all of them vote',
      FIRST,
      REMOVE('c'),
      { reachable: ['b'], voting: { b: 1, c: 0 } },
      { number: 2, voters: ['a', 'b'], before: ['a', 'b', 'c'], fresh: [] },
    ],
    [
      'removed, and of the others one said nothing yet',
      FIRST,
      REMOVE('c'),
      { reachable: ['b', 'c'], voting: { c: 1 } },
      'voters-conflict: of a, b only 1 can be reached and would vote (for now)',
    ],
    ['removed, and it is the last', ONE, REMOVE('a'), {}, 'voters-conflict: a is the last voter'],
    [
      'one more than may be',
      FULL,
      ADD('x'),
      { ...ALL, reachable: ['x'] },
      `voters-conflict: there are ${LIMITS.votersMax} voters, the most allowed`,
    ],
  ])('%s -> the next configuration, or why not', (_, configuration, change, surroundings, expected) => {
    expect(said(changed(configuration, change, around(configuration, surroundings)))).toEqual(expected);
  });
});

test('what is decided -> a node that nobody else can make, from which it is read; all of them can be forgotten', async () => {
  const operation = deciding(SECOND) as Extract<Operation, { op: 'createNode' }>;
  expect(operation).toEqual({
    op: 'createNode',
    id: 'voters:2',
    labels: ['Voters'],
    properties: { configuration: configurationText(SECOND) },
  });
  expect(operation.id).toBe(configurationNode(2));
  expect([decidedText(operation.properties as never), decidedText({ configuration: 5 }), decidedText({})]).toEqual([
    configurationText(SECOND),
    undefined,
    undefined,
  ]);
  const ids = Array.from({ length: 2_500 }, (_, i) => ({ id: `voters:${i}` }));
  const asked: unknown[] = [];
  const removed: unknown[] = [];
  await forgetConfigurations({
    nodes: async (filter: unknown, { limit }: { limit: number }) => {
      asked.push(filter);
      return { items: ids.slice(0, limit) };
    },
    write: async (operations: readonly Operation[]) => {
      removed.push(...operations);
      ids.splice(0, operations.length);
      return [];
    },
  } as never);
  expect(removed).toEqual(
    Array.from({ length: 2_500 }, (_, i) => ({ op: 'deleteNode', id: `voters:${i}`, detach: true })),
  );
  expect(asked).toHaveLength(4);
  expect(new Set(asked.map((filter) => JSON.stringify(filter)))).toEqual(new Set(['{"label":"Voters"}']));
});

describe('a change that is asked of a server', () => {
  /** The server a, which has heard of this configuration; b and c vote in it. */
  async function serverA(configuration: Configuration | undefined = FIRST) {
    const env = testEnv();
    const logged: unknown[] = [];
    const voterSet = await VoterSet.read({ readNote: async () => undefined, writeNote: async () => undefined });
    if (configuration !== undefined) voterSet.adopt(configuration);
    const there = {
      reachable: ['b', 'c'],
      voting: { b: 1, c: 1 } as Record<string, number>,
      votes: true,
      closed: false,
    };
    const decided = new Map<number, Configuration>();
    const operations: Operation[] = [];
    let refusal: WeftError | undefined;
    const surroundings = () => around(voterSet.configuration, there);
    const changes = new VoterChanges({
      env: { ...env, log: { write: (...line) => void logged.push(line) } },
      channel: { self: 'a', voterSet, reachable: () => ['a', ...there.reachable] } as never,
      voter: {
        get votes() {
          return there.votes;
        },
        told: (name: string) => surroundings().told(name),
      } as never,
      decided: (number) => {
        const one = decided.get(number);
        return one && configurationText(one);
      },
      decide: async (operation) => {
        operations.push(operation);
        if (refusal !== undefined) throw refusal;
      },
      isClosed: () => there.closed,
    });
    const turns = () => new Promise<void>((resolve) => setImmediate(resolve));
    let outcome: string | undefined;
    return {
      voterSet,
      there,
      decided,
      operations,
      logged,
      refuse: (error: WeftError) => {
        refusal = error;
      },
      learn: () => changes.learnDecided(),
      change: (change: VoterChange): void => {
        changes.change(change).then(
          () => {
            outcome = 'done';
          },
          (error: WeftError) => {
            outcome = `${error.code}: ${error.message}`;
          },
        );
      },
      /** What it came to after so long; nothing while it waits. */
      after: async (ms: number): Promise<string | undefined> => {
        for (let gone = 0; gone < ms; gone += LIMITS.strongResendMs) {
          await turns();
          env.advance(Math.min(LIMITS.strongResendMs, ms - gone));
        }
        await turns();
        return outcome;
      },
    };
  }

  test('decided -> in force here and logged; it waits until a majority votes in it, as long as a request may take', async () => {
    for (const votes of [true, false]) {
      const server = await serverA();
      server.change(REMOVE('c'));
      expect(await server.after(400)).toBeUndefined();
      expect(server.voterSet.configuration).toMatchObject({ number: 2, voters: ['a', 'b'] });
      expect(server.operations).toEqual([deciding(server.voterSet.configuration)]);
      expect(server.logged).toEqual([
        ['info', 'quorum: the voters were changed', { kind: 'remove', name: 'c', by: 'a', configuration: 2 }],
      ]);
      if (votes) {
        server.there.voting.b = 2;
        expect(await server.after(LIMITS.strongResendMs)).toBe('done');
      } else {
        expect(await server.after(LIMITS.strongWaitMs - 600)).toBeUndefined();
        expect(await server.after(200)).toBe('done');
      }
    }
  });

  test('it stops meanwhile -> it waits no longer', async () => {
    const server = await serverA();
    server.change(REMOVE('c'));
    await server.after(400);
    server.there.closed = true;
    expect(await server.after(LIMITS.strongResendMs)).toBe('done');
  });

  test('as it is already -> nothing is decided, nothing logged', async () => {
    const server = await serverA();
    server.change(ADD('b'));
    expect(await server.after(0)).toBe('done');
    expect([server.operations, server.logged]).toEqual([[], []]);
  });

  test('what stands against it may pass -> waited for, one and a half seconds', async () => {
    for (const passes of [true, false]) {
      const server = await serverA();
      server.there.reachable = [];
      server.change(REMOVE('c'));
      expect(await server.after(1_400)).toBeUndefined();
      if (passes) server.there.reachable = ['b'];
      const end = await server.after(LIMITS.strongResendMs);
      expect(server.operations).toHaveLength(passes ? 1 : 0);
      expect(end).toBe(passes ? undefined : 'voters-conflict: of a, b only 1 can be reached and would vote');
    }
  });

  test('it will not pass, or the server stops -> refused at once', async () => {
    const last = await serverA(ONE);
    last.change(REMOVE('a'));
    expect(await last.after(0)).toBe('voters-conflict: a is the last voter');
    const stopping = await serverA();
    stopping.there.closed = true;
    stopping.change(ADD('x'));
    expect(await stopping.after(0)).toContain('peer-not-found: x is not linked');
  });

  test('not all have met -> refused', async () => {
    const server = await serverA({ ...FIRST, number: 0 });
    server.change(ADD('b'));
    expect(await server.after(0)).toBe(
      'quorum-unavailable: the servers that were told of each other have not all met yet',
    );
  });

  test.each<readonly [string, WeftError, string]>([
    [
      'somebody else was first',
      new WeftError('node-exists', 'there is one'),
      'voters-conflict: the voters were changed by somebody else meanwhile; look, and try again',
    ],
    ['the voters refuse', new WeftError('quorum-unavailable', 'none'), 'quorum-unavailable: none'],
  ])('%s -> refused, and nothing is in force', async (_, error, text) => {
    const server = await serverA();
    server.refuse(error);
    server.change(REMOVE('c'));
    expect(await server.after(0)).toBe(text);
    expect(server.voterSet.configuration).toEqual(FIRST);
  });

  test('others were decided meanwhile -> taken over one after the other, before anything is asked', async () => {
    const server = await serverA();
    server.decided.set(2, SECOND);
    server.decided.set(3, { ...SECOND, number: 3, voters: ['a', 'b', 'd'] });
    server.decided.set(5, { ...SECOND, number: 5 });
    server.there.voting = { b: 3, d: 3 };
    server.there.reachable = ['b', 'd'];
    server.change(ADD('d'));
    expect(await server.after(0)).toBe('done');
    expect(server.voterSet.configuration).toMatchObject({ number: 3, voters: ['a', 'b', 'd'] });
    const unfounded = await serverA({ ...FIRST, number: 0 });
    unfounded.decided.set(1, FIRST);
    unfounded.learn();
    expect(unfounded.voterSet.configuration.number).toBe(0);
  });
});
