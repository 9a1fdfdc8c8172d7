/** What route groups are built with. */
import type { FastifyRequest } from 'fastify';
import type { Env } from '../base/env.ts';
import { type GraphName, graphName } from '../base/ids.ts';
import type { PlantedBug } from '../base/planted-bug.ts';
import type { Engine, Graph } from '../src/engine-port.ts';
import { principalOfRequest, requireAnywhere } from './access/access-hooks.ts';
import type { AuditLog } from './access/audit-log.ts';
import type { Authenticator } from './access/authenticator.ts';
import { guarded } from './access/guarded-graph.ts';
import type { Principal } from './access/principal.ts';
import type { RateLimits } from './access/rate-limits.ts';
import { checkLoad, type Pressure, ReadOnlyGraph } from './pressure.ts';

export interface ApiContext {
  readonly engine: Engine;
  readonly env: Env;
  readonly audit: AuditLog;
  /** Asked once for every request of a channel; undefined if anybody may ask as often as he likes. */
  readonly rates: RateLimits | undefined;
  readonly pressure: Pressure;
  /** Undefined on a server that asks for no token. */
  readonly authenticator: Authenticator | undefined;
  /** Switched on for experiments only. */
  readonly bugs: ReadonlySet<PlantedBug> | undefined;
  /** Logs what went wrong inside of the server, and passes a failed assertion on. */
  readonly reportFailure: (thrown: unknown, request: Reported) => void;
}

/** What the log says of a request that failed. */
export type Reported = Pick<FastifyRequest, 'trace' | 'method' | 'url'>;

export interface GraphPath {
  readonly graph: string;
}
export interface ElementPath extends GraphPath {
  readonly id: string;
}

/**
 * The graph that the path names, at the level of the request, as its principal may see it.
 * @throws WeftError `forbidden` before the graph is looked for, `graph-not-found`, `invalid-name`; definite
 */
export function graphOf(context: ApiContext, request: FastifyRequest): Graph {
  const { params, consistencyLevel, trace } = request;
  const principal = principalOfRequest(request);
  return graphFor(context, { name: graphName((params as GraphPath).graph), principal, consistencyLevel, trace });
}

/** The same for who came over a channel. */
export function graphFor(
  { engine, pressure }: ApiContext,
  {
    name,
    principal,
    consistencyLevel,
    trace,
  }: {
    readonly name: GraphName;
    readonly principal: Principal;
    readonly consistencyLevel: FastifyRequest['consistencyLevel'];
    readonly trace: FastifyRequest['trace'];
  },
): Graph {
  requireAnywhere(principal, 'read', name);
  checkLoad(pressure);
  const graph = engine.graph(name, consistencyLevel === 'strong' ? 'strong' : undefined, trace?.traceparent);
  if (pressure.readOnly() !== undefined) return new ReadOnlyGraph(graph, principal, pressure);
  return guarded(graph, principal);
}
