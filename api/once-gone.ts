/** When nobody waits for an answer any more. */
import type { FastifyReply } from 'fastify';

/** Calls `then` when the answer is complete or its client has gone, at once if he has: nobody tells it to those who ask too late. */
export function onceGone({ raw }: FastifyReply, then: () => void): void {
  if (raw.destroyed || raw.req.socket.destroyed) then();
  else raw.once('close', then);
}
