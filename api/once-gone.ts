/** When nobody waits for an answer any more. */
import type { FastifyReply } from 'fastify';

/** Calls `then` when the answer is complete or its client has gone, at once if he has: nobody tells it to those who ask too late. */
export function onceGone(reply: FastifyReply, then: () => void): void {
  if (isGone(reply)) then();
  else reply.raw.once('close', then);
}

/** Nothing of a stream that is sent now would be read, and nobody would tell it that it is over. */
export function isGone({ raw }: FastifyReply): boolean {
  return raw.destroyed || raw.req.socket.destroyed;
}
