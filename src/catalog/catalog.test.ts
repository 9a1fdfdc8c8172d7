import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { graphName, type NodeId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import { contents, DEFAULT, edge, node, put, run, TINY, turns, WriteGate, watched } from '../engine-on-disk.model.ts';

const G = graphName('g');
const SYSTEM = graphName('_system');

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
}

const names = (engine: Awaited<ReturnType<typeof run>>['engine']) => engine.listGraphs().map(({ name }) => name);

describe('create', () => {
  it('a new name -> there at once and after a crash, with its settings', async () => {
    const { engine, disk } = await run();
    const { created, graph } = await engine.createGraph(G, { partitions: 3, restoringTypes: ['U', 'T', 'T'] });
    expect(created).toBe(true);
    expect(graph).toEqual({ name: 'g', settings: { partitions: 3, restoringTypes: ['T', 'U'] } });
    disk.crash();
    const again = await run({ disk });
    expect(names(again.engine)).toEqual(['_outcomes', '_system', 'default', 'g']);
    expect(again.engine.graph(G).description).toEqual(graph);
  });

  it('the same settings, or none -> the same graph; others -> graph-exists, and nothing changed', async () => {
    const { engine } = await run();
    await engine.createGraph(G, { partitions: 3 });
    await engine.graph(G).write([node('a')]);
    for (const settings of [{}, { partitions: 3 }, { restoringTypes: [] }]) {
      expect(await engine.createGraph(G, settings)).toMatchObject({ created: false, graph: { name: 'g' } });
    }
    for (const settings of [{ partitions: 4 }, { partitions: 16 }, { restoringTypes: ['T'] }]) {
      expect(await codeOf(() => engine.createGraph(G, settings))).toBe('graph-exists');
    }
    expect(await engine.graph(G).counts()).toEqual({ nodes: 1, edges: 0 });
  });

  it('many at once -> one creates it', async () => {
    const { engine } = await run();
    const results = await Promise.all(Array.from({ length: 8 }, () => engine.createGraph(G, {})));
    expect(results.filter(({ created }) => created)).toHaveLength(1);
  });

  it.each([0, -1, 1.5, Number.NaN, LIMITS.partitionsMax + 1])(
    '%d partitions -> invalid-request',
    async (partitions) => {
      const { engine } = await run();
      expect(await codeOf(() => engine.createGraph(G, { partitions }))).toBe('invalid-request');
      expect(names(engine)).toEqual(['_outcomes', '_system', 'default']);
    },
  );

  it('the built-in ones -> exist already', async () => {
    const { engine } = await run();
    expect(await engine.createGraph(DEFAULT, {})).toMatchObject({ created: false });
    expect(await codeOf(() => engine.createGraph(DEFAULT, { partitions: 2 }))).toBe('graph-exists');
  });

  it.each(['__proto__', 'constructor', 'a!b', '3~x', 'Grüße 🦜/?#%', 'x'.repeat(1024)])(
    'the name %j -> a graph like any other',
    async (text) => {
      const { engine, disk } = await run();
      const name = graphName(text);
      await engine.createGraph(name, {});
      await engine.graph(name).write([node('a')]);
      disk.crash();
      const again = await run({ disk });
      expect(names(again.engine)).toContain(text);
      expect(await again.engine.graph(name).counts()).toEqual({ nodes: 1, edges: 0 });
      await again.engine.deleteGraph(name);
      expect(names(again.engine)).toEqual(['_outcomes', '_system', 'default']);
    },
  );
});

