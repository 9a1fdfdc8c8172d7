/** `WS /v1/yjs/{g}/{partition}`: stock Yjs clients. `yjs-session.ts` is one connection; `docs/yjs.md` says how to use it. */
import { WeftError } from '../base/errors.ts';
import { graphName, type PartitionId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { isPartition } from '../crdt/replica-patches.ts';
import { authorise, mayDo, partitionTarget } from './access/authorise.ts';
import type { Principal } from './access/principal.ts';
import type { ApiContext } from './api-context.ts';
import { socketAuthorization } from './socket-authorization.ts';
import { endsWithToken } from './token-watch.ts';
import type { AcceptSocket, SocketRequest, SocketRoute } from './web-sockets.ts';
import { type YjsRoomOptions, YjsRooms } from './yjs-room.ts';
import { type YjsCounts, YjsSession } from './yjs-session.ts';

export function yjsRoute({ engine, env, authenticator }: ApiContext, counts: YjsCounts): SocketRoute {
  const rooms = new YjsRooms();
  const whoAsks = socketAuthorization(authenticator, { takesParameter: true });

  /** Whether there is a partition is told only to those who may read it. */
  const open = (request: SocketRequest, principal: Principal): AcceptSocket => {
    const name = graphName(request.parameters.graph ?? '');
    const partition = (request.parameters.partition ?? '') as PartitionId;
    authorise(principal, 'read', partitionTarget(name, partition));
    const graph = engine.sync(name);
    if (!isPartition(partition, graph.settings.partitions)) {
      throw new WeftError('invalid-request', `graph \`${name}\` has no partition ${partition}`, { partition });
    }
    rooms.checkRoom(graph, partition);
    const isThere = (): boolean => {
      try {
        return engine.sync(name).generation === graph.generation;
      } catch (error) {
        if (error instanceof WeftError) return false;
        throw error;
      }
    };
    const mayWrite = mayDo(principal, 'yjs-write', partitionTarget(name, partition));
    const write: YjsRoomOptions['write'] = (operations) => engine.graph(name).write(operations);
    const accept: AcceptSocket = (socket) => {
      const room = rooms.enter({ env, graph, partition, isThere, write });
      return new YjsSession({ env, socket, counts, mayWrite, room });
    };
    if (authenticator === undefined) return accept;
    return endsWithToken({ authorise: () => whoAsks(request), principal, scheduler: env.scheduler }, accept);
  };

  return {
    path: '/v1/yjs/:graph/:partition',
    protocol: 'weft.yjs.v1',
    messageBytesMax: LIMITS.bodyBytesMax,
    admit: (request) => {
      const found = whoAsks(request);
      return found instanceof Promise ? found.then((principal) => open(request, principal)) : open(request, found);
    },
  };
}
