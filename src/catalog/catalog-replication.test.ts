import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { graphName, type NodeId, replicaId } from '../../base/ids.ts';
import type { Patch } from '../../crdt/patch.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { CommitPart } from '../../storage/store.ts';
import { ship, shipAll, transfer } from '../commits/shipping.model.ts';
import {
  commitOf,
  contents,
  edge,
  memberOf,
  put,
  type Running,
  type RunOptions,
  run,
  turns,
} from '../engine-on-disk.model.ts';

const G = graphName('g');
const SYSTEM = graphName('_system');
/** As the first version wrote it. */
const OLD_ENTRY: Patch = {
  kind: 'node-create',
  clock: 4096,
  replica: replicaId(7),
  id: 'g',
  labels: ['Graph'],
  properties: { name: 'g', key: 'gABCDEFGHIJKLMNO', partitions: 3, restoringTypes: [] },
};
const member = (options: RunOptions = {}) => run({ cluster: memberOf(), ...options });
const replicas = (all: readonly Running[]) => all.map(({ engine }) => engine.replica);
const names = ({ engine }: Running) => engine.listGraphs().map(({ name }) => name as string);

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
}

async function idsIn({ engine }: Running, name = G): Promise<string[]> {
  return (await contents(engine.graph(name))).nodes.map(({ id }) => id as string).sort();
}

