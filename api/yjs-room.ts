/**
 * A partition as the stock Yjs clients that are connected to it share it: one for all of them, opened by the first and
 * closed with the last. What a commit does to the partition is passed on as it is, once it is visible.
 *
 * - YJS-1 Clients get what is durable and visible here, and nothing else.
 * - YJS-2 What a client sends reaches nobody unless it became a commit.
 * - YJS-3 Every client hears something at least every `yjsBeatMs`, because it gives up after 30 seconds of silence.
 */
import type { Env, Timer } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { PartitionId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { checkState } from '../crdt/foreign-update.ts';
import type { GraphSync, PartitionUpdate } from '../src/engine-port.ts';
import { YjsAwareness } from './yjs-awareness.ts';
import { type AwarenessEntry, decodeStateVector, encodeStateVector, encodeYjsFrame } from './yjs-frames.ts';

/** What the room asks of a connection. */
export interface YjsMember {
  /** False until it has asked for what it lacks. */
  readonly isLive: boolean;
  send(frame: Uint8Array): void;
  beat(frame: Uint8Array): void;
  end(code: 'gone', reason: string): void;
}

export interface YjsRoomOptions {
  readonly env: Env;
  readonly graph: GraphSync;
  readonly partition: PartitionId;
  /** False once the graph was deleted. */
  readonly isThere: () => boolean;
  readonly closed: () => void;
}

/** Says nothing, and is heard. */
const BEAT = encodeYjsFrame({ kind: 'awareness', entries: [] });

export class YjsRoom {
  readonly #options: YjsRoomOptions;
  readonly #members = new Set<YjsMember>();
  readonly #awareness = new YjsAwareness();
  /** By Yjs client, the clock after what is here. */
  readonly #vector = new Map<number, number>();
  readonly #ready: Promise<void>;
  readonly #stop: () => void;
  #timer: Timer;

  constructor(options: YjsRoomOptions) {
    this.#options = options;
    // Before the vector is read: what becomes visible from here on is in it or comes after it, or both.
    this.#stop = options.graph.listen((updates) => this.#visible(updates));
    this.#ready = this.#open();
    // Each member asks by itself; nobody may be left to.
    this.#ready.catch(() => undefined);
    this.#timer = this.#nextBeat();
  }

  async #open(): Promise<void> {
    const { graph, partition } = this.#options;
    this.#saw(decodeStateVector(await graph.stateVector(partition)));
  }

  #saw(vector: ReadonlyMap<number, number>): void {
    for (const [client, clock] of vector) {
      if (clock > (this.#vector.get(client) ?? 0)) this.#vector.set(client, clock);
    }
  }

  get size(): number {
    return this.#members.size;
  }

  join(member: YjsMember): void {
    this.#members.add(member);
  }

  leave(member: YjsMember): void {
    if (!this.#members.delete(member)) return;
    this.#tellAwareness(this.#awareness.leave(member));
    if (this.#members.size > 0) return;
    this.#stop();
    this.#timer.cancel();
    this.#options.closed();
  }

  /** What is here, as a state vector. @throws WeftError as `GraphSync.diff` */
  async stateVector(): Promise<Uint8Array> {
    await this.#ready;
    return encodeStateVector(this.#vector);
  }

  /** What somebody with this state vector lacks. @throws WeftError as `GraphSync.diff` */
  async difference(stateVector: Uint8Array): Promise<Uint8Array> {
    await this.#ready;
    const { graph, partition } = this.#options;
    return graph.diff(partition, encodeStateVector(decodeStateVector(stateVector)));
  }

  // --- awareness

  present(): readonly AwarenessEntry[] {
    return this.#awareness.present();
  }

  /** @throws WeftError `malformed-request`, `payload-too-large` */
  say(member: YjsMember, entries: readonly AwarenessEntry[]): void {
    this.#tellAwareness(this.#awareness.take(member, entries), member);
  }

  #tellAwareness(entries: readonly AwarenessEntry[], but?: YjsMember): void {
    if (entries.length === 0) return;
    const frame = encodeYjsFrame({ kind: 'awareness', entries });
    for (const member of Array.from(this.#members)) if (member !== but) member.send(frame);
  }

  // --- updates

  #visible(updates: readonly PartitionUpdate[]): void {
    for (const { partition, bytes } of updates) {
      if (partition !== this.#options.partition) continue;
      this.#saw(checkState(bytes).brings);
      this.#tell(bytes);
    }
  }

  #tell(update: Uint8Array): void {
    const frame = encodeYjsFrame({ kind: 'update', update });
    for (const member of Array.from(this.#members)) if (member.isLive) member.send(frame);
  }

  #nextBeat(): Timer {
    return this.#options.env.scheduler.after(LIMITS.yjsBeatMs, () => {
      if (!this.#options.isThere()) {
        for (const member of Array.from(this.#members)) member.end('gone', 'the graph was deleted');
        return;
      }
      for (const member of Array.from(this.#members)) member.beat(BEAT);
      if (this.#members.size > 0) this.#timer = this.#nextBeat();
    });
  }
}

/** Rooms by graph and partition. */
export class YjsRooms {
  readonly #rooms = new Map<string, YjsRoom>();

  /** @throws WeftError `too-many-requests`, definite */
  checkRoom(graph: GraphSync, partition: PartitionId): void {
    if ((this.#rooms.get(keyOf(graph, partition))?.size ?? 0) < LIMITS.yjsClientsMax) return;
    throw new WeftError('too-many-requests', `${LIMITS.yjsClientsMax} clients are in partition ${partition}`);
  }

  enter(options: Omit<YjsRoomOptions, 'closed'>): YjsRoom {
    const key = keyOf(options.graph, options.partition);
    const open = this.#rooms.get(key);
    if (open !== undefined) return open;
    const room: YjsRoom = new YjsRoom({
      ...options,
      closed: () => {
        if (this.#rooms.get(key) === room) this.#rooms.delete(key);
      },
    });
    this.#rooms.set(key, room);
    return room;
  }
}

function keyOf(graph: GraphSync, partition: PartitionId): string {
  return `${graph.generation}/${partition}`;
}
