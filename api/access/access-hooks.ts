/**
 * What a request meets before its route: who asks, and whether he may use the route at all. Denied by default: a route
 * outside of graphs that is not listed here needs `admin` on the server. Routes of a graph need `read` somewhere in it, and
 * `graphOf` guards what they do with it.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeftError } from '../../base/errors.ts';
import { routeOf } from '../matched-route.ts';
import { checkLoad, type Pressure } from '../pressure.ts';
import { type Authenticator, bearerOf } from './authenticator.ts';
import { authorise, hasAny } from './authorise.ts';
import { refuseForeignPages } from './foreign-pages.ts';
import type { Principal, Right } from './principal.ts';
import type { RateLimits } from './rate-limits.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the request has passed authentication. */
    principal: Principal | null;
  }
}

/** The right on the server that a route needs; undefined if it is enough to be known, or the route asks for itself. */
const SERVER_RIGHTS: ReadonlyMap<string, Right | undefined> = new Map([
  ['/metrics', 'observe'],
  ['/v1/cluster', 'observe'],
  ['/openapi.json', undefined],
  ['/v1/queries', undefined],
  ['/v1/queries/:id', undefined],
  ['/v1/graphs', undefined],
]);

export function decorateAccess(app: FastifyInstance): void {
  app.decorateRequest('principal', null);
}

/** Guards the routes that are added from now on. */
export function installAccess(
  app: FastifyInstance,
  { authenticator, everybody, rates, pressure }: AccessOptions,
): void {
  app.addHook('onRequest', (request, _reply, done) => {
    let found: Principal | Promise<Principal>;
    try {
      // Operators may still look, and cancel what is too much.
      if (routeOf(request).isOfGraph) checkLoad(pressure);
      if (authenticator === undefined) refuseForeignPages(request.headers);
      found = authenticator?.authenticate(bearerOf(request.headers.authorization)) ?? everybody;
    } catch (error) {
      done(error as Error);
      return;
    }
    const admit = (principal: Principal): void => {
      request.principal = principal;
      done(refusal(principal, request, rates));
    };
    if (found instanceof Promise) found.then(admit, done);
    else admit(found);
  });
}

export interface AccessOptions {
  /** Undefined on a server that asks for no token. */
  readonly authenticator: Authenticator | undefined;
  readonly everybody: Principal;
  /** Undefined if anybody may ask as often as he likes. */
  readonly rates: RateLimits | undefined;
  readonly pressure: Pressure;
}

/** Who asks. @throws WeftError `unauthorized` if that was never found out, definite */
export function principalOfRequest({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new WeftError('unauthorized', 'the token is missing');
  return principal;
}

/** Refuses a request for a graph where its principal has the right nowhere. @throws WeftError `forbidden`, definite */
export function requireAnywhere(principal: Principal, right: Right, graph: string): void {
  if (!hasAny(principal, right, graph)) authorise(principal, right, { graph });
}

function refusal(principal: Principal, request: FastifyRequest, rates: RateLimits | undefined): WeftError | undefined {
  if (rates === undefined && principal.isUnlimited) return undefined;
  const { url, isOfGraph, isOfDocs } = routeOf(request);
  try {
    rates?.take(principal);
    if (principal.isUnlimited || isOfDocs) return undefined;
    if (isOfGraph) {
      requireAnywhere(principal, 'read', (request.params as { readonly graph: string }).graph);
      return undefined;
    }
    const right = SERVER_RIGHTS.has(url) ? SERVER_RIGHTS.get(url) : 'admin';
    if (right !== undefined) authorise(principal, right, {});
    return undefined;
  } catch (error) {
    return error as WeftError;
  }
}
