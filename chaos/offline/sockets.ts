/** WebSockets between devices and servers, over the simulated network. A connection that a cut broke is gone for both sides. */

import { AcceptedBatches, SyncSession } from '../../api/sync-session.ts';
import { WeftError } from '../../base/errors.ts';
import type { OpenSocket } from '../../client/platform.ts';
import { decodeReplicaFrame, decodeServerFrame } from '../../crdt/sync-frame.ts';
import type { OpenedEngine } from '../../src/engine.ts';
import type { Connection, Transport } from '../../src/replication/transport.ts';
import { DEFAULT } from '../client.ts';
import type { Cluster, Server } from '../cluster.ts';
import type { SimProcess } from '../sim/process.ts';
import type { OfflineRun } from './run.ts';

/** What RFC 6455 calls a connection that nobody closed. */
const BROKEN = 1006;

export function syncUrl(serverUrl: string): string {
  return `${serverUrl}/sync`;
}

export function openDeviceSocket(transport: Transport): OpenSocket {
  return (url, _protocols, events) => {
    let connection: Connection | undefined;
    let isClosed = false;
    transport.dial(syncUrl(url.slice(0, url.indexOf('/v1/'))), {
      opened: (opened) => {
        connection = opened;
        if (isClosed) opened.close('given up');
        else events.opened();
        return { frame: (bytes) => events.message(bytes), closed: (reason) => events.closed(BROKEN, reason) };
      },
      failed: (reason) => events.closed(BROKEN, reason),
    });
    return {
      get bufferedBytes() {
        return connection?.bufferedBytes ?? 0;
      },
      send: (bytes) => connection?.send(bytes),
      close: (_code, reason) => {
        isClosed = true;
        connection?.close(reason);
      },
    };
  };
}

/** Lets devices sync with a server that has come up. Nobody may write in the locked scope. */
export function serveDevices(
  run: OfflineRun,
  cluster: Cluster,
  at: { readonly server: Server; readonly process: SimProcess; readonly engine: OpenedEngine },
): void {
  const { server, process, engine } = at;
  const { env } = process;
  const accepted = new AcceptedBatches();
  cluster.network.transport(syncUrl(server.url), process).listen((connection) => {
    let session: SyncSession | undefined;
    const line = run.line(server);
    try {
      const graph = engine.sync(DEFAULT);
      session = new SyncSession({
        engine,
        env,
        graph: {
          get generation() {
            return graph.generation;
          },
          get isThere() {
            return graph.isThere;
          },
          get settings() {
            return graph.settings;
          },
          get clock() {
            return graph.clock;
          },
          diff: (partition, vector) => graph.diff(partition, vector),
          stateVector: (partition) => graph.stateVector(partition),
          listen: (listener) => graph.listen(listener),
          accept: async (patches, onDecided, mayWrite) => {
            const commit = await graph.accept(patches, onDecided, mayWrite);
            run.taken(server, patches, commit);
            return commit;
          },
        },
        principal: {
          may: (partition, right) => right === 'read' || run.mayWrite(partition),
          watch: () => () => undefined,
        },
        socket: {
          get bufferedBytes() {
            return connection.bufferedBytes;
          },
          send: (bytes) => {
            const frame = decodeServerFrame(bytes);
            if (frame.kind === 'receipt') line.receipt(frame);
            connection.send(bytes);
          },
          pause: () => undefined,
          resume: () => undefined,
          close: (_code, reason) => connection.close(reason),
        },
        accepted,
        bugs: cluster.setup.bugs,
      });
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      process.after(0, () => connection.close(error.code));
    }
    return {
      frame: (bytes) => {
        const frame = decodeReplicaFrame(bytes);
        if (frame.kind === 'write') line.write(frame);
        session?.message(bytes);
      },
      closed: () => session?.closed(),
    };
  });
}
