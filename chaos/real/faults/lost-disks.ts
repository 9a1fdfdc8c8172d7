/**
 * All servers lose their disks, each before the one before it votes again. The first one comes back to a server that tells it all
 * that there is, and is then alone; the two others go on to decide; of these the second comes back to the first, and then
 * the last one loses its disk. Now all know that the cluster was founded, most of what it held is there, and what the last
 * two decided is not: nobody may decide anything, for good.
 */
import { mkdirSync, rmSync } from 'node:fs';
import type { LaneFault } from '../net/lane.ts';
import type { RealCluster } from '../real-cluster.ts';
import { endCovered } from './disks.ts';
import { between, spoilAll } from './links.ts';
import type { RealFault } from './real-fault.ts';

/** What a black hole holds would still arrive, from a server whose disk is lost. */
const CUT: LaneFault = { isClosed: true };
/** For decisions before the first disk is lost, and for those that only the last two servers hear of. */
const DECIDING_MS = 3_000;
const BACK_MS_MAX = 60_000;

export const lostDisks: RealFault = {
  name: 'lost-disks',
  about: 'of three servers all come back with empty disks, one after the other, each before the last one votes again',
  impossible: (net) => net.lacks(CUT),
  async inject({ cluster, target: first, random }) {
    const { world } = cluster;
    const [second, last, ...more] = random.shuffled(cluster.others(first));
    if (second === undefined || last === undefined || more.length > 0) return undefined;
    // Without a vote there is nothing to forget: it cannot happen twice.
    if ((await cluster.describe(first))?.quorum.votes !== true) return undefined;
    if (!(await world.until(BACK_MS_MAX, () => cluster.serves(first)))) return undefined;
    const beganMs = world.nowMs();
    await world.sleep(DECIDING_MS);
    const cut = (a: string, b: string) => spoilAll(between(cluster, [a], [b]), CUT);
    const losing = await endCovered({ cluster, target: first }, () => cluster.server(first).kill());
    if (losing === undefined) return undefined;
    const letFirstLast = await cut(first, last);
    const known = await vectorOf(cluster, last);
    const learnt = [await comesBackEmpty(cluster, first, [known, await vectorOf(cluster, second)])];
    const letFirstSecond = await cut(first, second);
    await world.sleep(DECIDING_MS);
    const letSecondLast = await cut(second, last);
    await cluster.server(second).kill();
    await letFirstSecond();
    learnt.push(await comesBackEmpty(cluster, second, [await vectorOf(cluster, first)]));
    await cluster.server(last).kill();
    for (const mend of [letFirstLast, letSecondLast]) await mend();
    // What streams that ended held is in no vector any more once all have met.
    learnt.push(await comesBackEmpty(cluster, last, []));
    return {
      what: `${first}, ${second} and ${last} come back empty, one after the other`,
      beganMs,
      servers: cluster.names,
      losing: { ...losing, untilMs: world.nowMs(), isEverywhere: true },
      async mend() {
        await world.until(BACK_MS_MAX, async () => {
          for (const name of cluster.names) if ((await linksOf(cluster, name)) < cluster.names.length - 1) return false;
          return true;
        });
        return learnt.every(Boolean)
          ? 'three disks wiped; each server heard of the cluster from the one before'
          : undefined;
      },
    };
  },
};

type Vector = Readonly<Record<string, number>>;

async function vectorOf(cluster: RealCluster, name: string): Promise<Vector> {
  return (await cluster.describe(name))?.vector ?? {};
}

/** Starts it with an empty disk. @returns whether it came to hold what others held, and heard of the cluster, but does not vote */
async function comesBackEmpty(cluster: RealCluster, name: string, held: readonly Vector[]): Promise<boolean> {
  const server = cluster.server(name);
  rmSync(server.data, { recursive: true });
  mkdirSync(server.data);
  await server.start();
  return cluster.world.until(BACK_MS_MAX, async () => {
    const { vector = {}, quorum } = (await cluster.describe(name)) ?? {};
    const hasAll = held.flatMap((one) => Object.entries(one)).every(([origin, seq]) => (vector[origin] ?? 0) >= seq);
    return hasAll && quorum?.votes === false && quorum.configuration > 0;
  });
}

async function linksOf(cluster: RealCluster, name: string): Promise<number> {
  return (await cluster.describe(name))?.members.filter(({ self, link }) => !self && link.state === 'up').length ?? 0;
}
