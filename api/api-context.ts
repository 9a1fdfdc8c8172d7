/** What route groups are built with. */
import type { FastifyRequest } from 'fastify';
import type { Env } from '../base/env.ts';
import { graphName } from '../base/ids.ts';
import type { Engine, Graph } from '../src/engine-port.ts';

export interface ApiContext {
  readonly engine: Engine;
  readonly env: Env;
  /** Logs what went wrong inside of the server, and passes a failed assertion on. */
  readonly reportFailure: (thrown: unknown, request: FastifyRequest) => void;
}

export interface GraphPath {
  readonly graph: string;
}
export interface ElementPath extends GraphPath {
  readonly id: string;
}

/** The graph that the path names. @throws WeftError `graph-not-found`, `invalid-name`; definite */
export function graphOf(context: ApiContext, params: unknown): Graph {
  return context.engine.graph(graphName((params as GraphPath).graph));
}
