import { describe, expect, test } from 'vitest';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import * as LIMITS from '../../base/limits.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import { encodePatch } from '../../crdt/patch-codec.ts';
import { partitionOfNode } from '../../crdt/routing.ts';
import { clockOfWallMs } from '../../crdt/stamp.ts';
import { type MemoryDisk, openMemoryStore } from '../../storage/memory-store.ts';
import type { Commit } from '../../storage/store.ts';
import { contents, node } from '../engine-on-disk.model.ts';
import { Cluster, memberOf, metricsOf, type Puppet, type Server } from './cluster.model.ts';
import { commitsFrame, encodeCommit } from './frame-codec.ts';

const PUPPET = 777 as ReplicaId;
const STRANGER = 888 as ReplicaId;

/** A server with one peer, which is a puppet. */
async function withPuppet(): Promise<{ cluster: Cluster; a: Server; puppet: Puppet }> {
  const cluster = new Cluster('a', 'puppet');
  const a = await cluster.start('a');
  await a.graph.write([node('here')]);
  const puppet = cluster.puppet('puppet', PUPPET);
  await puppet.link(a);
  puppet.sayStatus();
  return { cluster, a, puppet };
}

const partitionOf = (id: string): PartitionId => partitionOfNode(id, LIMITS.partitionsDefault);

/** Damages a row of the partition of a node, by default the first, on the disk of a server that is stopped. */
async function damageRow(disk: MemoryDisk, id: string, at = 0): Promise<PartitionId> {
  const key = { graphKey: 'default', partition: partitionOf(id) };
  const store = await openMemoryStore({ disk });
  const { tail } = await store.readPartition(key, { document: true });
  await store.close();
  disk.damage({ kind: 'row', ...key, lsn: tail.at(at)?.lsn ?? 0 });
  return key.partition;
}

/** The update that creates a node, as a server with this Yjs client id would make it, stamped by `author`. */
function creation(id: string, client: ReplicaId, author: ReplicaId, wallMs: number): Uint8Array {
  const clock = clockOfWallMs(wallMs);
  const patch = { kind: 'node-create', id, replica: author, clock, labels: [], properties: {} } as const;
  return PartitionDocument.hydrate('forged', client, []).append([encodePatch(patch)]);
}

function commitWith(update: Uint8Array, wallMs: number, over: Partial<Commit> = {}): Commit {
  const parts = [{ graphKey: 'default', partition: partitionOf('forged'), update }];
  return { origin: PUPPET, seq: 1, clock: clockOfWallMs(wallMs) + 1, parts, locators: [], after: [], ...over };
}

describe('what no server of ours sends (REP-15)', () => {
  test('an honest commit of the puppet -> it is applied', async () => {
    const { cluster, a, puppet } = await withPuppet();
    const wallMs = cluster.network.env.clock.wallMs();
    const commit = commitWith(creation('forged', PUPPET, PUPPET, wallMs), wallMs);
    puppet.sayBytes(commitsFrame([encodeCommit(commit)]));
    await cluster.until(() => a.engine.replica.vector.has(PUPPET), 'the commit');
    expect((await contents(a.graph)).nodes.map(({ id }) => id)).toEqual(['forged', 'here']);
    expect(metricsOf(a).refusedFramesTotal).toBe(0);
  });

  test('garbage, forged and damaged commits -> link refused, counted, nothing changed', async () => {
    const wallMs = new Cluster().network.env.clock.wallMs();
    const honest = creation('forged', PUPPET, PUPPET, wallMs);
    const bad: Record<string, Uint8Array> = {
      garbage: new Uint8Array([0xc1, 1, 2, 3]),
      'an update that is none': commitsFrame([encodeCommit(commitWith(new Uint8Array([1, 2, 3]), wallMs))]),
      'an update cut off': commitsFrame([encodeCommit(commitWith(honest.subarray(0, honest.length - 3), wallMs))]),
      'structs of another client': commitsFrame([
        encodeCommit(commitWith(creation('forged', STRANGER, PUPPET, wallMs), wallMs)),
      ]),
      'in the name of the server': 'self' as never,
      'an empty update': commitsFrame([encodeCommit(commitWith(new Uint8Array(), wallMs))]),
    };
    for (const [what, bytes] of Object.entries(bad)) {
      const { cluster, a, puppet } = await withPuppet();
      const [before, vector] = [await a.graph.digest(), a.engine.replica.vector];
      const origin = a.engine.replicaId;
      puppet.sayBytes(
        what === 'in the name of the server'
          ? commitsFrame([
              encodeCommit(commitWith(creation('forged', origin, origin, wallMs), wallMs, { origin, seq: 2 })),
            ])
          : bytes,
      );
      await cluster.until(() => puppet.closed !== undefined, `the end of the link after ${what}`);
      expect([what, puppet.closed]).toEqual([what, 'bad-frame']);
      expect(puppet.heard.at(-1)).toMatchObject({ kind: 'refuse', code: 'bad-frame' });
      expect([what, metricsOf(a).refusedFramesTotal]).toEqual([what, 1]);
      expect([what, await a.graph.digest()]).toEqual([what, before]);
      expect([what, a.engine.replica.vector]).toEqual([what, vector]);
      expect(memberOf(a, 'puppet').link).toMatchObject({ state: 'refused' });
      await a.graph.write([node('goes on')]);
    }
  });
});

