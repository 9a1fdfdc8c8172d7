/**
 * One replica as a property test drives it: a clock that is off, a document for each partition, and the view that is
 * folded from them. All of it is production code; only the wall clock and the wiring are the test's.
 */
import { present } from '../base/assert.ts';
import type { PartitionId, ReplicaId } from '../base/ids.ts';
import type { GraphSettings } from '../graph/model.ts';
import { compact } from './compaction.ts';
import { digestOfPartition } from './digest.ts';
import { checkState, checkUpdate } from './foreign-update.ts';
import type { PlacedPatch } from './graph.model.ts';
import { GraphView } from './graph-view.ts';
import { type DocumentSizes, PartitionDocument } from './partition-document.ts';
import type { Patch } from './patch.ts';
import { decodePatch, encodePatch } from './patch-codec.ts';
import { patchJudge } from './patch-judge.ts';
import { sealedPatches } from './sealed-patches.model.ts';
import { HybridClock, wallMsOfClock } from './stamp.ts';
import { encodeViewSnapshot, foldViewSnapshot } from './view-snapshot.ts';

/** By writer, how many of its changes of a partition a replica has. */
type Vector = ReadonlyMap<ReplicaId, number>;

/**
 * A change of one partition, on its way. Its receiver must have what `after` says, and then has what `covers` says, too.
 * (The state vectors of Yjs would not do, because they do not tell which deletions are here.)
 */
export interface Message {
  readonly partition: PartitionId;
  /** Who wrote it; undefined if it is a diff of states. */
  readonly by?: ReplicaId;
  readonly update: Uint8Array;
  readonly after: Vector;
  readonly covers: Vector;
}

export interface ReplicaOptions {
  readonly settings: GraphSettings;
  readonly sizes: DocumentSizes;
  readonly partitions: readonly PartitionId[];
  readonly wallMs: number;
}

export class ReplicaModel {
  id: ReplicaId;
  view: GraphView;
  clock: HybridClock;
  /** Milliseconds since the Unix epoch, as this replica believes. */
  wallMs: number;
  /** The time that its view was told last. */
  nowMs = 0;
  readonly #settings: GraphSettings;
  readonly #sizes: DocumentSizes;
  readonly #vectors = new Map<PartitionId, Vector>();
  readonly #documents = new Map<PartitionId, PartitionDocument>();

  constructor(id: ReplicaId, { settings, sizes, partitions, wallMs }: ReplicaOptions) {
    this.id = id;
    this.wallMs = wallMs;
    this.#settings = settings;
    this.#sizes = sizes;
    this.clock = this.#newClock(0);
    this.view = new GraphView(settings);
    for (const partition of partitions) {
      this.view.open(partition);
      this.#documents.set(partition, PartitionDocument.hydrate(partition, id, [], this.#sizes));
    }
  }

  /** Hides what has expired by its clock, or by a later moment. */
  expire(atLeastMs = 0): void {
    this.nowMs = Math.max(this.nowMs, atLeastMs, this.wallMs, wallMsOfClock(this.clock.last));
    this.view.expire(this.nowMs);
  }

