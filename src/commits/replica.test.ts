import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import type { NodeId } from '../../base/ids.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { MemoryDisk } from '../../storage/memory-store.ts';
import type { Commit, Store } from '../../storage/store.ts';
import {
  contents,
  edge,
  increment,
  memberOf,
  node,
  put,
  type Running,
  type RunOptions,
  remove,
  run,
  spreadIds,
  TINY,
  turns,
  WriteGate,
  watched,
} from '../engine-on-disk.model.ts';
import type { StreamCommit } from '../replication/replica.ts';
import { ReadGate } from '../residency/read-gate.model.ts';
import { ship, shipAll } from './shipping.model.ts';
import { seqOf } from './version-vector.ts';

const [a = '', b = '', c = ''] = spreadIds(3) as string[];
const member = (options: RunOptions = {}) => run({ cluster: memberOf(), ...options });
const replicas = (all: readonly Running[]) => all.map(({ engine }) => engine.replica);

async function failure(promise: Promise<unknown>): Promise<WeftError | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof WeftError) return error;
    throw error;
  }
}

/** All commits that a replica has made. */
async function commitsOf({ engine }: Running): Promise<readonly StreamCommit[]> {
  return engine.replica.readCommits(engine.replicaId, 0, 1000);
}

async function expectSame(all: readonly Running[]): Promise<void> {
  const [first, ...others] = await Promise.all(all.map(({ graph }) => graph.digest()));
  for (const other of others) expect(other).toEqual(first);
}

