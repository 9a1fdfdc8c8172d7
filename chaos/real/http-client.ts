/** Requests over HTTP, each with an answer in bounded time, and what is known of those that got none. */
import { Agent, request } from 'node:http';
import type { Timer } from '../../base/env.ts';
import type { World } from './world.ts';

export interface HttpRequest {
  /** Undefined if the server does not run. */
  readonly url: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, text as it is. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

export interface Reply {
  /** `fail`: it definitely did not happen. `info`: it may have happened, or may yet. */
  readonly outcome: 'ok' | 'fail' | 'info';
  /** 0 if there was no answer. */
  readonly status: number;
  /** Code of the error, or why there was no answer. */
  readonly code: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape; who asked knows which
  readonly body: any;
  readonly etag: string | undefined;
  readonly token: string | undefined;
  readonly replica: string | undefined;
}

const TIMEOUT_MS = 10_000;
/** Nothing was sent when a connection fails like this. */
const NOTHING_SENT: readonly (string | undefined)[] = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'];

export class HttpClient {
  readonly #world: World;
  readonly #token: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });

  /** @param token that servers want of whoever calls */
  constructor(world: World, token: string) {
    this.#world = world;
    this.#token = token;
  }

  close(): void {
    this.#agent.destroy();
  }

  send({ url, method, path, headers = {}, body, timeoutMs = TIMEOUT_MS }: HttpRequest): Promise<Reply> {
    if (url === undefined) return Promise.resolve(noAnswer('fail', 'not-running'));
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const all = {
      authorization: `Bearer ${this.#token}`,
      ...(text !== undefined && typeof body !== 'string' && { 'content-type': 'application/json' }),
      ...(text !== undefined && { 'content-length': String(Buffer.byteLength(text)) }),
      ...headers,
    };
    return new Promise((resolve) => {
      const asked = request(`${url}${path}`, { method, headers: all, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => undefined);
        response.on('close', () => {
          timer.cancel();
          const isWhole = response.complete;
          if (!isWhole) return resolve(noAnswer('info', 'answer-cut-off'));
          const { etag, 'session-token': token, 'replica-id': replica } = response.headers;
          const parsed = parse(Buffer.concat(chunks).toString(), response.headers['content-type']);
          const status = response.statusCode ?? 0;
          const problem = status >= 400 ? (parsed as { code?: string; definite?: boolean }) : undefined;
          resolve({
            outcome: status < 400 ? 'ok' : problem?.definite === true ? 'fail' : 'info',
            status,
            code: problem?.code,
            body: parsed,
            etag,
            token: one(token),
            replica: one(replica),
          });
        });
      });
      const timer: Timer = this.#world.env.scheduler.after(timeoutMs, () => {
        resolve(noAnswer('info', 'no-answer-in-time'));
        asked.destroy();
      });
      asked.on('error', (error: NodeJS.ErrnoException) => {
        timer.cancel();
        resolve(noAnswer(NOTHING_SENT.includes(error.code) ? 'fail' : 'info', error.code ?? error.message));
      });
      asked.end(text);
    });
  }
}

function noAnswer(outcome: 'fail' | 'info', code: string): Reply {
  return { outcome, status: 0, code, body: undefined, etag: undefined, token: undefined, replica: undefined };
}

function one(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

function parse(text: string, type: string | undefined): unknown {
  return text !== '' && type?.includes('json') === true && !type.includes('ndjson') ? JSON.parse(text) : text;
}