describe('graphs of several servers', () => {
  it('a graph made and filled on one -> there on the other in the step in which its commit is visible', async () => {
    const [one, two] = [await member(), await member()];
    await one.engine.createGraph(G, { partitions: 3, restoringTypes: ['T'] });
    await one.engine.graph(G).write([put('x'), put('s!y'), edge('e', 'x', 's!y')]);
    let seen: string[] = [];
    two.engine.replica.onCommits(() => {
      seen = names(two);
    });
    await ship(one.engine.replica, two.engine.replica);
    expect(seen).toEqual(['_outcomes', '_system', 'default', 'g']);
    expect(two.engine.graph(G).description).toEqual(one.engine.graph(G).description);
    expect(await idsIn(two)).toEqual(['s!y', 'x']);
    expect((await two.engine.graph(G).edge('e' as never)).element.to).toBe('s!y');
    two.disk.crash();
    const again = await member({ disk: two.disk });
    expect(await idsIn(again)).toEqual(['s!y', 'x']);
  });

  it('made on both apart with the same settings -> one graph with the data of both', async () => {
    const [one, two] = [await member(), await member()];
    for (const [i, { engine }] of [one, two].entries()) {
      await engine.createGraph(G, { partitions: 4 });
      await engine.graph(G).write([put(`of${i}`), put('both', { [`p${i}`]: i })]);
    }
    await shipAll(replicas([one, two]));
    for (const each of [one, two]) {
      expect(names(each)).toEqual(['_outcomes', '_system', 'default', 'g']);
      expect(await idsIn(each)).toEqual(['both', 'of0', 'of1']);
      expect((await each.engine.graph(G).node('both' as NodeId)).element.properties).toEqual({ p0: 0, p1: 1 });
    }
    expect(await one.engine.graph(G).digest()).toEqual(await two.engine.graph(G).digest());
  });

  it('made on both apart with other settings -> both stay, under the same two names on both servers', async () => {
    const [one, two] = [await member(), await member()];
    await one.engine.createGraph(G, { partitions: 2 });
    await two.engine.createGraph(G, { partitions: 5 });
    await one.engine.graph(G).write([put('one')]);
    await two.engine.graph(G).write([put('two')]);
    await shipAll(replicas([one, two]));
    expect(names(one)).toEqual(names(two));
    const [, , , winner = '', other = ''] = names(one);
    expect(winner).toBe('g');
    expect(other).toMatch(/^g \(conflict h[-_0-9A-Za-z]+\)$/);
    const held = [await idsIn(one), await idsIn(one, graphName(other))].sort();
    expect(held).toEqual([['one'], ['two']]);
    expect([await idsIn(two), await idsIn(two, graphName(other))].sort()).toEqual(held);
    // Writes to either go on, and a restart changes no name.
    await one.engine.graph(graphName(other)).write([put('more')]);
    await shipAll(replicas([one, two]));
    expect(await idsIn(two, graphName(other))).toContain('more');
    two.disk.crash();
    const again = await member({ disk: two.disk });
    expect(names(again)).toEqual(names(one));
    // The one that is left bears the name.
    await one.engine.deleteGraph(G);
    expect(names(one)).toEqual(['_outcomes', '_system', 'default', 'g']);
    expect(await idsIn(one)).toContain('more');
  });

  it('deleted on one while the other writes -> gone on both, for good', async () => {
    const [one, two] = [await member(), await member()];
    await one.engine.createGraph(G, {});
    await one.engine.graph(G).write([put('x')]);
    await shipAll(replicas([one, two]));
    const [entry] = (await contents(one.engine.graph(SYSTEM))).nodes.filter(({ labels }) => labels.includes('Graph'));
    const key = String(entry?.properties.key);
    const held = two.engine.graph(G);
    await one.engine.deleteGraph(G);
    await held.write([put('late')]);
    await shipAll(replicas([one, two]));
    await turns();
    for (const { engine } of [one, two]) engine.replica.allowTruncation(one.engine.replica.vector);
    await turns();
    for (const each of [one, two]) {
      expect(names(each)).toEqual(['_outcomes', '_system', 'default']);
      expect(await each.store.listPartitions(key)).toEqual([]);
    }
    expect(await codeOf(() => held.write([put('later')]))).toBe('graph-not-found');
    two.disk.crash();
    expect(names(await member({ disk: two.disk }))).toEqual(['_outcomes', '_system', 'default']);
  });

  it('deleted and made again while another server, which does not know, writes to the old one -> the new one is apart', async () => {
    const [one, two] = [await member(), await member()];
    await one.engine.createGraph(G, {});
    await shipAll(replicas([one, two]));
    await one.engine.deleteGraph(G);
    await one.engine.createGraph(G, {});
    await one.engine.graph(G).write([put('new')]);
    await two.engine.graph(G).write([put('old')]);
    await shipAll(replicas([one, two]));
    for (const each of [one, two]) expect(await idsIn(each)).toEqual(['new']);
  });

  it('deleted and made again on both apart -> one graph', async () => {
    const [one, two] = [await member(), await member()];
    await one.engine.createGraph(G, {});
    await one.engine.graph(G).write([put('old')]);
    await shipAll(replicas([one, two]));
    for (const [i, { engine }] of [one, two].entries()) {
      await engine.deleteGraph(G);
      await engine.createGraph(G, {});
      await engine.graph(G).write([put(`new${i}`)]);
    }
    await shipAll(replicas([one, two]));
    for (const each of [one, two]) expect(await idsIn(each)).toEqual(['new0', 'new1']);
  });

  it('[crash after a delete came, before the data went] -> it goes at the next start', async () => {
    const [one, two] = [await member(), await member()];
    await one.engine.createGraph(G, {});
    await one.engine.graph(G).write([put('x')]);
    await shipAll(replicas([one, two]));
    const [entry] = (await contents(one.engine.graph(SYSTEM))).nodes.filter(({ labels }) => labels.includes('Graph'));
    const key = String(entry?.properties.key);
    await one.engine.deleteGraph(G);
    const disk = two.disk;
    two.engine.replica.onCommits(() => disk.kill());
    await ship(one.engine.replica, two.engine.replica).catch(() => undefined);
    expect(disk.partitionsOf(key)).not.toEqual([]);
    const { engine } = await member({ disk });
    engine.replica.allowTruncation(engine.replica.vector);
    await turns();
    expect(disk.partitionsOf(key)).toEqual([]);
  });

  it('three servers, everything in every order -> the same catalog and the same data', async () => {
    const all = [await member(), await member(), await member()] as const;
    const steps = [
      () => all[0].engine.createGraph(G, { partitions: 2 }),
      () => all[1].engine.createGraph(G, { partitions: 3 }),
      () => all[0].engine.deleteGraph(G),
      () => all[2].engine.createGraph(G, { partitions: 2 }),
      () => all[1].engine.deleteGraph(G),
      () => all[1].engine.createGraph(G, { partitions: 2 }),
    ];
    for (const [i, step] of steps.entries()) {
      await codeOf(step);
      for (const { engine } of all) {
        if (engine.listGraphs().some(({ name }) => name === G)) await engine.graph(G).write([put(`s${i}`)]);
      }
      const from = all[i % 3] as Running;
      await ship(from.engine.replica, (all[(i + 1) % 3] as Running).engine.replica);
    }
    await shipAll(replicas(all));
    await turns();
    for (const other of all) {
      expect(names(other)).toEqual(names(all[0]));
      for (const name of names(other)) {
        expect(await other.engine.graph(graphName(name)).digest()).toEqual(
          await all[0].engine.graph(graphName(name)).digest(),
        );
      }
    }
  });

  it('a state that is taken over -> brings the catalog, and what was dropped stays so', async () => {
    const one = await member();
    await one.engine.createGraph(G, {});
    await one.engine.graph(G).write([put('x')]);
    const two = await member();
    await ship(one.engine.replica, two.engine.replica);
    await two.engine.graph(G).write([put('late')]);
    const late = await two.engine.replica.readCommits(two.engine.replicaId, 0, 100);
    await one.engine.deleteGraph(G);
    await one.engine.createGraph(graphName('h'), { partitions: 2 });
    const three = await member();
    await transfer(one.engine.replica, three.engine.replica);
    expect(names(three)).toEqual(['_outcomes', '_system', 'default', 'h']);
    await three.engine.replica.receive(late);
    expect(names(three)).toEqual(['_outcomes', '_system', 'default', 'h']);
    await turns();
    expect(await three.store.listGraphs()).not.toContain((late[0]?.parts[0] ?? { graphKey: '' }).graphKey);
  });
});

