/**
 * Consistency levels and session tokens. A token says what a client has seen, from whichever server; at level `session`
 * nothing is read or written here before this server has all of that. Every answer carries a token that covers what it
 * shows, taken when the answer leaves, so it covers a write that the request made too.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { WeftError } from '../base/errors.ts';
import type { ReplicaId } from '../base/ids.ts';
import * as LIMITS from '../base/limits.ts';
import type { Engine } from '../src/engine-port.ts';
import { routeOf } from './matched-route.ts';
import { type Query, singleParameter } from './query-parameters.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the request has passed the hook; only then its answer carries a token. */
    consistencyLevel: ConsistencyLevel | null;
    /** What the answer shows, of each stream the last commit; null if that is what is visible when it is sent. */
    shown: ReadonlyMap<ReplicaId, number> | null;
    /** Valid ones that the request presented; null without any, which is the common case. */
    sessionTokens: readonly string[] | null;
    /** True if a strong request may be served at `session` when no majority can be reached. */
    mayDowngrade: boolean;
  }
}

export type ConsistencyLevel = 'eventual' | 'session' | 'strong';

/** What a request on a graph carries on its way, whether it came over HTTP or a session channel. */
export type Call = Pick<FastifyRequest, 'consistencyLevel' | 'sessionTokens' | 'mayDowngrade' | 'trace'>;

/** The terms that a request asks for. */
export interface Terms {
  readonly level: ConsistencyLevel;
  /** Session tokens that it presents. */
  readonly tokens: readonly string[];
  readonly mayDowngrade: boolean;
  /** Whether its answer depends on which graphs there are. */
  readonly restsOnCatalog: boolean;
}

const LEVELS: ReadonlySet<string> = new Set<ConsistencyLevel>(['eventual', 'session', 'strong']);

/** Gives requests to the routes that are added from now on their level; `answer-headers.ts` gives their answers a token. */
export function installConsistency(app: FastifyInstance, engine: Engine): void {
  app.addHook('onRequest', (request, _reply, done) => {
    let wait: Promise<void> | undefined;
    try {
      const level = levelOf(request);
      const header = request.headers['session-token'];
      wait = beginCall(engine, request, {
        level,
        tokens: header === undefined ? [] : tokensOf(header),
        mayDowngrade: mayDowngrade(request, level),
        restsOnCatalog: level === 'strong' && restsOnCatalog(request, engine),
      });
    } catch (error) {
      done(error as Error);
      return;
    }
    if (wait === undefined) done();
    else wait.then(() => done(), done);
  });
}

/**
 * Gives a request its level, and waits until this server may serve it at that.
 * @returns nothing if there is nothing to wait for
 * @throws WeftError `invalid-session-token` or, later, what `Engine.reachSession` rejects with
 */
export function beginCall(engine: Engine, call: Call, terms: Terms): Promise<void> | undefined {
  call.consistencyLevel = terms.level;
  call.mayDowngrade = terms.mayDowngrade;
  const wait = present(engine, call, terms.tokens);
  if (terms.mayDowngrade && !engine.quorum().isReachable) call.consistencyLevel = 'session';
  if (call.consistencyLevel !== 'strong' || !terms.restsOnCatalog) return wait;
  const seen = engine.seeCatalog();
  return wait === undefined ? seen : wait.then(() => seen);
}

/** Requests have these from the start, wherever they end. */
export function decorateConsistency(app: FastifyInstance): void {
  app.decorateRequest('consistencyLevel', null);
  app.decorateRequest('sessionTokens', null);
  app.decorateRequest('mayDowngrade', false);
  app.decorateRequest('shown', null);
}

/**
 * Takes note of tokens and, unless the level is `eventual`, waits until this server has what they cover.
 * @returns nothing if there is nothing to wait for
 * @throws WeftError `invalid-session-token` or, later, what `Engine.reachSession` rejects with
 */
export function present(engine: Engine, request: Call, tokens: readonly string[]): Promise<void> | undefined {
  if (tokens.length === 0) return undefined;
  const all = request.sessionTokens === null ? tokens : [...request.sessionTokens, ...tokens];
  if (all.length > LIMITS.sessionTokensMax) {
    throw new WeftError('invalid-request', `a request presents at most ${LIMITS.sessionTokensMax} session tokens`);
  }
  // Refuses tokens that are not valid, so that the answer can rely on them.
  engine.sessionToken(tokens);
  request.sessionTokens = all;
  return request.consistencyLevel === 'eventual' ? undefined : engine.reachSession(tokens);
}

/** A token for what the answer shows, or what is visible now. */
export function tokenOfAnswer(engine: Engine, request: FastifyRequest): string {
  const { shown, sessionTokens } = request;
  return shown === null ? sessionTokenFor(engine, request) : engine.sessionToken(sessionTokens ?? [], shown);
}

/** A token for what the answer to this request shows. */
export function sessionTokenFor(engine: Engine, request: Call): string {
  return request.sessionTokens === null ? engine.sessionToken() : engine.sessionToken(request.sessionTokens);
}

/** Whether the answer depends on which graphs there are. */
function restsOnCatalog(request: FastifyRequest, engine: Engine): boolean {
  if (CATALOG_ROUTES.has(routeOf(request).url)) return true;
  const { graph } = request.params as { readonly graph?: string };
  return graph !== undefined && !isKnownGraph(engine, graph);
}

/** Whether this server has a graph of this name; a strong request waits until it has all that there are. */
export function isKnownGraph(engine: Engine, graph: string): boolean {
  return engine.listGraphs().some(({ name }) => name === graph);
}

const CATALOG_ROUTES: ReadonlySet<string> = new Set(['/v1/graphs', '/v1/graphs/:graph']);

/** Only who asks for it gets less than `strong`, and the answer says so. */
function mayDowngrade(request: FastifyRequest, level: ConsistencyLevel): boolean {
  return checkDowngrade(singleParameter(request.query as Query, 'allowDowngrade'), level);
}

/** @throws WeftError `invalid-request`, definite */
export function checkDowngrade(wanted: string | undefined, level: ConsistencyLevel): boolean {
  if (wanted === undefined) return false;
  if (wanted !== 'session' || level !== 'strong') {
    throw new WeftError('invalid-request', 'allowDowngrade takes `session`, on a strong request', {
      field: 'allowDowngrade',
    });
  }
  return true;
}

function levelOf(request: FastifyRequest): ConsistencyLevel {
  const header = request.headers['consistency-level'];
  let asked = typeof header === 'string' ? header.trim().toLowerCase() : undefined;
  const parameter = singleParameter(request.query as Query, 'consistency');
  if (parameter !== undefined && asked !== undefined && parameter !== asked) {
    throw new WeftError('invalid-request', 'the header and the parameter ask for different consistency levels');
  }
  asked ??= parameter;
  if (asked === undefined) return 'session';
  return checkLevel(asked, header === undefined ? 'consistency' : 'Consistency-Level');
}

/** @throws WeftError `invalid-request`, definite */
export function checkLevel(asked: string, field: string): ConsistencyLevel {
  if (LEVELS.has(asked)) return asked as ConsistencyLevel;
  const known = [...LEVELS].join(', ');
  throw new WeftError('invalid-request', `unknown consistency level "${asked}"; known are ${known}`, { field });
}

/** A header may be repeated, and hold several tokens separated by commas. */
function tokensOf(header: string | readonly string[]): readonly string[] {
  const text = typeof header === 'string' ? header : header.join(',');
  return text
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '');
}
