/** Who votes is changed while strong operations go on: real engines, links that can be cut, time that a test moves. */
import { afterEach, describe, expect, test } from 'vitest';
import type { WeftError } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import { DEFAULT } from '../engine-on-disk.model.ts';
import type { Graph, QuorumDescription } from '../engine-port.ts';
import { Cluster, type Server, stall } from '../replication/cluster.model.ts';
import { firstConfiguration } from '../replication/configuration.ts';
import type { Joined } from './message.ts';
import { type Change, changed } from './voter-change.ts';

let cluster: Cluster;
afterEach(() => expect(cluster.bugs).toEqual([]));

const strong = ({ engine }: Server): Graph => engine.graph(DEFAULT, 'strong');
const id = (text: string) => text as NodeId;
const votes = ({ engine }: Server): boolean => engine.quorum().votes;
const configurationOf = ({ engine }: Server): number => engine.quorum().configuration;

async function start(...names: readonly string[]): Promise<Server[]> {
  cluster = new Cluster(...names);
  return cluster.startVoting();
}

const write = (server: Server, name: string) =>
  cluster.during(strong(server).write([{ op: 'createNode', id: id(name), labels: [], properties: {} }]));
const read = async (server: Server, name: string) => (await cluster.during(strong(server).node(id(name)))).element.id;
const change = (server: Server, kind: 'add' | 'remove', name: string): Promise<QuorumDescription> =>
  cluster.during(server.engine.changeVoters({ kind, name }));

async function codeOf(work: Promise<unknown>): Promise<string> {
  return cluster.during(work).then(
    () => 'done',
    (error: WeftError) => error.code,
  );
}

test('the voters have not all met -> of how many servers it reaches how many, and what a majority will be', async () => {
  cluster = new Cluster('a', 'b', 'c');
  const [a, b] = await Promise.all([cluster.start('a'), cluster.start('b')]);
  await cluster.until(() => [a, b].every(({ engine }) => engine.quorum().reachable === 2), 'links');
  expect(a.engine.quorum()).toMatchObject({ votes: false, configuration: 0, voters: [], reachable: 2, majority: 2 });
});

test('a voter more -> as long as there are fewer than may be', () => {
  const after = (count: number): Change['kind'] => {
    const memories = Array.from({ length: count }, (_, i) => [`voter-${i}`, 'its memory'] as const);
    const configuration = firstConfiguration(new Map(memories));
    const { number, voters } = configuration;
    const told = (name: string): Joined => ({
      kind: 'joined',
      of: 'its memory',
      memory: `memory of ${name}`,
      known: new Map(),
      vector: new Map(),
      clock: 0,
      configuration,
      votesIn: voters.includes(name) ? number : 0,
      met: [],
      tellsState: true,
      states: [],
    });
    const surroundings = { self: 'voter-0', votes: true, reachable: [...voters, 'new'], told };
    return changed(configuration, { kind: 'add', name: 'new' }, surroundings).kind;
  };
  expect([after(LIMITS.votersMax - 1), after(LIMITS.votersMax)]).toEqual(['next', 'refused']);
});

