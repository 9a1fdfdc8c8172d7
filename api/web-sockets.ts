/**
 * WebSockets as the API sees them. Interfaces only: `bin/` owns the sockets, upgrades a request if a route wants it, watches
 * over the life of the connection, and hands over whole binary messages.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Where routes are added, before the server listens. */
export interface SocketRoutes {
  add(route: SocketRoute): void;
}

export interface SocketRoute {
  /** As for HTTP: `/v1/graphs/:graph/session`. */
  readonly path: string;
  /** The subprotocol that is chosen if the client offers it. A client that offers none is served as well. */
  readonly protocol: string;
  /** Bytes of one message; a longer one closes the connection with 1009. */
  readonly messageBytesMax: number;
  /**
   * Looks at the request before it is upgraded.
   * @throws, or rejects with, WeftError, which is answered as a problem document, without an upgrade
   */
  admit(request: SocketRequest): AcceptSocket | Promise<AcceptSocket>;
}

export interface SocketRequest {
  /** What stands in the path in place of `:name`, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** Takes the open connection over; nothing is delivered before it returns. */
export type AcceptSocket = (socket: Socket) => SocketEvents;

export interface Socket {
  /** Bytes that wait to be sent. */
  readonly bufferedBytes: number;
  /** Does nothing once the connection is closing. The bytes must not change any more. */
  send(message: Uint8Array): void;
  /** Asks for no more messages for now; one that has arrived already may still come. */
  pause(): void;
  resume(): void;
  /** @param reason is cut to what a close frame has room for */
  close(code: number, reason: string): void;
}

export interface SocketEvents {
  /** The bytes are the receiver's to keep. */
  message(bytes: Uint8Array): void;
  /** All that was sent has left this process. */
  drained(): void;
  /** The server stops: close once what is under way has been answered. */
  stopping(): void;
  /** The last event, however it ended. */
  closed(): void;
}

/** Close codes of RFC 6455, section 7.4; those from 4400 on are ours, after the HTTP status that they resemble. */
export const SOCKET_CLOSE = {
  goingAway: 1001,
  notBinary: 1003,
  policy: 1008,
  tryAgainLater: 1013,
  badFrame: 4400,
  revoked: 4403,
  notFound: 4404,
  silent: 4408,
  refused: 4422,
} as const;
