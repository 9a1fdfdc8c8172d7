/** A client of a cluster: the servers' addresses, one session, and a graph by its name. */
import { WeftError } from '../base/errors.ts';
import { pathName } from '../base/path-name.ts';
import { GraphClient } from './graph-client.ts';
import { type CallOptions, type ConsistencyLevel, HttpCalls } from './http-calls.ts';
import type { Platform } from './platform.ts';
import { Session } from './session.ts';

export interface WeftClientOptions {
  /** Of all servers that may be asked; the first that answers is kept to until it fails. */
  readonly urls: readonly string[];
  /** That of `weft serve --token`. */
  readonly token?: string;
  /** What calls ask for that do not say; the servers' default is `session`. */
  readonly consistency?: ConsistencyLevel;
  /** How long a call may take with all of its retries, in milliseconds. */
  readonly timeoutMs?: number;
  /** How long one server may take, in milliseconds, before the call is tried again; a query's own `timeoutMs` counts instead. */
  readonly tryMs?: number;
  readonly triesMax?: number;
  /** True gives floats with an integral value, such as 2.0, as `Float`; false, the default, gives them as numbers. */
  readonly exactNumbers?: boolean;
  readonly platform: Platform;
}

const TIMEOUT_MS = 30_000;
const TRY_MS = 10_000;
const TRIES_MAX = 5;

export interface GraphEntry {
  readonly name: string;
  readonly partitions: number;
}

export class WeftClient {
  /** What this client has seen. */
  readonly session: Session;
  readonly #options: WeftClientOptions;
  readonly #calls: HttpCalls;

  constructor(options: WeftClientOptions, session = new Session()) {
    if (options.urls.length === 0) throw new WeftError('invalid-request', 'a client needs the URL of a server');
    this.session = session;
    this.#options = options;
    const { urls, token, consistency, timeoutMs = TIMEOUT_MS, tryMs = TRY_MS, triesMax = TRIES_MAX } = options;
    this.#calls = new HttpCalls(options.platform, session, {
      urls: urls.map((url) => url.replace(/\/+$/, '')),
      token,
      consistency,
      timeoutMs,
      tryMs: Math.min(tryMs, timeoutMs),
      triesMax,
    });
  }

  /** A graph of this client; nothing is sent. The graph `default` always exists. @throws WeftError `invalid-name` */
  graph(name = 'default'): GraphClient {
    return new GraphClient(name, this.#calls, { exact: this.#options.exactNumbers ?? false });
  }

  /** The same client with other options, in the same session. */
  with(options: Partial<Omit<WeftClientOptions, 'platform'>>): WeftClient {
    return new WeftClient({ ...this.#options, ...options }, this.session);
  }

  /** The same client in a session of its own, which begins with nothing seen. */
  newSession(): WeftClient {
    return new WeftClient(this.#options);
  }

  async graphs(options: CallOptions = {}): Promise<readonly GraphEntry[]> {
    const { text } = await this.#calls.whole({ method: 'GET', path: '/v1/graphs', repeating: 'reads', options });
    return (JSON.parse(text) as { readonly graphs: readonly GraphEntry[] }).graphs;
  }

  /** Creates a graph; the same again changes nothing. @throws WeftError `graph-exists` with other settings */
  async createGraph(name: string, settings: { readonly partitions?: number } = {}, options: CallOptions = {}) {
    const path = `/v1/graphs/${pathName('graph name', name)}`;
    const body = JSON.stringify(settings);
    await this.#calls.whole({ method: 'PUT', path, body, repeating: 'harmless', options });
    return this.graph(name);
  }

  /** Deletes a graph and all that it holds. @throws WeftError `graph-not-found` */
  async deleteGraph(name: string, options: CallOptions = {}): Promise<void> {
    const path = `/v1/graphs/${pathName('graph name', name)}`;
    await this.#calls.whole({ method: 'DELETE', path, repeating: 'keyed', options });
  }

  /** The servers as the one that answers sees them. */
  async cluster(options: CallOptions = {}): Promise<{ readonly [member: string]: unknown }> {
    const { text } = await this.#calls.whole({ method: 'GET', path: '/v1/cluster', repeating: 'reads', options });
    return JSON.parse(text) as { readonly [member: string]: unknown };
  }
}
