import { describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { graphName, type NodeId } from '../../base/ids.ts';
import { wallMsOfClock } from '../../crdt/stamp.ts';
import { ship } from '../commits/shipping.model.ts';
import { deciding, forgetConfigurations } from '../consistency/voter-change.ts';
import {
  contents,
  edge,
  increment,
  memberOf,
  put,
  type Running,
  remove,
  run,
  spreadIds,
} from '../engine-on-disk.model.ts';
import { forgetLog } from '../replication/cluster.model.ts';
import { type BackupSource, checkChain, checkMoment, inspectBackup, restoreBackups } from './restore.ts';

const [a = '', b = '', c = ''] = spreadIds(3) as string[];
const G = graphName('g');

/** A backup whose bytes come in chunks of an odd size. */
function sourceOf(name: string, bytes: Uint8Array): BackupSource {
  async function* read(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1001) yield bytes.subarray(at, at + 1001);
  }
  return { name, read };
}

/** @param between runs before each piece is taken */
async function backUp(from: Running, since?: BackupSource, between?: () => Promise<unknown>): Promise<Uint8Array> {
  const header = since === undefined ? undefined : (await inspectBackup(since)).header;
  const pieces: Uint8Array[] = [];
  for await (const piece of from.engine.backup(header)) {
    pieces.push(piece);
    await between?.();
  }
  return new Uint8Array(Buffer.concat(pieces));
}

async function restored(sources: readonly BackupSource[], untilMs?: number): Promise<Running> {
  const to = await run();
  await restoreBackups(to.engine.replica, sources, untilMs);
  await to.engine.beginNewCluster();
  return to;
}

