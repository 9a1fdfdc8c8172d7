/** Disks that are slow, fail a write, lose everything, or rot. */
import type { Cluster, Server } from '../cluster.ts';
import { type Fault, someRunning } from './fault.ts';

const SLOW_MS = 400;

export const slowDisk: Fault = {
  name: 'slow-disk',
  everyMs: 4_000,
  lastsMs: 2_000,
  inject(cluster, random) {
    const server = random.pick(cluster.servers);
    cluster.slowDisk(server, random.between(20, SLOW_MS));
    cluster.say(`the disk of ${server.name} is slow: ${server.diskMs.toFixed(0)} ms a write`);
    return () => cluster.restoreDisk(server);
  },
};

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
    if (isAnyEmpty(cluster)) return undefined;
    cluster.loseDisk(server);
    return () => cluster.start(server);
  },
};

function isAnyEmpty(cluster: Cluster): boolean {
  return cluster.servers.some((server: Server) => cluster.holdings(server).size === 0);
}
