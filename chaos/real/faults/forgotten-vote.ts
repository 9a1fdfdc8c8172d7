/**
 * The one loss of a disk that strong operations must fear: two of three servers decide while the third is cut off; one of
 * the two then comes back with an empty disk, and reaches only the third. These are a majority of servers, but not of memories,
 * and may decide nothing until the last one that remembers is back.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { bringVoterBack } from './disks.ts';
import { between, spoilAll } from './links.ts';
import type { RealFault } from './real-fault.ts';

/** For decisions that the third server does not hear of. */
const ALONE_MS = 2_500;
const COVERED_MS_MAX = 10_000;

export const forgottenVote: RealFault = {
  name: 'forgotten-vote',
  about:
    'of three servers one missed decisions, one comes back with an empty disk, and the one that knows them is cut off',
  async inject({ cluster, target, random }) {
    const { world } = cluster;
    const [knowing, missing, ...more] = random.shuffled(cluster.others(target));
    if (knowing === undefined || missing === undefined || more.length > 0) return undefined;
    const beganMs = world.nowMs();
    const cut = (a: string, b: string) => spoilAll(between(cluster, [a], [b]), { isHeld: true });
    const [letMissing, letKnowing] = [await cut(missing, target), await cut(missing, knowing)];
    await world.sleep(ALONE_MS);
    const sinceMs = world.nowMs();
    const held = (await cluster.describe(target))?.vector ?? {};
    const isCovered = await world.until(COVERED_MS_MAX, async () => {
      const vector = (await cluster.describe(knowing))?.vector ?? {};
      return Object.entries(held).every(([origin, seq]) => (vector[origin] ?? 0) >= seq);
    });
    const mendAll = [await cut(knowing, target), letKnowing];
    const server = cluster.server(target);
    if (isCovered) {
      await server.kill();
      rmSync(server.data, { recursive: true });
      mkdirSync(server.data);
    }
    await letMissing();
    if (isCovered) await server.start();
    return {
      what: `${target} comes back empty to ${missing}, which missed what ${knowing} knows`,
      beganMs,
      servers: cluster.names,
      losing: { server: target, sinceMs, untilMs: world.nowMs() },
      async mend() {
        for (const mend of mendAll) await mend();
        const back = await bringVoterBack(cluster, target);
        return isCovered ? `disk wiped; ${back}` : undefined;
      },
    };
  },
};
