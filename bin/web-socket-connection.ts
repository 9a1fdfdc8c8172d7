/**
 * A WebSocket as a connection of the transport port: binary frames only, told once that it is over, and nothing of it
 * ever escapes as an exception or an event that nobody hears.
 */
import type { Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Env } from '../base/env.ts';
import * as LIMITS from '../base/limits.ts';
import type { Accept, Connection, ConnectionEvents } from '../src/replication/transport.ts';
import { TurnWrites } from './turn-writes.ts';

/** What both ends of a link are made with. Frames are small or already dense, so compression would only cost time. */
export const SOCKET_OPTIONS = {
  maxPayload: LIMITS.frameBytesMax,
  perMessageDeflate: false,
  skipUTF8Validation: false,
  closeTimeout: LIMITS.closeMsMax,
} as const;

/** Close codes of RFC 6455, section 7.4; those from 4000 on are ours to give a meaning. */
export const CLOSE = { goingAway: 1001, unsupported: 1003, policy: 1008, replication: 4000 } as const;

/** UTF-8 bytes that a close frame has room for. */
export const REASON_BYTES_MAX = 123;

/** Why a connection ended, when the other side gave no words for it. */
const MEANING: Readonly<Record<number, string>> = {
  1000: 'the peer closed the link',
  1001: 'the peer is stopping',
  1002: 'the peer saw a violation of the WebSocket protocol',
  1003: 'the peer takes no frames of this kind',
  1005: 'the peer closed the link',
  1006: 'the connection broke',
  1009: 'the peer refused a frame as too large',
  1011: 'the peer failed',
};

export class WebSocketConnection implements Connection {
  readonly #socket: WebSocket;
  readonly #writes: TurnWrites;
  readonly #env: Env;
  readonly #gone: (connection: WebSocketConnection) => void;
  readonly #identified: (connection: WebSocketConnection) => void;
  #events: ConnectionEvents | undefined;
  #reason: string | undefined;
  #isOver = false;

  /**
   * @param socket an open one
   * @param stream what it writes to
   * @param notices `identified` and `gone`, each called at most once, in this order
   */
  constructor(
    { socket, stream }: { readonly socket: WebSocket; readonly stream: Writable },
    env: Env,
    notices: {
      readonly identified: (connection: WebSocketConnection) => void;
      readonly gone: (connection: WebSocketConnection) => void;
    },
  ) {
    this.#socket = socket;
    this.#writes = new TurnWrites(stream);
    this.#env = env;
    this.#identified = notices.identified;
    this.#gone = notices.gone;
    socket.on('message', (bytes, isBinary) => this.#receive(bytes, isBinary));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(whyBroken(error)));
    socket.on('close', (code, reason) => this.#end(reason.toString() || (MEANING[code] ?? `close code ${code}`)));
  }

  /** Hands it over; from now on frames are delivered. */
  begin(accept: Accept): void {
    this.#events = accept(this);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: Uint8Array): void {
    if (this.#reason !== undefined || this.#isOver) return;
    this.#writes.gather();
    // A failed write also ends the socket, which says so by itself.
    this.#socket.send(frame, { binary: true }, () => undefined);
  }

  identify(): void {
    this.#identified(this);
  }

  close(reason: string): void {
    this.closeWith(CLOSE.replication, reason);
  }

  closeWith(code: number, reason: string): void {
    if (this.#reason !== undefined || this.#isOver) return;
    this.#reason = reason;
    this.#socket.close(code, shortened(reason, REASON_BYTES_MAX));
    // The other side may take its time to confirm, or never do.
    this.#env.scheduler.after(0, () => this.#end(reason));
  }

  #receive(bytes: RawData, isBinary: boolean): void {
    if (this.#reason !== undefined || this.#isOver) return;
    if (isBinary) this.#events?.frame(bytes as Buffer);
    else this.closeWith(CLOSE.unsupported, 'a link carries binary frames only');
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#gone(this);
    this.#events?.closed(this.#reason ?? reason);
  }
}

function whyBroken(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
      return `the peer sent a frame of more than ${LIMITS.frameBytesMax} bytes`;
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection broke';
    default:
      return `the connection broke: ${error.message}`;
  }
}

/** The text, cut to so many bytes of UTF-8 without splitting a character. */
export function shortened(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax - 3;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}
