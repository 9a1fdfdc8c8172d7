import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { Store } from '../../storage/store.ts';
import {
  contents,
  edge,
  increment,
  memberOf,
  node,
  put,
  run,
  spreadIds,
  turns,
  WriteGate,
  watched,
} from '../engine-on-disk.model.ts';

const [a = '', b = '', c = ''] = spreadIds(3) as string[];
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof WeftError ? error.code : String(error)),
  );

/** An engine whose writes can be held. */
async function gated() {
  const gate = new WriteGate();
  return { gate, ...(await run({ beforeWrite: gate.beforeWrite })) };
}

describe('group commit', () => {
  it('many requests while a batch is in flight -> they share the next commit', async () => {
    const { gate, graph, engine } = await gated();
    const before = engine.metrics();
    gate.close();
    const held = gate.arrival();
    const first = graph.write([put(a)]);
    await held;
    const others = Array.from({ length: 300 }, (_, i) => graph.write([put(`x${i}`, { i })]));
    await turns();
    gate.open();
    await Promise.all([first, ...others]);
    const after = engine.metrics();
    expect(after.requestsInCommitsTotal - before.requestsInCommitsTotal).toBe(301);
    expect(after.patchesTotal - before.patchesTotal).toBe(301);
    expect(after.commitsTotal - before.commitsTotal).toBe(2);
  });

  it('a request waits while another is written -> it is on its way to the store before the answer to that leaves', async () => {
    const gate = new WriteGate();
    let batches = 0;
    const beforeWrite = () => {
      batches++;
      return gate.beforeWrite();
    };
    const { graph, env } = await run({ beforeWrite });
    gate.close();
    const held = gate.arrival();
    const first = graph.write([put(a)]);
    await held;
    const second = graph.write([put(b)]);
    await turns();
    const before = batches;
    // As answers leave: a turn after they are there.
    const left = first.then(() => env.scheduler.yield()).then(() => batches);
    gate.open();
    expect(await left).toBe(before + 1);
    await second;
  });

  it('requests one after the other -> a commit each', async () => {
    const { graph, engine } = await run();
    const before = engine.metrics().commitsTotal;
    for (let i = 0; i < 5; i++) await graph.write([put(a, { i })]);
    expect(engine.metrics().commitsTotal - before).toBe(5);
  });

  it('requests that share a commit [crash in flight] -> each is all there or not at all', async () => {
    const { gate, graph, disk } = await gated();
    gate.close();
    const held = gate.arrival();
    const writes = [graph.write([put(a)]), graph.write([put(b), put(c), edge('e', b, c)])].map(watched);
    await held;
    await turns();
    disk.crash();
    gate.open();
    await turns();
    expect(writes.map(({ settled }) => settled)).toEqual([false, false]);
    const { graph: after } = await run({ disk });
    expect(await contents(after)).toEqual({ nodes: [], edges: [] });
  });

  it('a batch over several partitions [the crash keeps the batch] -> all of it is there', async () => {
    const { gate, graph, disk } = await gated();
    gate.close();
    const held = gate.arrival();
    void graph.write([put(a), put(b), put(c), edge('e', a, b), edge('f', c, a)]);
    await held;
    disk.crash({ keep: 1 });
    const { graph: after } = await run({ disk });
    const { nodes, edges } = await contents(after);
    expect(nodes.map(({ id }) => id)).toEqual([a, b, c].sort());
    expect(edges.map(({ id }) => id)).toEqual(['e', 'f']);
    expect(await after.integrity()).toMatchObject({ hiddenEdges: [], orphanStubs: [], missingStubs: [] });
  });
});

