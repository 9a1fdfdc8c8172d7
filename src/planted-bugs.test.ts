/** Each bug that can be planted in the engine does what it says: else a checker that misses it would prove nothing. */
import { describe, expect, it } from 'vitest';
import { type NodeId, replicaId } from '../base/ids.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import { compact, type PatchJudge } from '../crdt/compaction.ts';
import { PartitionDocument } from '../crdt/partition-document.ts';
import { partitionOfNode } from '../crdt/routing.ts';
import { MemoryDisk } from '../storage/memory-store.ts';
import { ship } from './commits/shipping.model.ts';
import { seqOf } from './commits/version-vector.ts';
import {
  memberOf,
  put,
  type RunOptions,
  remove,
  run,
  spreadIds,
  turns,
  WriteGate,
  watched,
} from './engine-on-disk.model.ts';

const [a = '', b = ''] = spreadIds(2) as string[];
const withBug = (bug: PlantedBug, options: RunOptions = {}) =>
  run({ cluster: memberOf({ bugs: new Set([bug]) }), ...options });
const member = () => run({ cluster: memberOf() });

describe('planted', () => {
  it('acknowledge-before-sync -> acknowledged, and lost in a crash', async () => {
    const gate = new WriteGate();
    const { graph, disk } = await withBug('acknowledge-before-sync', { beforeWrite: gate.beforeWrite });
    gate.close();
    await graph.write([put(a)]);
    disk.crash();
    expect((await (await run({ disk })).graph.counts()).nodes).toBe(0);
  });

  it('vector-before-durable -> the vector covers what a crash loses', async () => {
    const from = await member();
    await from.graph.write([put(a)]);
    const gate = new WriteGate();
    const to = await withBug('vector-before-durable', { beforeWrite: gate.beforeWrite });
    gate.close();
    const held = gate.arrival();
    void to.engine.replica.receive(await from.engine.replica.readCommits(from.engine.replicaId, 0, 10));
    await held;
    expect(seqOf(to.engine.replica.vector, from.engine.replicaId)).toBeGreaterThan(0);
  });

  it('non-atomic-apply -> somebody sees half a commit', async () => {
    const from = await member();
    await from.graph.write([put(a), put(b)]);
    const to = await withBug('non-atomic-apply');
    await to.graph.counts();
    const received = watched(ship(from.engine.replica, to.engine.replica));
    const seen = new Set<number>();
    while (!received.settled) {
      const reads = await Promise.allSettled([a, b].map((id) => to.graph.node(id as NodeId)));
      seen.add(reads.filter(({ status }) => status === 'fulfilled').length);
      await turns(1);
    }
    expect(seen).toContain(1);
    expect((await to.graph.counts()).nodes).toBe(2);
  });

  it('clock-ignores-seen -> a write that has seen another loses against it', async () => {
    const from = await member();
    from.env.advance(3_600_000);
    await from.graph.write([put(a, { x: 'first' })]);
    const to = await withBug('clock-ignores-seen');
    await ship(from.engine.replica, to.engine.replica);
    await to.graph.write([put(a, { x: 'second' })]);
    expect((await to.graph.node(a as NodeId)).element.properties.x).toBe('first');
  });

  it('compaction-drops-live -> a live patch is gone', () => {
    const sizes = { segmentPatches: 4, chapterSegments: 2 };
    const document = PartitionDocument.hydrate('g', replicaId(1), [], sizes);
    document.append(['dead1', 'dead2', 'dead3', 'live', 'open']);
    const judge: PatchJudge = {
      stateOf: (patch) => (patch.startsWith('dead') ? 'dead' : 'live'),
      elementOf: (patch) => patch,
      isTombstone: () => false,
      clockOf: () => 0,
    };
    compact(document, judge, true);
    expect(Array.from(document.all())).not.toContain('live');
  });

  it('reuse-replica-id -> the same id after a crash', async () => {
    const disk = new MemoryDisk();
    const first = await withBug('reuse-replica-id', { disk });
    await first.graph.write([put(a)]);
    disk.crash();
    const second = await withBug('reuse-replica-id', { disk });
    expect(second.engine.replicaId).toBe(first.engine.replicaId);
    await second.graph.write([put(b)]);
  });

  it('token-without-write -> the token is reached without the write', async () => {
    const { engine, graph } = await withBug('token-without-write');
    const other = await member();
    await graph.write([put(a)]);
    const token = engine.sessionToken();
    const commits = await engine.replica.readCommits(engine.replicaId, 0, 10);
    await other.engine.replica.receive(commits.slice(0, -1));
    await other.engine.reachSession([token]);
  });

  it('no-session-wait -> answers at once', async () => {
    const from = await member();
    await from.graph.write([put(a)]);
    const { engine } = await withBug('no-session-wait');
    await engine.reachSession([from.engine.sessionToken()]);
  });

  it('diff-without-tombstones -> what was deleted comes back with the diff', async () => {
    const from = await withBug('diff-without-tombstones');
    await from.graph.write([put(a)]);
    const to = await member();
    await ship(from.engine.replica, to.engine.replica);
    await from.graph.write([remove(a)]);
    const key = { graphKey: 'default', partition: partitionOfNode(a, 16) };
    const { replica } = to.engine;
    await replica.mergeState(key, await from.engine.replica.stateDiff(key, await replica.stateVector(key)));
    expect((await to.graph.counts()).nodes).toBe(1);
  });
});