describe('delete', () => {
  it('a graph -> gone with all it held, for good; others are untouched', async () => {
    const { engine, graph, disk } = await run();
    await engine.createGraph(G, {});
    await graph.write([node('a')]);
    await engine.graph(G).write([node('a'), node('s!b'), edge('e', 'a', 's!b')]);
    const [entry] = (await contents(engine.graph(SYSTEM))).nodes;
    const key = String(entry?.properties.key);
    await engine.deleteGraph(G);
    expect(await codeOf(() => engine.graph(G))).toBe('graph-not-found');
    expect(await codeOf(() => engine.deleteGraph(G))).toBe('graph-not-found');
    expect(disk.partitionsOf(key)).toEqual([]);
    disk.crash();
    const again = await run({ disk });
    expect(names(again.engine)).toEqual(['_outcomes', '_system', 'default']);
    expect((await contents(again.graph)).nodes.map(({ id }) => id)).toEqual(['a']);
  });

  it('created again -> starts empty, with other settings if asked', async () => {
    const { engine, disk } = await run();
    for (const partitions of [4, 7, 1]) {
      await engine.createGraph(G, { partitions });
      expect(await contents(engine.graph(G))).toEqual({ nodes: [], edges: [] });
      await engine.graph(G).write([node('a'), node('s!b'), edge('e', 'a', 's!b')]);
      if (partitions !== 1) await engine.deleteGraph(G);
    }
    disk.crash();
    const again = (await run({ disk })).engine.graph(G);
    expect(again.description.settings.partitions).toBe(1);
    expect(await again.counts()).toEqual({ nodes: 2, edges: 1 });
  });

  it('built-in graphs -> graph-protected', async () => {
    const { engine } = await run();
    for (const name of [DEFAULT, SYSTEM]) expect(await codeOf(() => engine.deleteGraph(name))).toBe('graph-protected');
  });

  it.each([0, 1, 2, 3, 4])(
    '[crash at batch %i of a delete] -> still whole or gone and, made again, empty',
    async (batches) => {
      const disk = new MemoryDisk();
      const first = await run({ disk });
      await first.engine.createGraph(G, {});
      await first.engine.graph(G).write([node('a'), node('b'), edge('e', 'a', 'b')]);
      await first.engine.close();
      let left = Number.POSITIVE_INFINITY;
      const second = await run({
        disk,
        beforeWrite: async () => {
          if (left-- === 0) disk.crash({ keep: batches % 2 });
        },
      });
      left = batches;
      const deleted = second.engine.deleteGraph(G);
      deleted.catch(() => undefined);
      await turns();
      disk.crash();
      const third = await run({ disk });
      if (names(third.engine).includes(G)) {
        expect(await third.engine.graph(G).counts()).toEqual({ nodes: 2, edges: 1 });
        await third.engine.deleteGraph(G);
      }
      await third.engine.createGraph(G, {});
      expect(await contents(third.engine.graph(G))).toEqual({ nodes: [], edges: [] });
      await third.engine.graph(G).write([node('new')]);
      disk.crash();
      const fourth = await run({ disk });
      expect((await contents(fourth.engine.graph(G))).nodes.map(({ id }) => id)).toEqual(['new']);
    },
  );

  it('while writers write to it -> they are refused or done, and the graph made again is empty', async () => {
    const { engine, disk } = await run({ memoryBudgetBytes: TINY });
    await engine.createGraph(G, {});
    const old = engine.graph(G);
    const writes = Array.from({ length: 50 }, (_, i) => codeOf(() => old.write([put(`n${i}`), put(`s${i}!x`)])));
    const load = codeOf(() =>
      old.load(
        Array.from({ length: 3000 }, (_, i) => put(`l${i}`)),
        { stopAtFirst: true },
      ),
    );
    const reads = [codeOf(() => old.counts()), codeOf(() => contents(old)), codeOf(() => old.node('n1' as NodeId))];
    await engine.deleteGraph(G);
    await engine.createGraph(G, {});
    const allowed = ['done', 'graph-not-found', 'node-not-found'];
    for (const code of await Promise.all([...writes, load, ...reads])) expect(allowed).toContain(code);
    expect(await codeOf(() => old.write([put('late')]))).toBe('graph-not-found');
    expect(await codeOf(() => old.node('n1' as NodeId))).toBe('graph-not-found');
    expect(await contents(engine.graph(G))).toEqual({ nodes: [], edges: [] });
    disk.crash();
    expect(await contents((await run({ disk })).engine.graph(G))).toEqual({ nodes: [], edges: [] });
  });

  it('many graphs come and go -> what they held counts against the memory budget no more', async () => {
    const { engine } = await run();
    const before = engine.metrics().residentBytes;
    for (let i = 0; i < 5; i++) {
      await engine.createGraph(G, {});
      const graph = engine.graph(G);
      await graph.write([put('a', { text: 'x'.repeat(100_000) })]);
      const late = codeOf(() => graph.write([put('b', { text: 'x'.repeat(100_000) })]));
      await engine.deleteGraph(G);
      expect(['done', 'graph-not-found']).toContain(await late);
    }
    expect(engine.metrics().residentBytes - before).toBeLessThan(50_000);
  });
});

