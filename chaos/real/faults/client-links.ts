/**
 * What goes wrong between clients and a server that works well: requests that arrive and whose answers do not. Nobody told
 * the client then what became of its call, and its history must hold for both cases.
 */
import type { LaneFault } from '../net/lane.ts';
import type { Way } from '../net/net.ts';
import type { RealCluster } from '../real-cluster.ts';
import { affected, spoilAll } from './links.ts';
import type { RealFault } from './real-fault.ts';

/** So many answers are on their way when connections are reset. */
const ANSWER_LATE_MS = 60;

type Ways = ReturnType<RealCluster['clientWays']>;

/** @param waysOf those that the fault is on, of the ways between clients and the server that is hit */
const clientLink = (
  name: string,
  about: string,
  waysOf: (ways: Ways) => readonly Way[],
  fault: LaneFault,
): RealFault => ({
  name,
  about,
  impossible: (net) => net.lacks(fault),
  async inject({ cluster, target }) {
    const beganMs = cluster.world.nowMs();
    const mend = await spoilAll(waysOf(cluster.clientWays(target)), fault);
    return {
      what: `${name} at ${target}`,
      beganMs,
      servers: [target],
      mend: async () => affected(await mend(), cluster),
    };
  },
});

export const CLIENT_LINK_FAULTS: readonly RealFault[] = [
  clientLink('client-cut', 'clients and a server do not reach each other', ({ there, back }) => [there, back], {
    isHeld: true,
  }),
  clientLink('client-mute', 'clients reach a server, whose answers do not come back', ({ back }) => [back], {
    isHeld: true,
  }),
  clientLink('client-delay', 'clients and a server reach each other late', ({ there, back }) => [there, back], {
    delayMs: 150,
    jitterMs: 200,
  }),
  {
    name: 'client-reset',
    about: 'connections of clients to a server are reset again and again, while answers are on their way',
    impossible: (net) => net.lacks({ isClosed: true, delayMs: ANSWER_LATE_MS }),
    async inject({ cluster, target }) {
      const { world } = cluster;
      const beganMs = world.nowMs();
      const { back, reset } = cluster.clientWays(target);
      const hasten = await back.spoil({ delayMs: ANSWER_LATE_MS });
      let [resets, isOver] = [0, false];
      const loop = (async () => {
        while (!isOver) {
          await world.sleep(4 * ANSWER_LATE_MS);
          resets += await reset();
        }
      })();
      return {
        what: `connections of clients to ${target} reset`,
        beganMs,
        servers: [target],
        async mend() {
          isOver = true;
          await loop;
          await hasten();
          return resets === 0 ? undefined : `${resets} connections were reset`;
        },
      };
    },
  },
];
