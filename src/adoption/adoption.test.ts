import { describe, expect, it } from 'vitest';
import { WeftError } from '../../base/errors.ts';
import { type GraphName, graphName, type NodeId, type PartitionId } from '../../base/ids.ts';
import { mergeUpdates } from '../../crdt/partition-document.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { MemoryDisk, openMemoryStore } from '../../storage/memory-store.ts';
import type { PartitionKey } from '../../storage/store.ts';
import { ship, shipAll, takeOver, transfer } from '../commits/shipping.model.ts';
import { seqOf } from '../commits/version-vector.ts';
import {
  contents,
  edge,
  increment,
  memberOf,
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
import { ReadGate } from '../residency/read-gate.model.ts';

const [a = '', b = '', c = ''] = spreadIds(3) as string[];
const G = graphName('g');
const EMPTY = new Uint8Array([0]);
const EMPTY_STATE = new Uint8Array([0, 0]);
const member = (options: RunOptions = {}) => run({ cluster: memberOf(), ...options });
const keyOf = (id: string, graphKey = 'default') => ({ graphKey, partition: id as PartitionId });

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
}

async function expectSame(all: readonly Running[], name: GraphName = graphName('default')): Promise<void> {
  const digests = await Promise.all(all.map(({ engine }) => engine.graph(name).digest()));
  for (const digest of digests) expect(digest).toEqual(digests[0]);
}

/** A graph with all kinds of things: scopes, edges with chosen ids over partitions, deletes, a second graph. */
async function full(options: RunOptions = {}): Promise<Running> {
  const running = await member(options);
  const { engine, graph } = running;
  await graph.write([put(a), put(b), put(c), put('s!1'), edge('chosen', a, b), edge('e2', 's!1', c)]);
  for (let i = 0; i < 10; i++) await graph.write([put(`n${i}`, { i }), increment(a, 'count')]);
  await graph.write([remove('n3'), remove(c, true)]);
  await engine.createGraph(G, { partitions: 3 });
  await engine.graph(G).write([put('x'), put('y'), edge('xy', 'x', 'y')]);
  return running;
}