describe('receiving commits', () => {
  it('one edge id made apart with two targets, and the target of the loser goes -> the winner is exported and counted', async () => {
    const [left, right] = [await member(), await member()];
    await left.graph.write([put(a), put(b), put(c)]);
    await shipAll(replicas([left, right]));
    await left.graph.write([edge('road', a, b)]);
    right.env.advance(1000);
    await right.graph.write([edge('road', a, c)]);
    await shipAll(replicas([left, right]));
    await left.graph.write([remove(b)]);
    await shipAll(replicas([left, right]));
    for (const { graph } of [left, right]) {
      expect((await contents(graph)).edges).toMatchObject([{ id: 'road', from: a, to: c }]);
      expect(await graph.counts()).toEqual({ nodes: 2, edges: 1 });
    }
  });

  it('three engines that write apart -> all hold the same graph, on disk too', async () => {
    const all = [await member(), await member(), await member({ memoryBudgetBytes: TINY })];
    for (const [i, { graph }] of all.entries()) {
      for (let n = 0; n < 20; n++) {
        await graph.write([put(`n${n}`, { from: i }), increment(`n${n}`, 'count')]);
        await graph.write([put(`s${i}!x${n}`), edge(`e${i}-${n}`, `n${n}`, `s${i}!x${n}`)]);
      }
    }
    await shipAll(replicas(all));
    for (const { graph } of all) {
      await graph.write([increment('n7', 'count')]);
      expect(await graph.counts()).toEqual({ nodes: 80, edges: 60 });
    }
    await shipAll(replicas(all));
    await expectSame(all);
    const last = all[2] as Running;
    expect((await last.graph.node('n7' as NodeId)).element.properties.count).toBe(6);
    expect((await last.graph.edge('e1-3' as never)).element.to).toBe('s1!x3');
    last.disk.crash();
    all[2] = await member({ disk: last.disk });
    await expectSame(all);
  });

  it('a commit over several partitions -> visible in one step with the vector, and only once durable', async () => {
    const from = await member();
    const gate = new WriteGate();
    const to = await member({ beforeWrite: gate.beforeWrite });
    await from.graph.write([put(a), put(b), put(c), edge('e', a, b)]);
    await to.graph.counts();
    const seen: [seqs: number[], vector: number][] = [];
    to.engine.replica.onCommits((commits) => {
      seen.push([commits.map(({ seq }) => seq), seqOf(to.engine.replica.vector, from.engine.replicaId)]);
    });
    gate.close();
    const held = gate.arrival();
    const commits = await commitsOf(from);
    const received = to.engine.replica.receive(commits);
    await held;
    await turns();
    expect(await to.graph.counts()).toEqual({ nodes: 0, edges: 0 });
    expect(seqOf(to.engine.replica.vector, from.engine.replicaId)).toBe(0);
    gate.open();
    const state = watched(received);
    while (!state.settled) {
      // Whole or not at all, at any moment.
      const reads = await Promise.allSettled([a, b, c].map((id) => to.graph.node(id as NodeId)));
      expect([0, 3]).toContain(reads.filter(({ status }) => status === 'fulfilled').length);
      await turns(1);
    }
    await received;
    expect(await to.graph.counts()).toEqual({ nodes: 3, edges: 1 });
    expect(seen).toEqual([[commits.map(({ seq }) => seq), commits.length]]);
  });

  it('[crash before the batch is durable] -> nothing of the commit is there, and it can come again', async () => {
    const from = await member();
    const gate = new WriteGate();
    const to = await member({ beforeWrite: gate.beforeWrite });
    await from.graph.write([put(a), put(b)]);
    gate.close();
    const held = gate.arrival();
    void to.engine.replica.receive(await commitsOf(from));
    await held;
    to.disk.crash();
    const again = await member({ disk: to.disk });
    expect(seqOf(again.engine.replica.vector, from.engine.replicaId)).toBe(0);
    await ship(from.engine.replica, again.engine.replica);
    await expectSame([from, again]);
  });

  it('partitions that are not in memory -> nothing is hydrated, and what came is read later', async () => {
    const from = await member();
    const to = await member();
    await from.graph.write([put(a), put(b)]);
    const before = to.engine.metrics();
    await ship(from.engine.replica, to.engine.replica);
    expect(to.engine.metrics().hydrationsTotal).toBe(before.hydrationsTotal);
    expect(to.engine.metrics().hydratedDocuments).toBe(before.hydratedDocuments);
    expect((await contents(to.graph)).nodes.map(({ id }) => id).sort()).toEqual([a, b].sort());
  });

  it('a write that follows what was received -> its stamp is later, though the clock here is behind', async () => {
    const from = await member();
    const to = await member();
    from.env.advance(3_600_000);
    await from.graph.write([put(a, { x: 'first' })]);
    await ship(from.engine.replica, to.engine.replica);
    await to.graph.write([put(a, { x: 'second' })]);
    await shipAll(replicas([from, to]));
    expect((await from.graph.node(a as NodeId)).element.properties.x).toBe('second');
  });

  it('after vectors -> the whole vector at first, then what moved, then nothing', async () => {
    const [one, two, three] = [await member(), await member(), await member()];
    await one.graph.write([put(a)]);
    await two.graph.write([put(b)]);
    await ship(one.engine.replica, three.engine.replica);
    await ship(two.engine.replica, three.engine.replica);
    const mark = (await commitsOf(three)).length;
    expect(mark).toBe(0);
    await three.graph.write([put(c)]);
    await three.graph.write([put(c, { x: 1 })]);
    await one.graph.write([put(a, { x: 1 })]);
    await ship(one.engine.replica, three.engine.replica);
    await three.engine.replica.retire(one.engine.replicaId);
    await three.graph.write([put(c, { x: 2 })]);
    await three.graph.write([put(c, { x: 3 })]);
    const afters = (await commitsOf(three)).map(({ after }) => Object.fromEntries(after));
    const [first = {}, ...others] = afters;
    const ends = [one, two].map(({ engine }) => engine.replicaId);
    expect(Object.keys(first).map(Number).sort()).toEqual([...ends].sort());
    const named = others.filter((after) => Object.keys(after).length > 0);
    expect(named).toEqual([{ [one.engine.replicaId]: seqOf(one.engine.replica.vector, one.engine.replicaId) }]);
    expect(seqOf(three.engine.replica.vector, one.engine.replicaId)).toBe(0);
    expect(seqOf(three.engine.replica.retired, one.engine.replicaId)).toBeGreaterThan(0);
  });

  it('the same commit again, in the same batch or later -> nothing happens', async () => {
    const from = await member();
    const to = await member();
    await from.graph.write([increment('n', 'x')].flatMap((more) => [put('n'), more]));
    const commits = await commitsOf(from);
    await to.engine.replica.receive([...commits, ...commits]);
    await to.engine.replica.receive(commits);
    await expectSame([from, to]);
    expect(await commitsOf(from)).toEqual(
      (await to.engine.replica.readCommits(from.engine.replicaId, 0, 100)).map((commit) => ({
        ...commit,
        lsn: commits[commit.seq - 1]?.lsn,
      })),
    );
  });

  it('a local write meanwhile -> one order: what listeners hear is the order of the log', async () => {
    const from = await member();
    const to = await member();
    const heard: number[] = [];
    to.engine.replica.onCommits((commits) => heard.push(...commits.map(({ lsn }) => lsn)));
    for (let i = 0; i < 20; i++) await from.graph.write([put(`x${i}`)]);
    const commits = await commitsOf(from);
    const work: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i++) {
      work.push(to.graph.write([put(`y${i}`)]), to.engine.replica.receive(commits.slice(i, i + 1)));
      if (i % 3 === 0) await turns(1);
    }
    work.push(to.engine.replica.receive(commits.slice(20)));
    await Promise.all(work);
    expect(heard).toEqual(Array.from(heard.keys(), (i) => i + 1));
    expect((await to.graph.counts()).nodes).toBe(40);
  });

  it('an edge id that comes from elsewhere while a write looks for it -> edge-exists', async () => {
    const from = await member();
    const gate = new ReadGate();
    const to = await member({ memoryBudgetBytes: TINY, wrap: gate.wrap });
    await from.graph.write([put(a), put(b), edge('e', a, b)]);
    await to.graph.write([put(c), put(b)]);
    gate.close();
    const held = gate.arrival();
    const written = failure(to.graph.write([edge('e', c, b)]));
    await held;
    await to.engine.replica.receive(await commitsOf(from));
    gate.open();
    expect((await written)?.code).toBe('edge-exists');
  });
});

