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

/** A server that is running, in whatever state. */
export function someRunning({ servers }: Cluster, random: SimRandom): Server | undefined {
  const running = servers.filter(({ process }) => process !== undefined);
  return running.length === 0 ? undefined : random.pick(running);
}

/** Two different servers, in random order. */
export function somePair({ servers }: Cluster, random: SimRandom): readonly [Server, Server] | undefined {
  const [a, b] = random.shuffled(servers);
  return a === undefined || b === undefined ? undefined : [a, b];
}
