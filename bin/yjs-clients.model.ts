/** A server on a real port, and providers of y-websocket that connect to it as they come. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { openTestServer, type TestServer, type TestServerOptions } from '../api/server.model.ts';
import type { SocketRoute } from '../api/web-sockets.ts';
import { Upgrades } from './upgrades.ts';
import { WebSocketRoutes } from './web-socket-routes.ts';

export interface YjsServer extends TestServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  connect(partition: string, options?: YjsClientOptions): YjsClient;
}

export interface YjsClientOptions {
  readonly graph?: string;
  readonly doc?: Y.Doc;
  readonly protocols?: string[];
  readonly params?: Record<string, string>;
}

/** A stock client, and what its provider said. */
export interface YjsClient {
  readonly doc: Y.Doc;
  readonly provider: WebsocketProvider;
  /** Reasons of `permission denied`. */
  readonly denied: string[];
  /** Close codes. */
  readonly closes: number[];
  /** Resolves once it has what the server had. */
  synced(): Promise<void>;
  /** Resolves once `holds`, which is looked at whenever something arrives. */
  until(holds: () => boolean): Promise<void>;
}

export async function openYjsServer(options: TestServerOptions = {}): Promise<YjsServer> {
  const added: SocketRoute[] = [];
  const server = await openTestServer({ ...options, sockets: { add: (route) => void added.push(route) } });
  // They share the environment that the server was opened with.
  const routes = new WebSocketRoutes(server.env);
  for (const route of added) routes.add(route);
  const upgrades = new Upgrades();
  routes.attach(upgrades);
  upgrades.attach(server.app.server);
  server.app.server.listen(0, '127.0.0.1');
  await once(server.app.server, 'listening');
  const { port } = server.app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const clients = new Set<YjsClient>();
  return {
    ...server,
    url,
    connect(partition, { graph = 'default', doc = new Y.Doc(), ...given } = {}) {
      const client = connected(`ws://127.0.0.1:${port}/v1/yjs/${graph}`, partition, { doc, ...given });
      clients.add(client);
      return client;
    },
    async close() {
      for (const { provider } of clients) provider.destroy();
      routes.stop();
      routes.terminate();
      await server.close();
    },
  };
}

function connected(
  url: string,
  partition: string,
  { doc, protocols = [], params = {} }: YjsClientOptions & { readonly doc: Y.Doc },
): YjsClient {
  const provider = new WebsocketProvider(url, partition, doc, {
    disableBc: true,
    protocols,
    params,
    WebSocketPolyfill: WebSocket as never,
  });
  const denied: string[] = [];
  const closes: number[] = [];
  const looks = new Set<() => void>();
  const look = (): void => {
    for (const each of Array.from(looks)) each();
  };
  // What y-protocols does with it is to print it.
  provider.messageHandlers[2] = (_encoder, decoder) => {
    decoder.pos++;
    denied.push(new TextDecoder().decode(decoder.arr.subarray(decoder.pos + 1)));
    look();
  };
  provider.on('connection-close', (event) => {
    if (event !== null) closes.push(event.code);
    look();
  });
  provider.on('status', look);
  provider.on('sync', look);
  provider.awareness.on('update', look);
  doc.on('update', look);
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const each = (): void => {
        if (!holds()) return;
        looks.delete(each);
        resolve();
      };
      looks.add(each);
      each();
    });
  return { doc, provider, denied, closes, until, synced: () => until(() => provider.synced) };
}