describe('a server that nobody was told of', () => {
  test('it joins -> holds everything and does not vote; made a voter, it counts', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    await write(a, 'before');
    const d = await cluster.start('d', { peers: ['a', 'b', 'c'] });
    await cluster.converge(a, b, c, d);
    expect(d.engine.quorum()).toMatchObject({ votes: false, configuration: 1, voters: ['a', 'b', 'c'] });
    expect(await read(d, 'before')).toBe('before');
    expect(await change(b, 'add', 'd')).toMatchObject({ configuration: 2, voters: ['a', 'b', 'c', 'd'], majority: 3 });
    await cluster.until(() => [a, b, c, d].every(votes), 'votes of all');
    for (const { log } of [a, b, c, d]) expect(log.filter((line) => line === 'info quorum: who votes')).not.toEqual([]);
    await cluster.kill(a);
    await write(d, 'three of four');
    await cluster.kill(b);
    expect(await codeOf(strong(d).node(id('before')))).toBe('quorum-unavailable');
  });

  test('it is asked itself to add it -> it votes as well', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    const d = await cluster.start('d', { peers: ['a', 'b', 'c'] });
    await cluster.linked(a, b, c, d);
    await cluster.converge(a, b, c, d);
    expect(await change(d, 'add', 'd')).toMatchObject({ configuration: 2, voters: ['a', 'b', 'c', 'd'] });
    await cluster.until(() => [a, b, c, d].every(votes), 'votes of all');
  });

  test('it takes the place of one that was lost -> every decision of before holds, two of the three new ones go on', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    await write(c, 'kept');
    await cluster.kill(c);
    expect(await change(a, 'remove', 'c')).toMatchObject({ voters: ['a', 'b'], majority: 2 });
    const d = await cluster.start('d', { peers: ['a', 'b'] });
    await cluster.converge(a, b, d);
    await change(b, 'add', 'd');
    await cluster.until(() => [a, b, d].every(votes), 'votes of all');
    await cluster.kill(a);
    await write(d, 'later');
    for (const name of ['kept', 'later']) expect(await read(b, name)).toBe(name);
    expect(await codeOf(strong(b).write([{ op: 'createNode', id: id('kept'), labels: [], properties: {} }]))).toBe(
      'node-exists',
    );
  });

  test('it loses its disk after it was made a voter -> votes again only with what the others tell', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    const d = await cluster.start('d', { peers: ['a', 'b', 'c'] });
    await cluster.converge(a, b, c, d);
    await change(a, 'add', 'd');
    await cluster.until(() => [a, b, c, d].every(votes), 'votes of all');
    await cluster.kill(d);
    await cluster.kill(c);
    // Three of four are needed to tell it, and only two are there.
    const back = await cluster.start('d', { peers: ['a', 'b', 'c'], disk: new MemoryDisk() });
    await cluster.run(5_000);
    expect(votes(back)).toBe(false);
    const again = await cluster.start('c', { disk: c.disk });
    await cluster.until(() => votes(again) && votes(back), 'votes of all');
  });
});

describe('a server that does not vote, away while the only voter is started again', () => {
  async function expectShown(server: Server, name: string): Promise<void> {
    // What comes in is shown once the disk has it: until then the read must wait.
    const release = stall(server);
    const shown = strong(server).node(id(name));
    await cluster.run(1_000);
    release();
    expect((await cluster.during(shown)).element.id).toBe(name);
  }

  /** Writes, and starts the server again: what it wrote is in a stream that ended, which vectors do not name. */
  async function writtenBefore(name: string, writer: Server, ...others: readonly Server[]): Promise<Server> {
    await cluster.during(writer.graph.write([{ op: 'createNode', id: id(name), labels: [], properties: {} }]));
    await cluster.converge(writer, ...others);
    await cluster.stop(writer);
    const again = await cluster.start(writer.name, { disk: writer.disk });
    await cluster.until(() => votes(again), 'its vote');
    await cluster.run(10_000);
    return again;
  }

  test('it was named to the voter -> a strong read there sees what was written while it was away', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    for (const name of ['c', 'b']) await change(a, 'remove', name);
    await cluster.converge(a, b, c);
    await cluster.stop(c);
    await writtenBefore('while away', a, b);
    await expectShown(await cluster.start('c', { disk: c.disk }), 'while away');
  });

  test('it was named to the voter -> a session token of the voter makes it wait', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    for (const name of ['c', 'b']) await change(a, 'remove', name);
    await cluster.converge(a, b, c);
    await cluster.stop(c);
    const token = (await writtenBefore('while away', a, b)).engine.sessionToken([]);
    const back = await cluster.start('c', { disk: c.disk });
    const release = stall(back);
    expect(await codeOf(back.engine.reachSession([token]))).toBe('session-not-reached');
    release();
    await cluster.during(back.engine.reachSession([token]));
  });

  test('nobody was told of it -> a strong read there sees it too', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    const d = await cluster.start('d', { peers: ['a', 'b', 'c'] });
    for (const name of ['c', 'b']) await change(a, 'remove', name);
    await cluster.converge(a, b, c, d);
    await cluster.stop(d);
    await writtenBefore('while away', a, b, c);
    await expectShown(await cluster.start('d', { peers: ['a', 'b', 'c'], disk: d.disk }), 'while away');
  });
});

