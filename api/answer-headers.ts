/**
 * The headers of every answer, whatever it says: who answers, in which trace, at what consistency. They are put together when it
 * leaves, so its session token covers what the request wrote. Bodies leave here in one step: by the framework's own way, through
 * a table of headers, a hook and the look at what is sent, a read of a node took a twelfth more processor time.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../src/engine-port.ts';
import { tokenOfAnswer } from './consistency.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Appends names and values in turn, as `writeHead` takes them. */
    pushAnswerHeaders(headers: string[], request: FastifyRequest): void;
  }
}

/** Answers are data: they load nothing and stand in no frame. The pages at `/docs` and `/console` bring a policy of their own. */
const CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** For all routes, those that are unknown included. */
export function installAnswerHeaders(app: FastifyInstance, engine: Engine): void {
  const replicaId = String(engine.replicaId);
  app.decorate('pushAnswerHeaders', (headers: string[], request: FastifyRequest) => {
    headers.push('replica-id', replicaId, 'content-security-policy', CONTENT_POLICY);
    // What a graph holds must never be taken for a page or a script.
    headers.push('x-content-type-options', 'nosniff');
    const { trace, consistencyLevel } = request;
    if (trace) headers.push('traceparent', trace.traceparent);
    if (!consistencyLevel) return;
    headers.push('consistency-effective', consistencyLevel, 'session-token', tokenOfAnswer(engine, request));
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    addAnswerHeaders(app, request, reply);
    done();
  });
}

/** For an answer that no hook sees. */
export function addAnswerHeaders(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): void {
  const headers: string[] = [];
  app.pushAnswerHeaders(headers, request);
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = [headers[i] as string, headers[i + 1] as string];
    if (!reply.hasHeader(name)) reply.header(name, value);
  }
}

/**
 * Sends a body.
 * @param headers of its own, names and values in turn, to which the others are appended; what was set by `reply.header` does not go along
 */
export function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, headers }: { readonly body: string | Uint8Array; readonly headers: string[] },
): void {
  reply.server.pushAnswerHeaders(headers, request);
  headers.push('content-length', String(Buffer.byteLength(body)));
  const { raw } = reply;
  raw.writeHead(raw.statusCode, headers);
  // Not before: what is thrown until here is answered as an error.
  reply.hijack();
  raw.end(body);
}
