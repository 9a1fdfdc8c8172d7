/** What goes wrong on the ways between servers. */
import type { Lane, LaneFault } from '../lane.ts';
import type { RealCluster } from '../real-cluster.ts';
import { type FaultContext, type Injury, type RealFault, sidesOf } from './real-fault.ts';

interface Spoil {
  readonly what: string;
  readonly lanes: readonly Lane[];
  readonly fault: LaneFault;
  readonly sides?: readonly (readonly string[])[];
}

function spoil({ cluster }: FaultContext, { what, lanes, fault, sides }: Spoil): Injury {
  const beganMs = cluster.world.nowMs();
  const countTouched = () => lanes.reduce((sum, lane) => sum + lane.touched, 0);
  const before = countTouched();
  const mends = lanes.map((lane) => lane.spoil(fault));
  return {
    what,
    beganMs,
    servers: [],
    ...(sides !== undefined && { sides }),
    mend: () => {
      const touched = countTouched() - before;
      for (const mendOne of mends) mendOne();
      return Promise.resolve(touched === 0 ? undefined : `${touched} pieces and connections were affected`);
    },
  };
}

/** Both directions between all servers of the two sides. */
export function between(cluster: RealCluster, left: readonly string[], right: readonly string[]): Lane[] {
  return left.flatMap((a) => right.flatMap((b) => [cluster.lane(a, b), cluster.lane(b, a)]));
}

function all(cluster: RealCluster): Lane[] {
  return cluster.names.flatMap((a) => cluster.others(a).map((b) => cluster.lane(a, b)));
}

const link = (name: string, about: string, of: (context: FaultContext) => Spoil | undefined): RealFault => ({
  name,
  about,
  inject: (context) => {
    const spoiled = of(context);
    return Promise.resolve(spoiled && spoil(context, spoiled));
  },
});

export const LINK_FAULTS: readonly RealFault[] = [
  link('isolate', 'a minority is cut off by a black hole: bytes wait, connections hang', (context) => {
    const sides = sidesOf(context);
    const lanes = between(context.cluster, ...sides);
    return { what: `${sides[0].join(', ')} cut off`, lanes, fault: { isHeld: true }, sides };
  }),
  link('refuse', 'a minority is cut off and told so: connections are reset and refused', (context) => {
    const sides = sidesOf(context);
    const lanes = between(context.cluster, ...sides);
    return { what: `${sides[0].join(', ')} refused`, lanes, fault: { isClosed: true }, sides };
  }),
  link('cut-pair', 'two servers do not reach each other; both reach the others', ({ cluster, target, random }) => {
    const other = random.pick(cluster.others(target));
    const lanes = between(cluster, [target], [other]);
    return { what: `${target} and ${other} cut`, lanes, fault: { isHeld: true } };
  }),
  link('one-way', 'what a server sends does not arrive; what it is sent does', ({ cluster, target }) => {
    const lanes = cluster.others(target).map((other) => cluster.lane(target, other));
    return { what: `nothing arrives from ${target}`, lanes, fault: { isHeld: true } };
  }),
  link('deaf', 'what is sent to a server does not arrive; what it sends does', ({ cluster, target }) => {
    const lanes = cluster.others(target).map((other) => cluster.lane(other, target));
    return { what: `nothing arrives at ${target}`, lanes, fault: { isHeld: true } };
  }),
  link('shatter', 'nobody reaches anybody', ({ cluster }) => ({
    what: 'all links cut',
    lanes: all(cluster),
    fault: { isHeld: true },
    sides: cluster.names.map((name) => [name]),
  })),
  link('delay', 'all links are slow and uneven', (context) => {
    const [delayMs, jitterMs] = [context.option('delayMs', 80), context.option('jitterMs', 120)];
    return {
      what: `${delayMs} to ${delayMs + jitterMs} ms late`,
      lanes: all(context.cluster),
      fault: { delayMs, jitterMs },
    };
  }),
  link('narrow', 'the links of a server carry few bytes a second', (context) => {
    const { cluster, target } = context;
    const bytesPerSecond = context.option('bytesPerSecond', 20_000);
    const lanes = between(cluster, [target], cluster.others(target));
    return { what: `${bytesPerSecond} bytes/s to and from ${target}`, lanes, fault: { bytesPerSecond } };
  }),
  link('slow-reader', 'a server takes in little of what it is sent', (context) => {
    const { cluster, target } = context;
    const bytesPerSecond = context.option('bytesPerSecond', 4_000);
    const lanes = cluster.others(target).map((other) => cluster.lane(other, target));
    return { what: `${target} reads ${bytesPerSecond} bytes/s`, lanes, fault: { bytesPerSecond } };
  }),
  link('duplicate', 'pieces of the byte stream come twice, so that frames are damaged', (context) => ({
    what: 'bytes come twice',
    lanes: all(context.cluster),
    fault: { duplicateRate: context.option('percent', 5) / 100 },
  })),
  {
    name: 'reset',
    about: 'all connections of a server are reset, several times',
    async inject({ cluster, target, lastsMs }) {
      const { world } = cluster;
      const beganMs = world.nowMs();
      let [resets, isOver] = [0, false];
      const loop = (async () => {
        while (!isOver) {
          for (const other of cluster.others(target)) resets += cluster.reset(target, other);
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
