/**
 * Which partitions are in memory. Views are hydrated when a read or a draft needs them, documents when a commit does
 * (before it changes anything, so that a damaged document stops only its own writers);
 * both are passivated by least recent use when the estimated bytes exceed the budget.
 *
 * - RES-1 A partition with patches that wait for the store, or pinned by a running request, is never passivated.
 * - RES-2 Passivating a document with a long tail writes a snapshot first, so that hydration stays short.
 * - RES-3 What is in memory shows exactly the commits that are visible: rows beyond them, which the store may hold
 *   already, are left to the commit that brings them, and commits that come while a partition is read are not missed.
 * - RES-4 Partitions in use have no tails that are overdue for long: who keeps snapshotting them hears of each (`onLongTail`).
 *
 * One class, because opening a partition, a commit that arrives for it and its passivation must each know of the others.
 */
import { assert } from '../../base/assert.ts';
import type { Env } from '../../base/env.ts';
import { WeftError } from '../../base/errors.ts';
import type { PartitionId, ReplicaId } from '../../base/ids.ts';
import type { CheckedUpdate } from '../../crdt/foreign-update.ts';
import { Unhydrated } from '../../crdt/graph-view.ts';
import { PartitionDocument } from '../../crdt/partition-document.ts';
import type { HybridClock } from '../../crdt/stamp.ts';
import type { Lsn, PartitionKey, PartitionSnapshot, PartitionState, Store } from '../../storage/store.ts';
import { encodeSnapshot } from './encode-snapshot.ts';
import { evictionOrder } from './eviction-order.ts';
import { foldPartition, foldUpdate } from './fold-partition.ts';
import { DocumentsNeeded, PartitionHold } from './partition-hold.ts';
import type { ResidentGraph } from './resident-graph.ts';
import { type AdmittedPart, type Arrival, LONG_TAIL_BYTES, type ResidentPartition } from './resident-partition.ts';

/** Eviction goes on to this part of the budget, so that it does not run for every request at the limit. */
const EVICT_TO = 0.9;

/** How many times as long as the snapshot the tail of a partition in use may become. */
const TAIL_OF_SNAPSHOT_MAX = 2;

export interface ResidencyOptions {
  readonly env: Env;
  readonly store: Store;
  readonly replica: ReplicaId;
  readonly clock: HybridClock;
  readonly budgetBytes: number;
  /** Beyond this the tail of a partition in use is overdue. */
  readonly longTailBytes?: number | undefined;
}

export class Residency {
  readonly env: Env;
  readonly #store: Store;
  readonly #replica: ReplicaId;
  readonly #clock: HybridClock;
  readonly #longTailBytes: number;
  readonly budgetBytes: number;
  /** By key. */
  readonly #graphs = new Map<string, ResidentGraph>();
  readonly #opening = new Map<ResidentPartition, Promise<void>>();
  readonly #loading = new Map<ResidentPartition, Promise<PartitionDocument>>();
  #time = 0;
  #evicting: Promise<void> | undefined;
  /** Partitions that failed verification, by path, with a commit after the damage. */
  readonly damaged = new Map<string, { readonly key: PartitionKey; readonly lsn: Lsn }>();
  /** The last commit that is visible; the store may be further. */
  visibleLsn: Lsn;
  residentBytes = 0;
  /** Called when elements were hidden because their time had come. */
  onExpired: (() => void) | undefined;
  /** Hears of partitions in use whose tail became long. */
  onLongTail: ((partition: ResidentPartition) => void) | undefined;
  hydrations = 0;
  passivations = 0;

  constructor({ env, store, replica, clock, budgetBytes, longTailBytes = LONG_TAIL_BYTES }: ResidencyOptions) {
    this.#longTailBytes = longTailBytes;
    this.#clock = clock;
    this.env = env;
    this.#store = store;
    this.#replica = replica;
    this.budgetBytes = budgetBytes;
    this.visibleLsn = store.recovery.lastLsn;
    for (const key of store.recovery.damaged) this.#noteDamage(key);
  }

  add(graph: ResidentGraph): void {
    this.#graphs.set(graph.key, graph);
  }

  find(graphKey: string): ResidentGraph | undefined {
    return this.#graphs.get(graphKey);
  }