describe('taking over a state', () => {
  it.each([1e9, TINY])(
    'an empty server, memory %d -> the same graphs, over restarts, and it goes on from there',
    async (memoryBudgetBytes) => {
      const from = await full();
      const to = await member({ memoryBudgetBytes });
      const before = to.engine.metrics().hydratedDocuments;
      await transfer(from.engine.replica, to.engine.replica);
      expect(to.engine.metrics().hydratedDocuments).toBeLessThanOrEqual(before + 1);
      expect(to.engine.replica.recovering).toBe(false);
      await expectSame([from, to]);
      await expectSame([from, to], G);
      // An id that only a locator finds.
      expect((await to.graph.edge('chosen' as never)).element.to).toBe(b);
      expect(await codeOf(() => to.graph.write([edge('chosen', 's!1', 'n5')]))).toBe('edge-exists');
      to.disk.crash();
      const again = await member({ disk: to.disk, memoryBudgetBytes });
      expect(again.engine.replica.vector).toEqual(to.engine.replica.vector);
      await expectSame([from, again]);
      expect((await again.graph.edge('chosen' as never)).element.to).toBe(b);
      await from.graph.write([increment(a, 'count')]);
      await again.graph.write([increment(a, 'count')]);
      await shipAll([from.engine.replica, again.engine.replica]);
      expect((await from.graph.node(a as NodeId)).element.properties.count).toBe(12);
      await expectSame([from, again]);
    },
  );

  it('a server that has written itself -> both sides are there', async () => {
    const from = await full();
    const to = await member();
    await to.graph.write([put('mine'), put(a, { mine: true })]);
    await ship(to.engine.replica, from.engine.replica);
    await from.graph.write([put('later')]);
    await transfer(from.engine.replica, to.engine.replica);
    await expectSame([from, to]);
    expect((await to.graph.node(a as NodeId)).element.properties.mine).toBe(true);
    expect(to.engine.replica.vector).toEqual(from.engine.replica.vector);
    expect((await to.engine.replica.readCommits(from.engine.replicaId, 0, 10)).length).toBe(0);
  });

  it('meanwhile -> neither reads nor writes nor commits are taken, and health says why', async () => {
    const from = await full();
    const to = await member();
    await to.engine.replica.beginAdoption();
    for (const work of [
      () => to.graph.node(a as NodeId),
      () => to.graph.counts(),
      () => contents(to.graph),
      () => to.graph.write([put(a)]),
      () => to.engine.createGraph(G, {}),
      () => ship(from.engine.replica, to.engine.replica),
    ]) {
      expect(await codeOf(work)).toBe('replica-recovering');
    }
    expect(to.engine.health()).toMatchObject({ canRead: false, canWrite: false });
    expect(to.engine.health().reasons.join()).toMatch(/takes over/);
  });

  it('writes that were on their way when it began -> done or refused, and the log is empty after', async () => {
    const from = await full();
    const to = await member({ memoryBudgetBytes: TINY });
    const writes = Array.from({ length: 30 }, (_, i) => codeOf(() => to.graph.write([put(`w${i}`), put(`v${i}!x`)])));
    await turns(1);
    await transfer(from.engine.replica, to.engine.replica);
    const done = (await Promise.all(writes)).filter((code) => code === 'done').length;
    for (const code of await Promise.all(writes)) expect(['done', 'replica-recovering']).toContain(code);
    expect((await to.graph.counts()).nodes - (await from.graph.counts()).nodes).toBe(2 * done);
    expect(to.store.status().logBytes).toBe(0);
  });

  it('a write that waits for its partition when it begins -> refused', async () => {
    const gate = new ReadGate();
    const to = await member({ memoryBudgetBytes: TINY, wrap: gate.wrap });
    await to.graph.write([put(b)]);
    gate.close();
    const held = gate.arrival();
    const written = codeOf(() => to.graph.write([put(a)]));
    await held;
    await to.engine.replica.beginAdoption();
    gate.open();
    expect(await written).toBe('replica-recovering');
  });

  it('the other one writes while its state is taken, and loses its disk -> what is here is of one moment', async () => {
    const from = await full();
    await from.graph.write([put(a, { both: 0 }), put(b, { both: 0 })]);
    const to = await member();
    const { replica } = to.engine;
    await replica.beginAdoption();
    const cut = await from.engine.replica.openCut();
    let writes = 0;
    for (const key of cut.partitions) {
      await replica.stageState(key, await cut.diff(key, await replica.stateVector(key)));
      writes++;
      await from.graph.write([put(a, { both: writes }), put(b, { both: writes })]);
    }
    await replica.adoptState(cut);
    expect(replica.recovering).toBe(false);
    expect(replica.vector).toEqual(cut.vector);
    for (const id of [a, b]) expect((await to.graph.node(id as NodeId)).element.properties.both).toBe(0);
    expect(writes).toBeGreaterThan(1);
    // What is not lost comes as commits.
    await ship(from.engine.replica, replica);
    await expectSame([from, to]);
  });

  it('cut off midway -> what was here is here and served, and a later attempt brings all', async () => {
    const from = await full();
    const to = await member();
    await to.graph.write([put('mine')]);
    const before = await contents(to.graph);
    const { replica } = to.engine;
    await replica.beginAdoption();
    const cut = await from.engine.replica.openCut();
    for (const key of cut.partitions.slice(0, -1)) await replica.stageState(key, await cut.diff(key, EMPTY));
    replica.cancelAdoption();
    expect(replica.recovering).toBe(false);
    expect(await contents(to.graph)).toEqual(before);
    expect(await codeOf(() => replica.stageState(keyOf('0'), EMPTY_STATE))).toBe('invalid-request');
    expect(await codeOf(() => replica.adoptState(cut))).toBe('invalid-request');
    await ship(replica, from.engine.replica);
    await transfer(from.engine.replica, replica);
    await expectSame([from, to]);
  });

  it('what was kept is not all there at the next start -> data-corrupt, nothing of it is served', async () => {
    const from = await full();
    const disk = new MemoryDisk();
    const isDecided = () => (disk.meta.get('adoption')?.length ?? 0) > 0;
    const to = await member({ disk, beforeWrite: async () => void (isDecided() && disk.crash()) });
    transfer(from.engine.replica, to.engine.replica).catch(() => undefined);
    await turns(150);
    expect(isDecided()).toBe(true);
    disk.clearStaged();
    expect(await codeOf(() => member({ disk }))).toBe('data-corrupt');
  });

  it('a partition goes bad after its state was staged -> it can be finished neither now nor at the next start, which says so', async () => {
    const from = await full();
    const to = await member({ memoryBudgetBytes: TINY });
    const { replica } = to.engine;
    await ship(from.engine.replica, replica);
    await from.graph.write([put(a, { later: 1 })]);
    const cut = await from.engine.replica.openCut();
    await replica.beginAdoption();
    for (const key of cut.partitions) {
      await replica.stageState(key, await cut.diff(key, await replica.stateVector(key)));
    }
    const key = keyOf(partitionOfNode(a, 16));
    const [row] = (await to.store.readPartition(key, { document: true })).tail;
    to.disk.damage({ kind: 'row', lsn: row?.lsn ?? 0, ...key });
    expect(await codeOf(() => replica.adoptState(cut))).toBe('partition-recovering');
    expect(await codeOf(() => to.graph.counts())).toBe('replica-recovering');
    to.disk.crash();
    expect(await codeOf(() => member({ disk: to.disk }))).toBe('data-corrupt');
  });

  it('[crash at any batch] -> all of it is there after the restart, or nothing; never a part', async () => {
    const from = await full();
    const outcomes = new Set<string>();
    for (let batches = 0; batches < 90; batches += 1 + (batches >> 4)) {
      const disk = new MemoryDisk();
      let left = Number.POSITIVE_INFINITY;
      const first = await member({
        disk,
        beforeWrite: async () => {
          if (left-- === 0) disk.crash({ keep: batches % 2 });
        },
      });
      await first.graph.write([put('mine')]);
      await ship(first.engine.replica, from.engine.replica);
      const before = await contents(first.graph);
      left = batches;
      const cut = await from.engine.replica.openCut();
      takeOver(cut, first.engine.replica).catch(() => undefined);
      await turns(150);
      await cut.release();
      if (left >= 0) {
        expect(first.engine.replica.recovering).toBe(false);
        disk.crash();
      }
      const second = await member({ disk });
      expect(second.engine.replica.recovering).toBe(false);
      if (seqOf(second.engine.replica.vector, from.engine.replicaId) > 0) {
        outcomes.add(left >= 0 ? 'done' : 'finished at the start');
      } else {
        outcomes.add('nothing');
        expect(await contents(second.graph)).toEqual(before);
        await transfer(from.engine.replica, second.engine.replica);
      }
      await expectSame([from, second]);
      await expectSame([from, second], G);
    }
    expect(Array.from(outcomes).sort()).toEqual(['done', 'finished at the start', 'nothing']);
  }, 120_000);

  it('the clock here is behind the state -> later writes win', async () => {
    const from = await member();
    from.env.advance(3_600_000);
    await from.graph.write([put(a, { x: 'old' })]);
    const to = await member();
    await transfer(from.engine.replica, to.engine.replica);
    await to.graph.write([put(a, { x: 'new' })]);
    await shipAll([from.engine.replica, to.engine.replica]);
    expect((await from.graph.node(a as NodeId)).element.properties.x).toBe('new');
    to.disk.crash();
    expect((await member({ disk: to.disk })).engine.replica.clockReading).toBeGreaterThan(
      from.engine.replica.clockReading - 4096,
    );
  });

  it('retired streams come along', async () => {
    const from = await full();
    const gone = await member();
    await gone.graph.write([put('gone')]);
    await ship(gone.engine.replica, from.engine.replica);
    await from.engine.replica.retire(gone.engine.replicaId);
    const to = await member();
    await transfer(from.engine.replica, to.engine.replica);
    expect(to.engine.replica.retired).toEqual(from.engine.replica.retired);
    await to.engine.replica.receive(await gone.engine.replica.readCommits(gone.engine.replicaId, 0, 100));
    expect(to.engine.replica.retired).toEqual(from.engine.replica.retired);
  });

  it.each(['cut', 'noise', 'a diff that builds on what is not here'])(
    'a bad state [%s] -> malformed-request, nothing merged',
    async (kind) => {
      const from = await full();
      const to = await member();
      await to.engine.replica.beginAdoption();
      const key =
        (await from.engine.replica.listPartitions()).find(({ graphKey }) => graphKey === 'default') ?? keyOf('0');
      const whole = await from.engine.replica.stateDiff(key, new Uint8Array([0]));
      const sv = await from.engine.replica.stateVector(key);
      for (let i = 0; i < 30; i++) await from.graph.write([put(`more${i}`)]);
      const bad =
        kind === 'cut'
          ? whole.slice(0, -2)
          : kind === 'noise'
            ? new Uint8Array([1, 2, 3, 4])
            : await from.engine.replica.stateDiff(key, sv);
      expect(await codeOf(() => to.engine.replica.stageState(key, bad))).toBe('malformed-request');
      expect(await codeOf(() => to.engine.replica.mergeState(key, bad))).toBe('malformed-request');
      expect(await to.store.listStaged()).toEqual([]);
      expect(await to.store.listPartitions('default')).toEqual([]);
    },
  );
});

