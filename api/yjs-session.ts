/**
 * One connection of a stock Yjs client: y-protocols' sync and awareness, as the provider of y-websocket speaks them. The client
 * says what it has and gets the rest, then all that happens; the server asks it the same, as every Yjs peer does.
 */
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { asWeftError } from './problem.ts';
import { SOCKET_CLOSE, type Socket, type SocketEvents } from './web-sockets.ts';
import { decodeYjsFrame, encodeYjsFrame, permissionDenied, type YjsFrame } from './yjs-frames.ts';
import type { YjsMember, YjsRoom } from './yjs-room.ts';

const CODES = {
  gone: SOCKET_CLOSE.notFound,
  refused: SOCKET_CLOSE.refused,
  'try-again': SOCKET_CLOSE.tryAgainLater,
} as const;
/** Bytes of an update that says nothing. */
const NOTHING = 2;

/** Counts over all connections. */
export interface YjsCounts {
  denied: number;
}

export interface YjsSessionOptions {
  readonly env: Env;
  readonly room: YjsRoom;
  readonly socket: Socket;
  readonly counts: YjsCounts;
  /** Whether it may edit texts. */
  readonly mayWrite: boolean;
}

export class YjsSession implements SocketEvents, YjsMember {
  readonly #options: YjsSessionOptions;
  #isOver = false;
  #isLive = false;
  /** Updates that became visible while what the client lacked was read; undefined while nothing is read. */
  #held: Uint8Array[] | undefined;
  #sentMs: number;

  constructor(options: YjsSessionOptions) {
    this.#options = options;
    this.#sentMs = options.env.clock.monotonicMs();
    options.room.join(this);
    void this.#greet();
  }

  async #greet(): Promise<void> {
    const { room } = this.#options;
    try {
      this.#put(encodeYjsFrame({ kind: 'have', stateVector: await room.stateVector() }));
      this.#tellPresent();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #tellPresent(): void {
    const entries = this.#options.room.present();
    if (entries.length > 0) this.#put(encodeYjsFrame({ kind: 'awareness', entries }));
  }

  message(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#take(decodeYjsFrame(bytes));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  drained(): void {}

  stopping(): void {
    this.#end(SOCKET_CLOSE.goingAway, 'the server is stopping');
  }

  closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.room.leave(this);
  }

  // --- what the room asks

  get isLive(): boolean {
    return this.#isLive;
  }

  send(frame: Uint8Array): void {
    if (this.#held === undefined) this.#put(frame);
    else this.#held.push(frame);
  }

  beat(frame: Uint8Array): void {
    if (this.#options.env.clock.monotonicMs() - this.#sentMs >= LIMITS.yjsBeatMs) this.#put(frame);
  }

  end(why: 'gone' | 'refused' | 'try-again', reason: string): void {
    if (why === 'refused') this.#options.counts.denied++;
    this.#end(CODES[why], reason);
  }

  // --- the connection

  #put(frame: Uint8Array): void {
    if (this.#isOver) return;
    const { socket, env } = this.#options;
    this.#sentMs = env.clock.monotonicMs();
    socket.send(frame);
    if (socket.bufferedBytes > LIMITS.yjsBufferedBytesMax) {
      this.#end(SOCKET_CLOSE.tryAgainLater, 'the client reads too slowly');
    }
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.closed();
    this.#options.socket.close(code, reason);
  }

  /** Whatever is not the client's fault may pass: it comes back. */
  #fail(thrown: unknown): void {
    if (thrown instanceof WeftError && (thrown.code === 'malformed-request' || thrown.code === 'payload-too-large')) {
      this.#end(SOCKET_CLOSE.badFrame, thrown.message);
      return;
    }
    const error = asWeftError(thrown);
    const isGone = error.code === 'graph-not-found';
    this.#end(isGone ? SOCKET_CLOSE.notFound : SOCKET_CLOSE.tryAgainLater, error.message);
  }

  #take(frame: YjsFrame): void {
    const { room } = this.#options;
    switch (frame.kind) {
      case 'have':
        void this.#answer(frame.stateVector);
        return;
      case 'difference':
      case 'update':
        this.#write(frame);
        return;
      case 'awareness':
        room.say(this, frame.entries);
        return;
      case 'query-awareness':
        this.#tellPresent();
        return;
    }
  }

  async #answer(stateVector: Uint8Array): Promise<void> {
    // Those who ask again before they were answered get one answer after the other, and updates after all of them.
    const held = this.#held;
    this.#held ??= [];
    this.#isLive = true;
    try {
      const { texts, log } = await this.#options.room.difference(stateVector);
      // Before what tells the client that it has all.
      if (texts.length > NOTHING) this.#put(encodeYjsFrame({ kind: 'update', update: texts }));
      this.#put(encodeYjsFrame({ kind: 'difference', update: log }));
    } catch (thrown) {
      this.#fail(thrown);
    }
    if (held !== undefined) return;
    const frames = this.#held;
    this.#held = undefined;
    for (const frame of frames) this.#put(frame);
  }

  /** YJS-2. Every client repeats all deletions that it knows of when it is asked what it has, which is no attempt to write. */
  #write(frame: Extract<YjsFrame, { kind: 'difference' | 'update' }>): void {
    const [structs, deletions] = frame.update;
    const { room, counts, mayWrite } = this.#options;
    const isDifference = frame.kind === 'difference';
    if (structs === 0 && deletions === 0) return;
    if (mayWrite) {
      try {
        room.write(this, frame.update, isDifference);
      } catch (thrown) {
        // What it has of the log may come from a server that is ahead.
        this.end(isDifference ? 'try-again' : 'refused', asWeftError(thrown).message);
      }
      return;
    }
    if (structs === 0 && isDifference) return;
    counts.denied++;
    this.#put(permissionDenied('this partition is read-only here'));
  }
}