  graphs(): ResidentGraph[] {
    return Array.from(this.#graphs.values());
  }

  /** Forgets a deleted graph. */
  remove(graph: ResidentGraph): void {
    this.#graphs.delete(graph.key);
    this.residentBytes -= graph.accountedBytes;
    graph.accountedBytes = 0;
    for (const partition of graph.partitions()) {
      this.residentBytes -= partition.accountedBytes;
      partition.accountedBytes = 0;
      partition.discarded = true;
    }
  }

  /** Gives other requests a turn. */
  yield(): Promise<void> {
    return this.env.scheduler.yield();
  }

  touchRead(partition: ResidentPartition): void {
    partition.lastRead = ++this.#time;
  }

  /** Brings the account up to date after the partition grew or shrank. */
  account(partition: ResidentPartition): void {
    if (partition.discarded) return;
    const bytes = partition.bytes();
    this.residentBytes += bytes - partition.accountedBytes;
    partition.accountedBytes = bytes;
    const graph = this.#graphs.get(partition.key.graphKey);
    if (graph === undefined) return;
    const outside = graph.view.outsideBytes;
    this.residentBytes += outside - graph.accountedBytes;
    graph.accountedBytes = outside;
  }

  /**
   * Runs `read`, opening what it needs until it comes through. Partitions in `needed` are opened first, and all stay
   * open until it has come through. `read` must be synchronous and must have no effect before it throws `Unhydrated` or
   * `DocumentsNeeded`.
   */
  async run<T>(
    graph: ResidentGraph,
    needed: readonly PartitionId[] | ReadonlySet<PartitionId>,
    read: () => T,
  ): Promise<T> {
    const hold = new PartitionHold(this, graph);
    try {
      for (const id of needed) {
        if (graph.partition(id).index !== undefined) continue;
        hold.keep(needed);
        await hold.open(id);
      }
      for (;;) {
        if (graph.deleted) throw graph.notFound();
        this.expire(graph);
        try {
          return read();
        } catch (error) {
          hold.keep(needed);
          await hold.provide(error);
        }
      }
    } finally {
      hold.release();
    }
  }

  /** As `run`, of what needs nothing opened before; undefined, and without effect, if it misses something. */
  runNow<T extends object>(graph: ResidentGraph, read: () => T): T | undefined {
    if (graph.deleted) throw graph.notFound();
    this.expire(graph);
    try {
      return read();
    } catch (error) {
      if (error instanceof Unhydrated || error instanceof DocumentsNeeded) return undefined;
      throw error;
    }
  }

  /** Milliseconds since the Unix epoch, neither before a stamp that was seen nor after one that is still to be given (EXP-2). */
  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Hides what has expired by now: before whatever reads the view in one step, unless `run` runs it. */
  expire(graph: ResidentGraph): void {
    if (graph.view.expires && graph.view.expire(this.nowMs())) this.#noteExpired(graph);
  }

  #noteExpired(graph: ResidentGraph): void {
    graph.changes++;
    this.onExpired?.();
  }

  /** A scope in which nobody ever wrote leaves nothing behind, however often it is asked for. */
  discardIfVoid(graph: ResidentGraph, partition: ResidentPartition): void {
    const { id, index, lsn, idle } = partition;
    if (!id.endsWith('!') || !idle || lsn !== 0 || index === undefined || index.patches > 0) return;
    if (this.#opening.has(partition) || this.#loading.has(partition) || graph.deleted) return;
    this.residentBytes -= partition.accountedBytes;
    graph.forget(partition);
  }

  /** Hydrates the view of a partition. @throws WeftError `partition-recovering`, definite */
  async open(graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
    const running = this.#opening.get(partition);
    if (running !== undefined) return running;
    const opening = this.#open(graph, partition).finally(() => this.#opening.delete(partition));
    this.#opening.set(partition, opening);
    return opening;
  }

  async #open(graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
    if (partition.index !== undefined) return;
    const { snapshot, tail, arrivals, lsn, done } = await this.#read(partition, { document: false });
    try {
      if (graph.deleted) return;
      const { view } = graph;
      // What is folded from here on is hidden at once if its time has come: a statement in the middle of its work reads on.
      if (view.expire(this.nowMs())) this.#noteExpired(graph);
      const index = view.open(partition.id);
      try {
        foldPartition(view, index, { snapshot, tail });
        for (const { checked } of arrivals) foldUpdate(view, index, checked);
      } catch (error) {
        view.close(partition.id);
        this.#noteDamage(partition.key);
        throw unreadable(graph, partition, error);
      }
      partition.index = index;
      graph.countOpened(partition);
      partition.lsn = Math.max(partition.lsn, lsn);
      partition.tailBytes = bytesOf(tail) + bytesOfArrivals(arrivals);
      partition.snapshotBytes = (snapshot?.view ?? snapshot?.document)?.length ?? 0;
      this.#noteTail(partition);
      this.touchRead(partition);
      this.account(partition);
      this.hydrations++;
      if (index.expiries.nodes.size + index.expiries.edges.size > 0) this.onExpired?.();
    } finally {
      done();
    }
  }

