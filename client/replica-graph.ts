/**
 * What a replica holds of a graph: the documents that servers author, the outbox of what was written here, and the view that is
 * folded from both. Everything happens in memory at once and in the local store soon after, in the same order.
 *
 * - REP-C1 The view is the fold of the documents and of the patches of the outbox: what was written here is shown at once, and a
 *   batch that leaves the outbox is in the documents, or refused.
 * - REP-C2 A batch is shown as durable, and sent, only after its row is durable. One whose row cannot be written is taken back.
 * - REP-C3 After a refusal the batches behind it are made anew from their operations, on what is left. Their first patches,
 *   which no server took (SYN-6), are forgotten.
 * - REP-C7 Who begins anew does so on a server that has all that was known here, and shows what was known until then.
 * - REP-C4 Patches lie in partitions that the replica has opened.
 */
import { present } from '../base/assert.ts';
import type { Clock } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import { type PartitionId, type ReplicaId, replicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { isPlanted, type PlantedBug } from '../base/planted-bug.ts';
import { utf8Length } from '../base/text.ts';
import { Draft } from '../crdt/draft.ts';
import { checkState } from '../crdt/foreign-update.ts';
import { GraphView, Unhydrated } from '../crdt/graph-view.ts';
import { PartitionDocument } from '../crdt/partition-document.ts';
import { decodePatch, HEADER_CHARS } from '../crdt/patch-codec.ts';
import { HybridClock } from '../crdt/stamp.ts';
import type { PartitionBytes, PlacedText } from '../crdt/sync-frame.ts';
import { fromBase64, toBase64 } from '../graph/base64.ts';
import type { GraphSettings, Operation, OperationResult } from '../graph/model.ts';
import type { LocalChange, LocalStore } from './local-store.ts';
import { LocalWrites } from './local-writes.ts';
import type { ReplicaConstraints } from './replica-constraints.ts';
import { type OutboxEntry, type Refusal, type ReplicaMeta, rows, type StoredReplica } from './replica-rows.ts';

/** Updates of a partition in the store, after which they are written as one. */
const UPDATES_MAX = 64;
/** The documents are only read here, and this writer never writes. */
const READER = replicaId(0);
const NONE: ReadonlySet<string> = new Set();

export interface ReplicaGraphOptions {
  readonly clock: Clock;
  readonly store: LocalStore;
  readonly stored: StoredReplica;
  readonly meta: ReplicaMeta;
  /** What is written here keeps them. */
  readonly constraints: ReplicaConstraints | undefined;
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
  /** Which partitions it opens, of a graph with these settings. */
  readonly open: (settings: GraphSettings) => readonly PartitionId[];
  /** Something that readers see changed. */
  readonly onChange: () => void;
  readonly onFailure: (error: WeftError) => void;
  /** Runs `change` when nobody reads the view. */
  readonly alone: <T>(change: () => T) => Promise<T>;
  /** Batches may be sent that could not before. */
  readonly onDurable: () => void;
}

export class ReplicaGraph {
  readonly #options: ReplicaGraphOptions;
  meta: ReplicaMeta;
  view: GraphView;
  clock: HybridClock;
  readonly #documents = new Map<PartitionId, PartitionDocument>();
  /** Numbers of the rows of a partition's updates in the store. */
  readonly #updateRows = new Map<PartitionId, number[]>();
  /** By number, in order. */
  readonly outbox = new Map<number, OutboxEntry>();
  /** Batches of the outbox whose rows are durable. */
  readonly durable = new Set<number>();
  readonly refusals = new Map<number, Refusal>();
  /** Batches whose rows were not written, and which are shown for a moment more. */
  readonly #rejected = new Set<number>();
  #nextNumber = 1;
  /** Counts changes of the view. */
  changes = 0;
  readonly writes: LocalWrites;
  /** The latest stamp of what servers hold. */
  #clockOfServers = 0;

  constructor(options: ReplicaGraphOptions) {
    const { stored, clock, meta } = options;
    this.#options = options;
    this.meta = meta;
    this.writes = new LocalWrites(options.store);
    this.view = new GraphView(this.settings);
    for (const [partition, updates] of stored.updates) {
      this.#load(
        partition,
        updates.map(({ value }) => value),
      );
      this.#updateRows.set(
        partition,
        updates.map(({ number }) => number),
      );
    }
    for (const entry of stored.outbox) {
      this.outbox.set(entry.number, entry);
      this.durable.add(entry.number);
    }
    for (const refusal of stored.refusals) this.refusals.set(refusal.number, refusal);
    this.#nextNumber = Math.max(0, ...this.outbox.keys(), ...this.refusals.keys()) + 1;
    this.clock = new HybridClock(this.#correctedClock(clock), this.#clockOfServers);
    this.#fold();
  }

  /** The own clock, as far as it is known to be off. */
  #correctedClock(clock: Clock): Clock {
    return { wallMs: () => clock.wallMs() + this.meta.offsetMs, monotonicMs: () => clock.monotonicMs() };
  }

  get settings(): GraphSettings {
    return { partitions: this.meta.partitions, restoringTypes: this.meta.restoringTypes };
  }

  get replica(): ReplicaId {
    return replicaId(this.meta.replica);
  }

  get open(): readonly PartitionId[] {
    return this.#options.open(this.settings);
  }

  stateVectors(): PartitionBytes[] {
    return this.open.map((partition) => ({ partition, bytes: this.#document(partition).stateVector() }));
  }

  /** REP-C7: State vectors of what the next server must hold: of what was known before this replica began anew, or must do so. */
  known(): readonly PartitionBytes[] {
    const { known, successor } = this.meta;
    if (known.length === 0) return successor === 0 ? [] : this.stateVectors();
    return known.map(([partition, text]) => ({ partition: partition as PartitionId, bytes: fromBase64(text) }));
  }

  #document(partition: PartitionId): PartitionDocument {
    return this.#documents.get(partition) ?? this.#load(partition, []);
  }

  #load(partition: PartitionId, updates: readonly Uint8Array[]): PartitionDocument {
    const document = PartitionDocument.hydrate(partition, READER, updates);
    this.#documents.set(partition, document);
    return document;
  }

  /** Makes the view anew: of the documents, and of the outbox as it stands. */
  #fold(): void {
    this.view = new GraphView(this.settings);
    for (const partition of this.open) {
      const opened = this.view.open(partition);
      this.view.foldMany(() => {
        for (const text of this.#document(partition).all()) {
          const patch = decodePatch(text);
          this.#clockOfServers = Math.max(this.#clockOfServers, patch.clock);
          this.view.fold(opened, patch, text.length);
        }
      });
    }
    this.clock.see(this.#clockOfServers);
    for (const { patches } of this.outbox.values()) this.#foldTexts(patches);
    this.#changed();
  }

  #foldTexts(patches: readonly PlacedText[]): void {
    const open = new Set(this.open);
    for (const { partition, text } of patches) {
      const patch = decodePatch(text);
      this.clock.see(patch.clock);
      if (open.has(partition)) this.view.fold(this.view.need(partition), patch, text.length);
    }
  }

  #changed(): void {
    this.changes++;
    this.#options.onChange();
  }

  /** Opens what a read came upon and this replica does not hold: nothing is there. */
  provide(missed: unknown): void {
    if (!(missed instanceof Unhydrated)) throw missed;
    for (const partition of missed.partitions) if (!this.view.isOpen(partition)) this.view.open(partition);
  }

  #write(changes: readonly LocalChange[], isBatch = false): Promise<void> {
    const before = this.writes.failure;
    const written = this.writes.write(changes, isBatch);
    written.catch((error: WeftError) => {
      if (before === undefined && error === this.writes.failure) this.#options.onFailure(error);
    });
    return written;
  }

  // --- writes of this replica

  /**
   * Resolves when the batch is durable here; it is shown at once, and no more if that fails.
   * @throws WeftError definite, as a server would; `disk-full`, `storage-failed`
   */
  async write(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    if (this.writes.failure !== undefined) throw this.writes.failure;
    const { results, patches } = this.#draft(operations);
    if (patches.length === 0) return results;
    const number = this.#nextNumber++;
    const named = operations.map((operation, i) => ({ ...operation, id: present(results[i], 'one for each').id }));
    const entry: OutboxEntry = { number, operations: named as Operation[], patches };
    this.#foldTexts(patches);
    this.outbox.set(number, entry);
    const written = this.#write([rows.entry(entry)], true);
    this.#changed();
    try {
      await written;
    } catch (error) {
      this.#rejected.add(number);
      // Not waited for: it may be a statement that writes, and the view is its own until it ends. A moment later, as others may be
      // rejected together with this one, which must not be made anew.
      void Promise.resolve().then(() => this.#options.alone(() => this.#withdraw()));
      throw error;
    }
    // What was made anew meanwhile waits for a row of its own.
    if (this.outbox.get(number) === entry) this.durable.add(number);
    this.#options.onDurable();
    return results;
  }

  /** Takes back batches whose rows were not written, and makes those behind them anew, which nobody has heard of (REP-C2). */
  #withdraw(): void {
    const rejected = Array.from(this.#rejected).filter((number) => this.outbox.has(number));
    this.#rejected.clear();
    if (rejected.length === 0) return;
    const behind = Array.from(this.outbox.values()).filter(({ number }) => number > Math.min(...rejected));
    for (const number of [...rejected, ...behind.map((batch) => batch.number)]) {
      this.outbox.delete(number);
      this.durable.delete(number);
    }
    this.#fold();
    const waiting = behind.filter(({ number }) => !rejected.includes(number));
    this.#remake(waiting, { changes: rejected.map(rows.noEntry), taken: NONE, refusals: [] });
  }

  /** Hides what has expired by now, as far as the time of servers is known here. */
  expire(): void {
    const { view, clock } = this;
    if (view.expires && view.expire(clock.nowMs())) this.changes++;
  }

  #draft(operations: readonly Operation[]): {
    readonly results: readonly OperationResult[];
    readonly patches: readonly PlacedText[];
  } {
    for (const { op, properties } of operations as readonly { op: string; properties?: object }[]) {
      const bounded = Object.values(properties ?? {}).some(
        (change) => op.startsWith('patch') && ('min' in change || 'max' in change),
      );
      if (bounded) throw new WeftError('invalid-request', '$min and $max need a strong write, which only servers do');
    }
    this.expire();
    for (;;) {
      const { view, clock, replica } = this;
      const constraints = this.#options.constraints?.of(view);
      const draft = new Draft({ view, clock, replica, skipEqual: false, constraints });
      try {
        const drafted = operations.map((operation, i) =>
          applied(draft, operation, operations.length > 1 ? i : undefined),
        );
        draft.check();
        const results = drafted.map((result) => draft.completed(result));
        const open = new Set(this.open);
        const patches = draft.patches.map(({ home, text }) => ({ partition: this.view.partitionAt(home), text }));
        const outside = patches.find(({ partition }) => !open.has(partition));
        if (outside !== undefined) {
          throw new WeftError('outside-scope', `this replica has not opened \`${outside.partition}\``);
        }
        if (frameBytes(patches) > LIMITS.bodyBytesMax) {
          throw new WeftError('payload-too-large', `a batch has at most ${LIMITS.bodyBytesMax} bytes: split it`);
        }
        return { results, patches };
      } catch (error) {
        // What it does not hold it takes for empty, and finds out above whether it would write there.
        this.provide(error);
      }
    }
  }

  // --- what servers say

  /** Takes updates of one commit, or states. False if they build on what is not here: the state vector tells a server more. */
  merge(updates: readonly PartitionBytes[]): boolean {
    const open = new Set(this.open);
    const merged = updates.filter(({ partition }) => open.has(partition));
    const checked = merged.map(({ bytes }) => checkState(bytes));
    const lacks = checked.some(
      (one, i) => this.#document((merged[i] as PartitionBytes).partition).lacks(one) !== undefined,
    );
    if (lacks) return false;
    const changes: LocalChange[] = [];
    checked.forEach((one, i) => {
      const { partition, bytes } = merged[i] as PartitionBytes;
      this.#document(partition).mergeAll([one]);
      const opened = this.view.need(partition);
      this.view.foldMany(() => {
        one.patches.forEach((patch, at) => {
          this.view.fold(opened, patch, (one.texts[at] as string).length);
        });
      });
      this.#clockOfServers = Math.max(this.#clockOfServers, one.clockMax);
      changes.push(...this.#keep(partition, bytes));
    });
    this.clock.see(this.#clockOfServers);
    void this.#write(changes);
    this.#changed();
    return true;
  }

  #keep(partition: PartitionId, update: Uint8Array): LocalChange[] {
    const held = this.#updateRows.get(partition) ?? [];
    this.#updateRows.set(partition, held);
    const number = (held.at(-1) ?? 0) + 1;
    if (held.length < UPDATES_MAX) {
      held.push(number);
      return [rows.update(partition, number, update)];
    }
    const gone = held.splice(0, held.length, number).map((old) => rows.noUpdate(partition, old));
    return [...gone, rows.update(partition, number, this.#document(partition).encode())];
  }

  /** A server has the batch, and the documents here have its patches (SYN-5). */
  acknowledge(number: number): void {
    if (!this.outbox.delete(number)) return;
    this.durable.delete(number);
    void this.#write([rows.noEntry(number)]);
  }

  note(meta: Partial<ReplicaMeta>): void {
    this.meta = { ...this.meta, ...meta };
    void this.#write([rows.meta(this.meta)]);
  }

  dismiss(number: number): Promise<void> {
    this.refusals.delete(number);
    return this.#write([rows.noRefusal(number)]);
  }

  // --- beginning anew

  /**
   * Makes the batches of the outbox anew, after one of them was refused or what they rest on changed otherwise. Nobody may be
   * reading the view. Returns what was refused: the batch itself, and those that cannot be done without it.
   * Those before the refused one, or before the first one that is ahead, stay as they are: a server may have taken them already.
   * @param clockMax of stamps that servers take: what lies beyond, no server has taken, and it is forgotten
   */
  rebase(refused?: Refusal, clockMax?: number): readonly Refusal[] {
    const { replays } = this.meta;
    this.meta = { ...this.meta, replays: false };
    const batches = Array.from(this.outbox.values());
    const ahead = clockMax === undefined ? undefined : batches.find((batch) => clockOf(batch) > clockMax);
    const from = refused?.number ?? (clockMax === undefined || replays ? 0 : (ahead?.number ?? this.#nextNumber));
    const waiting = batches.filter(({ number }) => number >= from && number !== refused?.number);
    const refusals = refused === undefined ? [] : [refused];
    const undone = refused === undefined ? [] : (this.outbox.get(refused.number)?.patches ?? []);
    const changes: LocalChange[] = refused === undefined ? [] : [rows.noEntry(refused.number), rows.refusal(refused)];
    for (const { number } of batches) {
      if (number < from) continue;
      this.outbox.delete(number);
      this.durable.delete(number);
    }
    if (clockMax !== undefined)
      this.clock = new HybridClock(this.#correctedClock(this.#options.clock), this.#clockOfServers);
    this.#fold();
    if (isPlanted(this.#options.bugs, 'no-rollback')) this.#foldTexts(undone);
    const taken = refused === undefined && waiting.length > 0 ? this.#heads() : NONE;
    this.#remake(waiting, { changes: [...changes, rows.meta(this.meta)], taken, refusals });
    return refusals;
  }

  /** Adds the batches to the outbox anew, on what is shown now, and writes that. What cannot be done any more is refused. */
  #remake(
    waiting: readonly OutboxEntry[],
    { changes, taken, refusals }: { changes: LocalChange[]; taken: ReadonlySet<string>; refusals: Refusal[] },
  ): void {
    const made: OutboxEntry[] = [];
    for (const { number, operations, patches: first } of waiting) {
      if (first.some(({ text }) => taken.has(headOf(text)))) {
        changes.push(rows.noEntry(number));
        continue;
      }
      try {
        const { patches } = this.#draft(operations);
        if (patches.length === 0) {
          changes.push(rows.noEntry(number));
          continue;
        }
        const entry = { number, operations, patches };
        this.#foldTexts(patches);
        this.outbox.set(number, entry);
        made.push(entry);
        changes.push(rows.entry(entry));
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        const refusal = { number, operations, code: error.code, detail: error.message };
        refusals.push(refusal);
        changes.push(rows.noEntry(number), rows.refusal(refusal));
      }
    }
    for (const refusal of refusals) this.refusals.set(refusal.number, refusal);
    void this.#write(changes).then(
      () => {
        for (const entry of made) if (this.outbox.get(entry.number) === entry) this.durable.add(entry.number);
        this.#options.onDurable();
      },
      () => undefined,
    );
    this.#changed();
  }

  /** Of all patches that servers hold: a batch that is among them was taken, though its receipt never came. */
  #heads(): ReadonlySet<string> {
    return new Set(this.open.flatMap((partition) => Array.from(this.#document(partition).all(), headOf)));
  }

  /** Forgets all but what was known, on a server that has it. */
  beginAnew(): void {
    const known = this.known().map(({ partition, bytes }) => [partition, toBase64(bytes)] as const);
    this.forget({ replica: this.meta.successor, successor: 0, known });
  }

  /** Forgets all that servers said. What comes instead is what the outbox will be made anew on. */
  forget(meta: Partial<ReplicaMeta>): void {
    const changes: LocalChange[] = [];
    for (const [partition, numbers] of this.#updateRows) {
      changes.push(...numbers.map((number) => rows.noUpdate(partition, number)));
    }
    this.#updateRows.clear();
    this.#documents.clear();
    this.#clockOfServers = 0;
    this.meta = { ...this.meta, ...meta, generation: '', syncedMs: 0, replays: true };
    void this.#write([...changes, rows.meta(this.meta)]);
    this.#fold();
  }
}

/** At most as many bytes a batch takes on its way. Servers close a connection over a larger frame, and it would come again and again. */
function frameBytes(patches: readonly PlacedText[]): number {
  // Of MessagePack: up to five before each text, and as many before the lists and numbers.
  return patches.reduce((sum, { partition, text }) => sum + utf8Length(partition) + utf8Length(text) + 10, 40);
}

/** Kind and stamp, which no two patches share. */
function headOf(text: string): string {
  return text.slice(0, HEADER_CHARS);
}

/** The latest stamp of a batch. */
function clockOf({ patches }: OutboxEntry): number {
  return patches.reduce((last, { text }) => Math.max(last, decodePatch(text).clock), 0);
}

function applied(draft: Draft, operation: Operation, index: number | undefined): OperationResult {
  try {
    return draft.apply(operation);
  } catch (error) {
    if (!(error instanceof WeftError) || index === undefined) throw error;
    throw new WeftError(error.code, error.message, { ...error.context, operation: index }, error);
  }
}
