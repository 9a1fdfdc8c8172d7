/**
 * What every request carries from its first hook on, and the checks that come before any body is read: trace, routes
 * that do not exist, authorization. The hooks call back at once; nothing in them waits.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Env } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import type { Span } from '../base/tracer.ts';
import { routeOf } from './matched-route.ts';
import { allowedMethods } from './method-table.ts';
import { CLIENT_CLOSED_REQUEST } from './metrics.ts';
import { beginTrace, type Trace } from './trace.ts';

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace | null;
    /** SHA-256 of the raw body; kept only for a request with an `Idempotency-Key`. */
    bodyHash: string;
  }
}

/** Decorates requests and installs the hook that finds their route, or refuses them. */
export function installRequestContext(
  app: FastifyInstance,
  {
    env,
    isLeaving,
    isStopping,
  }: {
    readonly env: Env;
    readonly isLeaving: () => boolean;
    readonly isStopping: () => boolean;
  },
): void {
  app.decorateRequest('trace', null);
  app.decorateRequest('bodyHash', '');
  app.addHook('onRequest', (request, reply, done) => {
    giveTrace(request, reply, env);
    // Said before any connection is closed: one that were closed under a request would leave its client without an answer.
    if (isLeaving()) reply.header('connection', 'close');
    if (isLeaving() || isStopping()) done(new WeftError('shutting-down', 'the server is stopping'));
    else if (!hasOneHost(request)) done(withoutOneHost());
    else if (request.is404) done(noSuchRoute(app, request));
    else if (hasVainCondition(request)) done(vainCondition(request));
    else proceed(request, done);
  });
  if (env.tracer === undefined) return;
  // What reads the body hands on from the socket, which is in no span.
  app.addHook('preValidation', (request, _reply, done) => proceed(request, done));
}

/** RFC 9112, section 3.2. Of two the runtime keeps the first, where a proxy on the way may have gone by the second. */
function hasOneHost({ raw: { rawHeaders, httpVersionMinor } }: FastifyRequest): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts === 1 || (hosts === 0 && httpVersionMinor === 0);
}

function withoutOneHost(): WeftError {
  return new WeftError('malformed-request', 'the header `Host` is missing, which HTTP/1.1 needs, or is there twice');
}

/** Goes on inside the span of the request. */
function proceed(request: FastifyRequest, next: () => void): void {
  const span = request.trace?.span;
  if (span === undefined) next();
  else span.within(next);
}

function endWithAnswer(request: FastifyRequest, { raw }: FastifyReply, span: Span<'request'>): void {
  raw.once('close', () => {
    const status = raw.writableEnded ? raw.statusCode : CLIENT_CLOSED_REQUEST;
    const { graph } = (request.params ?? {}) as Partial<Record<string, string>>;
    span.set({
      'http.response.status_code': status,
      ...(graph !== undefined && { 'weft.graph': graph }),
      ...(request.consistencyLevel && { 'weft.consistency': request.consistencyLevel }),
    });
    span.end(status >= 500 ? new Error(`answered ${status}`) : undefined);
  });
}

/** Gives the request its trace. */
export function giveTrace(request: FastifyRequest, reply: FastifyReply, env: Env): Trace {
  const trace = beginTrace(env, request.headers.traceparent, request.method, routeOf(request).url);
  if (trace.span !== undefined) endWithAnswer(request, reply, trace.span);
  request.trace = trace;
  return trace;
}

/** A condition on a write that decides on none. Passed over, it would not protect what its client believes to be protected. */
function hasVainCondition(request: FastifyRequest): boolean {
  const { headers, method } = request;
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return false;
  const { isOfGraph, isConditional } = routeOf(request);
  return isOfGraph && !isConditional && method !== 'GET' && method !== 'HEAD';
}

function vainCondition({ headers, method, url }: FastifyRequest): WeftError {
  const header = headers['if-match'] === undefined ? 'If-None-Match' : 'If-Match';
  const instead = 'operations of a batch have `ifMatch` and `ifNoneMatch`, single nodes and edges these headers';
  return new WeftError('invalid-request', `${method} ${url.split('?')[0]} takes no ${header}: ${instead}`, { header });
}

function noSuchRoute(app: FastifyInstance, request: FastifyRequest): WeftError {
  const [path = ''] = request.url.split('?');
  const allow = allowedMethods(app, path);
  if (allow.length === 0) {
    const isTransaction = /^\/db\/[^/]+\/query\/v2\/tx(\/|$)/.test(path);
    const hint = isTransaction ? ': several statements in one request (`statements`) are one transaction' : '';
    return new WeftError('route-not-found', `there is no route ${request.method} ${path}${hint}`);
  }
  return new WeftError('method-not-allowed', `${path} takes ${allow.join(', ')}, not ${request.method}`, { allow });
}
