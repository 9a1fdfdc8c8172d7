/**
 * A load generator over plain sockets: each connection has one request in flight. It does as little as it can, because
 * whatever it takes itself makes two servers look alike.
 */
import { connect, type Socket } from 'node:net';
import { type Sample, seconds } from './measure.ts';
import type { ServerProcess } from './server-process.ts';

export interface Load {
  readonly server: ServerProcess;
  readonly connections: number;
  readonly durationMs: number;
  /** The next request, complete. */
  readonly next: () => Buffer;
  readonly status: number;
}

type Headers = Readonly<Record<string, string>>;

export function getRequest(path: string, headers: Headers = {}): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headerLines(headers)}\r\n`);
}

export function postRequest(path: string, body: string, headers: Headers = {}): Buffer {
  return bodyRequest('POST', path, body, headers);
}

export function bodyRequest(method: 'POST' | 'PATCH', path: string, body: string, headers: Headers = {}): Buffer {
  const all = { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)), ...headers };
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headerLines(all)}\r\n${body}`);
}

function headerLines(headers: Headers): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

/** Bytes of the response at the start of `bytes`, or 0 if it is not complete. @throws on another status */
function responseBytes(bytes: Buffer, status: number): number {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return 0;
  const head = bytes.toString('latin1', 0, headEnd);
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  const total = headEnd + 4 + Number(length);
  if (!head.startsWith(`HTTP/1.1 ${status}`) || length === undefined) throw new Error(`answer: ${bytes.toString()}`);
  return bytes.length >= total ? total : 0;
}

/** Sends requests for a while; `cpuMs` of the sample is the server's. */
export async function closedLoop({ server, connections, durationMs, next, status }: Load): Promise<Sample> {
  const cpuBefore = server.cpuMs();
  let count = 0;
  const deadline = performance.now() + durationMs;
  const took = await seconds(() =>
    Promise.all(
      Array.from({ length: connections }, async () => {
        const connection = await Connection.open(server.port, status);
        await connection.repeat(() => {
          count++;
          return performance.now() < deadline ? next() : undefined;
        }, next());
        connection.close();
      }),
    ),
  );
  return { count, wallMs: 1000 * took, cpuMs: server.cpuMs() - cpuBefore };
}

const READ_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** One keep-alive connection. */
export class Connection {
  readonly #socket: Socket;
  readonly #status: number;
  #received: Buffer = NOTHING;
  #onAnswer: (() => void) | undefined;
  #onError: ((error: Error) => void) | undefined;

  private constructor(socket: Socket, status: number) {
    this.#socket = socket;
    this.#status = status;
    socket.setNoDelay(true);
    socket.on('error', (error) => this.#onError?.(error));
    socket.on('close', () => this.#onError?.(new Error('the server closed the connection')));
  }

  static open(port: number, status: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let connection: Connection | undefined;
      const buffer = Buffer.allocUnsafe(READ_BYTES);
      // Read into the same buffer always, past the machinery of streams.
      const callback = (bytes: number): boolean => {
        if (connection !== undefined) connection.#receive(buffer.subarray(0, bytes));
        return true;
      };
      const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback } }, () => {
        connection = new Connection(socket, status);
        resolve(connection);
      });
      socket.once('error', reject);
    });
  }

  /** @param chunk is read into again afterwards */
  #receive(chunk: Buffer): void {
    const all = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    try {
      const bytes = responseBytes(all, this.#status);
      this.#received = bytes === all.length ? NOTHING : Buffer.from(all.subarray(bytes));
      if (bytes === 0) return;
    } catch (error) {
      this.#onError?.(error as Error);
      return;
    }
    this.#onAnswer?.();
  }

  /** Sends `first`, and with each answer what `then` gives, until that is undefined. */
  repeat(then: () => Buffer | undefined, first: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onError = reject;
      this.#onAnswer = () => {
        const request = then();
        if (request === undefined) resolve();
        else this.#socket.write(request);
      };
      this.#socket.write(first);
    });
  }

  /** Sends one request and waits for its answer. */
  ask(request: Buffer): Promise<void> {
    return this.repeat(() => undefined, request);
  }

  close(): void {
    this.#onError = undefined;
    this.#socket.destroy();
  }
}
