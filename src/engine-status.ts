/** What a server says of itself: who is in its cluster, whether it can serve and why not, and figures for whoever watches it. */
import type { ReplicaId } from '../base/ids.ts';
import type { Store } from '../storage/store.ts';
import type { Adoption } from './adoption/adoption.ts';
import type { GraphCatalog } from './catalog/graph-catalog.ts';
import type { Committer } from './commits/committer.ts';
import type { EngineReplica } from './commits/engine-replica.ts';
import type { Progress } from './commits/progress.ts';
import { vectorObject } from './commits/version-vector.ts';
import type { StrongOperations } from './consistency/strong-operations.ts';
import type {
  ClusterDescription,
  EngineMetrics,
  Health,
  IntegrityReport,
  QuorumDescription,
  ReplicationMetrics,
} from './engine-port.ts';
import type { ExpiryPurge } from './graphs/expiry-purge.ts';
import type { Residency } from './residency/residency.ts';

const NONE: readonly string[] = [];

/** What replication adds to the status of a server. */
export interface ClusterStatus {
  /** All voters as this server sees them, itself included, by name. */
  members(): ClusterDescription['members'];
  /** Why this server cannot serve, in words. */
  reasons(): readonly string[];
  metrics?(): ReplicationMetrics;
}

export interface EngineStatusOptions {
  readonly name: string;
  readonly replicaId: ReplicaId;
  readonly hasPeers: boolean;
  readonly store: Store;
  readonly replica: EngineReplica;
  readonly progress: Progress;
  readonly committer: Committer;
  readonly residency: Residency;
  readonly catalog: GraphCatalog;
  readonly adoption: Adoption;
  readonly expiryPurge: ExpiryPurge;
  /** Undefined on a server that stands alone, and before it votes. */
  readonly strong: () => StrongOperations | undefined;
  readonly isStopping: () => boolean;
}

export class EngineStatus {
  readonly #options: EngineStatusOptions;
  #attached: ClusterStatus | undefined;
  #quotaRefusals = 0;
  /** By key of a graph: elements that broke a constraint when its integrity was last looked through. */
  readonly #violating = new Map<string, number>();

  constructor(options: EngineStatusOptions) {
    this.#options = options;
  }

  /** From now on replication adds what it knows. */
  attach(status: ClusterStatus): void {
    this.#attached = status;
  }

  quotaRefused(): void {
    this.#quotaRefusals++;
  }

  /** The integrity of a graph was looked through. */
  checked(graphKey: string, { constraintViolations }: IntegrityReport): void {
    const elements = constraintViolations.reduce((sum, each) => sum + each.elements, 0);
    this.#violating.set(graphKey, elements);
  }

  quorum(): QuorumDescription {
    const { name, hasPeers, strong } = this.#options;
    const isAlone = !hasPeers;
    const alone = { votes: isAlone, reachable: 1, majority: 1, configuration: 0, voters: isAlone ? [name] : [] };
    const status = strong()?.status() ?? alone;
    // Before the cluster is founded nobody votes, whoever is reached.
    const isFounded = status.configuration > 0 || isAlone;
    return { ...status, isReachable: isFounded && status.reachable >= status.majority };
  }

  cluster(): ClusterDescription {
    const { name, replicaId, progress } = this.#options;
    const vector = vectorObject(progress.vector);
    return {
      self: { name, replicaId },
      members: this.#attached?.members() ?? [
        {
          name,
          url: '',
          state: 'alive',
          self: true,
          replicaId,
          vector,
          heardMsAgo: 0,
          lagCommits: 0,
          lagMs: 0,
          link: { state: 'up', bytesSent: 0, bytesReceived: 0, unacknowledgedBytes: 0 },
        },
      ],
      quorum: this.quorum(),
      vector,
    };
  }

  health(): Health {
    const { committer, adoption, catalog, replica, isStopping } = this.#options;
    const reasons = new Set<string>();
    if (committer.failure !== undefined) reasons.add('the store failed; restart the server');
    if (isStopping()) reasons.add('the server is stopping');
    if (adoption.isActive) reasons.add('the server takes over the state of another one');
    for (const reason of this.#attached?.reasons() ?? NONE) reasons.add(reason);
    const failed = reasons.size > 0;
    for (const { graphKey, partition } of replica.damaged()) {
      const name = catalog.nameOf(graphKey) ?? `stored as ${graphKey}`;
      reasons.add(`partition ${partition} of graph ${name} is damaged and not served`);
    }
    return { canRead: !failed, canWrite: !failed, reasons: Array.from(reasons) };
  }

  metrics(): EngineMetrics {
    const { store, committer, residency, expiryPurge } = this.#options;
    const strong = this.#options.strong();
    const { partitions, documents } = residency.counts();
    const replication = this.#attached?.metrics?.();
    return {
      commitsTotal: committer.commits,
      patchesTotal: committer.patches,
      requestsInCommitsTotal: committer.requests,
      hydrationsTotal: residency.hydrations,
      passivationsTotal: residency.passivations,
      expiredPurgedTotal: expiryPurge.purged,
      quotaRefusalsTotal: this.#quotaRefusals,
      constraintViolations: this.#countViolating(),
      compactionsTotal: committer.compactions,
      hydratedPartitions: partitions,
      hydratedDocuments: documents,
      residentBytes: residency.residentBytes,
      memoryBudgetBytes: residency.budgetBytes,
      pendingBytes: committer.pendingChars,
      logBytes: store.status().logBytes,
      ...(replication !== undefined && { replication }),
      ...(strong !== undefined && { strong: strong.metrics() }),
    };
  }

  #countViolating(): number {
    let elements = 0;
    for (const [key, count] of this.#violating) {
      if (this.#options.catalog.findByKey(key) === undefined) this.#violating.delete(key);
      else elements += count;
    }
    return elements;
  }
}
