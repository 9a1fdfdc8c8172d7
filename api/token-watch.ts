/**
 * A WebSocket, or a stream of changes, lives as long as the token that opened it: the token is looked at again and again, and once
 * it has expired, was withdrawn, or stands for other rights, the connection ends. Whoever still has rights comes back with them.
 */
import type { Scheduler, Timer } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import { ALL, type Principal } from './access/principal.ts';
import type { AcceptSocket } from './web-sockets.ts';
import { SOCKET_CLOSE } from './web-sockets.ts';

export interface WatchedToken {
  /** As when the connection was opened. */
  readonly authorise: () => Principal | Promise<Principal>;
  readonly principal: Principal;
  readonly scheduler: Scheduler;
}

export const TOKEN_ENDED = 'the token has expired, was withdrawn, or has other rights';

/** Calls `ended` once, at most `tokenLookMs` after the token stands for these rights no longer. Returns how to stop. */
export function watchToken({ authorise, principal, scheduler }: WatchedToken, ended: () => void): () => void {
  const rights = rightsText(principal);
  let timer: Timer;
  let isStopped = false;
  const look = async () => {
    const holds = await stillHolds();
    if (isStopped) return;
    if (holds) again();
    else ended();
  };
  const stillHolds = async () => {
    try {
      return rightsText(await authorise()) === rights;
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      return false;
    }
  };
  const again = () => {
    timer = scheduler.after(LIMITS.tokenLookMs, () => void look());
  };
  again();
  return () => {
    isStopped = true;
    timer.cancel();
  };
}

/** The same connection, which ends with its token. */
export function endsWithToken(token: WatchedToken, accept: AcceptSocket): AcceptSocket {
  return (socket) => {
    const events = accept(socket);
    const stop = watchToken(token, () => {
      socket.close(SOCKET_CLOSE.revoked, TOKEN_ENDED);
    });
    return {
      message: (bytes) => events.message(bytes),
      drained: () => events.drained(),
      stopping: () => events.stopping(),
      closed: () => {
        stop();
        events.closed();
      },
    };
  };
}

function rightsText({ name, grants }: Principal): string {
  const lists = grants.map(({ graphs, scopes, rights }) => [namesOf(graphs), namesOf(scopes), Array.from(rights)]);
  return JSON.stringify([name, lists]);
}

function namesOf(names: Principal['grants'][number]['graphs']): string | readonly string[] {
  return names === ALL ? names : Array.from(names);
}
