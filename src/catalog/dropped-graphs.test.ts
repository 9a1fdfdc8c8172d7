/** What is kept of a graph that was dropped, as long as somebody may not have heard of that. */
import { expect, it } from 'vitest';
import { graphName } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import type { Store } from '../../storage/store.ts';
import { ship, shipAll, transfer } from '../commits/shipping.model.ts';
import { contents, memberOf, put, type Running, type RunOptions, run, turns } from '../engine-on-disk.model.ts';
import { readBeyond } from '../replication/log-reader.ts';

const G = graphName('g');
const member = (options: RunOptions = {}) => run({ cluster: memberOf(), ...options });
const replicas = (all: readonly Running[]) => all.map(({ engine }) => engine.replica);
const names = ({ engine }: Running) => engine.listGraphs().map(({ name }) => name as string);

async function idsIn({ engine }: Running): Promise<string[]> {
  return (await contents(engine.graph(G))).nodes.map(({ id }) => id as string).sort();
}

/** The commits of `from` that `to` lacks, without the last `but`. */
async function shipBut(but: number, { engine: { replica: from } }: Running, { engine: { replica: to } }: Running) {
  const commits = await from.readCommits(from.replicaId, to.vector.get(from.replicaId) ?? 0, 1000);
  await to.receive(commits.slice(0, commits.length - but));
}

/** As voters do that tell each other how far they are. */
async function allKnow(all: readonly Running[]): Promise<void> {
  const [{ engine } = all[0] as Running] = all;
  for (const each of all) each.engine.replica.allowTruncation(engine.replica.vector);
  await turns();
}

