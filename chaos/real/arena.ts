/** Where workloads run: the cluster, a clock, and the loops of their clients. */
import { Client, type ClientOptions } from './client.ts';
import type { RealCluster } from './real-cluster.ts';
import type { Recorder } from './recorder.ts';
import type { World } from './world.ts';

export const GRAPH = '/v1/graphs/default';

/** How one workload of a scenario differs from its default. */
export interface WorkloadOptions {
  readonly clients?: number;
  /** Mean pause of a client between two calls. */
  readonly thinkMs?: number;
  /** Size of what it works on: keys, accounts, lines of an import. */
  readonly size?: number;
}

export interface Workload {
  readonly name: string;
  readonly about: string;
  /** Checkers that judge what it leaves behind. */
  readonly checkers: readonly string[];
  /** Elements that it needs, as operations of a batch. */
  setup?(options: WorkloadOptions): readonly object[];
  /** Statements that declare what it needs, run before its elements are made and known to all servers before it starts. */
  readonly declarations?: readonly string[];
  /** One loop for each client. */
  start(arena: Arena, options: WorkloadOptions): readonly Promise<void>[];
}

const THINK_MS = 20;
/** A client whose request was not answered well waits, or it would do nothing but fail. */
const RETRY_MS = 100;

export class Arena {
  readonly cluster: RealCluster;
  readonly recorder: Recorder;
  readonly world: World;
  isOver = false;

  constructor(cluster: RealCluster, recorder: Recorder) {
    this.cluster = cluster;
    this.recorder = recorder;
    this.world = cluster.world;
  }

  client(workload: string, index: number | string, options: Partial<ClientOptions> = {}): Client {
    const name = `${workload}-${index}`;
    const { cluster, recorder } = this;
    return new Client(name, { workload, cluster, recorder, random: this.world.random(name), ...options });
  }

  /** Does it again and again until the work is over. `once` says whether it went well. */
  async repeat(client: Client, { thinkMs = THINK_MS }: WorkloadOptions, once: () => Promise<boolean>): Promise<void> {
    while (!this.isOver) {
      const wentWell = await once();
      const meanMs = wentWell ? thinkMs : Math.max(thinkMs, RETRY_MS);
      await this.world.sleep(meanMs * (0.5 + client.random.uint32() / 2 ** 32));
    }
  }
}

export function numbered(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
