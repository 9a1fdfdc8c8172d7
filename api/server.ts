/**
 * The HTTP server: routes over an engine, and what all of them share. A request passes the context hook (trace, unknown
 * routes), authorization and the consistency hook before its body is read; its handler answers with prepared text; and
 * whatever is thrown on the way becomes a problem document here.
 */
import type { SecureContextOptions } from 'node:tls';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { BugError } from '../base/assert.ts';
import type { Env, Log, Timer } from '../base/env.ts';
import { WeftError } from '../base/errors.ts';
import * as LIMITS from '../base/limits.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import type { ClockFault, Engine, LinkFaults } from '../src/engine-port.ts';
import { decorateAccess, installAccess } from './access/access-hooks.ts';
import { AuditLog } from './access/audit-log.ts';
import type { Authenticator } from './access/authenticator.ts';
import { unlimitedPrincipal } from './access/principal.ts';
import { RateLimits } from './access/rate-limits.ts';
import { adminToken, StaticTokens } from './access/static-tokens.ts';
import { sendProblem } from './answer.ts';
import { addAnswerHeaders, installAnswerHeaders } from './answer-headers.ts';
import type { ApiContext, Reported } from './api-context.ts';
import { addBackupRoute } from './backup-route.ts';
import { addBatchRoute } from './batch-route.ts';
import { installBodyParsers } from './bodies.ts';
import { addChangesRoute } from './changes-route.ts';
import { addChaosRoutes } from './chaos-routes.ts';
import { answerClientError } from './client-errors.ts';
import { addClockRoutes } from './clock-routes.ts';
import { decorateConsistency, installConsistency } from './consistency.ts';
import { addConsoleRoutes } from './console-routes.ts';
import { addEdgeRoutes } from './edge-routes.ts';
import { addExportRoute } from './export-route.ts';
import { addGraphRoutes } from './graph-routes.ts';
import { addImportRoute } from './import-route.ts';
import { recordRoutes } from './matched-route.ts';
import { recordMethods } from './method-table.ts';
import { addMetricsRoute, installMetrics } from './metrics.ts';
import { addNodeRoutes } from './node-routes.ts';
import { addOpenApiRoutes, installOpenApi } from './openapi.ts';
import { addClusterRoute, addHealthRoutes, addVoterRoutes } from './operations-routes.ts';
import { NO_PRESSURE, type Pressure } from './pressure.ts';
import { asWeftError } from './problem.ts';
import { addProofRoutes } from './proof-routes.ts';
import { parseQuery } from './query-parameters.ts';
import { addQueryRoutes } from './query-route.ts';
import { giveTrace, installRequestContext } from './request-context.ts';
import { tellThoseBehind } from './responses-behind.ts';
import { responsesTogether } from './responses-together.ts';
import { type QueryLimits, RunningQueries } from './running-queries.ts';
import { addRunningQueryRoutes } from './running-query-routes.ts';
import { SESSION_PATH, sessionRoute } from './session-route.ts';
import { accessAuthority, type SyncAuthority } from './sync-authority.ts';
import { addSyncRoute } from './sync-route.ts';
import { addTraversalRoutes } from './traversal-routes.ts';
import type { SocketRoutes } from './web-sockets.ts';
import { yjsRoute } from './yjs-route.ts';

export interface ServerOptions {
  readonly engine: Engine;
  readonly env: Env;
  /** If set, everything but `/livez` and `/readyz` needs `Authorization: Bearer TOKEN`. */
  readonly token?: string;
  /** Requests a second that one principal may make; any number if absent. */
  readonly requestsPerSecond?: number;
  /** What the machine is short of; nothing if absent. */
  readonly pressure?: Pressure;
  /** True once the server was told to stop: what comes is refused, definitely, as the last on its connection. */
  readonly isLeaving?: () => boolean;
  /** Makes it an HTTPS server. */
  readonly tls?: SecureContextOptions & { readonly requestCert?: boolean; readonly rejectUnauthorized?: boolean };
  /** How long the headers of a request may take to arrive, in milliseconds; `LIMITS.headersMsMax` if absent. */
  readonly headersMsMax?: number;
  /** Where WebSocket routes are added; without it there are none. */
  readonly sockets?: SocketRoutes;
  /** In its place: tells who asks. */
  readonly authenticator?: Authenticator;
  /** Who administered what, and who was refused; the log of `env` if absent. */
  readonly audit?: Log;
  /** In place of what `authenticator` and grants say: who may sync what. */
  readonly syncAuthority?: SyncAuthority;
  /** If set, `/v1/chaos` puts faults on links. */
  readonly linkFaults?: LinkFaults;
  /** If set, `/v1/chaos` shifts the clock. */
  readonly clockFault?: ClockFault;
  /** Bugs that are switched on, only with `--chaos`. */
  readonly bugs?: ReadonlySet<PlantedBug> | undefined;
  /** Where the built console lies; without it there is none. */
  readonly consoleFolder?: string;
  /** Bytes of a request body other than an import; `LIMITS.bodyBytesMax` if absent. */
  readonly bodyBytesMax?: number;
  readonly queryLimits?: QueryLimits | undefined;
  /** Hears of every failed assertion after its request was answered with 500; it should stop the process. */
  readonly onBug?: (error: BugError) => void;
}