/** A store whose log outgrows its hard limit when it is told to. */
function growing() {
  let isLong = false;
  const wrap = (store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        const status = () => ({ ...target.status(), logBytes: isLong ? LIMITS.logBytesHardMax : 0 });
        if (name === 'status') return status;
        const member = Reflect.get(target, name, target) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  const outgrow = () => {
    isLong = true;
  };
  return { wrap, outgrow };
}

it('[deleted, then its disk is lost; the others got what it wrote only after the deletion] -> they have the graph whole', async () => {
  const [one, two] = [await member(), await member()];
  await one.engine.createGraph(G, {});
  await one.engine.graph(G).write([put('x'), put('y')]);
  await one.engine.deleteGraph(G);
  await shipBut(1, one, two);
  expect(await idsIn(two)).toEqual(['x', 'y']);
});

it('[a third one wrote to it] -> one that knows of the deletion sends that on, whole, to one that does not', async () => {
  const [one, two, three] = [await member(), await member(), await member()];
  await one.engine.createGraph(G, {});
  await shipAll(replicas([one, two, three]));
  await one.engine.deleteGraph(G);
  await two.engine.graph(G).write([put('late')]);
  await ship(two.engine.replica, one.engine.replica);
  const late = await one.engine.replica.readCommits(two.engine.replicaId, 0, 10);
  await three.engine.replica.receive(late);
  expect(await idsIn(three)).toEqual(['late']);
  expect(names(one)).not.toContain('g');
});

it('kept for others -> in no state that is given to them, and in no backup', async () => {
  const one = await member();
  await one.engine.createGraph(G, {});
  await one.engine.graph(G).write([put('x')]);
  await one.engine.deleteGraph(G);
  expect(await one.store.listGraphs()).toHaveLength(2);
  const cut = await one.engine.replica.openCut();
  expect(cut.partitions.map(({ graphKey }) => graphKey)).toEqual(['system']);
  await cut.release();
});

it('every voter knows, though one was started again meanwhile -> its space is free', async () => {
  const [one, two] = [await member(), await member()];
  await one.engine.createGraph(G, {});
  await one.engine.graph(G).write([put('x')]);
  await one.engine.deleteGraph(G);
  await shipBut(1, one, two);
  const [key = ''] = (await two.store.listGraphs()).filter((each) => each !== 'system');
  await allKnow([two, one]);
  expect(await one.store.listPartitions(key)).not.toEqual([]);
  one.disk.crash();
  const again = await member({ disk: one.disk });
  expect(names(again)).not.toContain('g');
  expect(await again.store.listPartitions(key)).not.toEqual([]);
  await ship(again.engine.replica, two.engine.replica);
  await turns();
  expect(await two.store.listPartitions(key)).not.toEqual([]);
  await allKnow([again, two]);
  for (const each of [again, two]) expect(await each.store.listPartitions(key)).toEqual([]);
});

it('what comes of it when all know of the deletion -> is not stored', async () => {
  const [one, two] = [await member(), await member()];
  await one.engine.createGraph(G, {});
  await shipAll(replicas([one, two]));
  await one.engine.deleteGraph(G);
  await two.engine.graph(G).write([put('late')]);
  await ship(one.engine.replica, two.engine.replica);
  await turns();
  const { vector } = one.engine.replica;
  for (const { engine } of [one, two]) engine.replica.allowTruncation(vector);
  await turns();
  await ship(two.engine.replica, one.engine.replica);
  expect(await one.store.listGraphs()).toEqual(['system']);
});

it('[all know, then one loses its disk] another one sends it no commits without their parts -> it takes over the state', async () => {
  const [one, two] = [await member(), await member()];
  await one.engine.createGraph(G, {});
  await one.engine.graph(G).write([put('x')]);
  await one.engine.graph(G).write([put('y')]);
  await one.engine.deleteGraph(G);
  await shipAll(replicas([one, two]));
  const { vector, replicaId } = one.engine.replica;
  two.engine.replica.allowTruncation(vector);
  await turns();
  const after = new Map([[replicaId, 0]]);
  const fromOne = await readBeyond(one.engine.replica, after, vector, { nowMs: 0 });
  expect([fromOne.commits.length, fromOne.behind]).toEqual([vector.get(replicaId), false]);
  const fromTwo = await readBeyond(two.engine.replica, after, vector, { nowMs: 0 });
  const creation = fromTwo.commits.length;
  expect([creation > 0, creation < (vector.get(replicaId) ?? 0), fromTwo.behind]).toEqual([true, true, false]);
  const beyond = await readBeyond(two.engine.replica, new Map([[replicaId, creation]]), vector, { nowMs: 0 });
  expect([beyond.commits, beyond.behind]).toEqual([[], true]);
});

it('alone -> its space is free at once', async () => {
  const one = await run();
  await one.engine.createGraph(G, {});
  await one.engine.graph(G).write([put('x')]);
  await one.engine.deleteGraph(G);
  expect(await one.store.listGraphs()).toEqual(['system']);
});

it('[kept for one that is away] the log outgrows its hard limit -> all of it may go', async () => {
  const { wrap, outgrow } = growing();
  const one = await member({ wrap });
  await one.engine.createGraph(G, {});
  await one.engine.graph(G).write([put('x')]);
  await one.engine.deleteGraph(G);
  outgrow();
  await one.graph.write([put('n')]);
  await turns();
  expect(one.disk.logBytes).toBe(0);
  const two = await member();
  await transfer(one.engine.replica, two.engine.replica);
  expect(names(two)).toEqual(['_outcomes', '_system', 'default']);
  expect((await two.store.listGraphs()).sort()).toEqual(['default', 'system']);
});

it('[all know, one was started again] what comes late builds on what is gone, and the log outgrows its limit -> it goes, too', async () => {
  const [one, two] = [await member(), await member()];
  await one.engine.createGraph(G, { partitions: 1 });
  await one.engine.graph(G).write([put('x')]);
  await shipAll(replicas([one, two]));
  await two.engine.graph(G).write([put('y')]);
  await ship(two.engine.replica, one.engine.replica);
  await one.engine.deleteGraph(G);
  await two.engine.graph(G).write([put('late')]);
  await allKnow([one]);
  one.disk.crash();
  const { wrap, outgrow } = growing();
  const again = await member({ disk: one.disk, wrap });
  expect(await again.store.listGraphs()).toEqual(['system']);
  outgrow();
  await ship(two.engine.replica, again.engine.replica);
  await turns();
  expect(again.disk.logBytes).toBe(0);
  await again.graph.write([put('n')]);
  expect((await again.store.listGraphs()).sort()).toEqual(['default', 'system']);
});
