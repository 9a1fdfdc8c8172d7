/** Who may sync what, as `access/` says it of scopes: a scope that is opened is read, one that is written to needs more. */
import type { Scheduler } from '../base/env.ts';
import type { PartitionId } from '../base/ids.ts';
import { requireAnywhere } from './access/access-hooks.ts';
import type { Authenticator } from './access/authenticator.ts';
import { mayDo, partitionTarget } from './access/authorise.ts';
import type { Principal } from './access/principal.ts';
import { socketAuthorization } from './socket-authorization.ts';
import { watchToken } from './token-watch.ts';
import type { SocketRequest } from './web-sockets.ts';

export interface SyncAuthority {
  /** Before the upgrade. @throws, or rejects with, WeftError `unauthorized`, `forbidden`; definite */
  admit(request: SocketRequest, graph: string): SyncPrincipal | Promise<SyncPrincipal>;
}

export interface SyncPrincipal {
  may(partition: PartitionId, right: 'read' | 'write'): boolean;
  /** Calls `revoked` once if the right to be here ends. Returns how to stop. */
  watch(revoked: () => void): () => void;
}

/** @param authenticator undefined on a server that asks for no token */
export function accessAuthority(authenticator: Authenticator | undefined, scheduler: Scheduler): SyncAuthority {
  const authorise = socketAuthorization(authenticator);
  return {
    admit: (request, graph) => {
      const admitted = (principal: Principal): SyncPrincipal => {
        requireAnywhere(principal, 'replicate', graph);
        return {
          may: (partition, right) => mayDo(principal, right, partitionTarget(graph, partition)),
          watch: (revoked) => {
            if (authenticator === undefined) return () => undefined;
            return watchToken({ authorise: () => authorise(request), principal, scheduler }, revoked);
          },
        };
      };
      const found = authorise(request);
      return found instanceof Promise ? found.then(admitted) : admitted(found);
    },
  };
}
