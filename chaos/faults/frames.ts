/** Links that lose, repeat, reorder or delay frames within a connection, and links that are slow. */
import { betweenServers, type Fault } from './fault.ts';

/** A fault that makes one directed link do something to a part of the frames. */
function worsen(name: string, what: string, rate: 'lossRate' | 'duplicateRate' | 'reorderRate'): Fault {
  return betweenServers({ name, everyMs: 3_000, lastsMs: 3_000 }, (cluster, [a, b], random) => {
    const link = cluster.network.link(a.url, b.url);
    link[rate] = random.between(0.02, 0.4);
    cluster.say(`the link from ${a.name} to ${b.name} ${what}`);
    return () => {
      link[rate] = 0;
      cluster.say(`the link from ${a.name} to ${b.name} ${what} no longer`);
    };
  });
}

export const loss = worsen('loss', 'loses frames', 'lossRate');
export const duplication = worsen('duplication', 'repeats frames', 'duplicateRate');
export const reordering = worsen('reordering', 'reorders frames', 'reorderRate');

const SPIKE_MS = 3_000;
export const delay = betweenServers({ name: 'delay', everyMs: 3_000, lastsMs: 2_000 }, (cluster, [a, b], random) => {
  const link = cluster.network.link(a.url, b.url);
  const delayMs = random.between(50, SPIKE_MS);
  link.latencyMs += delayMs;
  cluster.say(`the link from ${a.name} to ${b.name} is delayed by ${delayMs.toFixed(0)} ms`);
  return () => {
    // Another delay may have been put on top, and healing takes all away at once.
    link.latencyMs = Math.max(cluster.setup.latencyMs, link.latencyMs - delayMs);
    cluster.say(`the link from ${a.name} to ${b.name} is fast again`);
  };
});

/** Bytes per millisecond of a link that is nearly full: a few frames a second. */
const NARROW = 0.5;
export const narrow = betweenServers({ name: 'narrow', everyMs: 5_000, lastsMs: 3_000 }, (cluster, [a, b]) => {
  const { network } = cluster;
  const before = network.link(a.url, b.url).bytesPerMs;
  network.setWidth(a.url, b.url, NARROW);
  cluster.say(`the link from ${a.name} to ${b.name} is narrow`);
  return () => {
    network.setWidth(a.url, b.url, before);
    cluster.say(`the link from ${a.name} to ${b.name} is wide again`);
  };
});
