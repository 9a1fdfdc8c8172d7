/** What goes wrong in a run. A fault is put in at random times; what it leaves behind is undone later, or at the end. */
import type { Cluster, Server } from '../cluster.ts';
import type { SimRandom } from '../sim/random.ts';

export interface Fault {
  readonly name: string;
  /** Mean time between two of it, in milliseconds of virtual time. */
  readonly everyMs: number;
  /** Mean time until it is undone, if it lasts. */
  readonly lastsMs: number;
  /** Returns how to undo it, if it lasts; undefined if there was nothing to break. */
  inject(cluster: Cluster, random: SimRandom): (() => void) | undefined;
}

interface Rhythm {
  readonly name: string;
  readonly everyMs: number;
  readonly lastsMs: number;
}

/** A fault of one running server; `strike` returns how to undo it. */
export function ofServer(
  rhythm: Rhythm,
  strike: (cluster: Cluster, server: Server, random: SimRandom) => (() => void) | undefined,
): Fault {
  return {
    ...rhythm,
    inject(cluster, random) {
      const server = someRunning(cluster, random);
      return server === undefined ? undefined : strike(cluster, server, random);
    },
  };
}

/** A fault between two servers, from the first to the second where it has a direction. */
export function betweenServers(
  rhythm: Rhythm,
  strike: (cluster: Cluster, pair: readonly [Server, Server], random: SimRandom) => (() => void) | undefined,
): Fault {
  return {
    ...rhythm,
    inject(cluster, random) {
      const pair = somePair(cluster, random);
      return pair === undefined ? undefined : strike(cluster, pair, random);
    },
  };
}

/** A server that is running, in whatever state. */
export function someRunning({ servers }: Cluster, random: SimRandom): Server | undefined {
  const running = servers.filter(({ process }) => process !== undefined);
  return running.length === 0 ? undefined : random.pick(running);
}

/** Two different servers, in random order. */
function somePair({ servers }: Cluster, random: SimRandom): readonly [Server, Server] | undefined {
  const [a, b] = random.shuffled(servers);
  return a === undefined || b === undefined ? undefined : [a, b];
}
