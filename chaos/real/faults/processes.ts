/** What goes wrong with servers as processes. */
import { readFileSync } from 'node:fs';
import type { RealCluster } from '../real-cluster.ts';
import type { FaultContext, Injury, RealFault } from './real-fault.ts';

/** To be back in the cluster, and to have caught up so far that it takes part in strong operations. */
const BACK_MS_MAX = 60_000;

/** Starts servers that are down and waits until they serve again. @returns how long that took */
export async function bringBack(cluster: RealCluster, names: readonly string[]): Promise<number> {
  const { world } = cluster;
  const beganMs = world.nowMs();
  await Promise.all(names.map((name) => (cluster.server(name).isRunning ? undefined : cluster.server(name).start())));
  for (const name of names) await world.until(BACK_MS_MAX, () => cluster.serves(name));
  return Math.round(world.nowMs() - beganMs);
}

const back = (ms: number) => `back in service after ${ms} ms`;

function ending(
  name: string,
  about: string,
  end: (cluster: RealCluster, names: readonly string[]) => Promise<string>,
  of: (cluster: RealCluster, target: string) => readonly string[],
): RealFault {
  return {
    name,
    about,
    async inject({ cluster, target }) {
      const beganMs = cluster.world.nowMs();
      const servers = of(cluster, target);
      const how = await end(cluster, servers);
      return {
        what: `${servers.join(', ')}: ${name}`,
        beganMs,
        servers,
        mend: async () => `ended with ${how}; ${back(await bringBack(cluster, servers))}`,
      };
    },
  };
}

const killed = async (cluster: RealCluster, names: readonly string[]) =>
  (await Promise.all(names.map((name) => cluster.server(name).kill()))).join(', ');
const stopped = async (cluster: RealCluster, names: readonly string[]) =>
  (await Promise.all(names.map((name) => cluster.server(name).stop()))).join(', ');

function isStopped(pid: number): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * What an overloaded machine does to a process, which a long pause does not: whatever takes milliseconds takes seconds, and a
 * deadline passes in the middle of it.
 */
async function crawl({ cluster, target, option }: FaultContext): Promise<Injury | undefined> {
  const { world } = cluster;
  const server = cluster.server(target);
  const { pid } = server;
  if (pid === undefined) return undefined;
  const [stoppedMs, runsMs] = [option('stoppedMs', 600), option('runsMs', 15)];
  const beganMs = world.nowMs();
  let isOver = false;
  let stops = 0;
  const turns = async (): Promise<void> => {
    while (!isOver && server.pid === pid) {
      server.signal('SIGSTOP');
      await world.sleep(stoppedMs);
      if (server.pid === pid && isStopped(pid)) stops++;
      server.signal('SIGCONT');
      await world.sleep(runsMs);
    }
  };
  const done = turns();
  return {
    what: `${target} runs ${runsMs} of every ${stoppedMs + runsMs} ms`,
    beganMs,
    servers: [target],
    async mend() {
      isOver = true;
      await done;
      const ms = await bringBack(cluster, [target]);
      return stops === 0 ? undefined : `the process was stopped ${stops} times; ${back(ms)}`;
    },
  };
}

export const PROCESS_FAULTS: readonly RealFault[] = [
  ending('kill', 'kill -9, and a start some time later', killed, (_, target) => [target]),
  ending('kill-most', 'kill -9 of a majority at once', killed, (cluster, target) => [
    target,
    ...cluster.others(target).slice(0, Math.floor(cluster.names.length / 2)),
  ]),
  ending('kill-all', 'kill -9 of all servers at once', killed, (cluster) => cluster.names),
  ending('stop', 'a clean stop (SIGTERM), and a start some time later', stopped, (_, target) => [target]),
  {
    name: 'restart',
    about: 'clean stops and starts of one server after the other, as in an upgrade',
    async inject({ cluster }) {
      const beganMs = cluster.world.nowMs();
      const servers = cluster.names;
      const ends: string[] = [];
      for (const name of servers) {
        ends.push(await cluster.server(name).stop());
        await bringBack(cluster, [name]);
      }
      return { what: 'rolling restart', beganMs, servers, mend: async () => `ended with ${ends.join(', ')}` };
    },
  },
  {
    name: 'crawl',
    about: 'SIGSTOP and SIGCONT in turn: a process that gets a fortieth of a processor (`stoppedMs`, `runsMs`)',
    inject: crawl,
  },
  {
    name: 'pause',
    about: 'SIGSTOP, and SIGCONT some time later: a long pause of the process',
    async inject({ cluster, target }) {
      const beganMs = cluster.world.nowMs();
      const { pid } = cluster.server(target);
      if (pid === undefined) return undefined;
      cluster.server(target).signal('SIGSTOP');
      await cluster.world.until(1_000, () => isStopped(pid), 20);
      return {
        what: `${target} paused`,
        beganMs,
        servers: [target],
        async mend() {
          const wasStopped = isStopped(pid);
          cluster.server(target).signal('SIGCONT');
          const ms = await bringBack(cluster, [target]);
          return wasStopped ? `the process was stopped; ${back(ms)}` : undefined;
        },
      };
    },
  },
];
