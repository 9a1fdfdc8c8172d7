/** Carries the bytes of one connection in one direction, as late, as slow and as often as its lane says. */
import type { Socket } from 'node:net';
import type { Timer } from '../../../base/env.ts';
import type { SeededRandom } from '../../../base/seeded-random.ts';
import type { World } from '../world.ts';
import type { Lane } from './lane.ts';
import { WebSocketCutter } from './web-socket-cutter.ts';

/** What waits in a pipe before its source has to: about what kernels keep for a connection. */
const WAITING_BYTES_MAX = 256 * 1024;
/** A narrow way passes pieces of this size, so that its rate is even. */
const PIECE_BYTES = 1_024;
const NOTHING = Buffer.alloc(0);

interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

export class Pipe {
  readonly #world: World;
  readonly #lane: Lane;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #random: SeededRandom;
  readonly #forget: () => void;
  /** If frames are read here. */
  readonly #cutter: WebSocketCutter | undefined;
  #waiting: Piece[] = [];
  #waitingBytes = 0;
  #lastDueMs = 0;
  /** When a narrow way is free again. */
  #freeMs = 0;
  #timer: Timer | undefined;
  #isEnding = false;
  #isFull = false;
  #isClosed = false;

  constructor(world: World, lane: Lane, [source, target]: readonly [Socket, Socket]) {
    this.#world = world;
    this.#lane = lane;
    this.#source = source;
    this.#target = target;
    this.#random = world.random(`${lane.from}>${lane.to}`);
    this.#cutter = lane.isRead ? new WebSocketCutter() : undefined;
    this.#forget = lane.onChange(() => this.#pump());
    source.on('data', (bytes: Buffer) => this.#read(bytes));
    source.on('end', () => {
      const rest = this.#cutter?.rest ?? NOTHING;
      if (rest.length > 0) this.#take(rest);
      this.#isEnding = true;
      this.#pump();
    });
    target.on('drain', () => {
      this.#isFull = false;
      this.#pump();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#forget();
    this.#timer?.cancel();
    this.#waiting = [];
  }

  #read(bytes: Buffer): void {
    if (this.#cutter === undefined) {
      this.#take(bytes);
      return;
    }
    for (const { bytes: piece, message } of this.#cutter.push(bytes)) {
      // What a tap does may be the end of the connection.
      if (this.#isClosed) return;
      const passes = message === undefined || this.#lane.lets(message, () => this.#take(piece));
      if (passes) this.#take(piece);
      else this.#lane.touched++;
    }
  }

  #take(bytes: Buffer): void {
    if (this.#isClosed) return;
    const { delayMs = 0, jitterMs = 0, duplicateRate = 0, isHeld = false } = this.#lane.fault;
    const lateMs = delayMs + (jitterMs > 0 ? this.#random.below(jitterMs) : 0);
    if (lateMs > 0 || isHeld) this.#lane.touched++;
    // What came later never passes what came before it.
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#world.nowMs() + lateMs);
    this.#push(bytes);
    if (duplicateRate > 0 && this.#random.chance(duplicateRate)) {
      this.#lane.touched++;
      this.#push(bytes);
    }
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#source.pause();
    this.#pump();
  }

  #push(bytes: Buffer): void {
    this.#waiting.push({ bytes, dueMs: this.#lastDueMs });
    this.#waitingBytes += bytes.length;
  }

  #pump(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (;;) {
      const { isHeld = false, bytesPerSecond } = this.#lane.fault;
      const [first] = this.#waiting;
      if (first === undefined || isHeld || this.#isFull || this.#target.destroyed) break;
      const now = this.#world.nowMs();
      const atMs = Math.max(first.dueMs, bytesPerSecond === undefined ? 0 : this.#freeMs);
      if (atMs > now) {
        this.#timer = this.#world.env.scheduler.after(Math.max(1, atMs - now), () => this.#pump());
        return;
      }
      this.#pass(first, bytesPerSecond);
    }
    if (this.#waitingBytes < WAITING_BYTES_MAX / 2) this.#source.resume();
    if (this.#isEnding && this.#waiting.length === 0) this.#target.end();
  }

  #pass(first: Piece, bytesPerSecond: number | undefined): void {
    const { bytes, dueMs } = first;
    const now = bytesPerSecond === undefined ? bytes : bytes.subarray(0, PIECE_BYTES);
    if (now.length < bytes.length) {
      this.#waiting[0] = { bytes: bytes.subarray(now.length), dueMs };
      this.#lane.touched++;
    } else this.#waiting.shift();
    if (bytesPerSecond !== undefined) {
      this.#freeMs = Math.max(this.#freeMs, this.#world.nowMs()) + (now.length / bytesPerSecond) * 1_000;
    }
    this.#waitingBytes -= now.length;
    this.#isFull = !this.#target.write(now);
  }
}
