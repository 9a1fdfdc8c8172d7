/** Processes that die, stop, or stand still; a server that went down is started again when the fault is undone. */
import type { Cluster, Server } from '../cluster.ts';
import { type Fault, ofServer, someRunning } from './fault.ts';

/** Restarts once, unless somebody did so before. */
function restart(cluster: Cluster, server: Server): () => void {
  return () => cluster.start(server);
}

export const kill = ofServer({ name: 'kill', everyMs: 4_000, lastsMs: 1_000 }, (cluster, server) => {
  cluster.kill(server);
  return restart(cluster, server);
});

export const powerCut = ofServer({ name: 'power-cut', everyMs: 4_000, lastsMs: 1_000 }, (cluster, server, random) => {
  cluster.cutPower(server, random.below(4));
  return restart(cluster, server);
});

/** All at once. */
export const blackout: Fault = {
  name: 'blackout',
  everyMs: 10_000,
  lastsMs: 500,
  inject(cluster, random) {
    const running = cluster.servers.filter(({ process }) => process !== undefined);
    for (const server of running) cluster.cutPower(server, random.below(4));
    return () => {
      for (const server of running) cluster.start(server);
    };
  },
};

export const stop: Fault = {
  name: 'stop',
  everyMs: 5_000,
  lastsMs: 1_000,
  inject(cluster, random) {
    const server = someRunning(cluster, random);
    if (server?.engine === undefined) return undefined;
    const stopped = cluster.stop(server);
    return () => void stopped.then(restart(cluster, server));
  },
};

export const pause = ofServer({ name: 'pause', everyMs: 4_000, lastsMs: 2_000 }, (cluster, server) => {
  cluster.pause(server);
  return () => cluster.resume(server);
});
