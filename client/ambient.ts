/**
 * The platform as browsers and Node have it: the one file of the client that touches a real clock, timer, random source,
 * `fetch` or WebSocket. Both runtimes offer them under the same names.
 */
import type { Clock, Env, Log, Random, Scheduler } from '../base/env.ts';
import type { Abortable, AbortSignalLike, ClientSocket, Fetch, OpenSocket, Platform } from './platform.ts';
import type { Tabs } from './tabs.ts';

/** The names that are used, which no type library of the isomorphic folders knows. */
interface Globals {
  readonly fetch: Fetch;
  readonly AbortController: new () => Abortable;
  readonly WebSocket?: new (url: string, protocols: readonly string[]) => WebSocketLike;
  readonly crypto: { getRandomValues(into: Uint32Array): Uint32Array };
  readonly performance: { now(): number };
  readonly navigator?: { readonly locks?: LocksLike };
  readonly BroadcastChannel?: new (name: string) => ChannelLike;
  setTimeout(task: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(message: Uint8Array): void;
  close(code: number, reason: string): void;
}

interface LocksLike {
  request(name: string, options: { readonly signal: AbortSignalLike }, held: () => Promise<void>): Promise<void>;
}

interface ChannelLike {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

const globals = globalThis as unknown as Globals;

/** Errors of Node's `fetch` that come before a connection exists. */
const NEVER_SENT: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export interface AmbientOptions {
  /** Where events are logged; nowhere by default. */
  readonly log?: Log;
  /** In place of the runtime's own: Node has one from version 22 on; before it, that of the package `ws` will do. */
  readonly WebSocket?: unknown;
}

export function ambientPlatform({ log = SILENT, WebSocket }: AmbientOptions = {}): Platform {
  const clock: Clock = { wallMs: () => Date.now(), monotonicMs: () => globals.performance.now() };
  const random: Random = { uint32: () => globals.crypto.getRandomValues(new Uint32Array(1))[0] as number };
  const scheduler: Scheduler = {
    after: (delayMs, task) => {
      const timer = globals.setTimeout(task, delayMs);
      return { cancel: () => globals.clearTimeout(timer) };
    },
    yield: () => new Promise((resolve) => void globals.setTimeout(resolve, 0)),
  };
  const env: Env = { clock, random, scheduler, log };
  return {
    env,
    fetch: (url, init) => globals.fetch(url, init),
    abortable: () => new globals.AbortController(),
    neverSent: (error) => NEVER_SENT.has(causeCode(error)),
    openSocket: socketsOf((WebSocket ?? globals.WebSocket) as Globals['WebSocket']),
  };
}

/**
 * Of a browser, by Web Locks. Undefined where there are none: in Node before version 24.5, and in pages that came over plain HTTP
 * from elsewhere than this machine.
 */
export function ambientTabs(): Tabs | undefined {
  const { BroadcastChannel, navigator } = globals;
  const locks = navigator?.locks;
  if (locks === undefined || BroadcastChannel === undefined) return undefined;
  return {
    lock: (name, held) => {
      const giveUp = new globals.AbortController();
      let isHeld = false;
      const hold = () => {
        isHeld = true;
        return held();
      };
      locks.request(name, { signal: giveUp.signal }, hold).catch((error: Error) => {
        if (giveUp.signal.aborted) return;
        if (isHeld) throw error;
        // A page that may not have locks may not have a store either, which says so better.
        void hold();
      });
      return () => giveUp.abort();
    },
    channel: (name, onMessage) => {
      const channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => onMessage(data);
      return { post: (message) => channel.postMessage(message), close: () => channel.close() };
    },
  };
}

const SILENT: Log = { write: () => undefined };

function causeCode(error: unknown): unknown {
  const cause = error instanceof Error ? (error.cause as { readonly code?: unknown } | undefined) : undefined;
  return cause?.code;
}

function socketsOf(implementation: Globals['WebSocket']): OpenSocket {
  return (url, protocols, events): ClientSocket => {
    if (implementation === undefined) {
      throw new TypeError(
        'this runtime has no WebSocket: pass one, `ambientPlatform({ WebSocket })` of the package ws',
      );
    }
    const socket = new implementation(url, protocols);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => events.opened();
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) events.message(new Uint8Array(data));
      else socket.close(4400, 'messages are binary');
    };
    // 'close' follows, and says the rest.
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => events.closed(code, reason);
    return {
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      send: (message) => socket.send(message),
      close: (code, reason) => socket.close(code, reason),
    };
  };
}
