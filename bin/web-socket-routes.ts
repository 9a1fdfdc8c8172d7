/**
 * The WebSocket routes of the API on real sockets: finds the route of an upgrade, lets it look at the request, and watches
 * over what was opened. A peer that gives no sign of life for two beats is dropped, so that one that vanished holds nothing.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { asWeftError, problemHeaders, problemOf } from '../api/problem.ts';
import { traceOf } from '../api/trace.ts';
import {
  type AcceptSocket,
  SOCKET_CLOSE,
  type Socket,
  type SocketEvents,
  type SocketRequest,
  type SocketRoute,
  type SocketRoutes,
} from '../api/web-sockets.ts';
import type { Env, Timer } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { TurnWrites } from './turn-writes.ts';
import { refuseUpgrade, type Upgrades } from './upgrades.ts';
import { REASON_BYTES_MAX, SOCKET_OPTIONS, shortened } from './web-socket-connection.ts';

interface Known {
  readonly route: SocketRoute;
  readonly names: readonly string[];
  readonly pattern: RegExp;
  readonly upgrades: WebSocketServer;
}

/** Limits that tests lower. */
export interface SocketLimits {
  readonly socketsMax: number;
  readonly socketBeatMs: number;
}

export class WebSocketRoutes implements SocketRoutes {
  readonly #env: Env;
  readonly #limits: SocketLimits;
  readonly #routes: Known[] = [];
  readonly #open = new Set<OpenSocket>();
  #timer: Timer | undefined;
  #isStopping = false;

  constructor(env: Env, limits: SocketLimits = LIMITS) {
    this.#env = env;
    this.#limits = limits;
  }

  get openCount(): number {
    return this.#open.size;
  }

  add(route: SocketRoute): void {
    const names: string[] = [];
    const pattern = route.path.replace(/:(\w+)/g, (_all, name: string) => {
      names.push(name);
      return '([^/]+)';
    });
    const options = {
      ...SOCKET_OPTIONS,
      noServer: true,
      clientTracking: false,
      maxPayload: route.messageBytesMax,
      handleProtocols: (offered: Set<string>) => (offered.has(route.protocol) ? route.protocol : false),
    };
    const upgrades = new WebSocketServer(options);
    this.#routes.push({ route, names, pattern: new RegExp(`^${pattern}$`), upgrades });
  }

  attach(upgrades: Upgrades): void {
    upgrades.add((path, request, socket, head) => {
      for (const known of this.#routes) {
        const match = known.pattern.exec(path);
        if (match === null) continue;
        this.#upgrade(known, match.slice(1), { request, socket, head });
        return true;
      }
      return false;
    });
  }

