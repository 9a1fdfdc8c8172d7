/** What route groups are built with. */
import type { FastifyRequest } from 'fastify';
import type { Env } from '../base/env.ts';
import { graphName } from '../base/ids.ts';
import type { Engine, Graph } from '../src/engine-port.ts';

export interface ApiContext {
  readonly engine: Engine;
  readonly env: Env;
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

/** The graph that the path names, at the level of the request. @throws WeftError `graph-not-found`, `invalid-name`; definite */
export function graphOf(context: ApiContext, { params, consistencyLevel }: FastifyRequest): Graph {
  const name = graphName((params as GraphPath).graph);
  return context.engine.graph(name, consistencyLevel === 'strong' ? 'strong' : undefined);
}
