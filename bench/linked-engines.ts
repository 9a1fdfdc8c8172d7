/**
 * Servers of one cluster in this process: engines on LevelDB, linked over WebSockets on loopback as in production, with
 * no HTTP requests in front of them.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { graphName } from '../base/ids.ts';
import { Upgrades } from '../bin/upgrades.ts';
import { WebSocketTransport } from '../bin/web-socket-transport.ts';
import { covers, type VersionVector } from '../src/commits/version-vector.ts';
import { type OpenedEngine, openEngine } from '../src/engine.ts';
import type { Graph } from '../src/engine-port.ts';
import { startReplication } from '../src/replication/replicator.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { benchEnv } from './bench-env.ts';

const UNLIMITED = 8 * 1024 ** 3;

/** Where a server will be reached, before it runs. */
export interface Place {
  readonly name: string;
  readonly url: string;
  readonly http: Server;
}

export interface LinkedEngine {
  readonly engine: OpenedEngine;
  readonly graph: Graph;
  /** What its links sent so far. */
  sentBytes(): number;
  /** Resolves once all of this is durable and visible here. */
  reach(wanted: VersionVector): Promise<void>;
  /** Stops it; another one may start at its place. */
  stop(): Promise<void>;
}

export async function places(...names: readonly string[]): Promise<Place[]> {
  return Promise.all(
    names.map(async (name) => {
      const http = createServer((_request, response) => response.writeHead(404).end());
      // Bound for as long as the process lives, so that a server that starts again has the same URL.
      http.listen(0, '127.0.0.1').unref();
      await once(http, 'listening');
      return { name, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, http };
    }),
  );
}

/** Starts a server at its place; those at the URLs `peers` may run already, or later. */
export async function startAt(
  place: Place,
  peers: readonly string[],
  options: { readonly directory: string; readonly durability: 'disk' | 'buffered' },
): Promise<LinkedEngine> {
  const env = benchEnv(place.url.length + Number(new URL(place.url).port));
  const transport = new WebSocketTransport(env);
  const cluster = { peers, advertise: place.url, secret: 'bench', transport };
  const store = await openLevelStore({ ...options, env });
  const engine = await openEngine({ env, store, name: place.name, memoryBudgetBytes: UNLIMITED, cluster });
  const onBug = (error: Error) => {
    throw error;
  };
  const replication = await startReplication({ env, engine, options: cluster, name: place.name, onBug });
  const upgrades = new Upgrades();
  transport.attach(upgrades);
  upgrades.attach(place.http);
  return {
    engine,
    graph: engine.graph(graphName('default')),
    sentBytes: () => engine.metrics().replication?.bytesSentTotal ?? 0,
    reach: (wanted) => {
      return new Promise((resolve) => {
        const look = () => {
          if (covers(engine.replica.vector, wanted)) resolve();
          else setImmediate(look);
        };
        look();
      });
    },
    async stop() {
      await replication.close();
      await engine.close();
      place.http.removeAllListeners('upgrade');
    },
  };
}
