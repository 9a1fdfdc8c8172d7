/**
 * What every request carries from its first hook on, and the checks that come before any body is read: trace, routes
 * that do not exist, authorization. The hooks call back at once; nothing in them waits.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { Engine } from '../src/engine-port.ts';
import { allowedMethods } from './method-table.ts';
import { type Trace, traceOf } from './trace.ts';

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace | null;
    /** SHA-256 of the raw body; kept only for a request with an `Idempotency-Key`. */
    bodyHash: string;
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

/** Decorates requests and installs the hook that finds their route, or refuses them. */
export function installRequestContext(
  app: FastifyInstance,
  { engine, env, isStopping }: { readonly engine: Engine; readonly env: Env; readonly isStopping: () => boolean },
): void {
  app.decorateRequest('trace', null);
  app.decorateRequest('bodyHash', '');
  app.addHook('onRequest', (request, reply, done) => {
    beginTrace(request, reply, { engine, env });
    if (isStopping()) done(new WeftError('shutting-down', 'the server is stopping'));
    else done(request.is404 ? noSuchRoute(app, request) : undefined);
  });
}

/** Gives the request its trace and says in the answer who answers. */
export function beginTrace(
  request: FastifyRequest,
  reply: FastifyReply,
  { engine, env }: { readonly engine: Engine; readonly env: Env },
): Trace {
  const trace = traceOf(request.headers.traceparent, env.random);
  request.trace = trace;
  reply.header('traceparent', trace.traceparent).header('replica-id', String(engine.replicaId));
  return trace;
}

function noSuchRoute(app: FastifyInstance, request: FastifyRequest): WeftError {
  const [path = ''] = request.url.split('?');
  const allow = allowedMethods(app, path);
  if (allow.length === 0) return new WeftError('route-not-found', `there is no route ${request.method} ${path}`);
  return new WeftError('method-not-allowed', `${path} takes ${allow.join(', ')}, not ${request.method}`, { allow });
}

/** Lets only requests with the token pass. */
export function authorization(token: string): Hook {
  const isToken = tokenComparison(token);
  return (request, _reply, done) => {
    const given = bearerOf(request.headers.authorization);
    if (given !== undefined && isToken(given)) done();
    else done(new WeftError('unauthorized', given === undefined ? 'the token is missing' : 'the token is wrong'));
  };
}

export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

/** Digests have one length, so the comparison takes the same time whatever was sent. */
export function tokenComparison(token: string): (given: string) => boolean {
  const expected = digest(token);
  return (given) => timingSafeEqual(digest(given), expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
