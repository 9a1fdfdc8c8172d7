/**
 * What has arrived on a session channel and is not run yet. Frames are taken as long as their answers find room; one client that sends
 * many at once gives way to others in between. Meanwhile nothing more is read from its connection.
 */
import type { Env } from '../base/env.ts';
import * as LIMITS from '../base/limits.ts';
import { MessagePackReader } from './msgpack.ts';
import type { Socket } from './web-sockets.ts';

export interface InboxOptions {
  readonly env: Pick<Env, 'clock' | 'scheduler'>;
  readonly take: (tree: unknown, bytes: number) => void;
  /** Bytes from the frame on that is no MessagePack: where the next one begins is not known. */
  readonly undecodable: (rest: Uint8Array, error: Error) => void;
  /** It gave way, and went on. */
  readonly turned: () => void;
}

const NOTHING = new Uint8Array();

export class ChannelInbox {
  readonly #socket: Socket;
  readonly #options: InboxOptions;
  readonly #reader = new MessagePackReader();
  /** Messages of which not all was read yet, the first one as far as it was not. */
  readonly #unread: Uint8Array[] = [];
  #isGivingWay = false;
  #isPaused = false;
  #isClosed = false;

  constructor(socket: Socket, options: InboxOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  get isGivingWay(): boolean {
    return this.#isGivingWay;
  }

  message(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    if (this.#unread.length === 1) this.#readOn();
  }

  drained(): void {
    if (!this.#isGivingWay) this.#readOn();
  }

  /** Something was sent: no more is read while too much waits. */
  sent(): void {
    if (this.#isFull) this.#pause();
  }

  /** What has not been read is let go of. */
  close(): void {
    this.#isClosed = true;
    this.#unread.length = 0;
  }

  get #isFull(): boolean {
    return this.#socket.bufferedBytes >= LIMITS.channelBufferBytes;
  }

  #readOn(): void {
    const { clock, scheduler } = this.#options.env;
    const untilMs = clock.monotonicMs() + LIMITS.channelTurnMs;
    for (let bytes = this.#unread[0]; bytes !== undefined; bytes = this.#unread[0]) {
      if (this.#isFull) {
        this.#pause();
        return;
      }
      const rest = this.#readSome(bytes, untilMs);
      if (this.#isClosed) return;
      if (rest.length === 0) this.#unread.shift();
      else this.#unread[0] = rest;
      if (clock.monotonicMs() < untilMs) continue;
      this.#pause();
      this.#isGivingWay = true;
      void scheduler.yield().then(() => {
        this.#isGivingWay = false;
        this.#readOn();
        this.#options.turned();
      });
      return;
    }
    if (this.#isPaused && !this.#isFull) {
      this.#isPaused = false;
      this.#socket.resume();
    }
  }

  /** Takes frames of a message. @returns those that are left */
  #readSome(bytes: Uint8Array, untilMs: number): Uint8Array {
    const { env, take, undecodable } = this.#options;
    const reader = this.#reader;
    reader.open(bytes);
    while (!reader.isAtEnd && !this.#isClosed) {
      let tree: unknown;
      try {
        tree = reader.next();
      } catch (error) {
        undecodable(bytes.subarray(reader.start), error as Error);
        return NOTHING;
      }
      take(tree, reader.length);
      if (this.#isPaused || env.clock.monotonicMs() >= untilMs) break;
    }
    return reader.rest;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }
}
