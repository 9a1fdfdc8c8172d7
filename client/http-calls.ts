/**
 * Calls to the HTTP API that may go to any of several servers. A call is repeated only where that can do no harm:
 *
 * - CLI-1 A call whose outcome is not known is repeated if repeating it is harmless, or, with its Idempotency-Key, at the
 *   server that got it first; at level `strong` any server knows the key. Otherwise it fails with `answer-lost`.
 * - CLI-2 An error is retried only if the server calls it retryable, and at most `triesMax` times in all, after a pause that
 *   doubles and is spread by chance, or as long as `Retry-After` says.
 * - CLI-3 Every call presents the session's tokens, and the session takes those of every answer, errors included.
 */
import { ERRORS, type ErrorCode, type ErrorContext, WeftError } from '../base/errors.ts';
import { parseExactJson } from '../graph/exact-json.ts';
import type { AbortSignalLike, FetchAnswer, Platform } from './platform.ts';
import type { Session } from './session.ts';

export type ConsistencyLevel = 'eventual' | 'session' | 'strong';

/** What every call takes. */
export interface CallOptions {
  /** The client's own level by default. */
  readonly consistency?: ConsistencyLevel;
  /** How long the call may take with all of its retries, in milliseconds. A stream may take longer once it has begun. */
  readonly timeoutMs?: number;
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignalLike;
  /** For a write that the application itself may repeat later; by default each write gets one of its own. */
  readonly idempotencyKey?: string;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query, percent-encoded. */
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * What repeating it does when nobody knows whether it happened. `reads`: it never does anything; `harmless`: nothing more than the
   * first did; `keyed`: nothing, at a server that knows its key.
   */
  readonly repeating: 'reads' | 'harmless' | 'keyed' | 'unknown';
  /** True if the server is told `timeoutMs`, and ends it then: one that is still at work is given so long, and lets us know. */
  readonly endsItself?: boolean;
  readonly options: CallOptions;
}

export interface CallSettings {
  readonly urls: readonly string[];
  readonly token: string | undefined;
  readonly consistency: ConsistencyLevel | undefined;
  readonly timeoutMs: number;
  /** How long one server may take, in milliseconds, before another one is asked. */
  readonly tryMs: number;
  readonly triesMax: number;
}

/** An answer whose body is still to come. `end` must be called. */
export interface OpenAnswer {
  readonly answer: FetchAnswer;
  end(): void;
}

export interface WholeAnswer {
  readonly status: number;
  readonly headers: FetchAnswer['headers'];
  readonly text: string;
}

/** @param end must be called @param untimed lifts the limit of time */
type ReadAnswer<T> = (answer: FetchAnswer, end: () => void, untimed: () => void) => Promise<T>;

const PAUSE_MS = 50;
const PAUSE_MS_MAX = 2_000;
/** For the answer of a server that has ended what took too long. */
const ANSWER_MS = 1_000;

/** How one try ended without an answer that counts. */
interface Failed {
  readonly error: unknown;
  /** True if nothing of the call took effect. */
  readonly definite: boolean;
  readonly retryAfterMs: number | undefined;
}

/** A call as one server gets it. */
interface Try extends Call {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tryMs: number;
}

export class HttpCalls {
  readonly platform: Platform;
  readonly session: Session;
  readonly #settings: CallSettings;
  /** The server that new calls ask: the one that answered last. */
  #current = 0;

  constructor(platform: Platform, session: Session, settings: CallSettings) {
    this.platform = platform;
    this.session = session;
    this.#settings = settings;
  }