describe('receiving while a partition is read', () => {
  it.each([
    ['view', 'before the read'],
    ['view', 'after the read'],
    ['view', 'during the read, visible after it'],
    ['document', 'before the read'],
    ['document', 'during the read, visible after it'],
    ['document', 'after the read'],
  ] as const)('%s, the commit becomes durable %s -> it is there, once', async (what, when) => {
    const from = await member();
    const reads = new ReadGate();
    const writes = new WriteGate();
    const to = await member({ wrap: reads.wrap, beforeWrite: writes.beforeWrite });
    await from.graph.write([put(a), increment(a, 'x')]);
    await ship(from.engine.replica, to.engine.replica);
    await from.graph.write([increment(a, 'x')]);
    const commits = (await commitsOf(from)).filter(
      ({ seq }) => seq > seqOf(to.engine.replica.vector, from.engine.replicaId),
    );
    if (what === 'document') await to.graph.node(a as NodeId);
    const start = () => (what === 'view' ? to.graph.node(a as NodeId) : to.graph.write([increment(a, 'y')]));
    if (when === 'during the read, visible after it') {
      writes.close();
      const held = writes.arrival();
      const received = to.engine.replica.receive(commits);
      await held;
      const started = start();
      await turns();
      writes.open();
      await received;
      await started;
    } else if (when === 'before the read') {
      // Durable in the store, but the read comes before it is visible: the batch is held after it was written.
      writes.close();
      const held = writes.arrival();
      const received = to.engine.replica.receive(commits);
      await held;
      reads.close();
      const reached = reads.arrival();
      const started = start();
      await reached;
      writes.open();
      await received;
      reads.open();
      await started;
    } else {
      reads.close();
      const reached = reads.arrival();
      const started = start();
      await reached;
      await to.engine.replica.receive(commits);
      reads.open();
      await started;
    }
    expect((await to.graph.node(a as NodeId)).element.properties.x).toBe(2);
    await to.graph.write([increment(a, 'x')]);
    await shipAll(replicas([from, to]));
    expect((await from.graph.node(a as NodeId)).element.properties.x).toBe(3);
    await expectSame([from, to]);
    const key = { graphKey: 'default', partition: partitionOfNode(a, 16) };
    expect(await to.engine.replica.stateVector(key)).toEqual(await from.engine.replica.stateVector(key));
  });

  it('the store has a commit that is not visible yet -> a read that comes then does not show it', async () => {
    const from = await member();
    let hold = false;
    let release = () => {};
    let written = () => {};
    const isWritten = new Promise<void>((resolve) => {
      written = resolve;
    });
    const wrap = (store: Store): Store =>
      new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name !== 'appendAll' || typeof value !== 'function') {
            return typeof value === 'function' ? value.bind(target) : value;
          }
          return async (commits: readonly Commit[]) => {
            const lsn = await target.appendAll(commits);
            written();
            if (hold) await new Promise<void>((resolve) => (release = resolve));
            return lsn;
          };
        },
      });
    const to = await member({ wrap });
    await from.graph.write([put(a), put(b)]);
    await to.graph.node(b as NodeId).catch(() => undefined);
    hold = true;
    const received = to.engine.replica.receive((await commitsOf(from)).slice(0, 1));
    await isWritten;
    await turns();
    expect((await failure(to.graph.node(a as NodeId)))?.code).toBe('node-not-found');
    hold = false;
    release();
    await received;
    await ship(from.engine.replica, to.engine.replica);
    expect((await to.graph.node(a as NodeId)).element.id).toBe(a);
    expect((await to.graph.node(b as NodeId)).element.id).toBe(b);
  });
});

