/**
 * One connection of an offline replica, as a machine of three states: it waits for the hello, sends the states that the replica
 * lacks, and is live. Writes are taken in all but the first.
 *
 * - SYN-4 What a commit does to the partitions that are open goes into one frame, after all that came before it.
 * - SYN-5 A receipt for a batch comes after the update that holds its patches.
 * - SYN-6 Batches are judged in their order, and after a refusal no batch of the same epoch is taken any more: the replica made
 *   them on what was refused.
 * - SYN-7 A batch that was taken is not taken again, though it may be sent again.
 * - SYN-8 A replica that reads too slowly is closed, not waited for: it comes back and gets the difference.
 * - SYN-10 A replica that begins anew is welcome only where all is held that it knew before.
 */
import type { Env, Timer } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { PartitionId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { isPlanted, type PlantedBug } from '../base/planted-bug.ts';
import { decodePatch } from '../crdt/patch-codec.ts';
import { checkReplicaPatches, isPartition } from '../crdt/replica-patches.ts';
import { partitionOfNode } from '../crdt/routing.ts';
import {
  decodeReplicaFrame,
  encodeServerFrame,
  type PartitionBytes,
  type PlacedText,
  type ReplicaFrame,
  type ServerFrame,
  SYNC_VERSION,
} from '../crdt/sync-frame.ts';
import type { Engine, GraphSync } from '../src/engine-port.ts';
import { toldOf } from './access/told-errors.ts';
import { asWeftError } from './problem.ts';
import type { SyncPrincipal } from './sync-authority.ts';
import { SOCKET_CLOSE, type Socket, type SocketEvents } from './web-sockets.ts';
import { decodeStateVector } from './yjs-frames.ts';

/** Close codes beside those of all WebSockets, after the HTTP status that they resemble. */
export const SYNC_CLOSE = {
  revoked: SOCKET_CLOSE.revoked,
  mustRefetch: 4410,
  tooSlow: 4429,
  unavailable: 4503,
} as const;

/** How often receipts are looked at again whose batches are not durable on all servers, in milliseconds. */
const RECEIPT_LOOK_MS = 250;
/** Batches that are remembered, so that they are not written again. */
const ACCEPTED_MAX = 100_000;
/** Receipts that wait for other servers: the latest says the same of all before it. */
const RECEIPTS_MAX = 1_000;

/** What is wrong with a batch itself, seen against the graph. */
const JUDGEMENTS: readonly string[] = ['constraint-violated', 'quota-exceeded', 'forbidden'];

type Write = Extract<ReplicaFrame, { kind: 'write' }>;
type Place = Awaited<ReturnType<GraphSync['accept']>>;

interface Receipt {
  readonly write: Write;
  readonly place: Place;
  durableOn: number;
}

/** Batches that were taken lately, by their stamps: no two batches bear the same. */
export class AcceptedBatches {
  readonly #places = new Map<string, Promise<Place>>();

  /** Takes a batch once; a repetition gets the outcome of the first. One that failed may be tried again. */
  once(key: string, take: () => Promise<Place>): Promise<Place> {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const taken = take();
    this.#places.set(key, taken);
    taken.catch(() => this.#places.delete(key));
    if (this.#places.size > ACCEPTED_MAX) {
      const [oldest] = this.#places.keys();
      if (oldest !== undefined) this.#places.delete(oldest);
    }
    return taken;
  }
}

export interface SyncSessionOptions {
  readonly engine: Pick<Engine, 'cluster'>;
  readonly env: Env;
  readonly graph: GraphSync;
  readonly principal: SyncPrincipal;
  readonly socket: Socket;
  readonly accepted: AcceptedBatches;
  /** Switched on by the simulator only. */
  readonly bugs?: ReadonlySet<PlantedBug>;
}

export class SyncSession implements SocketEvents {
  readonly #options: SyncSessionOptions;
  #state: 'waiting' | 'sending' | 'live' | 'over' = 'waiting';
  #replica = 0;
  readonly #open = new Set<PartitionId>();
  /** Commits that became visible while states were sent. */
  #held: (readonly PartitionBytes[])[] = [];
  #refusedEpoch = -1;
  /** Batches are judged one after the other (SYN-6). */
  #judging: Promise<void> = Promise.resolve();
  /** Of batches of which it is not known yet what becomes of them. */
  #waitingBytes = 0;
  #isPaused = false;
  readonly #receipts: Receipt[] = [];
  #tellsSoon = false;
  #receiptTimer: Timer | undefined;
  readonly #stops: (() => void)[] = [];

  constructor(options: SyncSessionOptions) {
    this.#options = options;
    const revoked = () => this.#end(SYNC_CLOSE.revoked, 'the right to sync was revoked');
    this.#stops.push(options.principal.watch(revoked));
    const late = options.env.scheduler.after(LIMITS.identifyMsMax, () => {
      if (this.#state === 'waiting') this.#end(SOCKET_CLOSE.policy, 'no hello came');
    });
    this.#stops.push(() => late.cancel());
  }

  message(bytes: Uint8Array): void {
    if (this.#state === 'over') return;
    try {
      this.#take(decodeReplicaFrame(bytes), bytes.length);
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.#end(SOCKET_CLOSE.badFrame, error.message);
    }
  }

  drained(): void {}

  stopping(): void {
    this.#end(SOCKET_CLOSE.goingAway, 'the server is stopping');
  }

  closed(): void {
    this.#state = 'over';
    this.#receiptTimer?.cancel();
    for (const stop of this.#stops.splice(0)) stop();
  }

  get #isOver(): boolean {
    return this.#state === 'over';
  }

  #end(code: number, reason: string): void {
    if (this.#state === 'over') return;
    this.closed();
    this.#options.socket.close(code, reason);
  }

  #send(frame: ServerFrame): void {
    if (this.#state === 'over') return;
    const { socket } = this.#options;
    socket.send(encodeServerFrame(frame));
    if (socket.bufferedBytes > LIMITS.syncBufferedBytesMax)
      this.#end(SYNC_CLOSE.tooSlow, 'the replica reads too slowly');
  }

  #take(frame: ReplicaFrame, bytes: number): void {
    if (frame.kind === 'ping') {
      // One that was made again under its name is another: the replica learns that when it comes back.
      if (!this.#options.graph.isThere) this.#end(SYNC_CLOSE.unavailable, 'the graph was deleted');
      this.#send({ kind: 'pong', wallMs: this.#wallMs() });
      return;
    }
    const isHello = frame.kind === 'hello';
    if (isHello !== (this.#state === 'waiting')) {
      throw new WeftError('malformed-request', isHello ? 'a second hello' : 'the first frame must be a hello');
    }
    if (isHello) this.#hello(frame);
    else {
      this.#waits(bytes);
      const judge = (decided: () => void) =>
        void this.#write(frame, decided).finally(() => {
          decided();
          this.#waits(-bytes);
        });
      this.#judging = this.#judging.then(() => new Promise<void>(judge));
    }
  }

  /** Nothing more is read while too much waits: a replica may send its whole outbox at once. */
  #waits(bytes: number): void {
    this.#waitingBytes += bytes;
    const isTooMuch = this.#waitingBytes > LIMITS.syncWaitingBytesMax;
    if (isTooMuch === this.#isPaused) return;
    this.#isPaused = isTooMuch;
    if (isTooMuch) this.#options.socket.pause();
    else this.#options.socket.resume();
  }

  #wallMs(): number {
    return Math.floor(this.#options.env.clock.wallMs());
  }

  // --- downstream

  #hello(hello: Extract<ReplicaFrame, { kind: 'hello' }>): void {
    const { version, replica, generation, syncedMs, partitions, known = [] } = hello;
    const { graph, principal, engine } = this.#options;
    if (version !== SYNC_VERSION) throw new WeftError('malformed-request', `version ${SYNC_VERSION} is spoken here`);
    if (partitions.length > LIMITS.syncPartitionsMax) throw new WeftError('malformed-request', 'too many partitions');
    const refetch = this.#refetchReason(generation, syncedMs);
    if (refetch !== undefined || engine.cluster().vector[String(replica)] !== undefined) {
      this.#send({ kind: 'must-refetch', reason: refetch ?? 'replica-id' });
      this.#end(SYNC_CLOSE.mustRefetch, 'the replica must begin anew');
      return;
    }
    for (const { partition } of partitions) {
      if (!isPartition(partition, graph.settings.partitions)) {
        // One that was never here guesses how many there are; the welcome tells, and it comes again.
        if (generation === '' && isPartition(partition, LIMITS.partitionsMax)) continue;
        throw new WeftError('malformed-request', `there is no partition ${partition}`);
      }
      if (!principal.may(partition, 'read')) {
        this.#end(SYNC_CLOSE.revoked, `no right to read partition ${partition}`);
        return;
      }
      this.#open.add(partition);
    }
    if (known.some(({ partition }) => !this.#open.has(partition))) {
      throw new WeftError('malformed-request', 'what was known is of a partition that is not opened');
    }
    this.#replica = replica;
    this.#state = 'sending';
    void this.#begin(
      partitions.filter(({ partition }) => this.#open.has(partition)),
      known,
    );
  }

  async #begin(partitions: readonly PartitionBytes[], known: readonly PartitionBytes[]): Promise<void> {
    try {
      if (known.length > 0) {
        const isBehind = await this.#isBehind(known);
        if (this.#isOver) return;
        if (isBehind) {
          this.#send({ kind: 'behind' });
          this.#end(SYNC_CLOSE.unavailable, 'this server lacks what the replica knew');
          return;
        }
      }
      this.#welcome();
      for (const { partition, bytes } of partitions) {
        const diff = await this.#options.graph.diff(partition, bytes);
        if (this.#isOver) return;
        this.#send({ kind: 'state', state: { partition, bytes: diff } });
      }
    } catch (thrown) {
      const error = asWeftError(thrown);
      this.#end(error.code === 'malformed-request' ? SOCKET_CLOSE.badFrame : SYNC_CLOSE.unavailable, error.message);
      return;
    }
    for (const updates of this.#held.splice(0)) this.#send({ kind: 'update', updates });
    if (this.#state === 'sending') this.#state = 'live';
    this.#send({ kind: 'live' });
    this.#tellReceipts();
  }

  /** SYN-10: true if anything is not here, and durable, that the replica had of the partitions. */
  async #isBehind(known: readonly PartitionBytes[]): Promise<boolean> {
    for (const { partition, bytes } of known) {
      const held = decodeStateVector(await this.#options.graph.stateVector(partition));
      for (const [client, clock] of decodeStateVector(bytes)) if ((held.get(client) ?? 0) < clock) return true;
    }
    return false;
  }

  #welcome(): void {
    const { graph } = this.#options;
    this.#send({
      kind: 'welcome',
      generation: graph.generation,
      partitions: graph.settings.partitions,
      restoringTypes: graph.settings.restoringTypes,
      wallMs: this.#wallMs(),
      clock: graph.clock,
    });
    if (this.#isOver) return;
    // Before the states: what becomes visible from here on is in the state or comes after it, or both.
    this.#stops.push(graph.listen((updates) => this.#visible(updates)));
  }

  #refetchReason(generation: string, syncedMs: number): 'generation' | 'too-old' | undefined {
    if (generation !== '' && generation !== this.#options.graph.generation) return 'generation';
    const isTooOld = syncedMs > 0 && this.#wallMs() - syncedMs > LIMITS.tombstoneRetentionMs;
    return isTooOld ? 'too-old' : undefined;
  }

  #visible(all: readonly PartitionBytes[]): void {
    const updates = all.filter(({ partition }) => this.#open.has(partition));
    if (updates.length === 0) return;
    if (this.#state === 'sending') this.#held.push(updates);
    else this.#send({ kind: 'update', updates });
  }

  // --- upstream

  /** Resolves when it is known what became of the batch; `onDecided` hears whether it is taken, before that is durable. */
  async #write(write: Write, onDecided: () => void): Promise<void> {
    const { epoch, patches } = write;
    const { principal, graph, bugs } = this.#options;
    if (epoch <= this.#refusedEpoch && !isPlanted(bugs, 'taken-after-refusal')) return;
    try {
      checkReplicaPatches(patches, {
        replica: this.#replica,
        partitions: graph.settings.partitions,
        mayWrite: (partition) => this.#open.has(partition) && principal.may(partition, 'write'),
        wallMs: this.#wallMs(),
      });
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.#refuse(write, error);
      return;
    }
    await this.#accept(write, onDecided);
  }

  #refuse({ epoch, number }: Write, { code, message: detail }: WeftError): void {
    this.#refusedEpoch = Math.max(this.#refusedEpoch, epoch);
    this.#send({ kind: 'refused', epoch, number, code, detail });
  }

  /** Who may not read the whole graph, of which the hash partitions are a part, is told of no others. */
  #told(error: WeftError, patches: readonly PlacedText[]): WeftError {
    const { principal, graph } = this.#options;
    const sees = (partition: PartitionId) => principal.may(partition, 'read');
    if (sees('0' as PartitionId)) return error;
    const own = new Set(patches.map(({ text }) => decodePatch(text).id));
    return toldOf(error, (id) => own.has(id) || sees(partitionOfNode(id, graph.settings.partitions)));
  }

  async #accept(write: Write, onDecided: () => void): Promise<void> {
    const { patches } = write;
    const { accepted, graph, principal, bugs } = this.#options;
    if (isPlanted(bugs, 'receipt-before-durable')) {
      this.#send({ kind: 'receipt', epoch: write.epoch, number: write.number, durableOn: 1, of: 1 });
    }
    const key = `${graph.generation} ${keyOf(patches)}`;
    try {
      const place = await accepted.once(key, () =>
        graph.accept(patches, onDecided, (partition) => principal.may(partition, 'write')),
      );
      this.#receipt({ write, place, durableOn: 0 });
    } catch (thrown) {
      const error = asWeftError(thrown);
      if (JUDGEMENTS.includes(error.code)) {
        this.#refuse(write, this.#told(error, patches));
        return;
      }
      // Nothing is wrong with the batch: the replica keeps it and comes back.
      this.#end(SYNC_CLOSE.unavailable, error.message);
    }
  }

  #receipt(receipt: Receipt): void {
    if (this.#state === 'over') return;
    this.#receipts.push(receipt);
    if (this.#receipts.length > RECEIPTS_MAX) this.#receipts.shift();
    if (this.#tellsSoon) return;
    this.#tellsSoon = true;
    // Batches that one write to the disk made durable are told of together.
    void Promise.resolve().then(() => this.#tellReceipts());
  }

  /** SYN-5: while states are sent the update with the patches is held back, and so are receipts. */
  #tellReceipts(): void {
    this.#tellsSoon = false;
    this.#receiptTimer?.cancel();
    if (this.#state === 'over' || this.#receipts.length === 0) return;
    const { members } = this.#options.engine.cluster();
    let isOpen = this.#state === 'sending';
    for (const receipt of isOpen ? [] : Array.from(this.#receipts)) {
      const { write, place } = receipt;
      const has = members.filter((member) => (member.vector?.[String(place.origin)] ?? 0) >= place.seq);
      // This server has it, whatever it says of itself.
      const durableOn = Math.max(1, has.length);
      if (durableOn > receipt.durableOn) {
        receipt.durableOn = durableOn;
        const { epoch, number } = write;
        this.#send({ kind: 'receipt', epoch, number, durableOn, of: Math.max(1, members.length) });
      }
      if (durableOn >= members.length) this.#receipts.splice(this.#receipts.indexOf(receipt), 1);
      else isOpen = true;
    }
    if (!isOpen) return;
    this.#receiptTimer = this.#options.env.scheduler.after(RECEIPT_LOOK_MS, () => this.#tellReceipts());
  }
}

/** Kind and stamp of the first and the last patch. */
function keyOf(patches: readonly PlacedText[]): string {
  const head = (one: PlacedText | undefined) => one?.text.slice(0, 16) ?? '';
  return `${head(patches[0])} ${head(patches.at(-1))} ${patches.length}`;
}
