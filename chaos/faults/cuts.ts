/** Links that carry nothing: between two servers, one way only, around one server, again and again. */
import type { Cluster, Server } from '../cluster.ts';
import { betweenServers, type Fault } from './fault.ts';

/** Cuts directed links; the returned function mends them. Cuts may overlap: a link works when all are mended. */
export function cut({ network }: Cluster, links: readonly (readonly [Server, Server])[]): () => void {
  const cutLinks = links.map(([from, to]) => network.link(from.url, to.url));
  for (const link of cutLinks) link.cuts++;
  return () => {
    for (const link of cutLinks) link.cuts = Math.max(0, link.cuts - 1);
  };
}

export const cutLink = betweenServers({ name: 'cut', everyMs: 3_000, lastsMs: 2_500 }, (cluster, [a, b]) => {
  cluster.say(`the link ${a.name}-${b.name} is cut`);
  const mend = cut(cluster, [
    [a, b],
    [b, a],
  ]);
  return () => {
    cluster.say(`the link ${a.name}-${b.name} works again`);
    mend();
  };
});

export const cutOneWay = betweenServers({ name: 'cut-one-way', everyMs: 3_000, lastsMs: 2_500 }, (cluster, pair) => {
  const [a, b] = pair;
  cluster.say(`nothing comes from ${a.name} to ${b.name}`);
  const mend = cut(cluster, [pair]);
  return () => {
    cluster.say(`${b.name} hears ${a.name} again`);
    mend();
  };
});

export const isolate: Fault = {
  name: 'isolate',
  everyMs: 5_000,
  lastsMs: 3_000,
  inject(cluster, random) {
    const alone = random.pick(cluster.servers);
    const others = cluster.servers.filter((server) => server !== alone);
    cluster.say(`${alone.name} is isolated`);
    const mend = cut(
      cluster,
      others.flatMap((other) => [[alone, other] as const, [other, alone] as const]),
    );
    return () => {
      cluster.say(`${alone.name} is isolated no longer`);
      mend();
    };
  },
};

export const flapping = betweenServers(
  { name: 'flapping', everyMs: 6_000, lastsMs: 2_000 },
  (cluster, [a, b], random) => {
    const links = [
      [a, b],
      [b, a],
    ] as const;
    cluster.say(`the link ${a.name}-${b.name} flaps`);
    const rhythm = random.fork(`flapping ${cluster.timeline.nowMs}`);
    let mend: (() => void) | undefined;
    let isOver = false;
    const turn = () => {
      if (isOver) return;
      if (mend === undefined) mend = cut(cluster, links);
      else {
        mend();
        mend = undefined;
      }
      cluster.timeline.after(rhythm.gap(200), turn);
    };
    turn();
    return () => {
      isOver = true;
      mend?.();
      cluster.say(`the link ${a.name}-${b.name} flaps no longer`);
    };
  },
);

export const reset = betweenServers({ name: 'reset', everyMs: 1_500, lastsMs: 0 }, (cluster, [a, b]) => {
  cluster.say(`connections between ${a.name} and ${b.name} are reset`);
  cluster.network.reset(a.url, b.url);
  cluster.network.reset(b.url, a.url);
  return undefined;
});
