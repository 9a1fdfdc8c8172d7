/** Disks that are slow, fail a write, lose everything, or rot. */
import { WeftError } from '../../base/errors.ts';
import * as LIMITS from '../../base/limits.ts';
import type { PartitionKey, PartitionState } from '../../storage/store.ts';
import type { Cluster, Server } from '../cluster.ts';
import type { Vector } from '../history.ts';
import { type Fault, someRunning } from './fault.ts';

const SLOW_MS = 400;
const BACK_LOOK_MS = 10;

/** A server whose every write takes about so long. */
function slowing(
  name: string,
  times: Pick<Fault, 'everyMs' | 'lastsMs'>,
  [fromMs, toMs]: readonly [number, number],
): Fault {
  return {
    name,
    ...times,
    inject(cluster, random) {
      const server = random.pick(cluster.servers);
      cluster.slowDisk(server, random.between(fromMs, toMs));
      cluster.say(`${name}: the disk of ${server.name} takes ${server.diskMs.toFixed(0)} ms a write`);
      return () => cluster.restoreDisk(server);
    },
  };
}

export const slowDisk = slowing('slow-disk', { everyMs: 4_000, lastsMs: 2_000 }, [20, SLOW_MS]);

/** One write takes as long as a strong operation may take in all, or longer. */
export const stuckDisk = slowing('stuck-disk', { everyMs: 10_000, lastsMs: 4_000 }, [
  0.8 * LIMITS.strongWaitMs,
  LIMITS.strongWaitMs,
]);

/** The store refuses everything after a failed write, until the server was restarted. */
export const failedWrite: Fault = {
  name: 'failed-write',
  everyMs: 8_000,
  lastsMs: 800,
  inject(cluster, random) {
    const server = someRunning(cluster, random);
    if (server === undefined) return undefined;
    const { process } = server;
    server.disk.failWrites(new Error('no space left on device'));
    cluster.say(`the next write to the disk of ${server.name} fails`);
    return () => {
      // A restart by somebody else cleared it.
      if (server.process !== process) return;
      cluster.kill(server);
      cluster.start(server);
    };
  },
};

/** One server at a time: what it had acknowledged alone is lost, as everybody must expect. */
export const lostDisk: Fault = {
  name: 'lost-disk',
  everyMs: 9_000,
  lastsMs: 500,
  inject(cluster, random) {
    const server = random.pick(cluster.servers);
    const isLast = cluster.rotten !== undefined && cluster.rotten !== server;
    if (isLast || isAnyBehind(cluster) || isLastVoter(cluster, server)) return undefined;
    cluster.loseDisk(server);
    return () => cluster.start(server);
  },
};

/** All servers, one after the other, each once the one before is back and has heard of the cluster. */
export const lostDisks: Fault = {
  name: 'lost-disks',
  everyMs: 3_000,
  lastsMs: 60_000,
  inject(cluster, random) {
    if (cluster.servers.some(({ engine }) => engine?.quorum().votes !== true)) return undefined;
    const order = random.shuffled(cluster.servers);
    let isOver = false;
    const loseNext = (last: Server | undefined) => {
      const isBack = last === undefined || (last.engine?.quorum().configuration ?? 0) > 0;
      const next = isBack ? order.pop() : last;
      if (isOver || next === undefined) return;
      if (isBack) {
        cluster.loseDisk(next);
        cluster.start(next);
      }
      cluster.timeline.after(BACK_LOOK_MS, () => loseNext(next));
    };
    loseNext(undefined);
    return () => {
      isOver = true;
    };
  },
};

function isLastVoter({ servers, setup }: Cluster, server: Server): boolean {
  const others = servers.filter((other) => other !== server);
  return setup.keepsVoter === true && !others.some(({ engine }) => engine?.quorum().votes);
}

/** Whether one that lost its disk has not taken over yet what others had then, as far as anybody still has it. */
function isAnyBehind(cluster: Cluster): boolean {
  const { servers } = cluster;
  return servers.some((server) =>
    [...server.missed].some(([origin, seq]) => {
      const had = servers.map((each) => cluster.holdings(each).get(origin) ?? 0);
      return (cluster.holdings(server).get(origin) ?? 0) < Math.min(seq, Math.max(...had));
    }),
  );
}

/**
 * What is stored on one server rots, while the others hold all that it has. It comes back with a partition that failed
 * verification, which they heal. Damage may go unnoticed for long, and nothing is promised if every copy is lost: so only
 * one server of a run rots, the others keep their disks then, and power cuts take nothing (`disk` durability).
 */
export const rot: Fault = {
  name: 'rot',
  everyMs: 8_000,
  lastsMs: 500,
  inject(cluster, random) {
    const server = cluster.rotten ?? someRunning(cluster, random);
    if (server?.engine === undefined || cluster.setup.durability === 'buffered') return undefined;
    const others = cluster.servers.filter((other) => other !== server);
    const held = cluster.holdings(server);
    const isSafe = others.every((other) => other.engine !== undefined && covers(cluster.holdings(other), held));
    const graphKey = 'default';
    const partitions = server.disk.partitionsOf(graphKey);
    if (!isSafe || partitions.length === 0) return undefined;
    const key = { graphKey, partition: random.pick(partitions) };
    const stored = readable(server, key);
    if (stored === undefined) return undefined;
    cluster.rotten = server;
    cluster.kill(server);
    const { snapshot, tail } = stored;
    const row = tail.length === 0 ? undefined : random.pick(tail);
    if (row !== undefined) server.disk.damage({ kind: 'row', lsn: row.lsn, ...key });
    else if (snapshot !== undefined) server.disk.damage({ kind: 'snapshot', ...key });
    cluster.say(`on the disk of ${server.name} partition ${key.partition} rots`);
    return () => cluster.start(server);
  },
};

/** Undefined for what rotted before. */
function readable({ disk }: Server, key: PartitionKey): PartitionState | undefined {
  try {
    return disk.readPartition(key);
  } catch (error) {
    if (error instanceof WeftError) return undefined;
    throw error;
  }
}

function covers(vector: Vector, wanted: Vector): boolean {
  return [...wanted].every(([origin, seq]) => (vector.get(origin) ?? 0) >= seq);
}
