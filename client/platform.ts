/**
 * What a client needs of the runtime that it runs in. Interfaces only, so that the client itself has no ambient clock, timer,
 * random source or socket: `ambient.ts` is the real thing for browsers and Node, tests and simulations bring their own.
 */
import type { Env } from '../base/env.ts';

export interface Platform {
  readonly env: Env;
  readonly fetch: Fetch;
  readonly openSocket: OpenSocket;
  /** Something that can be aborted, as `AbortController` makes it. */
  abortable(): Abortable;
  /**
   * True if `error`, which `fetch` threw, proves that the request never reached a server. Browsers do not tell, so there it
   * is false.
   */
  neverSent(error: unknown): boolean;
}

/** The standard `AbortSignal` is one. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface Abortable {
  readonly signal: AbortSignalLike;
  abort(reason?: unknown): void;
}

/** As much of the standard `fetch` as a client needs. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchAnswer>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignalLike;
}

export interface FetchAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): BodyReader } | null;
  text(): Promise<string>;
}

export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Opens a WebSocket that carries binary messages. */
export type OpenSocket = (url: string, protocols: readonly string[], events: SocketEvents) => ClientSocket;

export interface ClientSocket {
  /** Bytes that wait to be sent. */
  readonly bufferedBytes: number;
  send(message: Uint8Array): void;
  close(code: number, reason: string): void;
}

export interface SocketEvents {
  opened(): void;
  message(bytes: Uint8Array): void;
  /** The last event, whether it ever opened or not. */
  closed(code: number, reason: string): void;
}
