/** What goes wrong on the ways between servers. */
import type { LaneFault } from '../net/lane.ts';
import type { Way } from '../net/net.ts';
import type { RealCluster } from '../real-cluster.ts';
import { type FaultContext, type Injury, type RealFault, sidesOf } from './real-fault.ts';

interface Spoil {
  readonly what: string;
  readonly ways: readonly Way[];
  readonly fault: LaneFault;
  readonly sides?: readonly (readonly string[])[];
}

/** Spoils all of the ways. @returns what mends them, and tells how often that made a difference */
export async function spoilAll(ways: readonly Way[], fault: LaneFault): Promise<() => Promise<number>> {
  const mends = await Promise.all(ways.map((way) => way.spoil(fault)));
  return async () => (await Promise.all(mends.map((mend) => mend()))).reduce((sum, count) => sum + count, 0);
}

/** What shows that a fault of ways happened. */
export function affected(count: number, { net }: RealCluster): string | undefined {
  const what = net.abilities.kind === 'netns' ? 'packets' : 'pieces';
  return count === 0 ? undefined : `${count} ${what} and connections were affected`;
}

async function spoil({ cluster }: FaultContext, { what, ways, fault, sides }: Spoil): Promise<Injury> {
  const beganMs = cluster.world.nowMs();
  const mend = await spoilAll(ways, fault);
  return {
    what,
    beganMs,
    servers: [],
    ...(sides !== undefined && { sides }),
    mend: async () => affected(await mend(), cluster),
  };
}

/** Both directions between all servers of the two sides. */
export function between(cluster: RealCluster, left: readonly string[], right: readonly string[]): Way[] {
  return left.flatMap((a) => right.flatMap((b) => [cluster.way(a, b), cluster.way(b, a)]));
}

function all(cluster: RealCluster): Way[] {
  return cluster.names.flatMap((a) => cluster.others(a).map((b) => cluster.way(a, b)));
}

/** @param needed what of a net it takes, whatever the options of a scenario are */
const link = (name: string, about: string, needed: LaneFault, of: (context: FaultContext) => Spoil): RealFault => ({
  name,
  about,
  impossible: (net) => net.lacks(needed),
  inject: (context) => spoil(context, of(context)),
});

const HELD: LaneFault = { isHeld: true };

/** @param percent of the packets, if the scenario does not say */
const ofPackets = (name: string, about: string, percent: number, faultOf: (rate: number) => LaneFault): RealFault =>
  link(name, about, faultOf(1), (context) => ({
    what: about,
    ways: all(context.cluster),
    fault: faultOf(context.option('percent', percent) / 100),
  }));

export const LINK_FAULTS: readonly RealFault[] = [
  link(
    'isolate',
    'a minority is cut off by a black hole: what is sent waits or is lost, connections hang',
    HELD,
    (context) => {
      const sides = sidesOf(context);
      const ways = between(context.cluster, ...sides);
      return { what: `${sides[0].join(', ')} cut off`, ways, fault: HELD, sides };
    },
  ),
  link(
    'refuse',
    'a minority is cut off and told so: connections are reset and refused',
    { isClosed: true },
    (context) => {
      const sides = sidesOf(context);
      const ways = between(context.cluster, ...sides);
      return { what: `${sides[0].join(', ')} refused`, ways, fault: { isClosed: true }, sides };
    },
  ),
  link(
    'cut-pair',
    'two servers do not reach each other; both reach the others',
    HELD,
    ({ cluster, target, random }) => {
      const other = random.pick(cluster.others(target));
      const ways = between(cluster, [target], [other]);
      return { what: `${target} and ${other} cut`, ways, fault: HELD };
    },
  ),
  link('one-way', 'what a server sends does not arrive; what it is sent does', HELD, ({ cluster, target }) => {
    const ways = cluster.others(target).map((other) => cluster.way(target, other));
    return { what: `nothing arrives from ${target}`, ways, fault: HELD };
  }),
  link('deaf', 'what is sent to a server does not arrive; what it sends does', HELD, ({ cluster, target }) => {
    const ways = cluster.others(target).map((other) => cluster.way(other, target));
    return { what: `nothing arrives at ${target}`, ways, fault: HELD };
  }),
  link('shatter', 'nobody reaches anybody', HELD, ({ cluster }) => ({
    what: 'all links cut',
    ways: all(cluster),
    fault: HELD,
    sides: cluster.names.map((name) => [name]),
  })),
  link('delay', 'all links are slow and uneven', { delayMs: 1 }, (context) => {
    const [delayMs, jitterMs] = [context.option('delayMs', 80), context.option('jitterMs', 120)];
    return {
      what: `${delayMs} to ${delayMs + jitterMs} ms late`,
      ways: all(context.cluster),
      fault: { delayMs, jitterMs },
    };
  }),
  link('narrow', 'the links of a server carry few bytes a second', { bytesPerSecond: 1 }, (context) => {
    const { cluster, target } = context;
    const bytesPerSecond = context.option('bytesPerSecond', 20_000);
    const ways = between(cluster, [target], cluster.others(target));
    return { what: `${bytesPerSecond} bytes/s to and from ${target}`, ways, fault: { bytesPerSecond } };
  }),
  link('slow-reader', 'a server takes in little of what it is sent', { bytesPerSecond: 1 }, (context) => {
    const { cluster, target } = context;
    const bytesPerSecond = context.option('bytesPerSecond', 4_000);
    const ways = cluster.others(target).map((other) => cluster.way(other, target));
    return { what: `${target} reads ${bytesPerSecond} bytes/s`, ways, fault: { bytesPerSecond } };
  }),
  link(
    'duplicate',
    'pieces of the byte stream come twice, so that frames are damaged; in netns packets',
    { duplicateRate: 1 },
    (context) => ({
      what: 'some comes twice',
      ways: all(context.cluster),
      fault: { duplicateRate: context.option('percent', 5) / 100 },
    }),
  ),
  ofPackets('loss', 'packets between servers are lost', 5, (lossRate) => ({ lossRate })),
  ofPackets('reorder', 'packets between servers overtake each other', 25, (reorderRate) => ({ reorderRate })),
  ofPackets('corrupt', 'bits of packets between servers are flipped', 2, (corruptRate) => ({ corruptRate })),
  link(
    'unplug',
    'the devices of a server are down: who sends is told so',
    { isUnplugged: true },
    ({ cluster, target }) => ({
      what: `cables of ${target} pulled`,
      ways: cluster.others(target).map((other) => cluster.way(target, other)),
      fault: { isUnplugged: true },
      sides: [[target], cluster.others(target)],
    }),
  ),
  {
    name: 'reset',
    about: 'all connections of a server are reset, several times',
    impossible: (net) => net.lacks({ isClosed: true }),
    async inject({ cluster, target, lastsMs }) {
      const { world } = cluster;
      const beganMs = world.nowMs();
      let [resets, isOver] = [0, false];
      const loop = (async () => {
        while (!isOver) {
          for (const other of cluster.others(target)) resets += await cluster.net.reset(target, other);
          await world.sleep(Math.max(100, lastsMs / 5));
        }
      })();
      return {
        what: `connections of ${target} reset`,
        beganMs,
        servers: [],
        async mend() {
          isOver = true;
          await loop;
          return resets === 0 ? undefined : `${resets} connections were reset`;
        },
      };
    },
  },
];
