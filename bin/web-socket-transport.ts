/**
 * Links between servers over WebSockets. A server dials its peers' HTTP URLs and takes upgrades on its own HTTP server,
 * at one path. Whoever connects is a stranger until replication has seen proof of the cluster secret, so strangers are
 * few, are given little time, and can make this process hold no more than a frame each.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import type { Env, Timer } from '../base/env.ts';
import * as LIMITS from '../base/limits.ts';
import type { Accept, Transport } from '../src/replication/transport.ts';
import type { LinkSecurity } from './tls.ts';
import { refuseUpgrade, type Upgrades } from './upgrades.ts';
import { CLOSE, SOCKET_OPTIONS, WebSocketConnection } from './web-socket-connection.ts';

export const REPLICATION_PATH = '/v1/replicate';

/** Limits that tests lower. */
export interface LinkLimits {
  readonly identifyMsMax: number;
  readonly unidentifiedLinksMax: number;
  readonly dialMsMax: number;
}

interface Dial {
  readonly socket: WebSocket;
  readonly fail: (reason: string) => void;
}

export class WebSocketTransport implements Transport {
  readonly #env: Env;
  readonly #limits: LinkLimits;
  readonly #security: LinkSecurity | undefined;
  readonly #upgrades = new WebSocketServer({ ...SOCKET_OPTIONS, noServer: true, clientTracking: false });
  readonly #connections = new Set<WebSocketConnection>();
  /** Accepted connections of nobody in particular yet, with what closes them in time. */
  readonly #strangers = new Map<WebSocketConnection, Timer>();
  readonly #dials = new Set<Dial>();
  #accept: Accept | undefined;
  #acceptedCount = 0;
  #isClosed = false;

  /** @param security undefined without TLS */
  constructor(env: Env, limits: LinkLimits = LIMITS, security?: LinkSecurity) {
    this.#env = env;
    this.#limits = limits;
    this.#security = security;
  }

  /** Connections that a server accepted and that are open. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** Takes links that others open. */
  attach(upgrades: Upgrades): void {
    upgrades.add((path, ...upgrade) => {
      if (path !== REPLICATION_PATH) return false;
      this.#upgrade(...upgrade);
      return true;
    });
  }

  listen(accept: Accept): void {
    this.#accept = accept;
  }

  dial(url: string, outcome: { readonly opened: Accept; readonly failed: (reason: string) => void }): void {
    const failLater = (reason: string): void => void this.#env.scheduler.after(0, () => outcome.failed(reason));
    if (this.#isClosed) {
      failLater('this server is stopping');
      return;
    }
    let socket: WebSocket;
    try {
      const options = {
        ...SOCKET_OPTIONS,
        handshakeTimeout: this.#limits.dialMsMax,
        ...this.#security?.clientOptions(),
      };
      socket = new WebSocket(linkUrl(url), options);
    } catch (error) {
      failLater(`the URL cannot be dialed: ${(error as Error).message}`);
      return;
    }
    const dial: Dial = {
      socket,
      fail: (reason) => {
        if (this.#dials.delete(dial)) outcome.failed(reason);
      },
    };
    this.#dials.add(dial);
    socket.on('unexpected-response', (sent, response) => {
      sent.destroy();
      dial.fail(whyNotUpgraded(response));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => dial.fail(whyNotOpened(error)));
    socket.on('upgrade', ({ socket: stream }) => {
      socket.on('open', () => {
        if (this.#dials.delete(dial)) this.#begin({ socket, stream }, outcome.opened);
        else socket.terminate();
      });
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const dial of [...this.#dials]) {
      dial.socket.terminate();
      this.#env.scheduler.after(0, () => dial.fail('this server is stopping'));
    }
    for (const connection of [...this.#connections]) {
      connection.closeWith(CLOSE.goingAway, 'the server is stopping');
    }
  }

  #begin(
    opened: { readonly socket: WebSocket; readonly stream: Writable },
    accept: Accept,
    gone: () => void = () => undefined,
  ): WebSocketConnection {
    const connection = new WebSocketConnection(opened, this.#env, {
      identified: (known) => this.#forgetStranger(known),
      gone: (over) => {
        this.#forgetStranger(over);
        this.#connections.delete(over);
        gone();
      },
    });
    this.#connections.add(connection);
    connection.begin(accept);
    return connection;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      const [status, detail] = refusal;
      refuseUpgrade(socket, { status, type: 'text/plain; charset=utf-8', body: `${detail}\n` });
      return;
    }
    this.#upgrades.handleUpgrade(request, socket, head, (opened) => {
      const accept = this.#accept;
      if (accept === undefined || this.#isClosed) {
        opened.on('error', () => undefined);
        opened.close(CLOSE.goingAway, 'the server is stopping');
        return;
      }
      this.#acceptedCount++;
      const connection = this.#begin({ socket: opened, stream: socket }, accept, () => {
        this.#acceptedCount--;
      });
      const { identifyMsMax } = this.#limits;
      const close = (): void =>
        connection.closeWith(CLOSE.policy, `no server identified itself within ${identifyMsMax} ms`);
      this.#strangers.set(connection, this.#env.scheduler.after(identifyMsMax, close));
    });
  }

  #forgetStranger(connection: WebSocketConnection): void {
    this.#strangers.get(connection)?.cancel();
    this.#strangers.delete(connection);
  }

  #refusal(request: IncomingMessage): readonly [status: number, detail: string] | undefined {
    // Only browsers send it, and a page that somebody visits must not speak for a server.
    if (request.headers.origin !== undefined) return [403, 'links are for servers, not for browsers'];
    if (this.#security?.asksForCertificates === true && !isCertified(request)) {
      return [403, 'links need a certificate of an authority that this server believes'];
    }
    if (this.#accept === undefined || this.#isClosed) return [503, 'this server takes no links now'];
    if (this.#strangers.size >= this.#limits.unidentifiedLinksMax) return [503, 'too many links wait to identify'];
    return undefined;
  }
}

/** Whether the other side showed a certificate that checks out. */
function isCertified({ socket }: IncomingMessage): boolean {
  return (socket as Partial<TLSSocket>).authorized === true;
}

/** Where a peer takes links, from its HTTP URL: `https://host/prefix` gives `wss://host/prefix/v1/replicate`. */
export function linkUrl(url: string): string {
  const link = new URL(url);
  link.protocol = link.protocol === 'https:' ? 'wss:' : 'ws:';
  link.pathname = `${link.pathname.replace(/\/+$/, '')}${REPLICATION_PATH}`;
  return link.href;
}

function whyNotUpgraded(response: IncomingMessage): string {
  const { statusCode } = response;
  if (statusCode === 404 || (statusCode !== undefined && statusCode < 400)) {
    return `what answers there takes no links (${statusCode}): is it a weft server with --peers?`;
  }
  return `it answered ${statusCode} ${STATUS_CODES[statusCode ?? 0] ?? ''}`.trimEnd();
}

function whyNotOpened(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its host name is not known';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to its host';
    default:
      return error.message === 'Opening handshake has timed out' ? 'it does not answer' : error.message;
  }
}