/** Builds the server; the caller lets it listen and closes it, then the engine. */
export function buildServer(options: ServerOptions): FastifyInstance {
  const { engine, env, token, sockets, linkFaults, clockFault, bodyBytesMax = LIMITS.bodyBytesMax, onBug } = options;
  const authenticator =
    options.authenticator ?? (token === undefined ? undefined : new StaticTokens([adminToken(token)]));
  const audit = new AuditLog(options.audit ?? env.log);
  const { requestsPerSecond, pressure = NO_PRESSURE, isLeaving = () => false, bugs } = options;
  const rates = requestsPerSecond === undefined ? undefined : new RateLimits(env.clock, requestsPerSecond);
  const context: ApiContext = { engine, env, audit, authenticator, rates, pressure, bugs, reportFailure };
  const running = new RunningQueries(env.clock, options.queryLimits);
  let isStopping = false;

  const app = Fastify({
    ...transportOptions(options),
    logger: false,
    bodyLimit: bodyBytesMax,
    // Answered by the first hook instead, as a problem document.
    return503OnClosing: false,
    // The longest name is refused by its own check, which says why; Node bounds the whole URL.
    routerOptions: { maxParamLength: 64 * 1024, querystringParser: parseQuery as never },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, env),
  });

  function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    // A URL that cannot be decoded never reached the hooks, so its request has no decorations either.
    if (request.trace === undefined) {
      giveTrace(request, reply, env);
      addAnswerHeaders(app, request, reply);
    }
    const error = asWeftError(thrown);
    if (error.kind.status < 500) keepReadable(request, reply);
    sendProblem(request, reply, error);
    if (error.code === 'internal') reportFailure(thrown, request);
  }

  function reportFailure(thrown: unknown, request: Reported): void {
    env.log.write('error', 'request failed', {
      traceId: request.trace?.traceId,
      method: request.method,
      path: request.url,
      error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    });
    if (thrown instanceof BugError) onBug?.(thrown);
  }

  // Bodies and answers are checked and written by hand; the schemas only describe them, so there is nothing to call.
  app.setValidatorCompiler((() => undefined) as never);
  app.setSerializerCompiler(() => (document) => JSON.stringify(document));
  app.setErrorHandler(answerError);
  // Only the static files of `/docs` get here; the first hook refuses every other unknown path.
  app.setNotFoundHandler((request) => {
    throw new WeftError('route-not-found', `there is no file ${request.url}`);
  });
  let stopQueries: Timer | undefined;
  app.addHook('preClose', (done) => {
    isStopping = true;
    stopQueries = env.scheduler.after(LIMITS.stopQueriesMs, () => running.cancelAll());
    done();
  });
  app.addHook('onClose', (_app, done) => {
    stopQueries?.cancel();
    done();
  });

  app.server.maxConnections = LIMITS.connectionsMax;
  // What a request expects beside `100-continue` may be passed over (RFC 9110, 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  tellThoseBehind(app.server);
  recordMethods(app);
  recordRoutes(app);
  const metrics = installMetrics(app, context);
  installRequestContext(app, { env, isLeaving, isStopping: () => isStopping });
  decorateAccess(app);
  decorateConsistency(app);
  installAnswerHeaders(app, engine);
  installBodyParsers(app, bodyBytesMax);
  installOpenApi(app);

  app.register((open, _options, done) => {
    addHealthRoutes(open, context);
    if (options.consoleFolder !== undefined) addConsoleRoutes(open, options.consoleFolder);
    done();
  });
  app.register((guarded, _options, done) => {
    installAccess(guarded, { authenticator, everybody: unlimitedPrincipal('everybody'), rates, pressure });
    addMetricsRoute(guarded, metrics.registry);
    addOpenApiRoutes(guarded);
    addClusterRoute(guarded, context);
    addVoterRoutes(guarded, context);
    addBackupRoute(guarded, context);
    if (linkFaults !== undefined) addChaosRoutes(guarded, linkFaults);
    if (clockFault !== undefined) addClockRoutes(guarded, clockFault);
    addRunningQueryRoutes(guarded, running);
    guarded.register(graphRoutes(context, running));
    done();
  });
  const yjsCounts = { denied: 0 };
  metrics.count('weft_yjs_denied_total', 'Updates of stock Yjs clients that were not taken', () => yjsCounts.denied);
  if (sockets !== undefined) {
    const tally = metrics.tally('WS', SESSION_PATH);
    sockets.add(sessionRoute(context, { running, tally }));
    sockets.add(yjsRoute(context, yjsCounts));
    addSyncRoute(sockets, context, options.syncAuthority ?? accessAuthority(context.authenticator, env.scheduler));
  }
  return app;
}

/** Bounds what somebody can make the server hold who never completes a request; and how answers leave. */
function transportOptions({ env, tls, headersMsMax = LIMITS.headersMsMax }: ServerOptions): object {
  const http = {
    headersTimeout: headersMsMax,
    connectionsCheckingInterval: Math.ceil(headersMsMax / 2),
    maxHeaderSize: LIMITS.headerBytesMax,
    // Refused by the first hook instead, with a problem document.
    requireHostHeader: false,
    ServerResponse: responsesTogether(env.scheduler),
  };
  return tls === undefined ? { http } : { https: { ...tls, ...http } };
}

function graphRoutes(context: ApiContext, running: RunningQueries) {
  return (scope: FastifyInstance, _options: unknown, done: () => void): void => {
    installConsistency(scope, context.engine);
    addGraphRoutes(scope, context);
    addNodeRoutes(scope, context);
    addEdgeRoutes(scope, context);
    addTraversalRoutes(scope, context);
    addBatchRoute(scope, context);
    addImportRoute(scope, context);
    addExportRoute(scope, context);
    addChangesRoute(scope, context);
    addProofRoutes(scope, context);
    addQueryRoutes(scope, context, running);
    done();
  };
}

/**
 * Lets the client read the answer while it is still sending: the rest of its body is dropped, and the connection is not
 * closed under it, as the framework would have it.
 */
function keepReadable(request: FastifyRequest, reply: FastifyReply): void {
  reply.removeHeader('connection');
  if (!request.raw.readableEnded) request.raw.resume();
}
