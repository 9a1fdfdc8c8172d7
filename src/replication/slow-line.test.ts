/** Whole servers over lines on which a large message takes longer than a peer may be silent, and on disks of that kind. */
import { expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { contents, node } from '../engine-on-disk.model.ts';
import { Cluster, forgetLog, metricsOf, type Server } from './cluster.model.ts';

/** 256 kbit/s. */
const SLOW = 32 * 1024;
const text = 'x'.repeat(700_000);

const ids = async ({ graph }: Server): Promise<string[]> => (await contents(graph)).nodes.map(({ id }) => id);

async function withoutLog(): Promise<{ cluster: Cluster; back: Server }> {
  const cluster = new Cluster('a', 'b');
  const a = await cluster.start('a');
  await a.graph.write([node('large', { text })]);
  await a.graph.write([node('after')]);
  const keys = await a.engine.replica.listPartitions();
  await cluster.stop(a);
  await forgetLog(a.disk, keys);
  const back = await cluster.start('a', { disk: a.disk });
  return { cluster, back };
}

test('a commit takes half a minute on the line -> it arrives, over the link that it was written on', async () => {
  const cluster = new Cluster('a', 'b');
  const [a, b] = (await cluster.startAll()) as [Server, Server];
  await cluster.linked(a, b);
  cluster.network.bytesPerSecond = SLOW;
  await a.graph.write([node('large', { text })]);
  await a.graph.write([node('after')]);
  await cluster.converge(a, b);
  expect(await ids(b)).toEqual(['after', 'large']);
  expect(b.log.filter((line) => line.startsWith('warn'))).toEqual([]);
});

test('a slice of a state takes longer than an answer may -> the state is taken over, at the first attempt', async () => {
  const { cluster, back } = await withoutLog();
  cluster.network.bytesPerSecond = SLOW;
  const b = await cluster.start('b');
  await cluster.converge(back, b);
  expect(await ids(b)).toEqual(['after', 'large']);
  expect(b.log.filter((line) => line.includes('cut off'))).toEqual([]);
  expect(metricsOf(b).linksUp).toBe(1);
});

/** The second of these servers cannot verify the partition of a node. */
async function damaged(...names: readonly string[]): Promise<{ cluster: Cluster; back: Server; others: Server[] }> {
  const cluster = new Cluster(...names);
  const servers = await cluster.startAll();
  const [a, b] = servers as [Server, Server];
  await a.graph.write([node('large', { text })]);
  await cluster.converge(...servers);
  const key = { graphKey: 'default', partition: partitionOfNode('large', LIMITS.partitionsDefault) };
  await cluster.stop(b);
  await forgetLog(b.disk, [key]);
  b.disk.damage({ kind: 'snapshot', ...key });
  const back = await cluster.start('b', { disk: b.disk });
  await cluster.linked(back, ...servers.filter((server) => server !== b));
  await expect(back.graph.node('large' as never)).rejects.toMatchObject({ code: 'partition-recovering' });
  return { cluster, back, others: servers.filter((server) => server !== b) };
}

test('a damaged partition takes longer on the line than an answer may -> healed from the peer', async () => {
  const { cluster, back } = await damaged('a', 'b');
  cluster.network.bytesPerSecond = SLOW;
  await cluster.until(() => back.engine.replica.damaged().length === 0, 'healing');
  expect(await ids(back)).toEqual(['large']);
});

/** From now on this server takes so long to make any state that others ask for. */
function makesSlowly({ engine: { replica } }: Server, cluster: Cluster, ms: number): void {
  const wait = () => new Promise<void>((resolve) => void cluster.network.env.scheduler.after(ms, resolve));
  const [openCut, stateDiff] = [replica.openCut.bind(replica), replica.stateDiff.bind(replica)];
  replica.openCut = async () => {
    const cut = await openCut();
    const diff = cut.diff.bind(cut);
    cut.diff = (...asked) => wait().then(() => diff(...asked));
    return cut;
  };
  replica.stateDiff = (...asked) => wait().then(() => stateDiff(...asked));
}

test('a state of which a partition is read for longer than an answer may take -> taken over in the end', async () => {
  const { cluster, back } = await withoutLog();
  makesSlowly(back, cluster, 25_000);
  const b = await cluster.start('b');
  await cluster.run(60_000);
  await cluster.converge(back, b);
  expect(await ids(b)).toEqual(['after', 'large']);
  expect(b.log.filter((line) => line.includes('cut off')).length).toBe(1);
});

test('a damaged partition that the peer reads for longer than an answer may take -> healed from it', async () => {
  const { cluster, back, others } = await damaged('a', 'b');
  for (const other of others) makesSlowly(other, cluster, 25_000);
  await cluster.until(() => back.engine.replica.damaged().length === 0, 'healing');
  expect(await ids(back)).toEqual(['large']);
});

test('a damaged partition, one of two peers is at it for ever -> healed from the other one meanwhile', async () => {
  const { cluster, back, others } = await damaged('a', 'b', 'c');
  for (const other of others) {
    makesSlowly(other, cluster, other.name === 'a' ? 1e9 : 0);
    expect(other.engine.replica.damaged()).toEqual([]);
  }
  await cluster.until(() => back.engine.replica.damaged().length === 0, 'healing');
  expect(await ids(back)).toEqual(['large']);
});

test('a server without a log, one of two peers is at a state for ever -> taken over from the other one within a minute', async () => {
  const cluster = new Cluster('a', 'b', 'c');
  const [a, c] = [await cluster.start('a'), await cluster.start('c')];
  await a.graph.write([node('one')]);
  await cluster.converge(a, c);
  const keys = await a.engine.replica.listPartitions();
  const back: Server[] = [];
  for (const server of [a, c]) await cluster.stop(server);
  for (const { name, disk } of [a, c]) {
    await forgetLog(disk, keys);
    back.push(await cluster.start(name, { disk }));
  }
  await cluster.linked(...back);
  // Whichever is asked first.
  let isFirst = true;
  for (const { engine } of back) {
    const openCut = engine.replica.openCut.bind(engine.replica);
    engine.replica.openCut = async () => {
      const cut = await openCut();
      if (isFirst) cut.diff = () => new Promise(() => undefined);
      isFirst = false;
      return cut;
    };
  }
  const b = await cluster.start('b');
  await cluster.converge(...back, b);
  expect([isFirst, await ids(b)]).toEqual([false, ['one']]);
});
