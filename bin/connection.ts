/** How the commands that talk to a running server reach it: `--url`, `--token`, one HTTP request, errors for people. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Command } from 'commander';
import { OperationFailed } from './exit.ts';
import { setting } from './options.ts';
import { httpUrl, secret } from './serve-config.ts';

export interface Connection {
  readonly url: string;
  readonly token?: string;
}

export function declareConnectionOptions(command: Command): void {
  command.addOption(setting('url', '<url>', 'the server').default('http://127.0.0.1:7400').argParser(httpUrl));
  command.addOption(setting('token', '<token>', 'the token that the server asks for').argParser(secret));
}

/** Starts a request; the caller writes the body and ends it. */
export function open(connection: Connection, path: string, options: RequestOptions = {}): ClientRequest {
  const url = new URL(connection.url + path);
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const authorization = connection.token ? { authorization: `Bearer ${connection.token}` } : {};
  return start(url, { ...options, headers: { ...authorization, ...options.headers } });
}

/** Resolves with the head of the answer. @throws OperationFailed if the server cannot be reached, or is another program */
export function answerTo(connection: Connection, sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.on('response', (answer) => {
      if (!isSuccess(answer) || !isPage(answer)) resolve(answer);
      else {
        // A proxy's page, say, on which somebody should log in: nothing of what was asked for was done.
        reject(new OperationFailed(`what answers at ${connection.url} is no weft server: it sent a page of its own`));
        answer.destroy();
      }
    });
    sent.on('error', (cause: NodeJS.ErrnoException) => reject(new OperationFailed(whyUnreachable(connection, cause))));
  });
}

/** What the server said when it refused; `code` as in `docs/errors.md`, if it named one. */
export class Refused extends OperationFailed {
  readonly code: unknown;

  constructor(message: string, code: unknown) {
    super(message);
    this.code = code;
  }
}

/** The JSON answer to a GET. @throws Refused; OperationFailed if no answer came */
export function getJson<T>(connection: Connection, path: string): Promise<T> {
  return requestJson<T>(connection, 'GET', path);
}

/** The JSON answer to a request without a body. @throws Refused; OperationFailed if no answer came */
export async function requestJson<T>(connection: Connection, method: string, path: string): Promise<T> {
  const sent = open(connection, path, { method, headers: { accept: 'application/json' } });
  sent.end();
  const answer = await answerTo(connection, sent);
  const body = await readJson(answer);
  if (!isSuccess(answer)) throw new Refused(problemText(answer, body), (body as { code?: unknown } | null)?.code);
  return body as T;
}

export function isSuccess(answer: IncomingMessage): boolean {
  return answer.statusCode !== undefined && answer.statusCode >= 200 && answer.statusCode < 300;
}

function isPage({ headers }: IncomingMessage): boolean {
  return /^text\//i.test(headers['content-type'] ?? '');
}

/** The body of an answer as JSON, or as text if it is none, which is what a proxy in between may send. */
export async function readJson(answer: IncomingMessage): Promise<unknown> {
  return jsonOr(await readText(answer));
}

/** The body of an answer as it came. @throws OperationFailed if it breaks off */
export async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk);
  } catch (cause) {
    throw new OperationFailed(`the answer broke off: ${(cause as Error).message}`);
  }
  return Buffer.concat(chunks).toString();
}

export function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A problem document (RFC 9457) in one line. */
export function problemText(answer: IncomingMessage, body: unknown): string {
  const { code, detail, title } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const said = [code, detail ?? title].filter((part) => typeof part === 'string').join(': ');
  return `the server answered ${answer.statusCode}${said === '' ? '' : `, ${said}`}${hintOn(answer.statusCode, code)}`;
}

function hintOn(status: number | undefined, code: unknown): string {
  if (status === 401) return ' (give it with --token or WEFT_TOKEN)';
  if (code === 'graph-not-found') return ' (weft status lists those that there are; PUT /v1/graphs/NAME makes one)';
  return '';
}

function whyUnreachable(connection: Connection, cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${connection.url}; start a server with \`weft serve\` or name another with --url`;
    case 'ENOTFOUND':
      return `the host of ${connection.url} is not known; name another server with --url`;
    default:
      return `the connection to ${connection.url} broke: ${cause.message || cause.code}`;
  }
}