/** A server that has what `from` has, started again with a damaged snapshot, which nobody has read yet. */
async function withDamagedSnapshot(from: Running): Promise<{ again: Running; key: PartitionKey }> {
  const to = await member();
  await ship(from.engine.replica, to.engine.replica);
  await to.engine.close();
  const key = keyOf(partitionOfNode(a, 16));
  const store = await openMemoryStore({ disk: to.disk });
  const { tail } = await store.readPartition(key, { document: true });
  const document = mergeUpdates(tail.map(({ update }) => update));
  await store.writeSnapshot(key, { lsn: store.status().durableLsn, document, view: undefined });
  to.disk.kill();
  to.disk.damage({ kind: 'snapshot', ...key });
  const again = await member({ disk: to.disk });
  expect(again.engine.replica.damaged()).toEqual([]);
  return { again, key };
}

describe('a damaged partition', () => {
  it('a whole state -> healed, with what came after the damage', async () => {
    const from = await full();
    const to = await member();
    await ship(from.engine.replica, to.engine.replica);
    const partition = partitionOfNode(a, 16);
    const key = keyOf(partition);
    const [row] = (await to.store.readPartition(key, { document: true })).tail;
    to.disk.crash();
    to.disk.damage({ kind: 'row', lsn: row?.lsn ?? 0, ...key });
    const again = await member({ disk: to.disk });
    const { replica } = again.engine;
    expect(replica.damaged()).toMatchObject([key]);
    expect(again.engine.health().reasons.join()).toContain(`partition ${partition} of graph default`);
    expect(await codeOf(() => again.graph.counts())).toBe('partition-recovering');
    const whole = await from.engine.replica.stateDiff(key, await replica.stateVector(key));
    // Beyond the damage, in the same partition.
    await from.graph.write([increment(a, 'after'), increment(b, 'after')]);
    await ship(from.engine.replica, replica);
    await replica.mergeState(key, whole);
    expect(replica.damaged()).toEqual([]);
    await expectSame([from, again]);
    again.disk.crash();
    await expectSame([from, await member({ disk: again.disk })]);
  });

  it('a snapshot that is damaged, found when a state is taken over -> the next attempt heals it', async () => {
    const from = await full();
    const { again, key } = await withDamagedSnapshot(from);
    const { replica } = again.engine;
    expect(await codeOf(() => replica.stateVector(key))).toBe('partition-recovering');
    expect(replica.damaged()).toMatchObject([key]);
    await replica.mergeState(key, await from.engine.replica.stateDiff(key, await replica.stateVector(key)));
    expect(replica.damaged()).toEqual([]);
    await expectSame([from, again]);
  });

  it('a snapshot that is damaged, found when the state is given away, backed up or exported -> it waits to be healed', async () => {
    const from = await full();
    for (const how of ['diff', 'updates', 'readPartition'] as const) {
      const { again, key } = await withDamagedSnapshot(from);
      const { replica } = again.engine;
      const cut = await replica.openCut();
      expect(await codeOf(() => cut[how](key, EMPTY))).toBe('partition-recovering');
      expect(replica.damaged()).toMatchObject([key]);
      await replica.mergeState(key, await from.engine.replica.stateDiff(key, EMPTY));
      // It was of that moment: what is here by now is whole.
      expect(await codeOf(() => cut[how](key, EMPTY))).toBe('partition-recovering');
      expect(replica.damaged()).toEqual([]);
      await cut.release();
      await expectSame([from, again]);
    }
  });

  it('a partition that differs at equal vectors -> its diff repairs it', async () => {
    const from = await full();
    const to = await member();
    await ship(from.engine.replica, to.engine.replica);
    const third = await member();
    await third.graph.write([put(a, { onlyThere: 1 })]);
    const key =
      (await third.engine.replica.listPartitions()).find(({ graphKey }) => graphKey === 'default') ?? keyOf('0');
    await to.graph.counts();
    await to.engine.replica.mergeState(
      key,
      await third.engine.replica.stateDiff(key, await to.engine.replica.stateVector(key)),
    );
    expect((await to.graph.node(a as NodeId)).element.properties.onlyThere).toBe(1);
    expect((await to.engine.replica.partitionDigest(key)).digest).not.toBe(
      (await from.engine.replica.partitionDigest(key)).digest,
    );
    await from.engine.replica.mergeState(
      key,
      await to.engine.replica.stateDiff(key, await from.engine.replica.stateVector(key)),
    );
    await expectSame([from, to]);
    from.disk.crash();
    await expectSame([await member({ disk: from.disk }), to]);
  });
});

