import { afterEach, describe, expect, test } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { type GraphName, graphName, type NodeId } from '../../base/ids.ts';
import { MemoryDisk, openMemoryStore } from '../../storage/memory-store.ts';
import { openEngine } from '../engine.ts';
import { DEFAULT, node, run } from '../engine-on-disk.model.ts';
import type { Engine } from '../engine-port.ts';
import { testEnv } from '../test-env.model.ts';
import { withEphemeral } from './with-ephemeral.ts';

const SCRATCH = graphName('scratch');
const engines: Engine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

async function started(disk = new MemoryDisk()): Promise<{ readonly engine: Engine; readonly durable: Engine }> {
  const { engine: durable } = await run({ disk });
  const store = await openMemoryStore({ disk: new MemoryDisk() });
  const memory = { env: testEnv(99), store, name: 'test', memoryBudgetBytes: 1e9, isEphemeral: true };
  const engine = withEphemeral(durable, await openEngine(memory));
  engines.push(engine);
  return { engine, durable };
}

function codeOf(work: () => unknown): Promise<unknown> {
  return (async () => work())().then(
    () => 'done',
    (error: unknown) => (error instanceof WeftError ? error.code : error),
  );
}

const names = (engine: Engine) => engine.listGraphs().map(({ name }) => name);

describe('ephemeral graph', () => {
  test('exported -> one moment, without a vector that a session token could ask any server for', async () => {
    const { engine } = await started();
    await engine.createGraph(SCRATCH, { lifecycle: 'ephemeral' });
    await engine.graph(SCRATCH).write([node('n')]);
    const moment = await engine.graph(SCRATCH).export();
    await engine.graph(SCRATCH).write([node('late')]);
    expect(moment.vector).toBeUndefined();
    const items: unknown[] = [];
    for await (const item of moment) items.push(item);
    expect(items).toMatchObject([{ kind: 'node', node: { id: 'n' } }]);
    expect((await engine.graph(DEFAULT).export()).vector).toBeDefined();
  });

  test('made, written, read, then a restart -> gone with its name; what is durable stays', async () => {
    const disk = new MemoryDisk();
    const { engine } = await started(disk);
    const { created, graph } = await engine.createGraph(SCRATCH, { lifecycle: 'ephemeral', partitions: 2 });
    expect({ created, graph }).toMatchObject({ created: true, graph: { lifecycle: 'ephemeral' } });
    expect((await engine.createGraph(SCRATCH, { partitions: 2 })).created).toBe(false);
    await engine.graph(SCRATCH).write([node('n')]);
    await engine.graph(DEFAULT).write([node('kept')]);
    expect((await engine.graph(SCRATCH).node('n' as NodeId)).element.id).toBe('n');
    expect(names(engine)).toContain(SCRATCH);
    await engine.close();
    const again = (await started(disk)).engine;
    expect(await codeOf(() => again.graph(SCRATCH))).toBe('graph-not-found');
    expect(names(again)).not.toContain(SCRATCH);
    expect((await again.graph(DEFAULT).node('kept' as NodeId)).element.id).toBe('kept');
    expect(await codeOf(() => again.graph(DEFAULT).node('n' as NodeId))).toBe('node-not-found');
  });

  test('nothing of it reaches the durable store', async () => {
    const { engine, durable } = await started();
    const before = durable.metrics().patchesTotal;
    await engine.createGraph(SCRATCH, { lifecycle: 'ephemeral' });
    await engine.graph(SCRATCH).write([node('n')]);
    await engine.changePolicy(SCRATCH, { quota: { elements: 1 } });
    expect(await codeOf(() => engine.graph(SCRATCH).write([node('m')]))).toBe('quota-exceeded');
    expect(durable.metrics().patchesTotal).toBe(before);
    expect(await codeOf(() => durable.graph(SCRATCH))).toBe('graph-not-found');
  });

  const promised: readonly (readonly [string, string, (engine: Engine) => unknown])[] = [
    ['strong operations', 'invalid-request', (engine) => engine.graph(SCRATCH, 'strong')],
    [
      'a strong creation',
      'invalid-request',
      (engine) => engine.createGraph('x' as GraphName, { lifecycle: 'ephemeral' }, 'strong'),
    ],
    ['a strong deletion', 'invalid-request', (engine) => engine.deleteGraph(SCRATCH, 'strong')],
    ['offline replicas', 'graph-protected', (engine) => engine.sync(SCRATCH)],
    [
      'the name of a persistent graph',
      'graph-exists',
      (engine) => engine.createGraph(DEFAULT, { lifecycle: 'ephemeral' }),
    ],
    [
      'its name for a persistent one',
      'graph-exists',
      (engine) => engine.createGraph(SCRATCH, { lifecycle: 'persistent' }),
    ],
  ];
  test.each(promised)('%s -> refused', async (_, code, work) => {
    const { engine } = await started();
    await engine.createGraph(SCRATCH, { lifecycle: 'ephemeral' });
    expect(await codeOf(() => work(engine))).toBe(code);
  });

  test('another server made a persistent graph of its name -> the name means that one, here too', async () => {
    const { engine, durable } = await started();
    await engine.createGraph(SCRATCH, { lifecycle: 'ephemeral' });
    await engine.graph(SCRATCH).write([node('n')]);
    // As replication would bring it.
    await durable.createGraph(SCRATCH, { partitions: 3 });
    expect(engine.graph(SCRATCH).description).toEqual({
      name: SCRATCH,
      settings: { partitions: 3, restoringTypes: [] },
    });
    expect(await codeOf(() => engine.graph(SCRATCH).node('n' as NodeId))).toBe('node-not-found');
    expect(names(engine).filter((name) => name === SCRATCH)).toHaveLength(1);
  });

  test('deleted -> the name is free for any class; a waiting reader hears of its commits', async () => {
    const { engine } = await started();
    await engine.createGraph(SCRATCH, { lifecycle: 'ephemeral' });
    let heard = 0;
    engine.onceCommitted(() => {
      heard++;
    });
    await engine.graph(SCRATCH).write([node('n')]);
    await engine.graph(DEFAULT).write([node('n')]);
    expect(heard).toBe(1);
    await engine.deleteGraph(SCRATCH);
    expect((await engine.createGraph(SCRATCH, {})).graph.lifecycle).toBeUndefined();
  });
});