  #upgrade(
    { route, names, upgrades }: Known,
    found: readonly string[],
    { request, socket, head }: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
  ): void {
    const refuse = (thrown: unknown): void => {
      const error = asWeftError(thrown);
      const problem = problemOf(error, traceOf(request.headers.traceparent, this.#env.random).traceId);
      const headers = problemHeaders(error);
      const body = JSON.stringify(problem);
      refuseUpgrade(socket, { status: problem.status, type: 'application/problem+json', body, headers });
    };
    const begin = (accept: AcceptSocket): void =>
      upgrades.handleUpgrade(request, socket, head, (opened) => {
        const open = new OpenSocket(opened, socket, () => this.#open.delete(open));
        this.#open.add(open);
        this.#timer ??= this.#nextBeat();
        open.begin(accept);
      });
    try {
      if (this.#isStopping) throw new WeftError('shutting-down', 'the server is stopping');
      if (this.#open.size >= this.#limits.socketsMax) {
        throw new WeftError('too-many-requests', `${this.#limits.socketsMax} WebSockets are open, as many as may be`);
      }
      checkProtocol(request.headers['sec-websocket-protocol'], route.protocol);
      const admitted = route.admit(requestOf(request, names, found));
      if (!(admitted instanceof Promise)) {
        begin(admitted);
        return;
      }
      // Nobody else listens until the upgrade, and a client may go away meanwhile.
      const ignore = (): void => undefined;
      socket.on('error', ignore);
      admitted.then((accept) => {
        socket.off('error', ignore);
        if (this.#isStopping) refuse(new WeftError('shutting-down', 'the server is stopping'));
        else begin(accept);
      }, refuse);
    } catch (thrown) {
      refuse(thrown);
    }
  }

  /** Beats while there is something to watch. */
  #nextBeat(): Timer {
    return this.#env.scheduler.after(this.#limits.socketBeatMs, () => {
      for (const open of this.#open) open.beat();
      this.#timer = this.#open.size === 0 ? undefined : this.#nextBeat();
    });
  }

  /** Takes no more upgrades, and asks the open ones to end. */
  stop(): void {
    this.#isStopping = true;
    this.#timer?.cancel();
    for (const open of this.#open) open.stop();
  }

  /** Drops what is still open. */
  terminate(): void {
    for (const open of this.#open) open.terminate();
  }
}

/** @throws WeftError `malformed-request` if a name in the path is not well-formed percent-encoded UTF-8, definite */
function requestOf(request: IncomingMessage, names: readonly string[], found: readonly string[]): SocketRequest {
  const [, query = ''] = (request.url ?? '').split('?');
  try {
    const parameters = Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i] ?? '')]));
    return { parameters, query: new URLSearchParams(query), headers: request.headers };
  } catch {
    throw new WeftError('malformed-request', 'the path of the URL is not well-formed percent-encoded UTF-8');
  }
}

/** A client that speaks other protocols only would not understand what it gets. @throws WeftError, definite */
function checkProtocol(offered: string | undefined, spoken: string): void {
  if (offered === undefined || offered.split(',').some((protocol) => protocol.trim() === spoken)) return;
  throw new WeftError(
    'invalid-request',
    `this WebSocket speaks ${spoken}, which Sec-WebSocket-Protocol does not offer`,
  );
}

class OpenSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #writes: TurnWrites;
  #events: SocketEvents | undefined;
  #isClosing = false;
  #isPaused = false;
  #wasHeard = true;
  /** Bytes that wait, at the last beat. */
  #waiting = 0;

  constructor(socket: WebSocket, stream: Duplex, gone: () => void) {
    this.#socket = socket;
    this.#writes = new TurnWrites(stream);
    socket.on('message', (bytes, isBinary) => {
      this.#wasHeard = true;
      if (this.#isClosing) return;
      if (isBinary) this.#events?.message(bytes as Buffer);
      else this.close(SOCKET_CLOSE.notBinary, 'messages are binary: MessagePack');
    });
    socket.on('pong', () => {
      this.#wasHeard = true;
    });
    stream.on('drain', () => this.#events?.drained());
    // 'close' follows, and says the rest.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isClosing = true;
      gone();
      this.#events?.closed();
    });
  }

  begin(accept: AcceptSocket): void {
    this.#events = accept(this);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Uint8Array): void {
    if (this.#isClosing) return;
    this.#writes.gather();
    this.#socket.send(message);
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#socket.resume();
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#isPaused) this.resume();
    this.#socket.close(code, shortened(reason, REASON_BYTES_MAX));
  }

  /** While nothing is read from it no pong is heard; then what it takes is its sign of life. */
  beat(): void {
    const { bufferedAmount } = this.#socket;
    const takes = this.#isPaused && bufferedAmount < this.#waiting;
    this.#waiting = bufferedAmount;
    if (!(this.#wasHeard || takes)) {
      this.close(SOCKET_CLOSE.silent, 'no sign of life');
      this.#socket.terminate();
      return;
    }
    this.#wasHeard = false;
    if (!this.#isClosing) this.#socket.ping();
  }

  stop(): void {
    this.#events?.stopping();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