describe('damaged commits', () => {
  async function damaged(change: (commit: StreamCommit) => Commit) {
    const from = await member();
    const to = await member();
    for (let i = 0; i < 3; i++) await from.graph.write([put(a, { i }), put(b, { i })]);
    const commits = await commitsOf(from);
    const at = commits.length - 2;
    const sent = commits.map((commit, i) => (i === at ? change(commit) : commit));
    const error = await failure(to.engine.replica.receive(sent));
    expect(error?.code).toBe('malformed-request');
    expect(error?.context).toEqual({ origin: from.engine.replicaId, seq: commits[at]?.seq });
    expect(seqOf(to.engine.replica.vector, from.engine.replicaId)).toBe(at);
    await to.engine.replica.receive(commits.slice(at));
    await expectSame([from, to]);
  }

  it.each<[string, (commit: StreamCommit) => Commit]>([
    [
      'an update cut short',
      (commit) => ({
        ...commit,
        parts: commit.parts.map((part, i) => (i === 1 ? { ...part, update: part.update.slice(0, -3) } : part)),
      }),
    ],
    [
      'another origin',
      (commit) => ({
        ...commit,
        parts: commit.parts.map((part) => ({
          ...part,
          update: part.update.map((byte, i) => (i === 2 ? byte ^ 1 : byte)),
        })),
      }),
    ],
    ['a clock before its patches', (commit) => ({ ...commit, clock: 1 })],
    ['a partition twice', (commit) => ({ ...commit, parts: [...commit.parts, ...commit.parts] })],
    [
      'a partition that the graph has not',
      (commit) => ({ ...commit, parts: commit.parts.map((part) => ({ ...part, partition: '99' as never })) }),
    ],
    [
      'parts that changed places',
      (commit) => ({
        ...commit,
        parts: commit.parts.map((part, i, all) => ({ ...part, update: (all[1 - i] ?? part).update })),
      }),
    ],
    [
      'a graph key that cannot be',
      (commit) => ({ ...commit, parts: commit.parts.map((part) => ({ ...part, graphKey: '../x' })) }),
    ],
  ])('%s -> malformed-request that names it; what was before is there, the rest can come again', (_, change) =>
    damaged(change),
  );

  it('a commit of a partition whose predecessor is missing -> malformed-request, nothing applied', async () => {
    const from = await member();
    const to = await member();
    await from.graph.write([put(a)]);
    await from.graph.write([put(a, { x: 1 })]);
    await to.graph.write([put(a)]);
    const commits = await commitsOf(from);
    const [first, ...rest] = commits as [StreamCommit, ...StreamCommit[]];
    const error = await failure(to.engine.replica.receive([{ ...first, parts: [] }, ...rest]));
    expect(error?.code).toBe('malformed-request');
  });

  it('an own commit that comes back under the own id, beyond what is here -> malformed-request', async () => {
    const one = await member();
    await one.graph.write([put(a)]);
    const [commit] = await commitsOf(one);
    if (commit === undefined) throw new Error('a commit was made');
    const next = { ...commit, seq: (await commitsOf(one)).length + 1 };
    expect((await failure(one.engine.replica.receive([next])))?.code).toBe('malformed-request');
  });
});

describe('a store that fails', () => {
  it('while commits are received -> storage-failed, nothing visible, no more accepted', async () => {
    const from = await member();
    const gate = new WriteGate();
    const to = await member({ beforeWrite: gate.beforeWrite });
    await from.graph.write([put(a)]);
    gate.close();
    const held = gate.arrival();
    const received = failure(to.engine.replica.receive(await commitsOf(from)));
    await held;
    gate.fail(new Error('no space'));
    expect((await received)?.code).toBe('storage-failed');
    expect(seqOf(to.engine.replica.vector, from.engine.replicaId)).toBe(0);
    expect((await failure(to.graph.write([put(b)])))?.code).toBe('storage-failed');
    expect((await failure(to.engine.replica.receive(await commitsOf(from))))?.code).toBe('storage-failed');
  });
});

