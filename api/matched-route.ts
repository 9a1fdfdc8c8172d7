/**
 * What is known of a route, looked up once per request: the framework builds its description of a route anew whenever it
 * is asked, which costs as much as finding a node.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';

export interface MatchedRoute {
  /** Empty if no route matched. */
  readonly url: string;
  /** Whether it is about one graph. */
  readonly isOfGraph: boolean;
  /** Whether it belongs to the pages that describe the API. */
  readonly isOfDocs: boolean;
  /** Whether it decides on `If-Match` and `If-None-Match`. */
  readonly isConditional: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    matched?: MatchedRoute;
  }
  interface FastifyRequest {
    /** Null until `routeOf` was asked. */
    matched: MatchedRoute | null;
  }
}

const OF_GRAPHS = /^\/(?:v1\/graphs|db)\/:graph(?:\/|$)/;
const OF_DOCS = /^\/docs(?:\/|$)/;
const NO_ROUTE: MatchedRoute = { url: '', isOfGraph: false, isOfDocs: false, isConditional: false };

/** Takes note of every route that is added from now on. */
export function recordRoutes(app: FastifyInstance): void {
  app.decorateRequest('matched', null);
  app.addHook('onRoute', (route) => {
    const { url, schema } = route;
    const { properties = {} } = (schema?.headers ?? {}) as { readonly properties?: object };
    const isConditional = 'if-match' in properties;
    const matched = { url, isOfGraph: OF_GRAPHS.test(url), isOfDocs: OF_DOCS.test(url), isConditional };
    route.config = { ...route.config, matched };
  });
}

/** The route that a request matched. */
export function routeOf(request: FastifyRequest): MatchedRoute {
  request.matched ??= request.routeOptions.config.matched ?? NO_ROUTE;
  return request.matched;
}
