/**
 * The headers of every answer, whatever it says: who answers, in which trace, at what consistency. They are put together when it
 * leaves, so its session token covers what the request wrote. Bodies leave here in one step: by the framework's own way, through
 * a table of headers, a hook and the look at what is sent, a read of a node took a twelfth more processor time.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { assert } from '../base/assert.ts';
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

/** A line of a head. Values are ours, so of what the runtime looks for only what would begin another line is looked for here. */
export function headerLine(name: string, value: string): string {
  assert(!value.includes('\n') && !value.includes('\r'), 'the value of a header stands in one line');
  return `${name}: ${value}\r\n`;
}

/**
 * Sends a body.
 * @param lines of its own head, beside those of every answer; what was set by `reply.header` does not go along
 */
export function sendBody(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, lines }: { readonly body: string | Uint8Array; readonly lines: string },
): void {
  const all = lines + reply.server.answerHeaderLines(request);
  const bodyBytes = Buffer.byteLength(body);
  const { raw } = reply;
  if (raw instanceof OneWriteResponse) raw.writeLines(all, bodyBytes);
  else raw.writeHead(raw.statusCode, [...headersIn(all).flat(), 'content-length', String(bodyBytes)]);
  // Not before: what is thrown until here is answered as an error.
  reply.hijack();
  raw.end(body);
}