describe('what is on its way to the store', () => {
  it('a diff, a state vector or a digest is asked for meanwhile -> it waits', async () => {
    const gate = new WriteGate();
    const { engine, graph } = await member({ beforeWrite: gate.beforeWrite });
    await graph.write([put(a)]);
    const key = keyOf(partitionOfNode(a, 16));
    gate.close();
    const held = gate.arrival();
    const written = graph.write([put(a, { x: 1 })]);
    await held;
    const { replica } = engine;
    const asked = [
      replica.stateDiff(key, new Uint8Array([0])),
      replica.stateVector(key),
      replica.partitionDigest(key),
    ] as const;
    const states = asked.map((promise: Promise<unknown>) => watched(promise));
    await turns();
    expect(states.map(({ settled }) => settled)).toEqual([false, false, false]);
    gate.open();
    await written;
    expect(seqOf((await asked[2]).vector, engine.replicaId)).toBe(seqOf(replica.vector, engine.replicaId));
  });
});

describe('digests of partitions', () => {
  it('a view is opened while a state is merged -> it shows the state', async () => {
    const gate = new WriteGate();
    const from = await full();
    const disk = new MemoryDisk();
    const before = await member({ disk });
    await ship(from.engine.replica, before.engine.replica);
    disk.kill();
    const to = await member({ disk, beforeWrite: gate.beforeWrite });
    await from.graph.write([put(a, { more: 1 })]);
    const key = keyOf(partitionOfNode(a, 16));
    const { replica } = to.engine;
    const diff = await from.engine.replica.stateDiff(key, await replica.stateVector(key));
    gate.close();
    const held = gate.arrival();
    const merged = replica.mergeState(key, diff);
    await held;
    const read = to.graph.node(a as NodeId);
    await turns();
    gate.open();
    await merged;
    expect((await read).element.properties).toEqual({ more: 1 });
    expect((await to.graph.node(a as NodeId)).element.properties).toEqual({ more: 1 });
  });

  it('the write fails -> neither diff nor state vector nor digest shows what never became durable', async () => {
    const gate = new WriteGate();
    const { engine, graph } = await member({ beforeWrite: gate.beforeWrite });
    await graph.write([put(a)]);
    const key = keyOf(partitionOfNode(a, 16));
    gate.close();
    const held = gate.arrival();
    const written = codeOf(() => graph.write([put(a, { x: 1 })]));
    await held;
    gate.fail(new Error('no space'));
    expect(await written).toBe('storage-failed');
    const { replica } = engine;
    expect(await codeOf(() => replica.stateDiff(key, new Uint8Array([0])))).toBe('storage-failed');
    expect(await codeOf(() => replica.stateVector(key))).toBe('storage-failed');
    expect(await codeOf(() => replica.partitionDigest(key))).toBe('storage-failed');
  });

  it('a state is merged meanwhile -> what is asked for waits for it, and lets others have their turn', async () => {
    const gate = new WriteGate();
    const from = await full();
    const to = await member({ beforeWrite: gate.beforeWrite });
    await ship(from.engine.replica, to.engine.replica);
    await from.graph.write([put(a, { more: 1 })]);
    const { replica } = to.engine;
    const partition = partitionOfNode(a, 16);
    const key = keyOf(partition);
    const diff = await from.engine.replica.stateDiff(key, await replica.stateVector(key));
    const held = gate.arrival();
    gate.close();
    const merged = replica.mergeState(key, diff);
    await held;
    const asked = [replica.stateVector(key), replica.stateDiff(key, new Uint8Array([0])), replica.partitionDigest(key)];
    const again = replica.mergeState(key, diff);
    await turns();
    gate.open();
    await Promise.all([merged, again, ...asked]);
    expect((await replica.partitionDigest(key)).digest).toBe((await from.engine.replica.partitionDigest(key)).digest);
  });

  it('a partition that is written to all the time -> a digest at a vector that holds, or too-many-requests', async () => {
    const from = await full();
    const to = await member();
    const key =
      (await from.engine.replica.listPartitions()).find(({ graphKey }) => graphKey === 'default') ?? keyOf('0');
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++)
        await from.graph.write([put(a, { i }), put(b, { i }), put('n1', { i })]).then(() => turns(1));
    })();
    for (let i = 0; i < 10; i++) {
      const outcome = await from.engine.replica.partitionDigest(key).catch((error: WeftError) => error.code);
      if (typeof outcome === 'string') expect(outcome).toBe('too-many-requests');
      else {
        const commits = await from.engine.replica.readCommits(from.engine.replicaId, 0, 10_000);
        const held = seqOf(outcome.vector, from.engine.replicaId);
        await to.engine.replica.receive(commits.slice(0, held));
        expect((await to.engine.replica.partitionDigest(key)).digest).toBe(outcome.digest);
      }
    }
    writing = false;
    await writer;
  });

  it('a partition of which nothing is here -> the empty digest', async () => {
    const { engine } = await member();
    expect((await engine.replica.partitionDigest(keyOf('nowhere!'))).digest).toBe('');
    expect((await engine.replica.partitionDigest(keyOf('3', 'unknown'))).digest).toBe('');
  });
});
