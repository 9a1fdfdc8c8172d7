/** A graph for offline replicas: what they lack as Yjs updates, and their patches as commits of this server. */
import { WeftError } from '../../base/errors.ts';
import type { PartitionId } from '../../base/ids.ts';
import type { PlacedText } from '../../crdt/sync-frame.ts';
import type { GraphSettings } from '../../graph/model.ts';
import type { PartitionKey } from '../../storage/store.ts';
import type { EngineReplica } from '../commits/engine-replica.ts';
import type { GraphSync, PartitionUpdate } from '../engine-port.ts';
import type { StreamCommit } from '../replication/replica.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';

type Listener = (updates: readonly PartitionUpdate[]) => void;

/** Tells who listens to a graph of its commits. */
export class SyncFeed {
  readonly #listeners = new Map<string, Set<Listener>>();

  listen(graphKey: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(graphKey) ?? new Set();
    this.#listeners.set(graphKey, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(graphKey) === listeners) this.#listeners.delete(graphKey);
    };
  }

  /** Tells what a repair, or the state of another server, brought: it is in no commit that is announced. */
  merged({ graphKey, partition }: PartitionKey, bytes: Uint8Array): void {
    for (const listener of Array.from(this.#listeners.get(graphKey) ?? [])) listener([{ partition, bytes }]);
  }

  announce(commits: readonly StreamCommit[]): void {
    if (this.#listeners.size === 0) return;
    for (const { parts } of commits) {
      for (const [graphKey, listeners] of this.#listeners) {
        const own = parts.filter((part) => part.graphKey === graphKey);
        if (own.length === 0) continue;
        const updates = own.map(({ partition, update }) => ({ partition, bytes: update }));
        for (const listener of Array.from(listeners)) listener(updates);
      }
    }
  }
}

export interface GraphSyncOptions {
  readonly replica: EngineReplica;
  readonly feed: SyncFeed;
  readonly commit: (
    patches: readonly (PlacedText & { readonly graphKey: string })[],
    judging: { readonly onDecided: () => void; readonly mayWrite: (partition: PartitionId) => boolean },
  ) => Promise<readonly [origin: number, seq: number]>;
}

export class EngineGraphSync implements GraphSync {
  readonly #graph: ResidentGraph;
  readonly #options: GraphSyncOptions;

  constructor(graph: ResidentGraph, options: GraphSyncOptions) {
    this.#graph = graph;
    this.#options = options;
  }

  get generation(): string {
    return this.#graph.key;
  }

  get isThere(): boolean {
    return !this.#graph.deleted;
  }

  get settings(): GraphSettings {
    return this.#graph.settings;
  }

  get clock(): number {
    return this.#options.replica.clockReading;
  }

  async diff(partition: PartitionId, stateVector: Uint8Array): Promise<Uint8Array> {
    this.#check();
    return this.#options.replica.stateDiff({ graphKey: this.#graph.key, partition }, stateVector);
  }

  async stateVector(partition: PartitionId): Promise<Uint8Array> {
    this.#check();
    return this.#options.replica.stateVector({ graphKey: this.#graph.key, partition });
  }

  listen(listener: Listener): () => void {
    return this.#options.feed.listen(this.#graph.key, listener);
  }

  async accept(
    patches: readonly PlacedText[],
    onDecided: () => void = () => undefined,
    mayWrite: (partition: PartitionId) => boolean = () => true,
  ): Promise<{ readonly origin: number; readonly seq: number }> {
    this.#check();
    const graphKey = this.#graph.key;
    const [origin, seq] = await this.#options.commit(
      patches.map((patch) => ({ graphKey, ...patch })),
      { onDecided, mayWrite },
    );
    return { origin, seq };
  }

  #check(): void {
    if (this.#graph.deleted) throw this.#graph.notFound();
    if (this.#options.replica.recovering) {
      throw new WeftError('replica-recovering', 'this server takes over the state of another one');
    }
  }
}
