/**
 * Partitions as states: what one replica gives to another that the log no longer reaches, or that lost a partition, and
 * what is taken in from it. A state is one Yjs update with all that the other lacks.
 */
import { assert, present } from '../../base/assert.ts';
import { WeftError } from '../../base/errors.ts';
import type { ReplicaId } from '../../base/ids.ts';
import type { PlantedBug } from '../../base/planted-bug.ts';
import { digestOfPartition } from '../../crdt/digest.ts';
import { type CheckedUpdate, checkState, readState } from '../../crdt/foreign-update.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import { createdEdge } from '../../crdt/patch-codec.ts';
import { needsLocator } from '../../crdt/routing.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import type { Lsn, PartitionKey, Store } from '../../storage/store.ts';
import type { GraphCatalog } from '../catalog/graph-catalog.ts';
import type { Committer } from '../commits/committer.ts';
import type { Progress } from '../commits/progress.ts';
import type { VersionVector } from '../commits/version-vector.ts';
import { PartitionHold } from '../residency/partition-hold.ts';
import { pathOf, type Residency } from '../residency/residency.ts';
import type { ResidentGraph } from '../residency/resident-graph.ts';
import type { ResidentPartition } from '../residency/resident-partition.ts';
import { readUnused, snapshotAll } from '../residency/snapshots.ts';
import { stateDiff } from './state-diff.ts';

/** How often a partition with writes on their way is looked at again before its digest is refused. */
const DIGEST_ATTEMPTS = 20;
const EMPTY_STATE_VECTOR = new Uint8Array([0]);

export interface PartitionStatesOptions {
  readonly store: Store;
  readonly residency: Residency;
  readonly committer: Committer;
  readonly catalog: GraphCatalog;
  readonly progress: Progress;
  readonly clock: HybridClock;
  readonly replica: ReplicaId;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
  /** State of another server became part of a partition, beside the stream of commits. */
  readonly onMerged: (key: PartitionKey, diff: Uint8Array) => void;
}

interface Place {
  readonly graph: ResidentGraph;
  readonly partition: ResidentPartition;
}

export class PartitionStates {
  readonly #options: PartitionStatesOptions;
  /** States that are merged into a document and on their way to the store. */
  readonly #merging = new Map<ResidentPartition, Promise<void>>();

  constructor(options: PartitionStatesOptions) {
    this.#options = options;
  }

  async list(): Promise<PartitionKey[]> {
    const { store, catalog } = this.#options;
    const keys: PartitionKey[] = [];
    for (const graphKey of catalog.keys()) {
      for (const partition of await store.listPartitions(graphKey)) keys.push({ graphKey, partition });
    }
    return keys;
  }

