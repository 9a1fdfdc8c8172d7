/**
 * The headers of every answer, whatever it says: who answers, in which trace, at what consistency. They are put together when it
 * leaves, so its session token covers what the request wrote. Bodies leave here in one step: by the framework's own way, through
 * a table of headers, a hook and the look at what is sent, a read of a node took a twelfth more processor time.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Engine } from '../src/engine-port.ts';
import { tokenOfAnswer } from './consistency.ts';
import { OneWriteResponse } from './responses-together.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The headers of every answer, as lines. Nobody looks at what is in them again, so they hold nothing of a request that was not checked. */
    answerHeaderLines(request: FastifyRequest): string;
  }
}

/** Answers are data: they load nothing and stand in no frame. The pages at `/docs` and `/console` bring a policy of their own. */
const CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** For all routes, those that are unknown included. */
export function installAnswerHeaders(app: FastifyInstance, engine: Engine): void {
  const always =
    `replica-id: ${engine.replicaId}\r\ncontent-security-policy: ${CONTENT_POLICY}\r\n` +
    // What a graph holds must never be taken for a page or a script.
    'x-content-type-options: nosniff\r\n';
  app.decorate('answerHeaderLines', (request: FastifyRequest) => {
    const { trace, consistencyLevel } = request;
    const lines = trace ? `${always}traceparent: ${trace.traceparent}\r\n` : always;
    if (!consistencyLevel) return lines;
    const token = tokenOfAnswer(engine, request);
    return `${lines}consistency-effective: ${consistencyLevel}\r\nsession-token: ${token}\r\n`;
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    addAnswerHeaders(app, request, reply);
    done();
  });
}

/** For an answer that no hook sees. */
export function addAnswerHeaders(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): void {
  for (const [name, value] of headersIn(app.answerHeaderLines(request))) {
    if (!reply.hasHeader(name)) reply.header(name, value);
  }
}

function headersIn(lines: string): (readonly [name: string, value: string])[] {
  return lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    });
}

/**
 * Sends a body.
 * @param headers of its own, names and values in turn, beside those of every answer; what was set by `reply.header` does not go along
 */
export function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, headers }: { readonly body: string | Uint8Array; readonly headers: string[] },
): void {
  const lines = reply.server.answerHeaderLines(request);
  headers.push('content-length', String(Buffer.byteLength(body)));
  const { raw } = reply;
  if (raw instanceof OneWriteResponse) raw.writeLines(lines, headers);
  else raw.writeHead(raw.statusCode, [...headersIn(lines).flat(), ...headers]);
  // Not before: what is thrown until here is answered as an error.
  reply.hijack();
  raw.end(body);
}
