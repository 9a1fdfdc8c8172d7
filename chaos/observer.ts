/**
 * Looks at what engines tell of themselves, again and again: how full their queues get, and which paths a run takes. A
 * fault that never brings a path about tests nothing, so the totals are part of every report.
 */
import * as LIMITS from '../base/limits.ts';
import type { EngineMetrics } from '../src/engine-port.ts';
import type { Cluster } from './cluster.ts';
import type { QueueObservation } from './history.ts';

export const PATHS = [
  'commits',
  'received',
  'duplicates',
  'resends',
  'held',
  'transfers',
  'comparisons',
  'repairs',
  'refused',
  'compactions',
  'passivations',
] as const;
export type Paths = Readonly<Record<(typeof PATHS)[number], number>>;

const LOOK_MS = 50;

export class Observer {
  readonly #cluster: Cluster;
  /** The last figures of every incarnation, by replica. */
  readonly #last = new Map<number, EngineMetrics>();
  #pendingBytes = 0;
  #heldBytes = 0;
  #heldCommits = 0;
  /** Looks at which a server held commits that wait for others. */
  #held = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Goes on looking for as long as time goes on. */
  start(): void {
    this.#look();
    this.#cluster.timeline.after(LOOK_MS, () => this.start());
  }

  #look(): void {
    for (const { engine } of this.#cluster.servers) {
      if (engine === undefined) continue;
      const metrics = engine.metrics();
      const { heldBytes = 0, commitsHeld = 0 } = metrics.replication ?? {};
      this.#last.set(engine.replicaId, metrics);
      this.#pendingBytes = Math.max(this.#pendingBytes, metrics.pendingBytes);
      this.#heldBytes = Math.max(this.#heldBytes, heldBytes);
      this.#heldCommits = Math.max(this.#heldCommits, commitsHeld);
      if (commitsHeld > 0) this.#held++;
    }
  }

  /** @param mayDiffer disks were damaged, so that partitions may have to be repaired */
  queues(mayDiffer: boolean): QueueObservation[] {
    const { network } = this.#cluster;
    const repaired = { queue: 'partitions repaired', peak: this.paths().repairs, limit: 0 };
    return [
      ...(mayDiffer ? [] : [repaired]),
      { queue: 'bytes to send over a link', peak: network.inFlightBytesMax, limit: LIMITS.linkWaitingBytesMax },
      { queue: 'bytes that wait for the disk', peak: this.#pendingBytes, limit: LIMITS.pendingBytesMax },
      { queue: 'bytes of held commits', peak: this.#heldBytes, limit: LIMITS.heldBytesMax },
      { queue: 'held commits', peak: this.#heldCommits, limit: LIMITS.heldCommitsMax },
    ];
  }

  paths(): Paths {
    this.#look();
    const sum = (of: (metrics: EngineMetrics) => number | undefined) =>
      Array.from(this.#last.values()).reduce((total, metrics) => total + (of(metrics) ?? 0), 0);
    return {
      commits: sum((metrics) => metrics.commitsTotal),
      received: sum(({ replication }) => replication?.commitsReceivedTotal),
      duplicates: sum(({ replication }) => replication?.commitsDuplicateTotal),
      resends: sum(({ replication }) => replication?.resendsTotal),
      held: this.#held,
      transfers: sum(({ replication }) => replication?.stateTransfersTotal),
      comparisons: sum(({ replication }) => replication?.digestComparisonsTotal),
      repairs: sum(({ replication }) => replication?.repairsTotal),
      refused: sum(({ replication }) => replication?.refusedFramesTotal),
      compactions: sum((metrics) => metrics.compactionsTotal),
      passivations: sum((metrics) => metrics.passivationsTotal),
    };
  }
}
