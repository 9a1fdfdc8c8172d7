/** Links that lose, repeat, reorder or delay frames within a connection, and links that are slow. */
import type { Link } from '../sim/network.ts';
import { type Fault, somePair } from './fault.ts';

/** A fault that changes what one directed link does to frames. */
function worsen(
  name: string,
  what: string,
  change: (link: Link, by: number) => void,
  undo: (link: Link) => void,
): Fault {
  return {
    name,
    everyMs: 3_000,
    lastsMs: 3_000,
    inject(cluster, random) {
      const pair = somePair(cluster, random);
      if (pair === undefined) return undefined;
      const [a, b] = pair;
      const link = cluster.network.link(a.url, b.url);
      change(link, random.between(0.02, 0.4));
      cluster.say(`the link from ${a.name} to ${b.name} ${what}`);
      return () => {
        undo(link);
        cluster.say(`the link from ${a.name} to ${b.name} ${what} no longer`);
      };
    },
  };
}

export const loss = worsen(
  'loss',
  'loses frames',
  (link, by) => {
    link.lossRate = by;
  },
  (link) => {
    link.lossRate = 0;
  },
);

export const duplication = worsen(
  'duplication',
  'repeats frames',
  (link, by) => {
    link.duplicateRate = by;
  },
  (link) => {
    link.duplicateRate = 0;
  },
);

export const reordering = worsen(
  'reordering',
  'reorders frames',
  (link, by) => {
    link.reorderRate = by;
  },
  (link) => {
    link.reorderRate = 0;
  },
);

const SPIKE_MS = 3_000;
export const delay: Fault = {
  name: 'delay',
  everyMs: 3_000,
  lastsMs: 2_000,
  inject(cluster, random) {
    const pair = somePair(cluster, random);
    if (pair === undefined) return undefined;
    const [a, b] = pair;
    const link = cluster.network.link(a.url, b.url);
    const delayMs = random.between(50, SPIKE_MS);
    link.latencyMs += delayMs;
    cluster.say(`the link from ${a.name} to ${b.name} is delayed by ${delayMs.toFixed(0)} ms`);
    return () => {
      // Another delay may have been put on top, and healing takes all away at once.
      link.latencyMs = Math.max(cluster.setup.latencyMs, link.latencyMs - delayMs);
      cluster.say(`the link from ${a.name} to ${b.name} is fast again`);
    };
  },
};

/** Bytes per millisecond of a link that is nearly full: a few frames a second. */
const NARROW = 0.5;
export const narrow: Fault = {
  name: 'narrow',
  everyMs: 5_000,
  lastsMs: 3_000,
  inject(cluster, random) {
    const pair = somePair(cluster, random);
    if (pair === undefined) return undefined;
    const [a, b] = pair;
    const link = cluster.network.link(a.url, b.url);
    const before = link.bytesPerMs;
    link.bytesPerMs = NARROW;
    cluster.say(`the link from ${a.name} to ${b.name} is narrow`);
    return () => {
      link.bytesPerMs = before;
      cluster.say(`the link from ${a.name} to ${b.name} is wide again`);
    };
  },
};
