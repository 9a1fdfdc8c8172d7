/** Streams whose reader must read: a stream that waits keeps something for it. */
import type { FastifyReply } from 'fastify';
import type { Env } from '../base/env.ts';

/** Hands the pieces on as there is room for them; if that takes too long, the connection goes. */
export async function* cutOff(
  pieces: AsyncIterable<string>,
  { env, reply, stallMs }: { readonly env: Env; readonly reply: FastifyReply; readonly stallMs: number },
): AsyncGenerator<string> {
  for await (const piece of pieces) {
    const timer = env.scheduler.after(stallMs, () => {
      // An answer behind others on its connection has no socket yet.
      if (reply.raw.socket === null) reply.raw.req.socket.destroy();
      else reply.raw.destroy();
    });
    try {
      yield piece;
    } finally {
      timer.cancel();
    }
  }
}
