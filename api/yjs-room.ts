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
import type { EdgeId, NodeId, PartitionId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { checkState } from '../crdt/foreign-update.ts';
import { PartitionTexts, type RootChange, TextsBehind } from '../crdt/partition-texts.ts';
import { parseTextRoot } from '../crdt/text-root.ts';
import { readTextUpdate, type TextUpdate } from '../crdt/text-update.ts';
import type { Operation } from '../graph/model.ts';
import type { GraphSync, PartitionUpdate } from '../src/engine-port.ts';
import { asWeftError } from './problem.ts';
import { YjsAwareness } from './yjs-awareness.ts';
import { type AwarenessEntry, decodeStateVector, encodeStateVector, encodeYjsFrame } from './yjs-frames.ts';

/** What the room asks of a connection. */
export interface YjsMember {
  /** False until it has asked for what it lacks. */
  readonly isLive: boolean;
  send(frame: Uint8Array): void;
  beat(frame: Uint8Array): void;
  end(why: 'gone' | 'refused' | 'try-again', reason: string): void;
}

/** What a client wrote, as it waits. */
interface Written {
  readonly member: YjsMember;
  readonly update: TextUpdate;
  readonly bytes: number;
  /** It came with all deletions ever. */
  readonly isDifference: boolean;
}

export interface YjsRoomOptions {
  readonly env: Env;
  readonly graph: GraphSync;
  readonly partition: PartitionId;
  /** Writes changes of texts as one commit. */
  readonly write: (operations: readonly Operation[]) => Promise<unknown>;
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
  readonly #texts: PartitionTexts;
  /** Patches that became visible before the room was ready. */
  #early: Parameters<PartitionTexts['see']>[0][] | undefined = [];
  #waiting: Written[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  readonly #ready: Promise<void>;
  readonly #stop: () => void;
  #timer: Timer;

  constructor(options: YjsRoomOptions) {
    this.#options = options;
    this.#texts = new PartitionTexts(keyOf(options.graph, options.partition));
    // Before the vector is read: what becomes visible from here on is in it or comes after it, or both.
    this.#stop = options.graph.listen((updates) => this.#visible(updates));
    this.#ready = this.#open();
    // Each member asks by itself; nobody may be left to.
    this.#ready.catch(() => undefined);
    this.#timer = this.#nextBeat();
  }

  async #open(): Promise<void> {
    const { graph, partition } = this.#options;
    const { brings, patches } = checkState(await graph.diff(partition, encodeStateVector(new Map())));
    this.#saw(brings);
    this.#texts.see(patches);
    for (const early of this.#early ?? []) this.#texts.see(early);
    this.#early = undefined;
  }

  #saw(vector: Iterable<readonly [client: number, clock: number]>): void {
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
    return encodeStateVector(new Map([...this.#vector, ...decodeStateVector(this.#texts.stateVector())]));
  }

  /** What somebody with this state vector lacks: of the texts, and of the log. @throws WeftError as `GraphSync.diff` */
  async difference(stateVector: Uint8Array): Promise<{ readonly texts: Uint8Array; readonly log: Uint8Array }> {
    await this.#ready;
    const { graph, partition } = this.#options;
    const checked = encodeStateVector(decodeStateVector(stateVector));
    const log = await graph.diff(partition, checked);
    return { texts: this.#texts.diff(checked), log };
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
      const { brings, patches } = checkState(bytes);
      this.#saw(brings);
      this.#tell(bytes);
      if (this.#early !== undefined) {
        this.#early.push(patches);
        continue;
      }
      const news = this.#texts.see(patches);
      if (news !== undefined) this.#tell(news);
    }
  }

  // --- writes

  /** Takes what a client wrote; whatever becomes of it reaches all as a commit does. @throws WeftError `malformed-request` */
  write(member: YjsMember, bytes: Uint8Array, isDifference: boolean): void {
    if (this.#waitingBytes + bytes.length > LIMITS.yjsWaitingBytesMax) {
      member.end('try-again', 'too much waits to be written');
      return;
    }
    this.#waiting.push({ member, update: readTextUpdate(bytes), bytes: bytes.length, isDifference });
    this.#waitingBytes += bytes.length;
    if (!this.#isWriting) void this.#writeAll();
  }

  /** One commit after the other, since a client goes on from what it wrote before. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    await this.#ready.catch(() => undefined);
    while (this.#waiting.length > 0) {
      const batch = this.#next();
      const [first] = batch;
      if (first === undefined || !this.#members.has(first.member)) continue;
      try {
        await this.#writeOne(batch);
      } catch (thrown) {
        const error = thrown instanceof TextsBehind ? undefined : asWeftError(thrown);
        const isFinal = error?.kind.definite === true && !error.kind.retryable;
        first.member.end(isFinal ? 'refused' : 'try-again', error?.message ?? (thrown as Error).message);
      }
    }
    this.#isWriting = false;
  }

  /** What one member wrote, as far as it fits into a commit. */
  #next(): Written[] {
    const [first, ...rest] = this.#waiting;
    if (first === undefined) return [];
    const batch = [first];
    let bytes = first.bytes;
    for (const written of rest) {
      if (written.member !== first.member || bytes + written.bytes > LIMITS.yjsUpdateBytesMax) break;
      bytes += written.bytes;
      batch.push(written);
    }
    this.#waiting = this.#waiting.slice(batch.length);
    this.#waitingBytes -= bytes;
    return batch;
  }

  async #writeOne(batch: readonly Written[]): Promise<void> {
    const bytes = batch.reduce((sum, written) => sum + written.bytes, 0);
    if (bytes > LIMITS.yjsUpdateBytesMax) {
      throw new WeftError('payload-too-large', `an update has at most ${LIMITS.yjsUpdateBytesMax} bytes`);
    }
    const isServer = (client: number) => this.#vector.has(client);
    const repeats = batch.some(({ isDifference }) => isDifference);
    const changes = this.#texts.changesOf(
      batch.map(({ update }) => update),
      isServer,
      repeats,
    );
    if (changes.length > 0) await this.#options.write(changes.map(operationOf));
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

/** @throws WeftError `invalid-request`, definite */
function operationOf({ root, update }: RootChange): Operation {
  const place = parseTextRoot(root);
  if (place === undefined) throw new WeftError('invalid-request', `there is no text ${root}`);
  const { element, id, property, of } = place;
  const properties = { [property]: { kind: 'typed', of, update } as const };
  return element === 'node'
    ? { op: 'patchNode', id: id as NodeId, properties }
    : { op: 'patchEdge', id: id as EdgeId, properties };
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