describe('what is not durable', () => {
  it('write in flight -> it is not acknowledged', async () => {
    const { gate, graph } = await gated();
    gate.close();
    const held = gate.arrival();
    const write = graph.write([node(a)]);
    const state = watched(write);
    await held;
    await turns();
    expect(state.settled).toBe(false);
    gate.open();
    await write;
  });

  const reads = {
    node: (graph) => graph.node(a as never),
    'missing node': (graph) => codeOf(graph.node(b as never)),
    edge: (graph) => graph.edge('loop' as never),
    nodes: (graph) => graph.nodes({}, { limit: 10 }),
    edgesOf: (graph) => graph.edgesOf(a as never, { direction: 'both' }, { limit: 10 }),
    neighbors: (graph) => graph.neighbors(a as never, { direction: 'both', depth: 2 }, { limit: 10 }),
    shortestPath: (graph) => graph.shortestPath({ from: a as never, to: a as never, direction: 'out', maxDepth: 1 }),
    export: (graph) => contents(graph),
    digest: (graph) => graph.digest(),
    counts: (graph) => graph.counts(),
    integrity: (graph) => graph.integrity(),
    'a write that changes nothing': (graph) =>
      graph.write([{ op: 'patchNode', id: a as never, labels: { kind: 'change', add: [], remove: [] } }]),
    'a write that is refused': (graph) => codeOf(graph.write([node(a)])),
    'a failed condition': (graph) => codeOf(graph.write([{ ...put(a), condition: { noneMatch: '*' } }])),
  } as const satisfies Record<string, (graph: Awaited<ReturnType<typeof run>>['graph']) => Promise<unknown>>;

  it.each(Object.keys(reads) as (keyof typeof reads)[])(
    'read while a write is in flight: %s -> waits for it',
    async (name) => {
      const { gate, graph } = await gated();
      await graph.write([put(a), put(b), edge('loop', a, a)]);
      gate.close();
      const held = gate.arrival();
      const write = graph.write([put(a, { x: 1 }), { op: 'deleteNode', id: b as never, detach: false }]);
      await held;
      const read = reads[name](graph);
      const state = watched(read);
      await turns();
      expect(state.settled).toBe(false);
      gate.open();
      await write;
      await read;
    },
  );

  it.each(Object.keys(reads) as (keyof typeof reads)[])(
    'read after a write [its disk write failed]: %s -> refused, never what was lost',
    async (name) => {
      const { graph, disk } = await run();
      await graph.write([put(a), put(b), edge('loop', a, a)]);
      disk.failWrites(new Error('no space'));
      await expect(graph.write([put(a, { x: 1 }), put(c)])).rejects.toMatchObject({ code: 'storage-failed' });
      const read = reads[name](graph);
      expect([await codeOf(read), await read.catch(() => undefined)]).toContain('storage-failed');
    },
  );
});

describe('fail-stop', () => {
  it('a disk write fails -> the writer is told that the outcome is open, all later ones are refused', async () => {
    const { graph, engine, disk } = await run();
    await graph.write([put(a)]);
    disk.failWrites(new Error('no space'));
    const error = await graph.write([put(b)]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WeftError);
    expect(error).toMatchObject({ code: 'storage-failed', kind: { definite: false } });
    expect(engine.health()).toMatchObject({ canRead: false, canWrite: false });
    expect(await codeOf(graph.write([put(c)]))).toBe('storage-failed');
    expect(await codeOf(graph.load([put(c)], { stopAtFirst: true }))).toBe('storage-failed');
    expect(await codeOf(engine.createGraph('g' as never, {}))).toBe('storage-failed');
  });

  it('a disk write fails while others wait for the next commit -> they are refused too', async () => {
    const { gate, graph } = await gated();
    gate.close();
    const held = gate.arrival();
    const first = codeOf(graph.write([put(a)]));
    await held;
    const second = codeOf(graph.write([put(b)]));
    const read = codeOf(graph.node(b as never));
    await turns();
    gate.fail(new Error('no space'));
    const outcomes = Promise.all([first, second, read]);
    const state = watched(outcomes);
    await turns();
    expect(state.settled).toBe(true);
    expect(await outcomes).toEqual(['storage-failed', 'storage-failed', 'storage-failed']);
  });

  it('a disk write fails, then a restart -> what was acknowledged is there, and writes go on', async () => {
    const { graph, disk, engine } = await run();
    await graph.write([put(a, { x: 1 })]);
    disk.failWrites(new Error('no space'));
    await codeOf(graph.write([put(a, { x: 2 })]));
    await engine.close();
    disk.crash();
    const { graph: after } = await run({ disk });
    expect((await after.node(a as never)).element.properties).toEqual({ x: 1 });
    await after.write([increment(a, 'x', 4)]);
    expect((await after.node(a as never)).element.properties).toEqual({ x: 5 });
  });

  it('stopped engine -> writes are refused, what was submitted is durable', async () => {
    const { gate, graph, engine, disk } = await gated();
    gate.close();
    const held = gate.arrival();
    const write = graph.write([put(a)]);
    await held;
    const closed = engine.close();
    expect(await codeOf(graph.write([put(b)]))).toBe('shutting-down');
    gate.open();
    await write;
    await closed;
    const again = await run({ disk });
    expect((await contents(again.graph)).nodes.map(({ id }) => id)).toEqual([a]);
    expect(again.engine.replicaId).toBe(engine.replicaId);
  });
});

