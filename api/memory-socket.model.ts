/** Both ends of a WebSocket route in one process: a client that opens it, sends documents, and reads those that come back. */
import { decodeMulti, encode } from '@msgpack/msgpack';
import { openTestServer, type TestServer, type TestServerOptions } from './server.model.ts';
import type { AcceptSocket, Socket, SocketEvents, SocketRoute } from './web-sockets.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into frames of every shape
export type Frame = any;

class MemorySocket implements Socket {
  /** While true what is sent stays in the buffer. */
  isStuck = false;
  bufferedBytes = 0;
  isPaused = false;
  closing: readonly [code: number, reason: string] | undefined;
  readonly messages: Uint8Array[] = [];
  #frames: Frame[] = [];
  #events: SocketEvents | undefined;
  #wake: (() => void) | undefined;

  connect(accept: (socket: Socket) => SocketEvents): void {
    this.#events = accept(this);
  }

  // The server's end.

  send(message: Uint8Array): void {
    if (this.closing !== undefined) return;
    this.messages.push(message);
    if (this.isStuck) this.bufferedBytes += message.length;
    this.#frames.push(...decodeMulti(message, { useBigInt64: true }));
    this.#wake?.();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code: number, reason: string): void {
    this.closing ??= [code, reason];
    this.#events?.closed();
    this.#wake?.();
  }

  // The client's end.

  /** Sends documents in one message. */
  ask(...documents: object[]): void {
    this.bytes(Buffer.concat(documents.map((document) => encode(document, { useBigInt64: true }))));
  }

  bytes(bytes: Uint8Array): void {
    this.#events?.message(bytes);
  }

  /** The next frame. @throws once the channel was closed */
  async next(): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.closing !== undefined) throw new Error(`closed: ${this.closing.join(' ')}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift();
  }

  /** Asks, and waits for the frame that ends the answer. */
  async call(document: object): Promise<Frame> {
    this.ask(document);
    for (;;) {
      const frame = await this.next();
      if (frame.status !== undefined) return frame;
    }
  }

  /** Frames that have arrived, without waiting. */
  get arrived(): readonly Frame[] {
    return this.#frames;
  }

  drain(): void {
    this.isStuck = false;
    this.bufferedBytes = 0;
    this.#events?.drained();
  }

  stop(): void {
    this.#events?.stopping();
  }

  /** The connection breaks. */
  drop(): void {
    this.closing = [1006, ''];
    this.#events?.closed();
  }
}

export interface ChannelServer extends TestServer {
  readonly route: SocketRoute;
  open(graph?: string, headers?: Readonly<Record<string, string>>): MemorySocket;
}

/** A test server with its WebSocket route. */
export async function openChannelServer(options: TestServerOptions = {}): Promise<ChannelServer> {
  const routes: SocketRoute[] = [];
  const server = await openTestServer({ ...options, sockets: { add: (route) => void routes.push(route) } });
  const route = routes.find(({ path }) => path.endsWith('/session')) as SocketRoute;
  return {
    ...server,
    route,
    open(graph = 'default', headers = {}) {
      const socket = new MemorySocket();
      // Who asks is known at once here: no token has a signature that would have to be checked.
      socket.connect(route.admit({ parameters: { graph }, query: new URLSearchParams(), headers }) as AcceptSocket);
      return socket;
    },
  };
}