  damaged(): PartitionKey[] {
    return Array.from(this.#options.residency.damaged.values(), ({ key }) => key);
  }

  async stateVector(key: PartitionKey): Promise<Uint8Array> {
    if (this.#options.residency.damaged.has(pathOf(key))) return EMPTY_STATE_VECTOR;
    const place = this.#find(key);
    if (place !== undefined && (await this.#isVoid(place))) return EMPTY_STATE_VECTOR;
    return this.#durably(key, (document) => document.stateVector());
  }

  /** @throws WeftError `malformed-request` for a state vector that cannot be read */
  async diff(key: PartitionKey, stateVector: Uint8Array): Promise<Uint8Array> {
    return this.#durably(key, (document) => stateDiff(document, key, stateVector, this.#options.bugs));
  }

  /** Reads the document at a moment at which it holds what is durable and nothing else. */
  async #durably<T>(key: PartitionKey, read: (document: PartitionDocument) => T): Promise<T> {
    const { residency } = this.#options;
    const place = this.#find(key);
    if (place === undefined) return read(await this.#loose(key));
    const { graph, partition } = place;
    const hold = new PartitionHold(residency, graph);
    try {
      const document = await hold.document(partition.id);
      for (;;) {
        this.#checkStore();
        if (!partition.inFlight && partition.arriving === 0) return read(document);
        await this.#changed(partition);
      }
    } finally {
      hold.release();
    }
  }

  #find({ graphKey, partition }: PartitionKey): Place | undefined {
    const graph = this.#options.residency.find(graphKey);
    const known = graph?.known(partition);
    return graph === undefined || known === undefined ? undefined : { graph, partition: known };
  }

  async #loose(key: PartitionKey): Promise<PartitionDocument> {
    const { residency, catalog, replica } = this.#options;
    const document = await readUnused(residency, key);
    // Of a graph that was dropped, what was on its way then may be left without what it builds on: it is worth nothing.
    if (document === undefined && catalog.dropped.has(key.graphKey)) {
      return PartitionDocument.hydrate(pathOf(key), replica, []);
    }
    return present(document, 'a graph that was not dropped is whole');
  }

  /**
   * Throws what a merge of the diff would.
   * @throws WeftError `malformed-request`
   */
  async check(key: PartitionKey, diff: Uint8Array): Promise<void> {
    if (this.#options.catalog.dropped.has(key.graphKey)) return;
    const checked = checkState(diff);
    if (checked.needs.size === 0 && Array.from(checked.joins).length === 0) return;
    const lacking = await this.#durably(key, (document) => document.lacks(checked));
    if (lacking !== undefined) throw malformed(`it builds on ${lacking}`);
  }

  /** @throws WeftError `malformed-request` */
  merge(key: PartitionKey, diff: Uint8Array): Promise<void> {
    return this.#take(key, diff, checkState);
  }

  /** As `merge`, of what `check` accepted before. */
  mergeChecked(key: PartitionKey, diff: Uint8Array): Promise<void> {
    return this.#take(key, diff, readState);
  }

  async #take(key: PartitionKey, diff: Uint8Array, read: (diff: Uint8Array) => CheckedUpdate): Promise<void> {
    const { catalog, clock, residency, onMerged } = this.#options;
    if (catalog.dropped.has(key.graphKey)) return;
    const checked = read(diff);
    clock.see(checked.clockMax);
    const graph = residency.find(key.graphKey);
    if (graph === undefined) {
      await this.#mergeLoose(key, checked);
      onMerged(key, diff);
      return;
    }
    const partition = graph.partition(key.partition);
    partition.pins++;
    try {
      await this.#merge({ graph, partition }, checked);
    } finally {
      partition.pins--;
      residency.relieve();
    }
    onMerged(key, diff);
    if (graph === catalog.system.resident) catalog.reconcile();
  }

  async #merge(place: Place, checked: CheckedUpdate): Promise<void> {
    const { residency } = this.#options;
    const { partition } = place;
    const damage = residency.damaged.get(pathOf(partition.key));
    if (damage !== undefined) {
      // What came after the damage is in the tail still, and builds on what the state brings.
      await this.#writeAsSnapshot(place, checked, damage.lsn);
      residency.damaged.delete(pathOf(partition.key));
      return;
    }
    // Noted before the look: what comes after it has its row beyond what the snapshot covers.
    const lsn = residency.visibleLsn;
    if (await this.#isVoid(place)) await this.#writeAsSnapshot(place, checked, lsn);
    else await this.#mergeIntoDocument(place, checked);
  }

  /** True if nothing of a partition is here, in memory or on disk. */
  async #isVoid({ partition }: Place): Promise<boolean> {
    const isUnused = () => partition.lsn === 0 && partition.document === undefined && partition.index === undefined;
    if (!isUnused()) return false;
    const { snapshot, tail } = await this.#options.residency.readStored(partition.key, { document: false });
    return snapshot === undefined && tail.length === 0 && isUnused();
  }

  /** A state that is whole is a snapshot as it is; nothing is hydrated for it. */
  async #writeAsSnapshot({ graph, partition }: Place, checked: CheckedUpdate, lsn: Lsn): Promise<void> {
    const { residency, store } = this.#options;
    for (const [client] of checked.needs) throw malformed(`it builds on structs of client ${client}`);
    const snapshot = { lsn, document: checked.update, view: undefined };
    await store.writeSnapshot(partition.key, snapshot, edgesOf(graph, partition, checked));
    partition.lsn = Math.max(partition.lsn, lsn);
    residency.take(graph, partition, checked);
  }

  async #mergeIntoDocument(place: Place, checked: CheckedUpdate): Promise<void> {
    const { partition, graph } = place;
    const hold = new PartitionHold(this.#options.residency, graph);
    try {
      const document = await hold.document(partition.id);
      while (partition.inFlight || partition.arriving > 0) await this.#changed(partition);
      await this.#mergeInto(document, place, checked);
    } finally {
      hold.release();
    }
  }