describe('a voter that is removed', () => {
  test('while it runs -> it hears of it, holds everything, asks the others, and its voice counts no more', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    await change(c, 'remove', 'c');
    await cluster.until(() => [a, b, c].every((server) => configurationOf(server) === 2), 'configuration 2');
    expect(votes(c)).toBe(false);
    await write(c, 'through others');
    expect(await read(a, 'through others')).toBe('through others');
    await cluster.kill(b);
    expect(await codeOf(strong(a).node(id('through others')))).toBe('quorum-unavailable');
  });

  test('while it is cut off [then it meets one who was told] -> the majority of before decides nothing', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    cluster.cut(c, a);
    cluster.cut(c, b);
    await cluster.until(() => [a, b].every(({ engine }) => engine.quorum().reachable === 2), 'both to notice');
    await change(a, 'remove', 'c');
    await cluster.until(() => votes(b) && configurationOf(b) === 2, 'b to vote');
    expect(configurationOf(c)).toBe(1);
    cluster.cut(a, b);
    cluster.heal(b, c);
    expect(await codeOf(strong(c).write([{ op: 'createNode', id: id('n'), labels: [], properties: {} }]))).toMatch(
      /^quorum-/,
    );
    expect([configurationOf(b), configurationOf(c)]).toEqual([2, 2]);
    cluster.heal(a, b);
    await cluster.until(() => a.engine.quorum().isReachable, 'a majority');
    await write(a, 'n');
  });

  test('it comes back as a voter -> with what it missed', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    await change(a, 'remove', 'c');
    await write(b, 'missed');
    await cluster.converge(a, b, c);
    await change(b, 'add', 'c');
    await cluster.until(() => [a, b, c].every(votes), 'votes of all');
    await cluster.kill(a);
    expect(await read(c, 'missed')).toBe('missed');
  });
});

describe('a change that is refused', () => {
  test('a server that is not linked, the last voter, too few left -> refused with the reason, nothing changes', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    expect(await codeOf(a.engine.changeVoters({ kind: 'add', name: 'x' }))).toBe('peer-not-found');
    expect(await codeOf(a.engine.changeVoters({ kind: 'remove', name: 'x' }))).toBe('peer-not-found');
    await cluster.kill(c);
    await cluster.until(() => a.engine.quorum().reachable === 2, 'a to notice');
    // Of a and c only a would be there.
    expect(await codeOf(a.engine.changeVoters({ kind: 'remove', name: 'b' }))).toBe('voters-conflict');
    await change(a, 'remove', 'c');
    await change(a, 'remove', 'b');
    expect(await codeOf(a.engine.changeVoters({ kind: 'remove', name: 'a' }))).toBe('voters-conflict');
    expect(a.engine.quorum()).toMatchObject({ configuration: 3, voters: ['a'] });
    await write(a, 'alone');
    expect(await read(b, 'alone')).toBe('alone');
  });

  test('two at once on two servers -> decided one after the other, or one is refused', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    const d = await cluster.start('d', { peers: ['a', 'b', 'c'] });
    await cluster.converge(a, b, c, d);
    const both = [
      a.engine.changeVoters({ kind: 'add', name: 'd' }),
      b.engine.changeVoters({ kind: 'remove', name: 'c' }),
    ];
    const outcomes = (await cluster.during(Promise.allSettled(both))).map((one) =>
      one.status === 'fulfilled' ? 'done' : (one.reason as WeftError).code,
    );
    expect(['done,done', 'done,voters-conflict', 'voters-conflict,done']).toContain(outcomes.join());
    await cluster.until(() => new Set([a, b, c, d].map(configurationOf)).size === 1, 'one configuration');
    await write(d, 'n');
  });

  test('as it is already -> answered, nothing changes; without a majority -> refused, definitely', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [Server, Server, Server];
    expect(await change(a, 'add', 'b')).toMatchObject({ configuration: 1, voters: ['a', 'b', 'c'] });
    cluster.cut(a, b);
    cluster.cut(a, c);
    await cluster.until(() => !a.engine.quorum().isReachable, 'a to notice');
    expect(await codeOf(a.engine.changeVoters({ kind: 'remove', name: 'c' }))).toBe('voters-conflict');
    expect(configurationOf(b)).toBe(1);
  });
});
