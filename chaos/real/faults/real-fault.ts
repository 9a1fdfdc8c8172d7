/** Something that breaks a running cluster, and how it is mended. */
import type { SeededRandom } from '../../../base/seeded-random.ts';
import type { Losing } from '../entry.ts';
import type { NetAbilities } from '../net/net.ts';
import type { RealCluster } from '../real-cluster.ts';

export interface FaultContext {
  readonly cluster: RealCluster;
  readonly random: SeededRandom;
  /** The server that it hits, if it hits one. */
  readonly target: string;
  readonly lastsMs: number;
  /** A number that the scenario may set. */
  option(name: string, byDefault: number): number;
}

export interface Injury {
  readonly what: string;
  readonly beganMs: number;
  /** Servers that do not serve, or not in time, because of it. */
  readonly servers: readonly string[];
  readonly sides?: readonly (readonly string[])[];
  readonly losing?: Losing;
  /** Repairs it. @returns what shows that it happened; undefined if nothing does */
  mend(): Promise<string | undefined>;
}

export interface RealFault {
  readonly name: string;
  readonly about: string;
  /** Whether each server has a disk of its own, which power can be cut of. */
  readonly onOwnDisks?: true;
  /** Whether it waits for frames between servers. */
  readonly readsFrames?: true;
  /** Why this machine, or the net of the run, cannot bring it about; undefined if they can. */
  impossible?(net: NetAbilities): string | undefined;
  /** Breaks something; undefined if it cannot be done now. */
  inject(context: FaultContext): Promise<Injury | undefined>;
}

/** Servers on the side of the target, and all others. */
export function sidesOf({ cluster, target }: FaultContext): readonly [readonly string[], readonly string[]] {
  const size = cluster.names.length > 3 ? Math.floor((cluster.names.length - 1) / 2) : 1;
  const at = cluster.names.indexOf(target);
  const small = cluster.names.filter((_, i) => (i - at + cluster.names.length) % cluster.names.length < size);
  return [small, cluster.names.filter((name) => !small.includes(name))];
}
