/** The usual server for Yjs documents, on a free port, and providers of one document on it. */
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider';
import { Server } from '@hocuspocus/server';
import { WebSocket } from 'ws';
import * as Y from 'yjs';

export interface Provided {
  readonly document: Y.Doc;
  readonly stop: () => void;
}

export class Hocuspocus {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Hocuspocus> {
    const server = new Server({ port: 0, quiet: true, stopOnSignals: false });
    await server.listen();
    return new Hocuspocus(server);
  }

  /** Resolves when it has what the server has. */
  async provider(): Promise<Provided> {
    const websocketProvider = new HocuspocusProviderWebsocket({
      url: this.#server.webSocketURL,
      WebSocketPolyfill: WebSocket,
    });
    const document = new Y.Doc();
    const provider = new HocuspocusProvider({ websocketProvider, name: 'bench', document });
    const synced = new Promise<void>((resolve) => provider.on('synced', () => resolve()));
    provider.attach();
    await synced;
    const stop = () => {
      // Its awareness has a timer of its own, which keeps a process alive.
      provider.destroy();
      websocketProvider.destroy();
    };
    return { document, stop };
  }

  async stop(): Promise<void> {
    await this.#server.destroy();
  }
}