describe('a peer that does not keep up (REP-5)', () => {
  test('it acknowledges nothing -> what is on its way to it is bounded, and the server writes on', async () => {
    const { cluster, a, puppet } = await withPuppet();
    const text = 'x'.repeat(500_000);
    for (let i = 0; i < 14; i++) {
      await a.graph.write([node(`large-${i}`, { text })]);
      await cluster.run(20);
    }
    puppet.sayStatus();
    await cluster.run(500);
    const { unacknowledgedBytes } = memberOf(a, 'puppet').link;
    expect(unacknowledgedBytes).toBeGreaterThan(LIMITS.linkWindowBytes / 2);
    expect(unacknowledgedBytes).toBeLessThan(LIMITS.linkWindowBytes + 600_000);
    expect(metricsOf(a).bytesSentTotal).toBeLessThan(2 * LIMITS.linkWindowBytes);
  });
});

/** Two servers that have the same, of which one is stopped. */
async function oneStopped(): Promise<{ cluster: Cluster; a: Server; b: Server }> {
  const cluster = new Cluster('a', 'b');
  const [a, b] = (await cluster.startAll()) as [Server, Server];
  for (let i = 0; i < 10; i++) await a.graph.write([node(`n${i}`, { i })]);
  await cluster.converge(a, b);
  await cluster.stop(b);
  return { cluster, a, b };
}

