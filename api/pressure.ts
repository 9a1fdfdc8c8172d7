/**
 * What the machine is short of. A server that is short of memory sheds load before the process is in danger; one whose disk is
 * nearly full reads on but takes no writes, because a store whose write failed must be closed. Both end by themselves.
 */
import { WeftError } from '../base/errors.ts';
import type { Graph } from '../src/engine-port.ts';
import { GuardedGraph } from './access/guarded-graph.ts';

export interface Pressure {
  /** Why requests are turned away, in words; undefined if they are not. */
  shedding(): string | undefined;
  /** Why nothing is written, in words; undefined if it is. */
  readOnly(): string | undefined;
}

export const NO_PRESSURE: Pressure = { shedding: () => undefined, readOnly: () => undefined };

/** How long a client should wait: some collections, or somebody who makes room. */
const RETRY_MS = 2_000;

/** @throws WeftError `overloaded`, definite */
export function checkLoad(pressure: Pressure): void {
  const reason = pressure.shedding();
  if (reason !== undefined) throw new WeftError('overloaded', reason, { limit: 'memory', retryAfterMs: RETRY_MS });
}

/** @throws WeftError `disk-full`, definite */
export function checkSpace(pressure: Pressure): void {
  const reason = pressure.readOnly();
  if (reason !== undefined) throw new WeftError('disk-full', reason, { limit: 'disk', retryAfterMs: RETRY_MS });
}

/** A graph that is read and not written while there is no space. */
export class ReadOnlyGraph extends GuardedGraph {
  readonly #refuse: () => void;

  constructor(graph: Graph, principal: ConstructorParameters<typeof GuardedGraph>[1], pressure: Pressure) {
    super(graph, principal);
    this.#refuse = () => checkSpace(pressure);
  }

  override async write(...call: Parameters<Graph['write']>): ReturnType<Graph['write']> {
    this.#refuse();
    return super.write(...call);
  }

  override async load(...call: Parameters<Graph['load']>): ReturnType<Graph['load']> {
    this.#refuse();
    return super.load(...call);
  }

  override async repair(...call: Parameters<Graph['repair']>): ReturnType<Graph['repair']> {
    this.#refuse();
    return super.repair(...call);
  }

  override async query(...[statement, options]: Parameters<Graph['query']>): ReturnType<Graph['query']> {
    return super.query(statement, { ...options, permit: this.#refuse });
  }

  override queryRows(...[statement, options]: Parameters<Graph['queryRows']>): ReturnType<Graph['queryRows']> {
    return super.queryRows(statement, { ...options, permit: this.#refuse });
  }

  override async transaction(
    ...[statements, options]: Parameters<Graph['transaction']>
  ): ReturnType<Graph['transaction']> {
    return super.transaction(statements, { ...options, permit: this.#refuse });
  }
}
