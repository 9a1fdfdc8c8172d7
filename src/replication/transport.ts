/**
 * The network as replication sees it: connections that carry frames. WebSockets implement it in `bin/`, a simulated
 * network in `chaos/`. Replication needs no more than this: a frame arrives whole or not at all. It copes with frames
 * that are lost, repeated, delayed or reordered within a connection, though a WebSocket does none of these.
 */

export interface Connection {
  /** Sends one frame and returns at once. Does nothing once the connection is closed. */
  send(frame: Uint8Array): void;
  /** Says who is at the other end, once the handshake has shown it: for logs and for faults that name a peer. */
  identify(peer: { readonly name: string }): void;
  /** Bytes that were given to `send` and not yet to the network. */
  readonly bufferedBytes: number;
  /** Closes; frames that were sent before may still arrive. The own `closed` is called too. Idempotent. */
  close(reason: string): void;
}

/** What a connection calls. Calls come one at a time, never from within `send` or `close`. */
export interface ConnectionEvents {
  /** A frame of at most `frameBytesMax` bytes arrived; a larger one closes the connection instead. */
  frame(bytes: Uint8Array): void;
  /** The connection is gone, whoever closed it. Nothing comes after. */
  closed(reason: string): void;
}

/** Hands a connection over; what is returned hears of it from then on. */
export type Accept = (connection: Connection) => ConnectionEvents;

export interface Transport {
  /**
   * Connects to the server at `url`. Exactly one of `opened` and `failed` is called, later.
   * `url` is one of `--peers`, as the operator wrote it.
   */
  dial(url: string, outcome: { readonly opened: Accept; readonly failed: (reason: string) => void }): void;
  /** Connections that others open go to `accept`. Called once, before anything is dialed. */
  listen(accept: Accept): void;
  /** Closes all connections and takes no more. Idempotent. */
  close(): void;
}
