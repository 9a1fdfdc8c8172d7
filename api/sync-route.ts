/** `WS /v1/graphs/{g}/sync`: offline replicas. `sync-session.ts` is one connection; `docs/protocol.md` has the frames. */
import { graphName } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { SYNC_PROTOCOL } from '../crdt/sync-frame.ts';
import type { ApiContext } from './api-context.ts';
import type { SyncAuthority, SyncPrincipal } from './sync-authority.ts';
import { AcceptedBatches, SyncSession } from './sync-session.ts';
import type { AcceptSocket, SocketRoutes } from './web-sockets.ts';

export function addSyncRoute(routes: SocketRoutes, { engine, env, bugs }: ApiContext, authority: SyncAuthority): void {
  const accepted = new AcceptedBatches();
  routes.add({
    path: '/v1/graphs/:graph/sync',
    protocol: SYNC_PROTOCOL,
    messageBytesMax: LIMITS.bodyBytesMax,
    admit: (request) => {
      const name = graphName(request.parameters.graph ?? '');
      const open = (principal: SyncPrincipal): AcceptSocket => {
        const graph = engine.sync(name);
        return (socket) => new SyncSession({ engine, env, graph, principal, socket, accepted, ...(bugs && { bugs }) });
      };
      const found = authority.admit(request, name);
      return found instanceof Promise ? found.then(open) : open(found);
    },
  });
}
