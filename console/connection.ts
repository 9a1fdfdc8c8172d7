/**
 * The way to the server that served this page, through the client library. The token, if the server asks for one, is kept
 * as long as the tab is open and no longer.
 */
import type { WeftError } from '../base/errors.ts';
import { ambientPlatform } from '../client/ambient.ts';
import type { GraphClient } from '../client/graph-client.ts';
import { problemError } from '../client/http-calls.ts';
import type { Platform } from '../client/platform.ts';
import { WeftClient } from '../client/weft-client.ts';

const TOKEN_KEY = 'weft.token';
/** Whoever waits for a query may cancel it, so nothing else needs to end it. */
const CALL_MS = 3_600_000;

export class Connection {
  /** Called when the server wants a token, or another one. */
  onUnauthorized: () => void = () => undefined;
  #client: WeftClient;

  constructor() {
    this.#client = this.#connect();
  }

  get client(): WeftClient {
    return this.#client;
  }

  get hasToken(): boolean {
    return sessionStorage.getItem(TOKEN_KEY) !== null;
  }

  graph(name: string): GraphClient {
    return this.#client.graph(name);
  }

  /** An empty text forgets the token. What was seen with the old one is forgotten too. */
  useToken(token: string): void {
    if (token === '') sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, token);
    this.#client = this.#connect();
  }

  /** Calls what the client library has no method for. @throws WeftError as the server said */
  async call<T>(
    method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<T> {
    const answer = await this.open(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
    const text = await answer.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The answer as it comes, its body not read yet. @throws WeftError as the server said */
  async open(
    path: string,
    { headers, ...init }: RequestInit & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const sent = this.headers();
    const answer = await fetch(path, { ...init, headers: { ...sent, ...headers } });
    if (answer.status === 401) this.#refused(sent);
    if (!answer.ok) throw problemError(answer.status, await answer.text());
    return answer;
  }

  headers(): Record<string, string> {
    const token = sessionStorage.getItem(TOKEN_KEY);
    return token === null ? {} : { Authorization: `Bearer ${token}` };
  }

  /** An answer to the token before the present one says nothing. */
  #refused(sent: Readonly<Record<string, string>>): void {
    if (sent.Authorization === this.headers().Authorization) this.onUnauthorized();
  }

  #connect(): WeftClient {
    const ambient = ambientPlatform();
    const platform: Platform = {
      ...ambient,
      fetch: async (url, init) => {
        const answer = await ambient.fetch(url, init);
        if (answer.status === 401) this.#refused(init.headers);
        return answer;
      },
    };
    const token = sessionStorage.getItem(TOKEN_KEY);
    return new WeftClient({
      urls: [location.origin],
      exactNumbers: true,
      timeoutMs: CALL_MS,
      tryMs: CALL_MS,
      // A person sees the error and decides.
      triesMax: 1,
      platform,
      ...(token !== null && { token }),
    });
  }
}

export function isWeftError(error: unknown): error is WeftError {
  return error instanceof Error && 'code' in error && 'context' in error;
}