  /** @param document held, and durable as it is */
  async #mergeInto(document: PartitionDocument, { graph, partition }: Place, checked: CheckedUpdate): Promise<void> {
    const { residency, store } = this.#options;
    const lacking = document.lacks(checked);
    if (lacking !== undefined) throw malformed(`it builds on ${lacking}`);
    document.mergeAll([checked]);
    // A view that is opened before the store has the state gets it from here.
    const done = residency.keepArrivals(partition);
    // The view follows at once: compaction asks it what is live.
    residency.take(graph, partition, checked, document);
    const lsn = partition.lsn === 0 ? residency.visibleLsn : partition.lsn;
    partition.tailBytes = 0;
    const snapshot = { lsn, document: document.encode(), view: undefined };
    partition.arriving++;
    const written = store.writeSnapshot(partition.key, snapshot, edgesOf(graph, partition, checked)).finally(() => {
      partition.arriving--;
      this.#merging.delete(partition);
      done();
    });
    this.#merging.set(partition, written);
    await written;
  }

  /** After a failed write, documents and views hold what never became durable, and no other server may learn of it. */
  #checkStore(): void {
    const { committer, store } = this.#options;
    if (committer.failure !== undefined) throw committer.failure;
    if (store.status().failed) throw new WeftError('storage-failed', 'the store failed; restart the server');
  }

  /**
   * Resolves once something that the document holds and the store does not yet may have become durable. Whoever waited
   * for the wrong thing would come back at once, for ever, and no write could ever end.
   */
  async #changed(partition: ResidentPartition): Promise<void> {
    const { committer } = this.#options;
    const merging = this.#merging.get(partition);
    if (merging !== undefined) {
      await merging.catch(() => undefined);
      return;
    }
    this.#checkStore();
    assert(committer.isRunning, 'what is not durable yet is on its way');
    await committer.afterRound();
  }

  async #mergeLoose(key: PartitionKey, checked: CheckedUpdate): Promise<void> {
    const { residency, store } = this.#options;
    const document = await this.#loose(key);
    const lacking = document.lacks(checked);
    if (lacking !== undefined) throw malformed(`it builds on ${lacking}`);
    document.mergeAll([checked]);
    await store.writeSnapshot(key, { lsn: residency.visibleLsn, document: document.encode(), view: undefined });
  }

  /** Every partition is covered by a snapshot from here on, so that the log can be let go of as a whole. */
  async coverAll(): Promise<void> {
    const { store, residency, catalog } = this.#options;
    // What is damaged and was not among the partitions that were merged: nobody else has anything of it.
    await this.#emptyDamaged();
    for (const graphKey of await store.listGraphs())
      if (catalog.dropped.has(graphKey)) await catalog.dropped.remove(graphKey);
    await snapshotAll({ store, residency, isDropped: (graphKey) => catalog.dropped.has(graphKey) });
    await this.#emptyDamaged();
  }

  async #emptyDamaged(): Promise<void> {
    const { residency, store, replica } = this.#options;
    for (const [path, { key, lsn }] of residency.damaged) {
      const document = PartitionDocument.hydrate(path, replica, []).encode();
      await store.writeSnapshot(key, { lsn, document, view: undefined });
      residency.damaged.delete(path);
    }
  }

  /** @throws WeftError `too-many-requests` for a partition that is written to all the time */
  async digest(key: PartitionKey): Promise<{ readonly digest: string; readonly vector: VersionVector }> {
    const { residency, committer, progress } = this.#options;
    const place = this.#find(key);
    if (place === undefined) return { digest: '', vector: progress.vector };
    const { graph, partition } = place;
    for (let attempt = 0; attempt < DIGEST_ATTEMPTS; attempt++) {
      const found = await residency.run(graph, [key.partition], () =>
        // What the view shows beyond the vector is on its way to the store.
        partition.pending.length > 0 || partition.inFlight
          ? undefined
          : { digest: digestOfPartition(graph.view, graph.view.need(key.partition)), vector: progress.vector },
      );
      this.#checkStore();
      if (found !== undefined) return found;
      await committer.barrier();
    }
    throw new WeftError('too-many-requests', 'the partition is busy', { ...key, retryAfterSeconds: 1 });
  }
}

function edgesOf(graph: ResidentGraph, { id: partition }: ResidentPartition, { texts }: CheckedUpdate): string[] {
  const { partitions } = graph.settings;
  const edges: string[] = [];
  for (const text of texts) {
    const id = createdEdge(text);
    if (id !== undefined && needsLocator(id, partition, partitions)) edges.push(id);
  }
  return edges;
}

function malformed(why: string): WeftError {
  return new WeftError('malformed-request', `the state cannot be merged: ${why}`);
}