describe('anti-entropy', () => {
  test('equal vectors, one store has a node more, put there by hand -> found, repaired on the other, counted, logged (REP-16)', async () => {
    const { cluster, a, b } = await oneStopped();
    const store = await openMemoryStore({ disk: b.disk });
    const key = { graphKey: 'default', partition: partitionOf('ghost') };
    const { snapshot, tail } = await store.readPartition(key, { document: true });
    const updates = [...(snapshot === undefined ? [] : [snapshot.document]), ...tail.map(({ update }) => update)];
    const document = PartitionDocument.hydrate('by hand', STRANGER, updates);
    const clock = clockOfWallMs(cluster.network.env.clock.wallMs());
    document.append([
      encodePatch({ kind: 'node-create', id: 'ghost', replica: STRANGER, clock, labels: [], properties: {} }),
    ]);
    await store.writeSnapshot(key, { lsn: store.recovery.lastLsn, document: document.encode(), view: undefined });
    await store.close();
    const back = await cluster.start('b', { disk: b.disk });
    await cluster.linked(a, back);
    expect((await a.graph.digest()).digest).not.toBe((await back.graph.digest()).digest);
    await cluster.until(async () => (await a.graph.digest()).digest === (await back.graph.digest()).digest, 'a repair');
    expect((await contents(a.graph)).nodes.map(({ id }) => id)).toContain('ghost');
    expect(metricsOf(a).repairsTotal + metricsOf(back).repairsTotal).toBeGreaterThan(0);
    const errors = [...a.log, ...back.log].filter((line) => line.startsWith('error'));
    expect(errors.length).toBeGreaterThan(0);
    for (const line of errors) expect(line).toContain('differs at equal vectors');
  });

  test('a quiet cluster whose members agree -> digests are compared, nothing is repaired', async () => {
    const cluster = new Cluster('a', 'b');
    const [a, b] = (await cluster.startAll()) as [Server, Server];
    await a.graph.write([node('n')]);
    await cluster.converge(a, b);
    await cluster.until(() => metricsOf(a).digestComparisonsTotal + metricsOf(b).digestComparisonsTotal > 2, 'digests');
    expect(metricsOf(a).repairsTotal + metricsOf(b).repairsTotal).toBe(0);
  });

  test('a partition that storage could not verify -> healed from the peer', async () => {
    const { cluster, a, b } = await oneStopped();
    const partition = await damageRow(b.disk, 'n3');
    const back = await cluster.start('b', { disk: b.disk });
    expect(back.engine.replica.damaged()).toMatchObject([{ graphKey: 'default', partition }]);
    await expect(back.graph.node('n3' as never)).rejects.toMatchObject({ code: 'partition-recovering' });
    await cluster.until(() => back.engine.replica.damaged().length === 0, 'healing');
    await cluster.converge(a, back);
    expect(metricsOf(back).repairsTotal).toBe(1);
    await back.graph.write([node('after')]);
    await cluster.converge(a, back);
  });

  test('a partition that storage could not verify, on a server that is written to all the time -> healed meanwhile', async () => {
    const { cluster, b } = await oneStopped();
    const partition = await damageRow(b.disk, 'n3');
    const back = await cluster.start('b', { disk: b.disk });
    let written = 0;
    const write = (): void => {
      const id = `w${written++}`;
      if (partitionOf(id) !== partition) void back.graph.write([node(id)]);
      cluster.network.env.scheduler.after(1, write);
    };
    write();
    await cluster.until(() => back.engine.replica.damaged().length === 0, 'healing');
    expect(written).toBeGreaterThan(1000);
  });

  test('a server lacks commits of which a part is damaged here, a third one has them -> once healed, it is told of what comes as before', async () => {
    const cluster = new Cluster('a', 'b', 'c');
    const [a, b, c] = (await cluster.startAll()) as [Server, Server, Server];
    await a.graph.write([node('first')]);
    await cluster.converge(a, b, c);
    await cluster.stop(a);
    for (let i = 0; i < 10; i++) await b.graph.write([node(`n${i}`)]);
    await cluster.converge(b, c);
    await cluster.stop(b);
    const damaged = await damageRow(b.disk, 'n3', -1);
    const back = await cluster.start('b', { disk: b.disk });
    const late = await cluster.start('a', { disk: a.disk });
    await cluster.until(() => back.engine.replica.damaged().length === 0, `healing of ${damaged}`);
    await cluster.converge(late, back, c);
    await cluster.stop(c);
    await back.graph.write([node('after')]);
    await cluster.converge(late, back);
    expect(back.log.filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test('a record of the log that a server lacks rots while this one runs -> it takes over the state, and is told of what comes', async () => {
    const { cluster, a, b } = await oneStopped();
    await a.graph.write([node('lacked')]);
    await cluster.stop(a);
    // Started anew it sends from the log.
    const back = await cluster.start('a', { disk: a.disk });
    const seq = back.engine.replica.vector.get(a.engine.replicaId) ?? 0;
    back.disk.damage({ kind: 'commit', origin: a.engine.replicaId, seq });
    const late = await cluster.start('b', { disk: b.disk });
    await cluster.converge(back, late);
    await back.graph.write([node('after')]);
    await cluster.converge(back, late);
  });

  test('two of three cannot verify the same partition -> both are healed from the third', async () => {
    const cluster = new Cluster('a', 'b', 'c');
    const servers = (await cluster.startAll()) as [Server, Server, Server];
    for (let i = 0; i < 10; i++) await servers[2].graph.write([node(`n${i}`, { i })]);
    await cluster.converge(...servers);
    for (const server of servers.slice(0, 2)) {
      await cluster.stop(server);
      await damageRow(server.disk, 'n3');
    }
    const a = await cluster.start('a', { disk: servers[0].disk });
    const b = await cluster.start('b', { disk: servers[1].disk });
    const damaged = () => [a, b].flatMap(({ engine }) => engine.replica.damaged());
    expect(damaged()).toHaveLength(2);
    await cluster.until(() => damaged().length === 0, 'healing');
    await cluster.converge(a, b, servers[2]);
  });
});
