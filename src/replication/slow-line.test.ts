/** Whole servers over lines on which a large message takes longer than a peer may be silent. */
import { expect, test } from 'vitest';
import * as LIMITS from '../../base/limits.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { contents, node } from '../engine-on-disk.model.ts';
import { Cluster, forgetLog, metricsOf, type Server } from './cluster.model.ts';

/** 256 kbit/s. */
const SLOW = 32 * 1024;
const text = 'x'.repeat(700_000);

const ids = async ({ graph }: Server): Promise<string[]> => (await contents(graph)).nodes.map(({ id }) => id);

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
  const cluster = new Cluster('a', 'b');
  const a = await cluster.start('a');
  await a.graph.write([node('large', { text })]);
  await a.graph.write([node('after')]);
  const keys = await a.engine.replica.listPartitions();
  await cluster.stop(a);
  await forgetLog(a.disk, keys);
  const back = await cluster.start('a', { disk: a.disk });
  cluster.network.bytesPerSecond = SLOW;
  const b = await cluster.start('b');
  await cluster.converge(back, b);
  expect(await ids(b)).toEqual(['after', 'large']);
  expect(b.log.filter((line) => line.includes('cut off'))).toEqual([]);
  expect(metricsOf(b).linksUp).toBe(1);
});

test('a damaged partition takes longer on the line than an answer may -> healed from the peer', async () => {
  const cluster = new Cluster('a', 'b');
  const [a, b] = (await cluster.startAll()) as [Server, Server];
  await a.graph.write([node('large', { text })]);
  await cluster.converge(a, b);
  const key = { graphKey: 'default', partition: partitionOfNode('large', LIMITS.partitionsDefault) };
  await cluster.stop(b);
  await forgetLog(b.disk, [key]);
  b.disk.damage({ kind: 'snapshot', ...key });
  const back = await cluster.start('b', { disk: b.disk });
  await cluster.linked(a, back);
  await expect(back.graph.node('large' as never)).rejects.toMatchObject({ code: 'partition-recovering' });
  cluster.network.bytesPerSecond = SLOW;
  await cluster.until(() => back.engine.replica.damaged().length === 0, 'healing');
  expect(await ids(back)).toEqual(['large']);
});