describe('incarnations', () => {
  it('a member that stops clean -> starts with a fresh id; the old stream stays in the vector until it is retired', async () => {
    const disk = new MemoryDisk();
    const first = await member({ disk });
    await first.graph.write([put(a)]);
    await first.engine.close();
    const second = await member({ disk });
    expect(second.engine.replicaId).not.toBe(first.engine.replicaId);
    await second.graph.write([put(a, { x: 1 })]);
    const ended = seqOf(second.engine.replica.vector, first.engine.replicaId);
    expect(ended).toBeGreaterThan(0);
    await second.engine.replica.retire(first.engine.replicaId);
    expect(Array.from(second.engine.replica.vector.keys())).toEqual([second.engine.replicaId]);
    second.disk.crash();
    const third = await member({ disk });
    expect(seqOf(third.engine.replica.vector, first.engine.replicaId)).toBe(0);
    expect(seqOf(third.engine.replica.retired, first.engine.replicaId)).toBe(ended);
    // A server that comes with an empty disk has nothing of the ended stream, and must not get this one before it.
    await third.graph.write([put(a, { x: 2 })]);
    const [next] = await commitsOf(third);
    expect(Object.fromEntries(next?.after ?? [])).toMatchObject({ [first.engine.replicaId]: ended });
  });

  it('two streams end at once -> both stay ended over a restart', async () => {
    const [one, two, here] = [await member(), await member(), await member()];
    for (const [i, from] of [one, two].entries()) {
      await from.graph.write([put(`n${i}`)]);
      await ship(from.engine.replica, here.engine.replica);
    }
    const ended = [one.engine.replicaId, two.engine.replicaId];
    await Promise.all(ended.map((origin) => here.engine.replica.retire(origin)));
    here.disk.crash();
    const again = await member({ disk: here.disk });
    expect(Array.from(again.engine.replica.retired.keys()).sort()).toEqual(ended.sort());
  });

  it('more of a retired stream arrives -> it is taken back', async () => {
    const from = await member();
    const to = await member();
    await from.graph.write([put(a)]);
    await ship(from.engine.replica, to.engine.replica);
    await to.engine.replica.retire(from.engine.replicaId);
    await from.graph.write([put(b)]);
    await ship(from.engine.replica, to.engine.replica);
    expect(to.engine.replica.retired.size).toBe(0);
    expect(to.engine.replica.vector.get(from.engine.replicaId)).toBe((await commitsOf(from)).length);
    to.disk.crash();
    const again = await member({ disk: to.disk });
    expect(again.engine.replica.vector.get(from.engine.replicaId)).toBe((await commitsOf(from)).length);
    expect(again.engine.replica.retired.size).toBe(0);
  });

  it('the first write of a member -> its incarnation can be read in `_system`', async () => {
    const { engine, graph } = await member();
    await graph.write([put(a)]);
    await turns();
    const { element } = await engine.graph('_system' as never).node(`incarnation:${engine.replicaId}` as NodeId);
    expect(element).toMatchObject({
      labels: ['Incarnation'],
      properties: { server: 'test', replicaId: engine.replicaId },
    });
  });
});

describe('while commits are on their way', () => {
  it('a crowd of writers here and there, tiny memory -> all is there and equal', async () => {
    const all = [await member({ memoryBudgetBytes: TINY }), await member({ memoryBudgetBytes: TINY })];
    const writers = all.map(async ({ graph }, i) => {
      for (let n = 0; n < 60; n++) {
        await graph.write([put(`k${n % 7}`, { [`w${i}`]: n }), increment(`k${n % 7}`, 'n')]);
        if (n % 9 === 0) await graph.write([remove(`k${n % 5}`, true)]).catch(() => undefined);
        if (n % 4 === 0) await graph.write([node(`s${i}!${n}`), edge(`e${i}-${n}`, `s${i}!${n}`, `s${i}!0`)]);
      }
    });
    const done = watched(Promise.all(writers));
    while (!done.settled) {
      await shipAll(replicas(all));
      await turns(2);
    }
    await Promise.all(writers);
    await shipAll(replicas(all));
    await expectSame(all);
    expect((await all[0]?.graph.integrity())?.missingStubs).toEqual([]);
  });
});
