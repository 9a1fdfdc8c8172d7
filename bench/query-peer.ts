/** A database that answers the queries of `query-workloads.ts`. */
import type { PeopleGraph } from './people-graph.ts';
import type { Parameters, QueryWorkload, Rows } from './query-workloads.ts';

export interface QueryPeer {
  /** With its version. */
  readonly name: string;
  /** Requests that it is given at a time. */
  readonly inFlight: number;
  ask(workload: QueryWorkload, parameters: Parameters): Promise<Rows>;
  close(): Promise<void> | void;
}

/** Starts it with the graph in it; a text says why that is not possible here. */
export type OpenPeer = (graph: PeopleGraph) => Promise<QueryPeer | string>;