  #urlOf(server: number): string {
    return this.#settings.urls[server] as string;
  }

  /** @throws WeftError as the server said; `unreachable`, `answer-lost`; the reason of the signal */
  whole(call: Call): Promise<WholeAnswer> {
    return this.#repeat(call, async (answer, end) => {
      const text = await answer.text();
      end();
      return { status: answer.status, headers: answer.headers, text };
    });
  }

  /** Resolves when the answer begins. @throws as `whole` */
  open(call: Call): Promise<OpenAnswer> {
    return this.#repeat(call, async (answer, end, untimed) => {
      // From here on only the caller ends it: a stream takes as long as its reader.
      untimed();
      return { answer, end };
    });
  }

  async #repeat<T>(call: Call, read: ReadAnswer<T>): Promise<T> {
    const { clock } = this.platform.env;
    const { timeoutMs = this.#settings.timeoutMs, signal, consistency = this.#settings.consistency } = call.options;
    const key = call.options.idempotencyKey ?? (call.repeating === 'keyed' ? this.#newKey() : undefined);
    const headers = this.#headersOf(call, consistency, key);
    const isReading = call.repeating === 'reads';
    const { endsItself = false } = call;
    const deadlineMs = clock.monotonicMs() + timeoutMs + (endsItself ? ANSWER_MS : 0);
    let pauseMs = PAUSE_MS;
    // Its own: other calls move on meanwhile, to servers that do not know its key.
    let server = this.#current;
    // A write that may have happened: what became of it is not known, whatever the tries after it say.
    let lost: Failed | undefined;
    for (let tries = 1; ; tries++) {
      throwIfAborted(signal);
      const leftMs = deadlineMs - clock.monotonicMs();
      const tryMs = endsItself ? leftMs : Math.min(this.#settings.tryMs, leftMs);
      const tried = await this.#try({ ...call, headers, url: this.#urlOf(server), tryMs }, read);
      if ('value' in tried) return tried.value;
      throwIfAborted(signal);
      const { failed } = tried;
      if (!failed.definite && !isReading) lost = failed;
      const isLast = tries >= this.#settings.triesMax || clock.monotonicMs() >= deadlineMs;
      const may = lost === undefined || call.repeating === 'harmless' || key !== undefined;
      if (isLast || !may || failed.retryAfterMs === undefined) {
        throw this.#finalError(lost ?? failed, call, this.#urlOf(server));
      }
      if (lost === undefined || call.repeating === 'harmless' || consistency === 'strong') server = this.#after(server);
      const spread = pauseMs * (0.5 + this.platform.env.random.uint32() / 2 ** 33);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      // Another server needs no pause, unless all were asked.
      const mayAskAnother = lost === undefined && tries < this.#settings.urls.length;
      const waitMs = mayAskAnother ? 0 : Math.max(spread, failed.retryAfterMs);
      await this.#pause(Math.min(waitMs, Math.max(0, deadlineMs - clock.monotonicMs())), signal);
    }
  }

  #finalError({ error }: Failed, { repeating }: Call, url: string): unknown {
    if (error instanceof WeftError) return error;
    const detail = error instanceof Error ? error.message : String(error);
    const isNothing = this.platform.neverSent(error) || repeating === 'reads';
    return isNothing
      ? new WeftError('unreachable', `no server answered: ${detail}`, { urls: this.#settings.urls }, error)
      : new WeftError('answer-lost', `no answer came: ${detail}`, { url }, error);
  }

  /** Which server to ask after one that failed: the one that another call has moved on to already, or the next. */
  #after(server: number): number {
    if (server === this.#current) this.#current = (server + 1) % this.#settings.urls.length;
    return this.#current;
  }

  async #try<T>(one: Try, read: ReadAnswer<T>): Promise<{ readonly value: T } | { readonly failed: Failed }> {
    const { platform } = this;
    const { method, url, path, body, headers, tryMs, options } = one;
    const abortable = platform.abortable();
    const onAbort = () => abortable.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', onAbort);
    const timer = platform.env.scheduler.after(Math.max(1, tryMs), () =>
      abortable.abort(new Error('it took too long')),
    );
    const end = () => {
      timer.cancel();
      options.signal?.removeEventListener('abort', onAbort);
    };
    const presented = this.session.tokens;
    try {
      const sent = presented.length === 0 ? headers : { ...headers, 'Session-Token': presented.join(', ') };
      const answer = await platform.fetch(url + path, {
        method,
        headers: sent,
        ...(body !== undefined && { body }),
        signal: abortable.signal,
      });
      const token = answer.headers.get('session-token');
      if (token !== null) this.session.seen(presented, token);
      if (answer.status < 400) {
        return { value: await read(answer, end, () => timer.cancel()) };
      }
      const error = problemError(answer.status, await answer.text());
      end();
      if (error.code === 'invalid-session-token') this.session.clear();
      return { failed: failedAs(error, answer) };
    } catch (error) {
      end();
      return { failed: { error, definite: platform.neverSent(error), retryAfterMs: 0 } };
    }
  }

  #headersOf(call: Call, consistency: string | undefined, key: string | undefined): Record<string, string> {
    const { token } = this.#settings;
    return {
      Accept: 'application/json',
      ...(call.body !== undefined && { 'Content-Type': 'application/json' }),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(consistency !== undefined && { 'Consistency-Level': consistency }),
      ...(key !== undefined && { 'Idempotency-Key': key }),
      ...call.headers,
    };
  }

  #newKey(): string {
    const { random } = this.platform.env;
    return Array.from({ length: 4 }, () => random.uint32().toString(36)).join('-');
  }

  #pause(ms: number, signal: AbortSignalLike | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.platform.env.scheduler.after(ms, done);
      signal?.addEventListener('abort', done);
    });
  }
}

function failedAs(error: WeftError, answer: FetchAnswer): Failed {
  const { definite, retryable } = error.kind;
  // Servers say seconds; what a proxy says as a date counts as nothing.
  const seconds = Number(answer.headers.get('retry-after')) || 0;
  const mayRepeat = retryable || error.code === 'answer-lost';
  return { error, definite, retryAfterMs: mayRepeat ? seconds * 1000 : undefined };
}

function throwIfAborted(signal: AbortSignalLike | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}

/** What the server said is wrong. A code that this client does not know keeps its name in the context. */
export function problemError(status: number, text: string): WeftError {
  let problem: ErrorContext = {};
  try {
    problem = parseExactJson(text) as ErrorContext;
  } catch {
    // Something in between answered, and not in the form of a problem.
  }
  const { code, detail } = problem;
  const known = typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : fallbackCode(status);
  return new WeftError(known, typeof detail === 'string' ? detail : `the answer has status ${status}`, {
    ...problem,
    status,
  });
}

function fallbackCode(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 429) return 'too-many-requests';
  // A proxy says these of a server that it does not reach; whether the request did is not known.
  if (status === 502 || status === 503 || status === 504) return 'answer-lost';
  return status < 500 ? 'invalid-request' : 'internal';
}