it('of a graph that was dropped only what was on its way then is there -> it is worth nothing', async () => {
  const one = await member();
  await one.engine.createGraph(G, { partitions: 1 });
  await one.engine.graph(G).write([put('x')]);
  const two = await member();
  await ship(one.engine.replica, two.engine.replica);
  await two.engine.graph(G).write([put('late')]);
  const late = await two.engine.replica.readCommits(two.engine.replicaId, 0, 100);
  const part = late[0]?.parts[0] as CommitPart;
  await one.engine.deleteGraph(G);
  const three = await member();
  await transfer(one.engine.replica, three.engine.replica);
  await three.store.append({ origin: replicaId(8), seq: 1, clock: 1, parts: [part], locators: [], after: [] });
  expect(await three.engine.replica.stateVector(part)).toEqual(Uint8Array.of(0));
});

describe('catalog entries of the first version', () => {
  it('a random key under the name as id -> loads, can be deleted, and made again it is empty', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.engine.close();
    await commitOf(disk, replicaId(7), [{ at: 'g', patch: OLD_ENTRY }], { graphKey: 'system', partitions: 1 });
    const second = await member({ disk });
    expect(names(second)).toEqual(['_outcomes', '_system', 'default', 'g']);
    expect(second.engine.graph(G).description.settings).toEqual({ partitions: 3, restoringTypes: [] });
    await second.engine.graph(G).write([put('x')]);
    expect(disk.partitionsOf('gABCDEFGHIJKLMNO').length).toBe(1);
    await second.engine.deleteGraph(G);
    await second.engine.createGraph(G, { partitions: 3 });
    expect(await idsIn(second)).toEqual([]);
    disk.crash();
    const third = await member({ disk });
    expect(await idsIn(third)).toEqual([]);
    third.engine.replica.allowTruncation(third.engine.replica.vector);
    await turns();
    expect(disk.partitionsOf('gABCDEFGHIJKLMNO')).toEqual([]);
  });
});