  #newClock(last: number): HybridClock {
    return new HybridClock({ wallMs: () => this.wallMs, monotonicMs: () => 0 }, last);
  }

  get partitions(): PartitionId[] {
    return [...this.#documents.keys()];
  }

  document(partition: PartitionId): PartitionDocument {
    return present(this.#documents.get(partition), 'the partition is open');
  }

  #fold(partition: PartitionId, text: string): Patch {
    const patch = decodePatch(text);
    this.view.fold(this.view.need(partition), patch, text.length);
    return patch;
  }

  /** Writes the patches of one commit, atomically in each partition. */
  commit(placed: readonly PlacedPatch[]): Message[] {
    const messages: Message[] = [];
    for (const partition of this.partitions) {
      const texts = placed.filter((one) => one.partition === partition).map(({ patch }) => encodePatch(patch));
      if (texts.length === 0) continue;
      const update = this.document(partition).append(texts);
      for (const text of texts) this.#fold(partition, text);
      messages.push(this.#message(partition, update));
    }
    return messages;
  }

  #message(partition: PartitionId, update: Uint8Array): Message {
    const after = this.#vector(partition);
    const covers = new Map(after).set(this.id, (after.get(this.id) ?? 0) + 1);
    this.#vectors.set(partition, covers);
    return { partition, by: this.id, update, after, covers };
  }

  #vector(partition: PartitionId): Vector {
    return this.#vectors.get(partition) ?? new Map();
  }

  /** Whether all that a message builds on is here. */
  canReceive({ partition, after }: Message): boolean {
    const held = this.#vector(partition);
    for (const [writer, count] of after) if ((held.get(writer) ?? 0) < count) return false;
    return true;
  }

  receive({ partition, by, update, covers }: Message): void {
    const joined = new Map(this.#vector(partition));
    for (const [writer, count] of covers) joined.set(writer, Math.max(count, joined.get(writer) ?? 0));
    this.#vectors.set(partition, joined);
    const checked = by === undefined ? checkState(update) : checkUpdate(update, by);
    this.document(partition).mergeAll([checked]);
    this.clock.see(checked.clockMax);
    for (const text of checked.texts) this.#fold(partition, text);
  }

  /** What `other` lacks of a partition. */
  messageFor(other: ReplicaModel, partition: PartitionId): Message {
    const update = this.document(partition).diff(other.document(partition).stateVector());
    return { partition, update, after: new Map(), covers: this.#vector(partition) };
  }

  compact(partition: PartitionId, horizon: number, forgetsLast = false): Message | undefined {
    const open = this.view.need(partition);
    const { update } = compact(this.document(partition), patchJudge(this.view, open, horizon), forgetsLast);
    return update && this.#message(partition, update);
  }

  /** Sends on, one after the other, what compacting a partition gives until there is nothing more to do. */
  *compactFully(partition: PartitionId, horizon: number): Generator<Message> {
    // Each round may seal this replica's newest segment; the next one finds what was in it.
    for (let round = 0; round < 8; round++) {
      const message = this.compact(partition, horizon);
      if (message === undefined) return;
      yield message;
    }
    throw new Error('compaction finds no end');
  }

  /** Live patches of which compaction should have left one copy only: all but tombstones. */
  needlessCopies(partition: PartitionId): string[] {
    const open = this.view.need(partition);
    const { stateOf, isTombstone } = patchJudge(this.view, open, 0);
    const live = sealedPatches(this.document(partition)).filter(
      (text) => stateOf(text) !== 'dead' && !isTombstone(text),
    );
    return live.filter((text, at) => live.indexOf(text) !== at);
  }

  /** Forgets one partition of the view and folds it again. */
  reopen(partition: PartitionId, from: 'log' | 'snapshot'): void {
    const snapshot = encodeViewSnapshot(this.view, this.view.need(partition));
    this.view.close(partition);
    const opened = this.view.open(partition);
    if (from === 'snapshot') foldViewSnapshot(this.view, opened, snapshot);
    else for (const text of this.document(partition).all()) this.#fold(partition, text);
  }

  /** A view built anew from the documents alone. */
  rebuilt(order: <T>(items: readonly T[]) => T[] = (items) => [...items]): GraphView {
    const view = new GraphView(this.#settings);
    for (const partition of order(this.partitions)) view.open(partition);
    for (const partition of order(this.partitions)) {
      for (const text of order([...this.document(partition).all()])) {
        view.fold(view.need(partition), decodePatch(text), text.length);
      }
    }
    view.expire(this.nowMs);
    return view;
  }

  /** Stops and starts again, under the same id after a clean stop and a fresh one after a crash. */
  restart(id: ReplicaId): void {
    this.id = id;
    this.clock = this.#newClock(this.clock.last);
    for (const [partition, document] of this.#documents) {
      this.#documents.set(partition, PartitionDocument.hydrate(partition, id, [document.encode()], this.#sizes));
    }
    this.view = this.rebuilt();
  }

  digests(view = this.view): string {
    return this.partitions.map((partition) => digestOfPartition(view, view.need(partition))).join('\n');
  }
}