describe('_system', () => {
  it('readable like a graph, written only by the server', async () => {
    const { engine } = await run();
    await engine.createGraph(G, { partitions: 2 });
    const system = engine.graph(SYSTEM);
    const [element] = (await contents(system)).nodes;
    expect(element).toMatchObject({ labels: ['Graph'], properties: { name: 'g', partitions: 2, restoringTypes: [] } });
    expect(await codeOf(() => system.write([put('x')]))).toBe('graph-protected');
    expect(await codeOf(() => system.load([put('x')], { stopAtFirst: true }))).toBe('graph-protected');
    expect(await codeOf(() => system.repair())).toBe('graph-protected');
    expect((await contents(system)).nodes).toEqual([element]);
  });
});

describe('not durable yet', () => {
  it('a graph whose creation is in flight -> not listed and not found until it is durable', async () => {
    const gate = new WriteGate();
    const { engine } = await run({ beforeWrite: gate.beforeWrite });
    gate.close();
    const held = gate.arrival();
    const creating = engine.createGraph(G, {});
    await held;
    await turns();
    expect(watched(creating).settled).toBe(false);
    expect(names(engine)).toEqual(['_outcomes', '_system', 'default']);
    expect(await codeOf(() => engine.graph(G))).toBe('graph-not-found');
    gate.open();
    await creating;
    expect(names(engine)).toEqual(['_outcomes', '_system', 'default', 'g']);
  });
});

describe('identity', () => {
  it('a clean stop -> the same replica id goes on; a crash -> a fresh one; its stream has no gap', async () => {
    const disk = new MemoryDisk();
    const ids: number[] = [];
    for (const end of ['close', 'close', 'crash', 'close', 'kill', 'close'] as const) {
      const { engine, graph } = await run({ disk });
      ids.push(engine.replicaId);
      await graph.write([put(`n${ids.length}`)]);
      expect(engine.cluster().vector[engine.replicaId]).toBeGreaterThan(0);
      if (end === 'close') await engine.close();
      else if (end === 'crash') disk.crash();
      else disk.kill();
    }
    expect(ids.map((id, i) => i > 0 && id === ids[i - 1])).toEqual([false, true, true, false, true, false]);
    expect(new Set(ids).size).toBe(3);
    const { engine, graph } = await run({ disk });
    expect(Object.keys(engine.cluster().vector)).toHaveLength(3);
    expect(await graph.counts()).toEqual({ nodes: 6, edges: 0 });
  });

  it('the wall clock jumps back over a restart -> later writes still win', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    first.env.advance(365 * 24 * 3600 * 1000);
    await first.graph.write([put('a', { x: 'old' })]);
    disk.crash();
    const second = await run({ disk });
    await second.graph.write([put('a', { x: 'new' })]);
    expect((await second.graph.node('a' as NodeId)).element.properties).toEqual({ x: 'new' });
    disk.crash();
    expect((await (await run({ disk })).graph.node('a' as NodeId)).element.properties).toEqual({ x: 'new' });
  });
});
