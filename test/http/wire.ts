/**
 * HTTP as it is on the wire: paths are sent as they are given, where URL classes would normalise them, and bytes are
 * written and read as they stand.
 */
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
  /** Whether the connection had carried a request before. */
  readonly reused: boolean;
}

export interface CallOptions {
  /** Text and bytes go as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

export function call(base: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const { body, headers = {}, agent } = options;
  const { hostname, port } = new URL(base);
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const sent = isRaw ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname,
        port,
        method,
        path,
        ...(agent && { agent }),
        headers: {
          ...(sent === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            bytes,
            text: bytes.toString('utf8'),
            get json() {
              return JSON.parse(bytes.toString('utf8'));
            },
            reused: outgoing.reusedSocket,
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(sent);
  });
}

/** A connection on which a test writes what it likes. */
export class RawConnection {
  readonly socket: Socket;
  /** Resolves with all that came when the server has closed the connection. */
  readonly closed: Promise<string>;
  #text = '';
  #onText: () => void = () => undefined;

  constructor(base: string) {
    const { hostname, port } = new URL(base);
    this.socket = connect(Number(port), hostname);
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#onText();
    });
    this.closed = new Promise((resolve, reject) => {
      this.socket.once('close', () => resolve(this.#text));
      this.socket.once('error', reject);
    });
  }

  /** Resolves once it was handed to the kernel. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => this.socket.write(bytes, (error) => (error ? reject(error) : resolve())));
  }

  /** Resolves with the text so far once it matches. */
  async until(pattern: RegExp): Promise<string> {
    const found = new Promise<void>((resolve) => {
      this.#onText = () => pattern.test(this.#text) && resolve();
      this.#onText();
    });
    await Promise.race([found, this.closed]);
    if (!pattern.test(this.#text)) throw new Error(`the server closed the connection after ${this.#text}`);
    return this.#text;
  }
}

/** A request as text. With a body, and unless `headers` say otherwise, with its length. */
export function rawRequest(method: string, path: string, body?: string, headers: readonly string[] = []): string {
  const described =
    body === undefined || headers.some((header) => /^(content-length|transfer-encoding):/i.test(header))
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`];
  const type =
    body === undefined || headers.some((header) => /^content-type:/i.test(header))
      ? []
      : ['Content-Type: application/json'];
  return [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...type, ...described, ...headers, '', body ?? ''].join(
    '\r\n',
  );
}

/** The statuses of pipelined answers, in order. Bodies end without a newline, so an answer may begin anywhere in a line. */
export const statusesIn = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** A body in HTTP chunks. */
export const chunked = (parts: readonly string[]): string =>
  [...parts, ''].map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`).join('');
