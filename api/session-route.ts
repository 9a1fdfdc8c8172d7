/** `WS /v1/graphs/{g}/session`: opens session channels. */
import { graphName } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import { requireAnywhere } from './access/access-hooks.ts';
import type { Principal } from './access/principal.ts';
import type { ApiContext } from './api-context.ts';
import type { RequestTally } from './metrics.ts';
import type { RunningQueries } from './running-queries.ts';
import { SessionChannel } from './session-channel.ts';
import { socketAuthorization } from './socket-authorization.ts';
import { endsWithToken } from './token-watch.ts';
import type { AcceptSocket, SocketRoute } from './web-sockets.ts';

export const SESSION_PATH = '/v1/graphs/:graph/session';

export function sessionRoute(
  context: ApiContext,
  options: { readonly running: RunningQueries; readonly tally: RequestTally },
): SocketRoute {
  const authorise = socketAuthorization(context.authenticator);
  const { running, tally } = options;
  return {
    path: SESSION_PATH,
    protocol: 'weft.session.v1',
    messageBytesMax: LIMITS.bodyBytesMax,
    admit(request) {
      const open = (principal: Principal): AcceptSocket => {
        const graph = graphName(request.parameters.graph ?? '');
        requireAnywhere(principal, 'read', graph);
        const accept: AcceptSocket = (socket) =>
          new SessionChannel(socket, { context, running, graph, principal, answered: tally });
        if (context.authenticator === undefined) return accept;
        return endsWithToken(
          { authorise: () => authorise(request), principal, scheduler: context.env.scheduler },
          accept,
        );
      };
      const found = authorise(request);
      return found instanceof Promise ? found.then(open) : open(found);
    },
  };
}