describe('checkpoint', () => {
  /** A store whose log always looks so long. */
  const withLog =
    (logBytes: number) =>
    (store: Store): Store =>
      new Proxy(store, {
        get(target, name) {
          if (name === 'status') return () => ({ ...target.status(), logBytes });
          const member = Reflect.get(target, name, target) as unknown;
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
  const full = withLog(LIMITS.logBytesMax);

  it('the log is full -> partitions are snapshotted and the log is cut, with the same graph after a restart', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.graph.write([put(a, { x: 1 }), put(b), edge('e', a, b)]);
    await first.engine.close();
    // A partition that nobody asks for after the restart must not hold the log back.
    const second = await run({ disk, wrap: full });
    await second.graph.write([put(c)]);
    await turns();
    expect(disk.logBytes).toBe(0);
    await second.graph.write([increment(a, 'x')]);
    const before = await second.graph.digest();
    disk.crash();
    const third = await run({ disk });
    expect(await third.graph.digest()).toEqual(before);
    expect((await third.graph.node(a as never)).element.properties).toEqual({ x: 2 });
  });

  it('the log is full [a partition is damaged] -> the others go on taking writes', async () => {
    const disk = new MemoryDisk();
    const first = await run({ disk });
    await first.graph.write([put(a)]);
    const { lastLsn } = first.store.status();
    await first.graph.write([put(b)]);
    await first.engine.close();
    disk.damage({
      kind: 'row',
      graphKey: 'default',
      partition: partitionOfNode(a, LIMITS.partitionsDefault),
      lsn: lastLsn,
    });
    const second = await run({ disk, wrap: full });
    expect(await codeOf(second.graph.node(a as never))).toBe('partition-recovering');
    for (let i = 0; i < 3; i++) {
      await second.graph.write([put(b, { i })]);
      await turns();
    }
    expect((await second.graph.node(b as never)).element.properties).toEqual({ i: 2 });
    expect(second.engine.health()).toMatchObject({ canRead: true, canWrite: true });
    await second.engine.close();
  });

  it.each([
    ['whole', 0],
    ['damaged', 1],
  ] as const)(
    'the log is longer than it may be, and a voter lacks it [a partition is %s] -> %i commits are kept',
    async (state, kept) => {
      const disk = new MemoryDisk();
      const options = { disk, wrap: withLog(LIMITS.logBytesHardMax), cluster: memberOf() };
      const first = await run(options);
      await first.graph.write([put(a)]);
      await turns();
      await first.engine.close();
      expect(disk.logBytes).toBe(0);
      const partition = partitionOfNode(a, LIMITS.partitionsDefault);
      if (state === 'damaged') disk.damage({ kind: 'snapshot', graphKey: 'default', partition });
      const { engine, graph } = await run(options);
      expect(await codeOf(graph.node(a as never))).toBe(state === 'damaged' ? 'partition-recovering' : 'resolved');
      await graph.write([put(b)]);
      await turns();
      // Others get them from the log: no state can be taken over from here.
      expect(await engine.replica.readCommits(engine.replicaId, 0, 10)).toHaveLength(kept);
    },
  );
});