  /** RES-3. What was read and what came meanwhile, up to the last visible commit; the caller takes it in at once. */
  async #read(partition: ResidentPartition, want: { readonly document: boolean }) {
    const done = this.keepArrivals(partition);
    try {
      const { snapshot, tail } = await this.readStored(partition.key, want);
      const visible = tail.filter((row) => row.lsn <= this.visibleLsn);
      const read = visible.at(-1)?.lsn ?? snapshot?.lsn ?? 0;
      const arrivals = partition.arrivals.filter(({ lsn }) => lsn === undefined || lsn > read);
      const lsn = arrivals.reduce((last, arrival) => Math.max(last, arrival.lsn ?? 0), read);
      return { snapshot, tail: visible, arrivals, lsn, done };
    } catch (error) {
      done();
      throw error;
    }
  }

  /** What comes from now on is kept for reads from the store that run or begin, until the returned function is called. */
  keepArrivals(partition: ResidentPartition): () => void {
    partition.loads++;
    return () => {
      if (--partition.loads === 0) partition.arrivals.length = 0;
    };
  }

  /** As `Store.readPartition`, which may be the first to find that a partition is damaged: that is noted. */
  async readStored(key: PartitionKey, want: { readonly document: boolean }): Promise<PartitionState> {
    try {
      return await this.#store.readPartition(key, want);
    } catch (error) {
      if (error instanceof WeftError && error.code === 'partition-recovering') this.#noteDamage(key);
      throw error;
    }
  }

  #noteDamage(key: PartitionKey): void {
    const path = pathOf(key);
    if (!this.damaged.has(path)) this.damaged.set(path, { key, lsn: this.#store.status().durableLsn });
  }

  /**
   * The document of a partition, hydrated for writing. Unless the partition is pinned it may be gone again after the next wait.
   * @throws WeftError `partition-recovering`, definite
   */
  async document(graph: ResidentGraph, partition: ResidentPartition): Promise<PartitionDocument> {
    if (partition.document !== undefined) return partition.document;
    const running = this.#loading.get(partition);
    if (running !== undefined) return running;
    const loading = this.#load(graph, partition).finally(() => this.#loading.delete(partition));
    this.#loading.set(partition, loading);
    return loading;
  }

  async #load(graph: ResidentGraph, partition: ResidentPartition): Promise<PartitionDocument> {
    const { snapshot, tail, arrivals, lsn, done } = await this.#read(partition, { document: true });
    try {
      const updates = tail.map(({ update }) => update);
      if (snapshot !== undefined) updates.unshift(snapshot.document);
      for (const { checked } of arrivals) updates.push(checked.update);
      const guid = `${partition.key.graphKey}/${partition.id}`;
      try {
        partition.document = PartitionDocument.hydrate(guid, this.#replica, updates);
      } catch (error) {
        this.#noteDamage(partition.key);
        throw unreadable(graph, partition, error);
      }
      partition.lsn = Math.max(partition.lsn, lsn);
      if (partition.index === undefined) partition.tailBytes = bytesOf(tail) + bytesOfArrivals(arrivals);
      partition.lastWritten = ++this.#time;
      this.account(partition);
      return partition.document;
    } finally {
      done();
    }
  }

  /** Takes in a part of a commit of another replica, as it becomes visible. */
  arrive({ part, checked, partition: admitted, merged }: AdmittedPart, lsn: Lsn): void {
    if (admitted !== undefined && merged !== undefined) admitted.arriving--;
    const graph = this.find(part.graphKey);
    if (graph === undefined) return;
    graph.changes++;
    const partition = graph.partition(part.partition);
    partition.lsn = lsn;
    this.lengthen(partition, part.update.length);
    if (partition.loads > 0) partition.arrivals.push({ lsn, checked });
    const { document, index } = partition;
    // It may have been read into memory since the commit was admitted.
    if (document !== undefined && document !== merged) document.mergeAll([checked]);
    if (index !== undefined) foldUpdate(graph.view, index, checked);
    else graph.countLater(partition);
    if (document !== undefined || index !== undefined) this.account(partition);
  }

  /** Takes in what was merged from a state of others; the document may have it already. */
  take(graph: ResidentGraph, partition: ResidentPartition, checked: CheckedUpdate, merged?: PartitionDocument): void {
    const { document, index } = partition;
    graph.changes++;
    if (partition.loads > 0) partition.arrivals.push({ lsn: undefined, checked });
    if (document !== undefined && document !== merged) document.mergeAll([checked]);
    if (index !== undefined) foldUpdate(graph.view, index, checked);
    else graph.countLater(partition);
    this.account(partition);
  }

  /** The store has, or is about to have, so much more of it. */
  lengthen(partition: ResidentPartition, bytes: number): void {
    partition.tailBytes += bytes;
    this.#noteTail(partition);
  }

  #noteTail(partition: ResidentPartition): void {
    if (partition.index !== undefined && this.isOverdue(partition)) this.onLongTail?.(partition);
  }

  /**
   * True if a snapshot should take the tail's place though the partition stays in use. A tail takes three times as long to read
   * as a snapshot of its length; the documents that are written stay below one and a half times what came.
   */
  isOverdue({ tailBytes, snapshotBytes }: ResidentPartition): boolean {
    return tailBytes > this.#longTailBytes && tailBytes > TAIL_OF_SNAPSHOT_MAX * snapshotBytes;
  }

  touchWritten(partition: ResidentPartition): void {
    partition.lastWritten = ++this.#time;
    this.account(partition);
  }

  /** Starts eviction if the budget is exceeded. Returns at once. */
  relieve(): void {
    if (this.residentBytes <= this.budgetBytes || this.#evicting !== undefined) return;
    this.#evicting = this.#evict()
      .catch((error: unknown) => this.env.log.write('error', 'eviction failed', { error: String(error) }))
      .finally(() => {
        this.#evicting = undefined;
      });
  }

  /** Evicts down to the budget as far as anything is idle. */
  async makeRoom(): Promise<void> {
    this.relieve();
    await this.#evicting;
  }

  /** True where partitions that are opened now will probably push others out. */
  get tight(): boolean {
    return this.residentBytes > this.budgetBytes / 2;
  }

  /** Waits until a running eviction has ended. */
  async settled(): Promise<void> {
    await this.#evicting;
  }

  async #evict(): Promise<void> {
    const goal = this.budgetBytes * EVICT_TO;
    for (const { graph, partition, document } of evictionOrder(this.#graphs.values())) {
      if (this.residentBytes <= goal) return;
      if (!partition.idle) continue;
      await this.#passivate(graph, partition, document);
    }
  }

  async #passivate(graph: ResidentGraph, partition: ResidentPartition, onlyDocument: boolean): Promise<void> {
    if (partition.document !== undefined && partition.tailIsLong) {
      await this.snapshot(graph, partition);
      if (!partition.idle) return;
    }
    if (graph.deleted || this.#loading.has(partition) || this.#opening.has(partition)) return;
    partition.document = undefined;
    if (!onlyDocument && partition.index !== undefined) {
      graph.countClosing(partition);
      graph.view.close(partition.id);
      partition.index = undefined;
      graph.passivations++;
    }
    this.passivations++;
    this.account(partition);
  }

  /** Writes a snapshot of a partition whose document is in memory (if it was waited for, in a `PartitionHold`). */
  async snapshot(graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
    assert(!partition.inFlight, 'a snapshot covers only what is durable');
    const snapshot = encodeSnapshot(graph, partition, partition.lsn);
    if (snapshot !== undefined) await this.writeSnapshot(partition, snapshot);
  }

  writeSnapshot(partition: ResidentPartition, snapshot: PartitionSnapshot): Promise<void> {
    return this.#store.writeSnapshot(partition.key, snapshot);
  }

  /** Lets go of a document that was hydrated for a moment, unless somebody uses it by now. */
  async closeDocument(graph: ResidentGraph, partition: ResidentPartition): Promise<void> {
    if (partition.document !== undefined && partition.idle) await this.#passivate(graph, partition, true);
  }

  counts(): { readonly partitions: number; readonly documents: number } {
    let partitions = 0;
    let documents = 0;
    for (const graph of this.#graphs.values()) {
      for (const partition of graph.partitions()) {
        if (partition.index !== undefined) partitions++;
        if (partition.document !== undefined) documents++;
      }
    }
    return { partitions, documents };
  }
}

export function pathOf({ graphKey, partition }: PartitionKey): string {
  return `${graphKey}/${partition}`;
}

function bytesOf(tail: readonly { readonly update: Uint8Array }[]): number {
  return tail.reduce((bytes, { update }) => bytes + update.length, 0);
}

function bytesOfArrivals(arrivals: readonly Arrival[]): number {
  return arrivals.reduce((bytes, { checked }) => bytes + checked.update.length, 0);
}

function unreadable(graph: ResidentGraph, partition: ResidentPartition, cause: unknown): WeftError {
  return new WeftError(
    'partition-recovering',
    `partition ${partition.id} of graph \`${graph.name}\` cannot be read from the store`,
    { graph: graph.name, partition: partition.id },
    cause,
  );
}