async function errorOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (error instanceof WeftError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** Two graphs with commits over partitions, scopes, chosen edge ids, deletes and counters. */
async function full(): Promise<Running> {
  const running = await run();
  const { engine, graph } = running;
  await graph.write([put(a), put(b), put(c), put('s!1'), edge('chosen', a, b), edge('e2', 's!1', c)]);
  for (let i = 0; i < 10; i++) await graph.write([put(`n${i}`, { i }), increment(a, 'count')]);
  await graph.write([remove('n3'), remove(c, true)]);
  await engine.createGraph(G, { partitions: 3 });
  await engine.graph(G).write([put('x'), put('y'), edge('xy', 'x', 'y')]);
  return running;
}

describe('backup and restore', () => {
  test('a full one -> the same graphs, which go on, over restarts', async () => {
    const from = await full();
    const to = await restored([sourceOf('full', await backUp(from))]);
    expect(await contents(to.graph)).toEqual(await contents(from.graph));
    expect(await contents(to.engine.graph(G))).toEqual(await contents(from.engine.graph(G)));
    expect((await to.graph.edge('chosen' as never)).element.to).toBe(b);
    expect(to.engine.replicaId).not.toBe(from.engine.replicaId);
    await to.graph.write([increment(a, 'count')]);
    expect((await to.graph.node(a as NodeId)).element.properties.count).toBe(11);
    const restoredContents = await contents(to.graph);
    to.disk.crash();
    const again = await run({ disk: to.disk });
    expect(await contents(again.graph)).toEqual(restoredContents);
  });

  test('the server writes before every piece -> the full one is of its beginning, those after it of theirs', async () => {
    const from = await full();
    const before = await contents(from.graph);
    let writes = 0;
    const write = () => from.graph.write([put(a, { both: ++writes }), put(b, { both: writes })]);
    const first = sourceOf('first', await backUp(from, undefined, write));
    expect(writes).toBeGreaterThan(5);
    expect(await contents((await restored([first])).graph)).toEqual(before);
    const later = await contents(from.graph);
    const second = sourceOf('second', await backUp(from, first, write));
    expect(await contents((await restored([first, second])).graph)).toEqual(later);
    await from.engine.deleteGraph(G);
    const third = sourceOf('third', await backUp(from, second));
    const to = await restored([first, second, third]);
    expect(await contents(to.graph)).toEqual(await contents(from.graph));
    expect(to.engine.listGraphs().map(({ name }) => name)).not.toContain(G);
  });

  test('nothing happened since -> an incremental one without commits, which others go on from', async () => {
    const from = await full();
    const first = sourceOf('first', await backUp(from));
    const empty = sourceOf('empty', await backUp(from, first));
    expect(await inspectBackup(empty)).toMatchObject({ commits: 0, spanMs: undefined });
    await from.graph.write([put('late')]);
    const last = sourceOf('last', await backUp(from, empty));
    expect(await contents((await restored([first, empty, last])).graph)).toEqual(await contents(from.graph));
  });

  test('a server that was started again, and whose log does not reach back -> one that goes on from a full one', async () => {
    const before = await run({ cluster: memberOf() });
    await before.graph.write([put(a)]);
    const keys = await before.engine.replica.listPartitions();
    await before.engine.close();
    await forgetLog(before.disk, keys);
    const from = await run({ disk: before.disk, cluster: memberOf() });
    expect(from.engine.replicaId).not.toBe(before.engine.replicaId);
    await from.graph.write([put(b)]);
    await from.engine.replica.retire(before.engine.replicaId as never);
    const first = sourceOf('first', await backUp(from));
    await from.graph.write([put(c)]);
    const second = sourceOf('second', await backUp(from, first));
    expect(await inspectBackup(second)).toMatchObject({ commits: 1 });
    expect(await contents((await restored([first, second])).graph)).toEqual(await contents(from.graph));
  });

  test('a moment -> what was committed up to it, by all servers', async () => {
    const [one, two] = [await run({ cluster: memberOf() }), await run({ cluster: memberOf() })];
    await one.graph.write([put(a, { n: 0 })]);
    const first = sourceOf('first', await backUp(one));
    const states: { readonly atMs: number; readonly held: unknown }[] = [];
    for (let n = 1; n <= 6; n++) {
      for (const { env } of [one, two]) env.advance(1000);
      const writer = n % 2 === 0 ? one : two;
      await ship((n % 2 === 0 ? two : one).engine.replica, writer.engine.replica);
      await writer.graph.write([put(a, { n }), put(b, { n })]);
      await ship(writer.engine.replica, one.engine.replica);
      states.push({ atMs: one.env.clock.wallMs(), held: await contents(one.graph) });
    }
    const second = sourceOf('second', await backUp(one, first));
    for (const { atMs, held } of states) {
      expect(await contents((await restored([first, second], atMs)).graph)).toEqual(held);
    }
    const { header } = await inspectBackup(first);
    checkMoment({ name: 'first', header }, wallMsOfClock(header.clock));
    expect(() => checkMoment({ name: 'first', header }, wallMsOfClock(header.clock) - 1)).toThrow(
      /take an earlier full backup/,
    );
  });

  test('who voted in the cluster that is no more -> forgotten, so that a new one may decide the same numbers', async () => {
    const { graph } = await full();
    const before = await contents(graph);
    const configuration = { number: 2, voters: ['x', 'y'], before: ['x'], fresh: [] };
    await graph.write([deciding(configuration)]);
    await forgetConfigurations(graph);
    expect(await contents(graph)).toEqual(before);
    await graph.write([deciding({ ...configuration, voters: ['z'] })]);
    await forgetConfigurations(graph);
  });
});

describe('bad backups', () => {
  test('cut off anywhere, any byte another one, something more at the end -> data-corrupt that names the file', async () => {
    const from = await run();
    await from.graph.write([put(a, { text: 'a'.repeat(50) }), put(b)]);
    const whole = await backUp(from);
    expect((await inspectBackup(sourceOf('f', whole))).partitions).toBe(2);
    const step = 1 + Math.floor(whole.length / 150);
    for (let at = 0; at < whole.length; at += step) {
      expect(await errorOf(() => inspectBackup(sourceOf('f', whole.slice(0, at))))).toMatch(/^data-corrupt: f: /);
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      expect(await errorOf(() => inspectBackup(sourceOf('f', flipped))), `byte ${at}`).toMatch(/^data-corrupt: f: /);
    }
    const longer = new Uint8Array([...whole, 0]);
    expect(await errorOf(() => inspectBackup(sourceOf('f', longer)))).toMatch(/something follows its end/);
    expect(await errorOf(() => inspectBackup(sourceOf('f', new Uint8Array())))).toMatch(/no backup of weft/);
  });

  test('a record left out, or two exchanged -> data-corrupt', async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of (await full()).engine.backup()) pieces.push(piece);
    const [header, one, two, ...rest] = pieces;
    for (const kept of [
      [header, two, ...rest],
      [header, two, one, ...rest],
      [one, header, two, ...rest],
    ]) {
      const bytes = new Uint8Array(Buffer.concat(kept as Uint8Array[]));
      expect(await errorOf(() => inspectBackup(sourceOf('f', bytes)))).toMatch(/^data-corrupt/);
    }
  });

  test('the wrong order, one left out, two full ones, one of something else -> invalid-request', async () => {
    const from = await full();
    const first = sourceOf('first', await backUp(from));
    await from.graph.write([put('m')]);
    const second = sourceOf('second', await backUp(from, first));
    await from.graph.write([put('n')]);
    const third = sourceOf('third', await backUp(from, second));
    const other = sourceOf('other', await backUp(await full()));
    for (const chain of [[second], [first, third], [second, first], [first, first], [other, second]]) {
      const inspected = await Promise.all(chain.map(inspectBackup));
      expect(() => checkChain(inspected)).toThrow(WeftError);
    }
    checkChain(await Promise.all([first, second, third].map(inspectBackup)));
    expect(await errorOf(async () => backUp(await full(), first))).toMatch(/^invalid-request: .*not all that is in/);
  });

  test('what is not empty -> refused, and nothing of it changed', async () => {
    const to = await full();
    const before = await contents(to.graph);
    const source = sourceOf('full', await backUp(await full()));
    expect(await errorOf(() => restoreBackups(to.engine.replica, [source], undefined))).toMatch(/^invalid-request/);
    expect(await contents(to.graph)).toEqual(before);
  });

  test('the log no longer reaches back -> must-refetch before the first piece', async () => {
    const from = await run();
    const first = sourceOf('first', await backUp(from));
    await from.graph.write([put(a), put(b)]);
    const keys = await from.engine.replica.listPartitions();
    await from.engine.close();
    await forgetLog(from.disk, keys);
    const again = await run({ disk: from.disk });
    expect(await errorOf(() => backUp(again, first))).toMatch(/^must-refetch: .*make a full one/);
    await backUp(again);
  });

  test('a reader that goes away -> the cut is released', async () => {
    const from = await full();
    for (let i = 0; i < 40; i++) {
      const pieces = from.engine.backup();
      await pieces.next();
      await pieces.return(undefined);
    }
    expect((await backUp(from)).length).toBeGreaterThan(0);
  });
});
