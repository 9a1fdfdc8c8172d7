/** WebSockets between clients and servers of one process, which a test can cut: frames take a turn of the loop, and keep their order. */
import type { AcceptSocket, SocketRequest, SocketRoute, SocketRoutes } from '../api/web-sockets.ts';
import { WeftError } from '../base/errors.ts';
import type { ClientSocket, OpenSocket, SocketEvents } from './platform.ts';

/** Close code of a connection that nobody closed. */
const BROKEN = 1006;

interface Pair {
  readonly url: string;
  /** Ends both sides. */
  end(code: number, reason: string): void;
}

export class MemorySockets {
  readonly #routes = new Map<string, SocketRoute[]>();
  readonly #pairs = new Set<Pair>();
  /** Nobody can connect, and what is connected is cut. */
  #isCut = false;
  /** Frames of servers that get lost, after which the connection breaks. */
  loses: (frame: Uint8Array) => boolean = () => false;

  /** Where a server adds its routes. */
  at(url: string): SocketRoutes {
    const routes: SocketRoute[] = [];
    this.#routes.set(url, routes);
    return { add: (route) => void routes.push(route) };
  }

  cut(): void {
    this.#isCut = true;
    for (const pair of Array.from(this.#pairs)) pair.end(BROKEN, 'cut');
  }

  heal(): void {
    this.#isCut = false;
  }

  get openCount(): number {
    return this.#pairs.size;
  }

  readonly open: OpenSocket = (url, protocols, events) => {
    const [, base = '', path = ''] = /^ws(:\/\/[^/]+)(\/.*)$/.exec(url) ?? [];
    const queue = new Turns();
    const route = this.#isCut ? undefined : this.#routes.get(`http${base}`)?.find(({ path: of }) => matches(of, path));
    if (route === undefined) {
      queue.later(() => events.closed(BROKEN, ''));
      return { bufferedBytes: 0, send: () => undefined, close: () => undefined };
    }
    return this.#connect({ url, queue, route, path, protocols }, events);
  };

  #connect(
    to: { url: string; queue: Turns; route: SocketRoute; path: string; protocols: readonly string[] },
    events: SocketEvents,
  ): ClientSocket {
    const { queue, route, path } = to;
    let isOver = false;
    /** What is under way is lost, too. */
    let isBroken = false;
    let server: ReturnType<AcceptSocket> | undefined;
    const pair: Pair = {
      url: to.url,
      end: (code, reason) => {
        if (isOver) return;
        isOver = true;
        isBroken = code === BROKEN;
        this.#pairs.delete(pair);
        server?.closed();
        queue.later(() => events.closed(code, reason));
      },
    };
    queue.later(async () => {
      const request: SocketRequest = {
        parameters: { graph: decodeURIComponent(path.split('/')[3] ?? '') },
        query: new URLSearchParams(),
        headers: { 'sec-websocket-protocol': to.protocols.join(', ') },
      };
      try {
        const accept = await route.admit(request);
        this.#pairs.add(pair);
        server = accept({
          bufferedBytes: 0,
          send: (bytes) => {
            if (isOver) return;
            if (this.loses(bytes)) pair.end(BROKEN, 'lost');
            else queue.later(() => isBroken || events.message(bytes.slice()));
          },
          pause: () => undefined,
          resume: () => undefined,
          close: (code, reason) => pair.end(code, reason),
        });
        queue.later(() => events.opened());
      } catch (error) {
        if (!(error instanceof WeftError)) throw error;
        pair.end(BROKEN, error.code);
      }
    });
    return {
      bufferedBytes: 0,
      send: (bytes) => queue.later(() => isBroken || server?.message(bytes.slice())),
      close: (code, reason) => pair.end(code, reason),
    };
  }
}

function matches(pattern: string, path: string): boolean {
  return new RegExp(`^${pattern.replace(/:\w+/g, '[^/]+')}$`).test(path);
}

class Turns {
  #last: Promise<unknown> = Promise.resolve();

  later(task: () => unknown): void {
    this.#last = this.#last.then(() => new Promise<void>((resolve) => setImmediate(resolve))).then(task);
  }
}
